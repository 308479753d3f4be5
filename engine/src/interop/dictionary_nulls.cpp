#include "interop/dictionary_nulls.hpp"

#include <arrow/array/builder_base.h>

#include "columnar/vector.hpp"

namespace velaria::interop {

Result<ArrayDataPtr> WithoutNulls(const arrow::ArrayData& dictionary, arrow::MemoryPool* pool) {
  std::unique_ptr<arrow::ArrayBuilder> builder;
  VELARIA_RETURN_NOT_OK(arrow::MakeBuilder(pool, dictionary.type, &builder));
  VELARIA_RETURN_NOT_OK(builder->Reserve(dictionary.length));
  for (int64_t i = 0; i < dictionary.length; ++i) {
    VELARIA_RETURN_NOT_OK(dictionary.IsValid(i) ? builder->AppendArraySlice(dictionary, i, 1)
                                                : builder->AppendEmptyValue());
  }
  VELARIA_ASSIGN_OR_RETURN(auto array, builder->Finish());
  return array->data();
}

Result<ArrayDataPtr> WithDictionaryNulls(const ArrayDataPtr& column, const ArrayDataPtr& dictionary,
                                         arrow::MemoryPool* pool) {
  const auto codes = ViewDictionary(Vector{column, false}).codes;
  VELARIA_ASSIGN_OR_RETURN(auto validity,
                           AllocateBitmap(column->offset + column->length, false, pool));
  int64_t valid = 0;
  for (int64_t i = 0; i < column->length; ++i) {
    const int32_t code = codes[static_cast<size_t>(i)];
    if (code < 0 || !dictionary->IsValid(code)) continue;
    arrow::bit_util::SetBit(validity->mutable_data(), column->offset + i);
    ++valid;
  }
  auto out = std::make_shared<arrow::ArrayData>(*column);
  out->buffers[0] = std::move(validity);
  out->null_count = column->length - valid;
  return out;
}

}  // namespace velaria::interop
