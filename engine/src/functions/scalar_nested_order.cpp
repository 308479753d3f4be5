// Lists by the order of their elements: sorted, reversed, without repetition, extremes and sums.
#include <numeric>

#include "base/text.hpp"
#include "functions/compare_values.hpp"
#include "functions/nested.hpp"
#include "functions/number_text.hpp"
#include "functions/order_key.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::nested {
namespace {

using kernels::DecimalCell;
using kernels::ValueLess;
using kernels::ValuesEqual;

/// Calls `body(view)` with the typed view of a vector of comparable values.
template <typename Body>
Status VisitElements(const Vector& elements, Body&& body) {
  switch (PhysicalOf(*elements.type())) {
#define X(physical, T) \
  case physical: return body(ViewFixed<T>(elements));
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: return body(ViewFixed<DecimalCell>(elements));
    case Physical::kBool: return body(ViewBool(elements));
    case Physical::kString:
    case Physical::kBinary: return body(StringView(elements));
    case Physical::kNested: {
      VELARIA_ASSIGN_OR_RETURN(const Vector keys,
                               MakeOrderKeys(elements, arrow::default_memory_pool()));
      return body(StringView(keys));
    }
    default: return body(ViewFixed<int8_t>(elements));  // all NULL: no value is looked at
  }
}

struct SortPlan {
  bool descending = false;
  bool nulls_first = false;
};

template <typename View>
void SortPositions(const View& view, const SortPlan& plan, std::vector<int64_t>* positions) {
  std::stable_sort(positions->begin(), positions->end(), [&](int64_t a, int64_t b) {
    const bool a_valid = view.IsValid(a), b_valid = view.IsValid(b);
    if (!a_valid || !b_valid) return plan.nulls_first ? !a_valid && b_valid : a_valid && !b_valid;
    return plan.descending ? ValueLess(view[b], view[a]) : ValueLess(view[a], view[b]);
  });
}

/// Each list's positions, rearranged by `arrange(view, &positions)`.
template <typename Arrange>
Result<Vector> Rearrange(const FunctionContext& context, const TypePtr& type,
                         std::span<const Vector> arguments, int64_t row_count, Arrange arrange) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments.subspan(0, 1), row_count);
  const ListView list(arguments[0]);
  ListMaker out(extent.rows);
  VELARIA_RETURN_NOT_OK(VisitElements(list.elements(), [&](const auto& view) {
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < extent.rows; ++i) {
      if (!list.IsValid(i)) {
        out.CloseNull();
        continue;
      }
      positions.resize(static_cast<size_t>(list.size(i)));
      std::iota(positions.begin(), positions.end(), list.begin(i));
      arrange(view, &positions);
      for (const int64_t position : positions) out.Add(position);
      out.Close();
    }
    return Status::OK();
  }));
  return out.Finish(type, list.elements(), extent.constant, context.pool);
}

Result<Vector> RunSort(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const auto& plan = binding::DataOf<SortPlan>(binding);
  return Rearrange(
      context, binding.type, arguments, row_count,
      [&](const auto& view, auto* positions) { SortPositions(view, plan, positions); });
}

/// list_sort(list[, 'ASC'|'DESC'[, 'NULLS FIRST'|'NULLS LAST']]).
template <bool reverse>
Result<ScalarBinding> BindSort(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 1 || count > (reverse ? 2 : 3)) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  if (!IsComparable(*element)) return binding::WrongArguments();
  SortPlan plan;
  plan.descending = reverse;
  for (size_t i = 1; i < count; ++i) {
    VELARIA_ASSIGN_OR_RETURN(const std::string written,
                             binding::ConstantText(arguments, i, "order"));
    const std::string word = ToUpper(written);
    const bool is_order = !reverse && i == 1 && (word == "ASC" || word == "DESC");
    const bool is_nulls = (reverse || i == 2) && (word == "NULLS FIRST" || word == "NULLS LAST");
    if (!is_order && !is_nulls) {
      return Fail(ErrorCode::kBadArgument, "not an order of a list: " + written,
                  "Write ASC or DESC, then NULLS FIRST or NULLS LAST.");
    }
    if (is_order) plan.descending = word == "DESC";
    if (is_nulls) plan.nulls_first = word == "NULLS FIRST";
  }
  ScalarBinding bound{ListOf(LogicalType(element)), std::vector<TypePtr>(count), RunSort,
                      std::make_shared<const SortPlan>(plan)};
  bound.arguments[0] = bound.type;
  return bound;
}

