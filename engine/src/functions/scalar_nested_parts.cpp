// Parts of lists and structs: an element, a slice, a field, the length.
#include "base/text.hpp"
#include "functions/nested.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::nested {
namespace {

using binding::Parameter;

/// Element `index` from 1, or from -1 at the end; NULL outside the list.
Result<Vector> RunExtract(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  const auto index = ViewFixed<int64_t>(arguments[1]);
  std::vector<int32_t> positions(static_cast<size_t>(extent.rows), -1);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || !index.IsValid(i)) continue;
    const int64_t size = list.size(i);
    const int64_t at = index[i] < 0 ? size + index[i] : index[i] - 1;
    if (index[i] != 0 && at >= 0 && at < size)
      positions[static_cast<size_t>(i)] = static_cast<int32_t>(list.begin(i) + at);
  }
  VELARIA_ASSIGN_OR_RETURN(Vector result, GatherOrNull(list.elements(), positions, context.pool));
  result.constant = extent.constant;
  return result;
}

Result<ScalarBinding> BindExtract(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr index,
                           binding::TypeFor(arguments, 1, Parameter::kInteger));
  return ScalarBinding{element, {ListOf(element), index}, RunExtract, nullptr};
}

template <bool last>
Result<Vector> RunEnd(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  std::vector<int32_t> positions(static_cast<size_t>(extent.rows), -1);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || list.size(i) == 0) continue;
    positions[static_cast<size_t>(i)] =
        static_cast<int32_t>(last ? list.end(i) - 1 : list.begin(i));
  }
  VELARIA_ASSIGN_OR_RETURN(Vector result, GatherOrNull(list.elements(), positions, context.pool));
  result.constant = extent.constant;
  return result;
}

template <bool last>
Result<ScalarBinding> BindEnd(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  return ScalarBinding{element, {ListOf(element)}, RunEnd<last>, nullptr};
}

/// Elements from the first bound to the last, both included; negative bounds count from the end, a
/// NULL bound is open.
Result<Vector> RunSlice(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const ListView list(arguments[0]);
  const auto first = ViewFixed<int64_t>(arguments[1]), last = ViewFixed<int64_t>(arguments[2]);
  ListMaker lists(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      lists.CloseNull();
      continue;
    }
    const int64_t size = list.size(i);
    const auto bound = [&](const FixedView<int64_t>& view, int64_t open) {
      if (!view.IsValid(i)) return open;
      return view[i] < 0 ? std::max(view[i], -size - 1) + size + 1 : view[i];
    };
    const int64_t from = std::max<int64_t>(bound(first, 1), 1);
    const int64_t to = std::min(bound(last, size), size);
    if (from <= to) lists.AddRange(list.begin(i) + from - 1, list.begin(i) + to);
    lists.Close();
  }
  return lists.Finish(binding.type, list.elements(), extent.constant, context.pool);
}

Result<ScalarBinding> BindSlice(const BindArguments& arguments) {
  if (arguments.types.size() != 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  for (size_t i : {size_t{1}, size_t{2}})
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kInteger).status());
  const TypePtr type = ListOf(element);
  return ScalarBinding{type, {type, arrow::int64(), arrow::int64()}, RunSlice, nullptr};
}

/// trim_array(list, n): without the last n elements.
Result<Vector> RunTrim(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  const auto count = ViewFixed<int64_t>(arguments[1]);
  ListMaker lists(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || !count.IsValid(i)) {
      lists.CloseNull();
      continue;
    }
    if (count[i] < 0 || count[i] > list.size(i)) {
      return Fail(ErrorCode::kBadValue, "trim_array removes 0 to " + std::to_string(list.size(i)) +
                                            " elements here, not: " + std::to_string(count[i]));
    }
    lists.AddRange(list.begin(i), list.end(i) - count[i]);
    lists.Close();
  }
  return lists.Finish(binding.type, list.elements(), extent.constant, context.pool);
}

Result<ScalarBinding> BindTrim(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr count,
                           binding::TypeFor(arguments, 1, Parameter::kInteger));
  return ScalarBinding{ListOf(element), {ListOf(element), count}, RunTrim, nullptr};
}

Result<Vector> RunLength(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::int64(), context.pool);
  const ListView list(arguments[0]);
  return kernels::MapToValue<int64_t>(context, arrow::int64(), arguments.subspan(0, 1), row_count,
                                      [&](int64_t i, int64_t* out) { *out = list.size(i); });
}

/// The length, in a dimension counted from it, of the list at `position` of lists[0], whose
/// elements are lists[1] and so on; -1 where it has no such dimension, or lists side by side
/// differ.
int64_t LengthOf(std::span<const ListView> lists, int64_t position, int64_t dimension) {
  const ListView& list = lists[0];
  if (!list.IsValid(position)) return -1;
  if (dimension == 1) return list.size(position);
  if (dimension > static_cast<int64_t>(lists.size())) return -1;
  const ListView& inner = lists[1];
  int64_t length = -1;
  for (int64_t i = list.begin(position); i < list.end(position); ++i) {
    const int64_t own = LengthOf(lists.subspan(1), i, dimension - 1);
    const bool is_first = i == list.begin(position);
    if (own < 0 || inner.size(i) != inner.size(list.begin(position))) return -1;
    if (!is_first && own != length) return -1;
    length = own;
  }
  return length;
}

