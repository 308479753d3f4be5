// Lists joined with lists and elements.
#include "functions/nested.hpp"

namespace velaria::nested {
namespace {

/// A NULL list adds nothing; the result is NULL when every list is.
Result<Vector> RunConcat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<ListView> lists;
  std::vector<Vector> elements;
  for (const auto& argument : arguments) {
    lists.emplace_back(argument);
    elements.push_back(lists.back().elements());
  }
  std::vector<int64_t> bases;
  VELARIA_ASSIGN_OR_RETURN(const Vector all, Concatenate(elements, &bases, context.pool));
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    bool any = false;
    for (size_t k = 0; k < lists.size(); ++k) {
      if (!lists[k].IsValid(i)) continue;
      any = true;
      out.AddRange(bases[k] + lists[k].begin(i), bases[k] + lists[k].end(i));
    }
    any ? out.Close() : out.CloseNull();
  }
  return out.Finish(binding.type, all, extent.constant, context.pool);
}

Result<ScalarBinding> BindConcat(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  TypePtr common = arrow::null();
  for (size_t i = 0; i < arguments.types.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, i));
    VELARIA_ASSIGN_OR_RETURN(common, CommonType(common, LogicalType(element)));
  }
  const TypePtr type = ListOf(common);
  return ScalarBinding{type, std::vector<TypePtr>(arguments.types.size(), type), RunConcat,
                       nullptr};
}

/// The list with one element more; a NULL list counts as an empty one.
template <bool at_end, bool list_first>
Result<Vector> RunAdd(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[list_first ? 0 : 1]);
  const Vector& element = arguments[list_first ? 1 : 0];
  std::vector<int64_t> bases;
  VELARIA_ASSIGN_OR_RETURN(const Vector all,
                           Concatenate({list.elements(), element}, &bases, context.pool));
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    const int64_t added = bases[1] + (element.constant ? 0 : i);
    if (!at_end) out.Add(added);
    if (list.IsValid(i)) out.AddRange(list.begin(i), list.end(i));
    if (at_end) out.Add(added);
    out.Close();
  }
  return out.Finish(binding.type, all, extent.constant, context.pool);
}

template <bool at_end, bool list_first>
Result<ScalarBinding> BindAdd(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element,
                           ElementTypeWith(arguments, list_first ? 0 : 1, list_first ? 1 : 0));
  const TypePtr type = ListOf(element);
  ScalarBinding bound{type, {type, element}, RunAdd<at_end, list_first>, nullptr};
  if (!list_first) std::swap(bound.arguments[0], bound.arguments[1]);
  return bound;
}

/// A list of lists as one list; NULL lists among them add nothing.
Result<Vector> RunFlatten(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView outer(arguments[0]);
  const ListView inner(outer.elements());
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!outer.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    for (int64_t k = outer.begin(i); k < outer.end(i); ++k) {
      if (inner.IsValid(k)) out.AddRange(inner.begin(k), inner.end(k));
    }
    out.Close();
  }
  return out.Finish(binding.type, inner.elements(), extent.constant, context.pool);
}

Result<ScalarBinding> BindFlatten(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr inner, ElementType(arguments, 0));
  if (!IsList(*inner)) return binding::WrongArguments();
  const TypePtr type =
      ListOf(arrow::internal::checked_cast<const arrow::BaseListType&>(*inner).value_type());
  return ScalarBinding{type, {ListOf(type)}, RunFlatten, nullptr};
}

/// list_resize(list, size[, value]): cut, or filled with the value or NULLs.
Result<Vector> RunResize(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  if (kernels::HasConstantNull(arguments.subspan(0, 2)))
    return MakeNullConstant(binding.type, context.pool);
  const ListView list(arguments[0]);
  const auto size = ViewFixed<int64_t>(arguments[1]);
  std::vector<int64_t> bases;
  std::vector<Vector> sources = {list.elements()};
  if (arguments.size() > 2) sources.push_back(arguments[2]);
  VELARIA_ASSIGN_OR_RETURN(const Vector all, Concatenate(sources, &bases, context.pool));
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || !size.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    if (size[i] < 0 || size[i] > kElementsMax)
      return Fail(ErrorCode::kBadValue, "not a size of a list: " + std::to_string(size[i]));
    out.AddRange(list.begin(i), list.begin(i) + std::min(size[i], list.size(i)));
    const int64_t fill = sources.size() < 2 ? -1 : bases[1] + (sources[1].constant ? 0 : i);
    for (int64_t k = list.size(i); k < size[i]; ++k) out.Add(fill);
    out.Close();
  }
  return out.Finish(binding.type, all, extent.constant, context.pool);
}

Result<ScalarBinding> BindResize(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 2 || count > 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr element, ElementType(arguments, 0));
  if (count == 3) {
    VELARIA_ASSIGN_OR_RETURN(element, ElementTypeWith(arguments, 0, 2));
  }
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 1, binding::Parameter::kInteger).status());
  ScalarBinding bound{ListOf(element), {ListOf(element), arrow::int64()}, RunResize, nullptr};
  if (count == 3) bound.arguments.push_back(element);
  return bound;
}

}  // namespace

void RegisterJoin(RowAdder& add) {
  add("list_concat", {"list_cat", "array_cat", "array_concat"}, "list_concat(a, b, ...)",
      "The lists one after the other; a NULL list adds nothing.", "list_concat([1, 2], [3])",
      "[1, 2, 3]", BindConcat, "a NULL list adds nothing; NULL when every list is");
  add("list_append", {"array_append", "array_push_back"}, "list_append(list, element)",
      "With the element at the end.", "list_append([1, 2], 3)", "[1, 2, 3]", BindAdd<true, true>,
      "a NULL list is as an empty one, a NULL element is added");
  add("list_prepend", {"array_prepend"}, "list_prepend(element, list)",
      "With the element at the beginning.", "list_prepend(0, [1, 2])", "[0, 1, 2]",
      BindAdd<false, false>, "a NULL list is as an empty one, a NULL element is added");
  add("array_push_front", {}, "array_push_front(list, element)",
      "With the element at the beginning.", "array_push_front([1, 2], 0)", "[0, 1, 2]",
      BindAdd<false, true>, "a NULL list is as an empty one, a NULL element is added");
  add("flatten", {}, "flatten(list of lists)", "The lists in the list as one.",
      "flatten([[1, 2], [3]])", "[1, 2, 3]", BindFlatten);
  add("list_resize", {"array_resize"}, "list_resize(list, size BIGINT[, value])",
      "Cut to size, or filled with the value or NULLs.", "list_resize([1, 2], 3, 0)", "[1, 2, 0]",
      BindResize, "NULL for a NULL list or size; a NULL value fills");
}

}  // namespace velaria::nested