Result<Vector> RunReverse(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  ListMaker out(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      out.CloseNull();
      continue;
    }
    for (int64_t k = list.end(i); k-- > list.begin(i);) out.Add(k);
    out.Close();
  }
  return out.Finish(binding.type, list.elements(), extent.constant, context.pool);
}

/// The first of each value, NULLs left out. Short lists are compared, long ones sorted.
template <typename View>
void KeepDistinct(const View& view, std::vector<int64_t>* positions) {
  std::erase_if(*positions, [&](int64_t k) { return !view.IsValid(k); });
  std::vector<int64_t> sorted = *positions;
  SortPositions(view, SortPlan{}, &sorted);  // stable: the first of equals stays first
  const auto last = std::unique(sorted.begin(), sorted.end(), [&](int64_t a, int64_t b) {
    return ValuesEqual(view[a], view[b]);
  });
  sorted.erase(last, sorted.end());
  std::sort(sorted.begin(), sorted.end());
  *positions = std::move(sorted);
}

Result<Vector> RunDistinct(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return Rearrange(context, binding.type, arguments, row_count,
                   [](const auto& view, auto* positions) { KeepDistinct(view, positions); });
}

Result<Vector> RunUnique(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(
      const Vector distinct,
      Rearrange(context, ListOf(arguments[0].data->child_data[0]->type), arguments, row_count,
                [](const auto& view, auto* positions) { KeepDistinct(view, positions); }));
  const ListView list(distinct);
  return kernels::MapToValue<int64_t>(context, arrow::int64(), {&distinct, 1}, row_count,
                                      [&](int64_t i, int64_t* out) { *out = list.size(i); });
}

Result<Vector> RunCount(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const ListView list(arguments[0]);
  const Validity validity = ValidityOf(list.elements());
  return kernels::MapToValue<int64_t>(context, arrow::int64(), arguments, row_count,
                                      [&](int64_t i, int64_t* out) {
                                        *out = 0;
                                        for (int64_t k = list.begin(i); k < list.end(i); ++k)
                                          *out += validity.IsValid(k);
                                      });
}

/// The element that wins; NULL when there is none.
template <bool greatest>
Result<Vector> RunExtreme(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  std::vector<int32_t> winners(static_cast<size_t>(extent.rows), -1);
  VELARIA_RETURN_NOT_OK(VisitElements(list.elements(), [&](const auto& view) {
    for (int64_t i = 0; i < extent.rows; ++i) {
      if (!list.IsValid(i)) continue;
      int32_t& best = winners[static_cast<size_t>(i)];
      for (int64_t k = list.begin(i); k < list.end(i); ++k) {
        if (!view.IsValid(k)) continue;
        if (best < 0 ||
            (greatest ? ValueLess(view[best], view[k]) : ValueLess(view[k], view[best])))
          best = static_cast<int32_t>(k);
      }
    }
    return Status::OK();
  }));
  VELARIA_ASSIGN_OR_RETURN(Vector result, GatherOrNull(list.elements(), winners, context.pool));
  result.constant = extent.constant;
  return result;
}

