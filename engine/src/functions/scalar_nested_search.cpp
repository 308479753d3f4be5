// What a list holds. All elements of a chunk are compared at once, by the operator of their type.
#include "functions/nested.hpp"

#include <arrow/array/builder_primitive.h>
#include "functions/text_kernels.hpp"

namespace velaria::nested {
namespace {

/// A list argument, an element per row, and for each element of the list how it compares.
struct Compared {
  Vector list;
  Vector outcome;  // BOOLEAN per element
};

/// The comparison operator over every element of `list` and the row's own `value`. `flipped`: value
/// OP element.
Result<Compared> CompareElements(const FunctionContext& context, const ScalarBinding& comparison,
                                 Vector list, const Vector& value, int64_t rows, bool flipped) {
  if (list.constant && !value.constant) {
    VELARIA_ASSIGN_OR_RETURN(list, Expand(list, rows, context.pool));
  }
  const ListView view(list);
  Vector values = value;
  if (!value.constant) {
    std::vector<int32_t> row_of(static_cast<size_t>(view.elements().length()), -1);
    for (int64_t i = 0; i < rows; ++i) {
      if (!view.IsValid(i)) continue;
      for (int64_t k = view.begin(i); k < view.end(i); ++k)
        row_of[static_cast<size_t>(k)] = static_cast<int32_t>(i);
    }
    VELARIA_ASSIGN_OR_RETURN(values, GatherOrNull(value, row_of, context.pool));
  }
  std::vector<Vector> sides = {view.elements(), values};
  if (flipped) std::swap(sides[0], sides[1]);
  VELARIA_ASSIGN_OR_RETURN(Vector outcome,
                           comparison.kernel(context, comparison, sides, view.elements().length()));
  return Compared{std::move(list), std::move(outcome)};
}

/// The function of two elements by that name, which tells true or false.
Result<ScalarBinding> Comparison(const std::string& sign, const TypePtr& element) {
  const auto* function = FunctionRegistry::Instance().FindScalar(sign);
  if (!function || !IsComparable(*element)) return binding::WrongArguments();
  const BindArguments both{{element, element}, {nullptr, nullptr}, false};
  VELARIA_ASSIGN_OR_RETURN(auto bound, function->bind(both));
  if (bound.type->id() != arrow::Type::BOOL) return binding::WrongArguments();
  return bound;
}

/// Binds (list, element) under one element type; the equality of that type is the data.
Result<ScalarBinding> BindWithElement(const BindArguments& arguments, size_t list, size_t element,
                                      TypePtr result, ScalarKernel kernel) {
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, ElementTypeWith(arguments, list, element));
  if (type->id() == arrow::Type::NA) type = arrow::int32();
  VELARIA_ASSIGN_OR_RETURN(auto equals, Comparison("is_not_distinct_from", type));
  std::vector<TypePtr> types(2);
  types[list] = ListOf(type);
  types[element] = type;
  return ScalarBinding{result ? std::move(result) : ListOf(type), std::move(types), kernel,
                       std::make_shared<const ScalarBinding>(std::move(equals))};
}

Result<Compared> CompareForEquality(const FunctionContext& context, const ScalarBinding& binding,
                                    std::span<const Vector> arguments, int64_t rows) {
  return CompareElements(context, binding::DataOf<ScalarBinding>(binding), arguments[0],
                         arguments[1], rows, false);
}

/// false when the element is not there, also when the list holds a NULL.
Result<Vector> RunContains(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(const Compared compared,
                           CompareForEquality(context, binding, arguments, extent.rows));
  const ListView list(compared.list);
  const BoolView same = ViewBool(compared.outcome);
  return kernels::MapToBoolean(context, arguments, extent, [&](int64_t i) {
    if (!list.IsValid(i)) return false;
    for (int64_t k = list.begin(i); k < list.end(i); ++k) {
      if (same[k]) return true;
    }
    return false;
  });
}

/// From 1; NULL when the element is not there. A NULL element may be looked for.
Result<Vector> RunPosition(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(arrow::int64(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(const Compared compared,
                           CompareForEquality(context, binding, arguments, extent.rows));
  const ListView list(compared.list);
  const BoolView same = ViewBool(compared.outcome);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::int64(), extent.rows, context.pool));
  auto* out = reinterpret_cast<int64_t*>(data->buffers[1]->mutable_data());
  std::vector<uint8_t> found(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    out[i] = 0;
    if (!list.IsValid(i)) continue;
    for (int64_t k = list.begin(i); k < list.end(i) && !found[static_cast<size_t>(i)]; ++k) {
      found[static_cast<size_t>(i)] = same[k];
      out[i] = k - list.begin(i) + 1;
    }
  }
  return WithValidity(Vector{std::move(data), extent.constant}, found, context.pool);
}

/// Every position at which the element stands.
Result<Vector> RunPositions(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(const Compared compared,
                           CompareForEquality(context, binding, arguments, extent.rows));
  const ListView list(compared.list);
  const BoolView same = ViewBool(compared.outcome);
  arrow::Int64Builder numbers(context.pool);
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    for (int64_t k = list.begin(i); k < list.end(i); ++k) {
      if (!same[k]) continue;
      out.Add(numbers.length());
      VELARIA_RETURN_NOT_OK(numbers.Append(k - list.begin(i) + 1));
    }
    out.Close();
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, numbers.Finish());
  return out.Finish(binding.type, MakeVector(array), extent.constant, context.pool);
}

