// The order of values that no machine word has: lists, structs, maps and intervals. Each becomes
// bytes whose order is the SQL order, so that everything that compares, groups and sorts texts can
// do the same with them.
//
// A list orders by its first element that differs, a shorter one before the longer one that it
// begins; a struct field by field; a map as the list of its entries; an interval by its length with
// months of 30 days. A NULL inside equals another NULL and stands above every value (PostgreSQL,
// 8.15 and 9.25.6).
#pragma once

#include <string>
#include <vector>

#include "columnar/vector.hpp"

namespace velaria {

/// Reads a vector in place: made per chunk, nothing is copied before Append.
class OrderKeyWriter {
 public:
  explicit OrderKeyWriter(const Vector& vector);
  bool IsValid(int64_t row) const { return root_.validity.IsValid(constant_ ? 0 : row); }
  /// Adds the key of a row that is not NULL.
  void Append(int64_t row, std::string* out) const { root_.Append(constant_ ? 0 : row, out); }

 private:
  struct Column {
    explicit Column(ArrayDataPtr values);
    void Append(int64_t row, std::string* out) const;
    void AppendWithNull(int64_t row, std::string* out) const;
    void AppendElements(int64_t begin, int64_t end, std::string* out) const;

    ArrayDataPtr data;
    Validity validity;
    std::vector<Column> children;
  };

  const Column root_;
  const bool constant_;
};

/// The keys of all rows as LARGE_BINARY, NULL where the value is; a constant gives a constant.
Result<Vector> MakeOrderKeys(const Vector& vector, arrow::MemoryPool* pool);

}  // namespace velaria