/// Sums and means; `T` is the element's type, `Sum` what it is added up in.
template <typename T, typename Out, bool mean>
Result<Vector> RunSum(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::IsConstantNull(arguments[0])) return MakeNullConstant(binding.type, context.pool);
  using Sum = std::conditional_t<std::is_same_v<T, double>, double, __int128>;
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const ListView list(arguments[0]);
  const auto view = ViewFixed<T>(list.elements());
  const __int128 limit = kernels::PowerOfTen(38);
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(binding.type, extent.rows, context.pool));
  Out* out = reinterpret_cast<Out*>(data->buffers[1]->mutable_data());
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    out[i] = Out{};
    if (!list.IsValid(i)) continue;
    Sum sum = 0;
    int64_t count = 0;
    bool fault = false;
    for (int64_t k = list.begin(i); k < list.end(i); ++k) {
      if (!view.IsValid(k)) continue;
      ++count;
      if constexpr (std::is_same_v<T, DecimalCell>) {
        fault |= __builtin_add_overflow(sum, view[k].value(), &sum);
      } else {
        sum += static_cast<Sum>(view[k]);
      }
    }
    if (count == 0) continue;
    valid[static_cast<size_t>(i)] = 1;
    if constexpr (mean) {
      out[i] = static_cast<double>(sum) / static_cast<double>(count);
    } else if constexpr (std::is_same_v<Out, DecimalCell>) {
      if (fault || sum >= limit || sum <= -limit)
        return Fail(ErrorCode::kOverflow, SqlName(*binding.type) + " out of range: list_sum");
      out[i] = DecimalCell::Of(sum);
    } else if constexpr (std::is_same_v<Out, int64_t>) {
      if (sum != static_cast<int64_t>(sum))
        return Fail(ErrorCode::kOverflow, "BIGINT out of range: list_sum");
      out[i] = static_cast<int64_t>(sum);
    } else {
      out[i] = sum;
    }
  }
  return WithValidity(Vector{std::move(data), extent.constant}, valid, context.pool);
}

/// As sum() of a column: BIGINT up to INTEGER, DECIMAL(38,0) of BIGINT, a decimal keeps its scale.
Result<ScalarBinding> BindSum(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr element, ElementType(arguments, 0));
  if (element->id() == arrow::Type::NA) element = arrow::int32();
  if (IsInteger(*element)) {
    if (ImplicitlyCastable(*element, *arrow::int32())) {
      return ScalarBinding{
          arrow::int64(), {ListOf(arrow::int64())}, RunSum<int64_t, int64_t, false>, nullptr};
    }
    element = arrow::decimal128(20, 0);
  }
  if (IsFloating(*element)) {
    return ScalarBinding{
        arrow::float64(), {ListOf(arrow::float64())}, RunSum<double, double, false>, nullptr};
  }
  if (!IsDecimal(*element)) return binding::WrongArguments();
  const int scale = arrow::internal::checked_cast<const arrow::DecimalType&>(*element).scale();
  return ScalarBinding{arrow::decimal128(38, scale),
                       {ListOf(element)},
                       RunSum<DecimalCell, DecimalCell, false>,
                       nullptr};
}

Result<ScalarBinding> BindMean(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr element, ElementType(arguments, 0));
  if (element->id() != arrow::Type::NA && !IsNumeric(*element)) return binding::WrongArguments();
  return ScalarBinding{
      arrow::float64(), {ListOf(arrow::float64())}, RunSum<double, double, true>, nullptr};
}

enum class Gives { kList, kElement, kCount };

template <ScalarKernel kernel, Gives gives>
Result<ScalarBinding> BindComparable(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(TypePtr element, ElementType(arguments, 0));
  if (!IsComparable(*element)) return binding::WrongArguments();
  element = LogicalType(element);
  const TypePtr type = gives == Gives::kList      ? ListOf(element)
                       : gives == Gives::kElement ? element
                                                  : arrow::int64();
  return ScalarBinding{type, {ListOf(element)}, kernel, nullptr};
}

Result<ScalarBinding> BindReverse(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const TypePtr element, ElementType(arguments, 0));
  return ScalarBinding{ListOf(element), {ListOf(element)}, RunReverse, nullptr};
}

