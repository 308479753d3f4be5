// Lists and structs made of values: [a, b], {'a': x}, row(a, b).
#include <set>

#include "functions/nested.hpp"

namespace velaria::nested {
namespace {

/// Element k of row i is row i of argument k: the arguments are laid one after the other, and the
/// list picks across them.
Result<Vector> RunListValue(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = arguments.empty()
                                     ? kernels::Extent{std::min<int64_t>(row_count, 1), true}
                                     : kernels::ExtentOf(arguments, row_count);
  ListMaker lists(extent.rows);
  if (arguments.empty()) {
    VELARIA_ASSIGN_OR_RETURN(const auto none, arrow::MakeEmptyArray(arrow::null(), context.pool));
    for (int64_t i = 0; i < extent.rows; ++i) lists.Close();
    return lists.Finish(binding.type, MakeVector(none), extent.constant, context.pool);
  }
  std::vector<int64_t> bases;
  VELARIA_ASSIGN_OR_RETURN(const Vector elements,
                           Concatenate({arguments.begin(), arguments.end()}, &bases, context.pool));
  for (int64_t i = 0; i < extent.rows; ++i) {
    for (size_t k = 0; k < arguments.size(); ++k)
      lists.Add(bases[k] + (arguments[k].constant ? 0 : i));
    lists.Close();
  }
  return lists.Finish(binding.type, elements, extent.constant, context.pool);
}

Result<ScalarBinding> BindListValue(const BindArguments& arguments) {
  TypePtr common = arrow::null();
  bool any_literal = false;
  for (size_t i = 0; i < arguments.types.size(); ++i) {
    any_literal |= binding::IsTextLiteral(arguments, i);
    if (binding::IsTextLiteral(arguments, i)) continue;
    VELARIA_ASSIGN_OR_RETURN(common, CommonType(common, LogicalType(arguments.types[i])));
  }
  if (any_literal && common->id() == arrow::Type::NA) common = arrow::utf8();
  return ScalarBinding{arrow::list(common), std::vector<TypePtr>(arguments.types.size(), common),
                       RunListValue, nullptr};
}

/// The fields' vectors side by side; `step` 2 skips the names between the values.
template <int step>
Result<Vector> RunStruct(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  std::vector<Vector> values;
  for (size_t i = step - 1; i < arguments.size(); i += step) values.push_back(arguments[i]);
  const kernels::Extent extent = kernels::ExtentOf(values, row_count);
  auto data = arrow::ArrayData::Make(binding.type, extent.rows, {nullptr}, 0);
  for (const auto& value : values) {
    VELARIA_ASSIGN_OR_RETURN(Vector dense, Expand(value, extent.rows, context.pool));
    data->child_data.push_back(std::move(dense.data));
  }
  return Vector{std::move(data), extent.constant};
}

/// A string literal in a struct is a VARCHAR.
TypePtr FieldType(const BindArguments& arguments, size_t index) {
  return LogicalType(arguments.types[index]);
}

Result<ScalarBinding> BindStructPack(const BindArguments& arguments) {
  if (arguments.types.empty() || arguments.types.size() % 2 != 0) return binding::WrongArguments();
  arrow::FieldVector fields;
  std::vector<TypePtr> types(arguments.types.size());
  std::set<std::string> seen;
  for (size_t i = 0; i < arguments.types.size(); i += 2) {
    VELARIA_ASSIGN_OR_RETURN(const std::string name,
                             binding::ConstantText(arguments, i, "field name"));
    if (!seen.insert(name).second) {
      return Fail(ErrorCode::kDuplicateColumn, "a field name appears twice: " + name);
    }
    types[i + 1] = FieldType(arguments, i + 1);
    fields.push_back(arrow::field(name, types[i + 1]));
  }
  return ScalarBinding{arrow::struct_(std::move(fields)), std::move(types), RunStruct<2>, nullptr};
}

Result<ScalarBinding> BindRow(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  arrow::FieldVector fields;
  std::vector<TypePtr> types;
  for (size_t i = 0; i < arguments.types.size(); ++i) {
    types.push_back(FieldType(arguments, i));
    fields.push_back(arrow::field("f" + std::to_string(i + 1), types.back()));
  }
  return ScalarBinding{arrow::struct_(std::move(fields)), std::move(types), RunStruct<1>, nullptr};
}

}  // namespace

void RegisterMake(RowAdder& add) {
  add("list_value", {"list_pack", "make_array"}, "list_value(a, b, ...) -> a list, [a, b, ...]",
      "The list of the values.", "list_value(1, 2, NULL)", "[1, 2, NULL]", BindListValue,
      "a NULL is an element");
  add("struct_pack", {"named_struct"}, "struct_pack(name := a, ...) -> STRUCT, {'name': a, ...}",
      "The struct of the named values.", "struct_pack(a := 1, b := 'x')", "{'a': 1, 'b': x}",
      BindStructPack, "a NULL is a field's value");
  add("row", {}, "row(a, b, ...) -> STRUCT",
      "The struct of the values; its fields are f1, f2 and so on.", "row(1, 'x')",
      "{'f1': 1, 'f2': x}", BindRow, "a NULL is a field's value");
}

}  // namespace velaria::nested
