#include "columnar/join_arrays.hpp"

#include <arrow/array/builder_primitive.h>
#include <arrow/array/concatenate.h>
#include <arrow/buffer_builder.h>
#include <arrow/compute/api.h>

namespace velaria {
namespace {

using ArrayPtr = std::shared_ptr<arrow::Array>;

Status TooMuchFor(const arrow::DataType& type) {
  return Status::CapacityError("more values than one column can hold of type ", type.ToString());
}

int64_t MostCodes(const arrow::DataType& index_type) {
  const int bits = static_cast<const arrow::FixedWidthType&>(index_type).bit_width();
  const bool is_signed = arrow::is_signed_integer(index_type.id());
  const int value_bits = is_signed ? bits - 1 : bits;
  return value_bits >= 31 ? int64_t{1} << 31 : int64_t{1} << value_bits;
}

TypePtr WideTextType(const arrow::DataType& type) {
  if (type.id() == arrow::Type::STRING) return arrow::large_utf8();
  if (type.id() == arrow::Type::BINARY) return arrow::large_binary();
  return nullptr;
}

bool IsLargeText(const arrow::DataType& type) {
  return type.id() == arrow::Type::LARGE_STRING || type.id() == arrow::Type::LARGE_BINARY;
}

int64_t TextBytes(const arrow::Array& array) {
  return array.length() == 0 ? 0
                             : static_cast<const arrow::BinaryArray&>(array).total_values_length();
}

/// Appends the codes of `view` by new numbers; `number_of(code)` is asked once for each code in
/// use.
template <typename NumberOf>
Status Renumber(const DictionaryView& view, arrow::Int32Builder* codes, NumberOf number_of) {
  std::vector<int32_t> renumbered(static_cast<size_t>(view.values.length()), -1);
  ARROW_RETURN_NOT_OK(codes->Reserve(static_cast<int64_t>(view.codes.size())));
  for (const int32_t code : view.codes) {
    if (code < 0) {
      codes->UnsafeAppendNull();
      continue;
    }
    int32_t& number = renumbered[static_cast<size_t>(code)];
    if (number < 0) {
      ARROW_ASSIGN_OR_RAISE(number, number_of(code));
    }
    codes->UnsafeAppend(number);
  }
  return Status::OK();
}

/// Dictionaries of strings in one dictionary with 32-bit indexes.
Result<ArrayPtr> UnifyDictionaries(const arrow::ArrayVector& arrays, arrow::MemoryPool* pool) {
  const auto value_type =
      static_cast<const arrow::DictionaryType&>(*arrays[0]->type()).value_type();
  std::unordered_map<std::string_view, int32_t> numbers;
  std::vector<StringView> held;  // the texts that `numbers` refers to
  held.reserve(arrays.size());
  std::unique_ptr<arrow::ArrayBuilder> values;
  ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, value_type, &values));
  arrow::Int32Builder codes(pool);
  for (const auto& array : arrays) {
    const auto view = ViewDictionary(Vector{array->data(), false});
    held.emplace_back(view.values);
    ARROW_RETURN_NOT_OK(Renumber(view, &codes, [&](int32_t code) -> Result<int32_t> {
      const auto [known, is_new] =
          numbers.try_emplace(held.back()[code], static_cast<int32_t>(numbers.size()));
      if (is_new) ARROW_RETURN_NOT_OK(values->AppendArraySlice(*view.values.data, code, 1));
      return known->second;
    }));
  }
  ARROW_ASSIGN_OR_RAISE(auto dictionary, values->Finish());
  ARROW_ASSIGN_OR_RAISE(auto indices, codes.Finish());
  return arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int32(), value_type), indices,
                                            dictionary);
}

Result<ArrayPtr> Cast(const ArrayPtr& array, const TypePtr& type, arrow::MemoryPool* pool) {
  if (array->type()->Equals(*type)) return array;
  arrow::compute::ExecContext context(pool);
  context.set_use_threads(false);
  ARROW_ASSIGN_OR_RAISE(
      auto cast, arrow::compute::Cast(array, type, arrow::compute::CastOptions::Safe(), &context));
  return cast.make_array();
}

bool IsView(const arrow::DataType& type) {
  return type.id() == arrow::Type::STRING_VIEW || type.id() == arrow::Type::BINARY_VIEW;
}