Result<ScalarBinding> BindCount(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, BindReverse(arguments));
  bound.type = arrow::int64();
  bound.kernel = RunCount;
  return bound;
}

/// list_aggregate(list, name): list_<name>.
Result<ScalarBinding> BindAggregate(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const std::string name,
                           binding::ConstantText(arguments, 1, "aggregate"));
  const std::string lower = ToLower(name);
  for (const char* known : {"min", "max", "sum", "avg", "count"}) {
    if (lower != known) continue;
    const BindArguments first{{arguments.types[0]}, {binding::ConstantAt(arguments, 0)}, false};
    VELARIA_ASSIGN_OR_RETURN(auto bound,
                             FunctionRegistry::Instance().FindScalar("list_" + lower)->bind(first));
    // The kernels of these five look at their first argument alone.
    auto inner = std::make_shared<const ScalarBinding>(bound);
    bound.arguments.push_back(nullptr);
    bound.kernel = [](const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> values, int64_t row_count) {
      const auto& call = binding::DataOf<ScalarBinding>(binding);
      return call.kernel(context, call, values.subspan(0, 1), row_count);
    };
    bound.data = std::move(inner);
    return bound;
  }
  return Fail(ErrorCode::kBadArgument, "not an aggregate of lists: " + name,
              "They are min, max, sum, avg and count.");
}

}  // namespace

void RegisterOrder(RowAdder& add) {
  add("list_sort", {"array_sort"},
      "list_sort(list[, 'ASC' or 'DESC'[, 'NULLS FIRST' or 'NULLS LAST']])",
      "In order; NULLs last unless said otherwise.", "list_sort([3, 1, 2])", "[1, 2, 3]",
      BindSort<false>);
  add("list_reverse_sort", {"array_reverse_sort"}, "list_reverse_sort(list[, 'NULLS FIRST'])",
      "In descending order.", "list_reverse_sort([3, 1, 2])", "[3, 2, 1]", BindSort<true>);
  add("list_reverse", {"array_reverse"}, "list_reverse(list)", "Last element first.",
      "list_reverse([3, 1, 2])", "[2, 1, 3]", BindReverse);
  add("list_distinct", {"array_distinct"}, "list_distinct(list)",
      "Each value once, at its first place, without NULLs.", "list_distinct([3, 1, 3, NULL])",
      "[3, 1]", BindComparable<RunDistinct, Gives::kList>);
  add("list_unique", {"array_unique"}, "list_unique(list) -> BIGINT",
      "The number of different values, without NULLs.", "list_unique([3, 1, 3, NULL])", "2",
      BindComparable<RunUnique, Gives::kCount>);
  add("list_min", {}, "list_min(list)", "The least element; NULLs are passed over.",
      "list_min([3, 1, NULL])", "1", BindComparable<RunExtreme<false>, Gives::kElement>);
  add("list_max", {}, "list_max(list)", "The greatest element; NULLs are passed over.",
      "list_max([3, 1, NULL])", "3", BindComparable<RunExtreme<true>, Gives::kElement>);
  add("list_sum", {}, "list_sum(list)", "The sum of the elements; NULLs are passed over.",
      "list_sum([3, 1, NULL])", "4", BindSum);
  add("list_avg", {}, "list_avg(list) -> DOUBLE",
      "The mean of the elements; NULLs are passed over.", "list_avg([3, 1, NULL])", "2", BindMean);
  add("list_count", {}, "list_count(list) -> BIGINT", "The number of elements that are not NULL.",
      "list_count([3, 1, NULL])", "2", BindCount);
  add("list_aggregate", {"list_aggr", "array_aggregate"}, "list_aggregate(list, name VARCHAR)",
      "The elements' min, max, sum, avg or count.", "list_aggregate([3, 1], 'max')", "3",
      BindAggregate);
}

}  // namespace velaria::nested