/// As in PostgreSQL, whose arrays are rectangular: of an empty list there is no dimension.
Result<Vector> RunDimension(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::int64(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<ListView> lists = {ListView(arguments[0])};
  while (IsList(*lists.back().elements().type())) lists.emplace_back(lists.back().elements());
  const auto dimension = ViewFixed<int64_t>(arguments[1]);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::int64(), extent.rows, context.pool));
  auto* out = reinterpret_cast<int64_t*>(data->buffers[1]->mutable_data());
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    out[i] = 0;
    if (!dimension.IsValid(i) || dimension[i] < 1) continue;
    const int64_t length = LengthOf(lists, i, dimension[i]);
    if (length <= 0) continue;
    out[i] = length;
    valid[static_cast<size_t>(i)] = 1;
  }
  return WithValidity(Vector{std::move(data), extent.constant}, valid, context.pool);
}

/// The type with lists of one layout in every depth.
TypePtr PlainLists(const TypePtr& type) {
  if (!IsList(*type)) return LogicalType(type);
  return ListOf(
      PlainLists(arrow::internal::checked_cast<const arrow::BaseListType&>(*type).value_type()));
}

Result<ScalarBinding> BindArrayLength(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return BindListLength(arguments);
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr dimension,
                           binding::TypeFor(arguments, 1, Parameter::kInteger));
  return ScalarBinding{
      arrow::int64(), {ListOf(PlainLists(element)), dimension}, RunDimension, nullptr};
}

/// Field data() of a struct; null where the struct is.
Result<Vector> RunField(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const Vector& argument = arguments[0];
  const arrow::StructArray array(argument.data);
  VELARIA_ASSIGN_OR_RETURN(const auto field,
                           array.GetFlattenedField(binding::DataOf<int>(binding), context.pool));
  return Vector{field->data(), argument.constant};
}

Result<ScalarBinding> BindField(const BindArguments& arguments) {
  if (arguments.types.size() != 2 || arguments.types[0]->id() != arrow::Type::STRUCT)
    return binding::WrongArguments();
  const auto& type = arrow::internal::checked_cast<const arrow::StructType&>(*arguments.types[0]);
  const auto constant = binding::ConstantAt(arguments, 1);
  int found = -1;
  std::string wanted;
  if (constant && constant->is_valid && IsInteger(*constant->type)) {
    VELARIA_ASSIGN_OR_RETURN(const auto wide, constant->CastTo(arrow::int64()));
    const int64_t number = arrow::internal::checked_cast<const arrow::Int64Scalar&>(*wide).value;
    wanted = std::to_string(number);
    if (number >= 1 && number <= type.num_fields()) found = static_cast<int>(number - 1);
  } else {
    VELARIA_ASSIGN_OR_RETURN(wanted, binding::ConstantText(arguments, 1, "field"));
  }
  std::vector<std::string> names;
  for (int i = 0; i < type.num_fields(); ++i) names.push_back(type.field(i)->name());
  for (int i = 0; i < type.num_fields() && found < 0; ++i) {
    if (names[static_cast<size_t>(i)] == wanted) found = i;
  }
  for (int i = 0; i < type.num_fields() && found < 0; ++i) {
    if (EqualsIgnoreCase(names[static_cast<size_t>(i)], wanted)) found = i;
  }
  if (found < 0) {
    const std::string near = NearestName(wanted, names);
    return Fail(ErrorCode::kUnknownColumn, "unknown field of a struct: " + wanted,
                near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?",
                "fields: " + Join(names, ", "));
  }
  return ScalarBinding{
      type.field(found)->type(), {nullptr, nullptr}, RunField, std::make_shared<const int>(found)};
}

/// Subscript: an element of a list, a field of a struct, a character of a text.
Result<ScalarBinding> BindSubscript(const BindArguments& arguments) {
  if (arguments.types.size() == 2 && arguments.types[0]->id() == arrow::Type::STRUCT)
    return BindField(arguments);
  return BindExtract(arguments);
}

}  // namespace

Result<ScalarBinding> BindListLength(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  return ScalarBinding{arrow::int64(), {ListOf(element)}, RunLength, nullptr};
}

void RegisterParts(RowAdder& add) {
  add("list_extract", {"list_element", "array_extract"},
      "list_extract(list, index BIGINT), list[index]",
      "The element, counted from 1, or from -1 at the end; NULL outside the list. Of a struct, the "
      "field.",
      "list_extract([4, 5, 6], -1)", "6", BindSubscript);
  add("list_first", {"array_first"}, "list_first(list)",
      "The first element; NULL for an empty list.", "list_first([4, 5, 6])", "4", BindEnd<false>);
  add("list_last", {"array_last"}, "list_last(list)", "The last element; NULL for an empty list.",
      "list_last([4, 5, 6])", "6", BindEnd<true>);
  add("list_slice", {"array_slice"},
      "list_slice(list, first BIGINT, last BIGINT), list[first:last]",
      "The elements from first to last, both included; negative numbers count from the end.",
      "list_slice([4, 5, 6], 2, 3)", "[5, 6]", BindSlice,
      "NULL for a NULL list; a NULL bound is the list's end");
  add("trim_array", {}, "trim_array(list, count BIGINT)", "Without the last elements.",
      "trim_array([4, 5, 6], 2)", "[4]", BindTrim);
  add("array_length", {"array_upper"}, "array_length(list[, dimension BIGINT]) -> BIGINT",
      "The number of elements; with a dimension that of the lists in it, NULL where they are "
      "empty, "
      "differ in length or are not there.",
      "array_length([[1, 2], [3, 4], [5, 6]], 2)", "2", BindArrayLength);
  add("cardinality", {"list_size", "array_size"}, "cardinality(list) -> BIGINT",
      "The number of elements.", "cardinality([4, 5, 6])", "3", BindListLength);
  add("struct_extract", {}, "struct_extract(struct, field), (struct).field",
      "The field of that name, or of that number from 1.",
      "struct_extract({'a': 1, 'b': 'x'}, 'b')", "x", BindField);
}

}  // namespace velaria::nested