/// Views end to end over each text buffer that one of them points into, once. arrow::Concatenate
/// lines up the buffers of all pieces: pieces of one table share theirs, and every join of joined
/// pieces would multiply them.
Result<ArrayPtr> JoinViews(const arrow::ArrayVector& arrays, arrow::MemoryPool* pool) {
  using View = arrow::BinaryViewType::c_type;
  int64_t count = 0;
  for (const auto& array : arrays) count += array->length();
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer(count * sizeof(View), pool));
  auto* out = buffer->mutable_data_as<View>();
  arrow::TypedBufferBuilder<bool> validity(pool);
  ARROW_RETURN_NOT_OK(validity.Reserve(count));
  std::unordered_map<const arrow::Buffer*, int32_t> numbers;
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {nullptr, nullptr};
  for (const auto& array : arrays) {
    const auto& data = *array->data();
    const auto* views = data.GetValues<View>(1);
    for (int64_t i = 0; i < data.length; ++i, ++out) {
      const bool valid = array->IsValid(i);
      validity.UnsafeAppend(valid);
      *out = valid ? views[i] : View{};
      if (out->is_inline()) continue;
      const auto& text = data.buffers[static_cast<size_t>(out->ref.buffer_index) + 2];
      const auto [known, is_new] =
          numbers.try_emplace(text.get(), static_cast<int32_t>(numbers.size()));
      if (is_new) buffers.push_back(text);
      out->ref.buffer_index = known->second;
    }
  }
  const int64_t null_count = validity.false_count();
  if (null_count > 0) {
    ARROW_ASSIGN_OR_RAISE(buffers[0], validity.Finish());
  }
  buffers[1] = std::move(buffer);
  return arrow::MakeArray(
      arrow::ArrayData::Make(arrays[0]->type(), count, std::move(buffers), null_count));
}

}  // namespace

Result<ArrayPtr> JoinArrays(const arrow::ArrayVector& arrays, arrow::MemoryPool* pool) {
  if (arrays.size() == 1) return arrays[0];
  if (IsView(*arrays[0]->type())) return JoinViews(arrays, pool);
  auto joined = arrow::Concatenate(arrays, pool);
  // The arrays are valid and of one type: nothing else can be invalid about them.
  if (joined.status().IsInvalid()) return TooMuchFor(*arrays[0]->type());
  return joined;
}

Result<ArrayPtr> JoinWide(const arrow::ArrayVector& arrays, arrow::MemoryPool* pool,
                          int64_t text_bytes_max) {
  const auto& type = arrays[0]->type();
  const bool one_type = std::all_of(arrays.begin(), arrays.end(), [&](const auto& array) {
    return array->type() == type || array->type()->Equals(*type);
  });
  if (IsDictionary(*type) && IsString(*type)) {
    if (one_type) {
      auto joined = JoinArrays(arrays, pool);
      if (!DoesNotFit(joined.status())) return joined;
    }
    return UnifyDictionaries(arrays, pool);
  }
  int64_t bytes = 0;
  TypePtr wide;
  for (const auto& array : arrays) {
    if (IsLargeText(*array->type())) wide = array->type();
    if (WideTextType(*array->type())) bytes += TextBytes(*array);
  }
  if (bytes > text_bytes_max) wide = WideTextType(*type);
  if (wide && !(one_type && wide == type)) {
    arrow::ArrayVector widened;
    for (const auto& array : arrays) {
      ARROW_ASSIGN_OR_RAISE(auto cast, Cast(array, wide, pool));
      widened.push_back(std::move(cast));
    }
    return JoinArrays(widened, pool);
  }
  return JoinArrays(arrays, pool);
}

Result<Vector> UsedValues(const Vector& vector, const TypePtr& type, arrow::MemoryPool* pool) {
  const auto& target = static_cast<const arrow::DictionaryType&>(*type);
  const auto view = ViewDictionary(vector);
  const int64_t most = MostCodes(*target.index_type());
  std::vector<uint32_t> used;
  arrow::Int32Builder codes(pool);
  ARROW_RETURN_NOT_OK(Renumber(view, &codes, [&](int32_t code) -> Result<int32_t> {
    if (static_cast<int64_t>(used.size()) >= most) return TooMuchFor(*type);
    used.push_back(static_cast<uint32_t>(code));
    return static_cast<int32_t>(used.size()) - 1;
  }));
  ARROW_ASSIGN_OR_RAISE(auto wide, codes.Finish());
  ARROW_ASSIGN_OR_RAISE(auto indices, Cast(wide, target.index_type(), pool));
  ARROW_ASSIGN_OR_RAISE(auto values, Gather(view.values, used, pool));
  ARROW_ASSIGN_OR_RAISE(auto dictionary, Cast(values.array(), target.value_type(), pool));
  ARROW_ASSIGN_OR_RAISE(auto array, arrow::DictionaryArray::FromArrays(type, indices, dictionary));
  return Vector{array->data(), vector.constant};
}

Result<Vector> FitTo(const Vector& vector, const TypePtr& type, arrow::MemoryPool* pool) {
  const auto& have = vector.type();
  if (have == type || have->Equals(*type)) return vector;
  if (IsDictionary(*have) && IsDictionary(*type)) return UsedValues(vector, type, pool);
  if (!IsLargeText(*have) || !WideTextType(*type)) return vector;
  if (static_cast<const arrow::LargeBinaryArray&>(*vector.array()).total_values_length() >
      kTextBytesMax)
    return TooMuchFor(*type);
  ARROW_ASSIGN_OR_RAISE(auto cast, Cast(vector.array(), type, pool));
  return Vector{cast->data(), vector.constant};
}

}  // namespace velaria
