#include "functions/nested.hpp"

#include <arrow/array/concatenate.h>

namespace velaria::nested {

ListView::ListView(const Vector& list)
    : offsets_(list.data->GetValues<int32_t>(1)),
      stride_(list.constant ? 0 : 1),
      validity_(ValidityOf(list)),
      elements_(Vector{list.data->child_data[0], false}) {}

Result<Vector> ListMaker::Finish(const TypePtr& type, const Vector& elements, bool constant,
                                 arrow::MemoryPool* pool) const {
  VELARIA_ASSIGN_OR_RETURN(Vector child, GatherOrNull(elements, positions_, pool));
  VELARIA_ASSIGN_OR_RETURN(auto offsets,
                           arrow::AllocateBuffer(static_cast<int64_t>(offsets_.size() * 4), pool));
  std::memcpy(offsets->mutable_data(), offsets_.data(), offsets_.size() * 4);
  auto data = arrow::ArrayData::Make(type, static_cast<int64_t>(valid_.size()),
                                     {nullptr, std::move(offsets)}, 0);
  data->child_data = {std::move(child.data)};
  return WithValidity(Vector{std::move(data), constant}, valid_, pool);
}

bool IsList(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST ||
         type.id() == arrow::Type::FIXED_SIZE_LIST;
}

Result<TypePtr> ElementType(const BindArguments& arguments, size_t index) {
  if (index >= arguments.types.size()) return binding::WrongArguments();
  const auto& type = arguments.types[index];
  if (type->id() == arrow::Type::NA) return arrow::null();
  if (!IsList(*type)) return binding::WrongArguments();
  return arrow::internal::checked_cast<const arrow::BaseListType&>(*type).value_type();
}

Result<TypePtr> ElementTypeWith(const BindArguments& arguments, size_t list, size_t element) {
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, ElementType(arguments, list));
  if (element >= arguments.types.size()) return binding::WrongArguments();
  if (binding::IsTextLiteral(arguments, element) && type->id() != arrow::Type::NA)
    return LogicalType(type);
  return CommonType(LogicalType(type), LogicalType(arguments.types[element]));
}

Result<Vector> Concatenate(const std::vector<Vector>& vectors, std::vector<int64_t>* bases,
                           arrow::MemoryPool* pool) {
  arrow::ArrayVector pieces;
  int64_t base = 0;
  for (const auto& vector : vectors) {
    bases->push_back(base);
    base += vector.length();
    pieces.push_back(vector.array());
  }
  VELARIA_ASSIGN_OR_RETURN(const auto all, arrow::Concatenate(pieces, pool));
  return MakeVector(all);
}

Result<Vector> WithValidity(Vector vector, const std::vector<uint8_t>& valid,
                            arrow::MemoryPool* pool) {
  if (std::find(valid.begin(), valid.end(), 0) == valid.end()) return vector;
  const auto rows = static_cast<int64_t>(valid.size());
  VELARIA_ASSIGN_OR_RETURN(vector.data->buffers[0], AllocateBitmap(rows, false, pool));
  kernels::PackBits(rows, vector.data->buffers[0]->mutable_data(),
                    [&](int64_t i) { return valid[static_cast<size_t>(i)]; });
  vector.data->null_count = arrow::kUnknownNullCount;
  return vector;
}

}  // namespace velaria::nested
