// Lists taken apart and put together. A list function never moves values itself: it lists positions
// in a vector of elements, and one Gather fetches them, whatever their type.
#pragma once

#include <vector>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/row_adder.hpp"

namespace velaria::nested {

/// Elements that one list may get from range and its like.
inline constexpr int64_t kElementsMax = int64_t{1} << 26;

/// Read access to a list<T> vector: elements [begin(row), end(row)) of `elements`.
class ListView {
 public:
  explicit ListView(const Vector& list);
  int64_t begin(int64_t row) const { return offsets_[row * stride_]; }
  int64_t end(int64_t row) const { return offsets_[row * stride_ + 1]; }
  int64_t size(int64_t row) const { return end(row) - begin(row); }
  bool IsValid(int64_t row) const { return validity_.IsValid(row); }
  const Vector& elements() const { return elements_; }

 private:
  const int32_t* offsets_;
  int64_t stride_;
  Validity validity_;
  Vector elements_;
};

/// Collects the lists of a result, row by row.
class ListMaker {
 public:
  explicit ListMaker(int64_t row_count) { offsets_.reserve(static_cast<size_t>(row_count) + 1); }
  void Add(int64_t position) { positions_.push_back(static_cast<int32_t>(position)); }
  void AddRange(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) Add(i);
  }
  void Close() {
    offsets_.push_back(static_cast<int32_t>(positions_.size()));
    valid_.push_back(1);
  }
  void CloseNull() {
    Close();
    valid_.back() = 0;
  }
  /// The lists over `elements`; `type` is a list of their type.
  Result<Vector> Finish(const TypePtr& type, const Vector& elements, bool constant,
                        arrow::MemoryPool* pool) const;

 private:
  std::vector<int32_t> offsets_{0}, positions_;
  std::vector<uint8_t> valid_;
};

/// Whether a type is a list of any layout.
bool IsList(const arrow::DataType& type);
/// The element type of list argument `index`, NULL's for an untyped NULL; WrongArguments otherwise.
Result<TypePtr> ElementType(const BindArguments& arguments, size_t index);
/// The common element type of a list argument and an element.
Result<TypePtr> ElementTypeWith(const BindArguments& arguments, size_t list, size_t element);
/// One vector of the vectors one after the other; `bases[i]` is where vector i begins.
Result<Vector> Concatenate(const std::vector<Vector>& vectors, std::vector<int64_t>* bases,
                           arrow::MemoryPool* pool);
/// A fixed-width result, null where `valid` is 0.
Result<Vector> WithValidity(Vector vector, const std::vector<uint8_t>& valid,
                            arrow::MemoryPool* pool);
/// A list or NULL brought to list(element), for ScalarBinding::arguments.
inline TypePtr ListOf(const TypePtr& element) { return arrow::list(element); }

void RegisterMake(RowAdder& add);    // list_value, struct_pack, range
void RegisterParts(RowAdder& add);   // list_extract, list_slice, length, struct_extract
void RegisterJoin(RowAdder& add);    // list_concat, list_append, flatten
void RegisterSearch(RowAdder& add);  // list_contains, list_position, array_remove
void RegisterOrder(RowAdder& add);   // list_sort, list_distinct, list_min
void RegisterTexts(RowAdder& add);   // array_to_string, string_to_array
void RegisterRange(RowAdder& add);   // range, generate_series

/// length(list); the row of `length` takes it for lists.
Result<ScalarBinding> BindListLength(const BindArguments& arguments);

}  // namespace velaria::nested