Result<Vector> RunRemove(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(const Compared compared,
                           CompareForEquality(context, binding, arguments, extent.rows));
  const ListView list(compared.list);
  const BoolView same = ViewBool(compared.outcome);
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    for (int64_t k = list.begin(i); k < list.end(i); ++k) {
      if (!same[k]) out.Add(k);
    }
    out.Close();
  }
  return out.Finish(binding.type, list.elements(), extent.constant, context.pool);
}

/// array_replace(list, from, to).
Result<Vector> RunReplace(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  VELARIA_ASSIGN_OR_RETURN(const Compared compared,
                           CompareForEquality(context, binding, arguments, extent.rows));
  const ListView list(compared.list);
  const BoolView same = ViewBool(compared.outcome);
  std::vector<int64_t> bases;
  VELARIA_ASSIGN_OR_RETURN(const Vector all,
                           Concatenate({list.elements(), arguments[2]}, &bases, context.pool));
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    for (int64_t k = list.begin(i); k < list.end(i); ++k)
      out.Add(same[k] ? bases[1] + (arguments[2].constant ? 0 : i) : k);
    out.Close();
  }
  return out.Finish(binding.type, all, extent.constant, context.pool);
}

Result<ScalarBinding> BindReplace(const BindArguments& arguments) {
  if (arguments.types.size() != 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr first, ElementTypeWith(arguments, 0, 1));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr second, ElementTypeWith(arguments, 0, 2));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr type, CommonType(first, second));
  VELARIA_ASSIGN_OR_RETURN(auto equals, Comparison("is_not_distinct_from", type));
  return ScalarBinding{ListOf(type),
                       {ListOf(type), type, type},
                       RunReplace,
                       std::make_shared<const ScalarBinding>(std::move(equals))};
}

/// What `value OP ANY|ALL (list)` keeps.
struct Quantified {
  ScalarBinding comparison;
  bool all;
};

/// Three-valued: NULL when a NULL among the elements may decide.
Result<Vector> RunQuantified(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const auto& plan = binding::DataOf<Quantified>(binding);
  const Vector& value = arguments[1];
  if (kernels::IsConstantNull(arguments[2]))
    return MakeNullConstant(arrow::boolean(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments.subspan(1), row_count);
  VELARIA_ASSIGN_OR_RETURN(
      const Compared compared,
      CompareElements(context, plan.comparison, arguments[2], value, extent.rows, true));
  const ListView list(compared.list);
  const BoolView outcome = ViewBool(compared.outcome);
  const bool constant_null = compared.outcome.type()->id() == arrow::Type::NA;
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::boolean(), extent.rows, context.pool));
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) continue;
    bool decided = false, unknown = false;
    for (int64_t k = list.begin(i); k < list.end(i) && !decided; ++k) {
      if (constant_null || !outcome.IsValid(k)) {
        unknown = true;
      } else {
        decided = outcome[k] != plan.all;
      }
    }
    if (!decided && unknown) continue;
    valid[static_cast<size_t>(i)] = 1;
    if (decided != plan.all) arrow::bit_util::SetBit(data->buffers[1]->mutable_data(), i);
  }
  return WithValidity(Vector{std::move(data), extent.constant}, valid, context.pool);
}

/// (sign, value, list), the sign a literal.
template <bool all>
Result<ScalarBinding> BindQuantified(const BindArguments& arguments) {
  if (arguments.types.size() != 3) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const std::string sign, binding::ConstantText(arguments, 0, "operator"));
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, ElementTypeWith(arguments, 2, 1));
  const bool is_of_text = sign.find('~') != std::string::npos || sign.ends_with("like");
  if (type->id() == arrow::Type::NA) type = is_of_text ? arrow::utf8() : arrow::int32();
  VELARIA_ASSIGN_OR_RETURN(auto comparison, Comparison(sign, type));
  auto plan = std::make_shared<const Quantified>(Quantified{std::move(comparison), all});
  return ScalarBinding{
      arrow::boolean(), {nullptr, type, ListOf(type)}, RunQuantified, std::move(plan)};
}

/// Whether the second list's elements are all, or any, in the first. NULL elements do not count.
template <bool all>
Result<Vector> RunHas(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]), wanted(arguments[1]);
  // Every pair of elements of a row, compared in one call.
  std::vector<int32_t> left, right;
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || !wanted.IsValid(i)) continue;
    for (int64_t w = wanted.begin(i); w < wanted.end(i); ++w) {
      for (int64_t k = list.begin(i); k < list.end(i); ++k) {
        left.push_back(static_cast<int32_t>(k));
        right.push_back(static_cast<int32_t>(w));
      }
    }
  }
  VELARIA_ASSIGN_OR_RETURN(const Vector a, GatherOrNull(list.elements(), left, context.pool));
  VELARIA_ASSIGN_OR_RETURN(const Vector b, GatherOrNull(wanted.elements(), right, context.pool));
  const auto& equals = binding::DataOf<ScalarBinding>(binding);
  VELARIA_ASSIGN_OR_RETURN(const Vector same, equals.kernel(context, equals, std::array{a, b},
                                                            static_cast<int64_t>(left.size())));
  const BoolView outcome = ViewBool(same);
  const Validity known = ValidityOf(wanted.elements());
  int64_t next = 0;
  std::vector<uint8_t> holds(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i) || !wanted.IsValid(i)) continue;
    bool any = false, every = true;
    for (int64_t w = wanted.begin(i); w < wanted.end(i); ++w) {
      bool found = false;
      for (int64_t k = 0; k < list.size(i); ++k, ++next)
        found |= outcome.IsValid(next) && outcome[next];
      any |= found;
      every &= found || !known.IsValid(w);
    }
    holds[static_cast<size_t>(i)] = all ? every : any;
  }
  return kernels::MapToBoolean(context, arguments, extent,
                               [&](int64_t i) { return holds[static_cast<size_t>(i)]; });
}

template <bool all>
Result<ScalarBinding> BindHas(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr a, ElementType(arguments, 0));
  VELARIA_ASSIGN_OR_RETURN(const TypePtr b, ElementType(arguments, 1));
  VELARIA_ASSIGN_OR_RETURN(TypePtr type, CommonType(LogicalType(a), LogicalType(b)));
  if (type->id() == arrow::Type::NA) type = arrow::int32();
  VELARIA_ASSIGN_OR_RETURN(auto equals, Comparison("=", type));
  return ScalarBinding{arrow::boolean(),
                       {ListOf(type), ListOf(type)},
                       RunHas<all>,
                       std::make_shared<const ScalarBinding>(std::move(equals))};
}

template <ScalarKernel kernel, bool keeps_type>
Result<ScalarBinding> BindPair(const BindArguments& arguments, TypePtr type) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  return BindWithElement(arguments, 0, 1, keeps_type ? nullptr : std::move(type), kernel);
}

}  // namespace

void RegisterSearch(RowAdder& add) {
  add(
      "list_contains", {"list_has", "array_contains", "array_has"},
      "list_contains(list, element) -> BOOLEAN", "Whether the list holds the element.",
      "list_contains([1, 2, NULL], 2)", "true",
      +[](const BindArguments& a) { return BindPair<RunContains, false>(a, arrow::boolean()); });
  add(
      "list_position", {"list_indexof", "array_position", "array_indexof"},
      "list_position(list, element) -> BIGINT",
      "Where the element first stands, counted from 1; NULL when it is not there.",
      "list_position([4, 5, 6], 5)", "2",
      +[](const BindArguments& a) { return BindPair<RunPosition, false>(a, arrow::int64()); },
      "NULL for a NULL list; a NULL element finds a NULL");
  add(
      "array_positions", {}, "array_positions(list, element) -> BIGINT[]",
      "Every place at which the element stands, counted from 1.", "array_positions([4, 5, 4], 4)",
      "[1, 3]",
      +[](const BindArguments& a) {
        return BindPair<RunPositions, false>(a, arrow::list(arrow::int64()));
      },
      "NULL for a NULL list; a NULL element finds NULLs");
  add(
      "array_remove", {}, "array_remove(list, element)", "Without the elements that equal it.",
      "array_remove([4, 5, 4], 4)", "[5]",
      +[](const BindArguments& a) { return BindPair<RunRemove, true>(a, nullptr); },
      "NULL for a NULL list; a NULL element removes NULLs");
  add("array_replace", {}, "array_replace(list, from, to)",
      "With each element that equals from replaced.", "array_replace([4, 5, 4], 4, 7)", "[7, 5, 7]",
      BindReplace, "NULL for a NULL list; a NULL element replaces NULLs or stands for them");
  add("list_has_all", {"array_has_all"}, "list_has_all(list, wanted) -> BOOLEAN",
      "Whether the list holds every element of the other.", "list_has_all([1, 2, 3], [3, 1])",
      "true", BindHas<true>);
  add("list_has_any", {"array_has_any"}, "list_has_any(list, wanted) -> BOOLEAN",
      "Whether the list holds an element of the other.", "list_has_any([1, 2, 3], [9, 1])", "true",
      BindHas<false>);
  add("list_any", {}, "list_any(operator, value, list) -> BOOLEAN, value OP ANY(list)",
      "Whether the comparison holds with some element; NULL when a NULL may decide.",
      "3 > ANY([5, 2])", "true", BindQuantified<false>,
      "false for an empty list, else NULL where a NULL may decide");
  add("list_all", {}, "list_all(operator, value, list) -> BOOLEAN, value OP ALL(list)",
      "Whether the comparison holds with every element; NULL when a NULL may decide.",
      "3 > ALL([5, 2])", "false", BindQuantified<true>,
      "true for an empty list, else NULL where a NULL may decide");
}

}  // namespace velaria::nested
