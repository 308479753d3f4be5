// Semi, anti and mark joins whose only condition is one inequality between their sides, as EXISTS
// makes them: a left row has a partner when the greatest right value is one, or the least. Tested
// pair by pair they take time for each row times each row.
#include <optional>

#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

/// The sides of a join's inequality, as it is written.
struct Inequality {
  BoundExprPtr first, second;
  bool first_is_right = false;  // the right side's value stands first
  bool wants_greatest = false;  // of the right side's values
};

/// Values whose order by min and max is that of the comparisons, and that are never compared to
/// NULL by a part of theirs.
bool IsPlainlyOrdered(const arrow::DataType& type) {
  const Physical physical = PhysicalOf(type);
  return physical != Physical::kNull && physical != Physical::kBool &&
         physical != Physical::kNested;
}

/// A column, a constant or a number cast to another type of numbers.
bool IsBare(const BoundExpr& expr) {
  if (expr.kind == BoundKind::kCast) {
    return arrow::is_numeric(expr.children[0]->type->id()) && IsBare(*expr.children[0]);
  }
  return expr.kind == BoundKind::kColumn || expr.kind == BoundKind::kLiteral;
}

/// Whether all right values may be computed, though there may be no left row to compare them with:
/// 1 / x would fail where it was not asked for.
bool MayBeComputed(const BoundExpr& expr) {
  const auto& name = expr.name;
  if (expr.kind != BoundKind::kCall || (name != "+" && name != "-" && name != "*")) {
    return IsBare(expr);
  }
  return std::all_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return MayBeComputed(*child); });
}

std::optional<Inequality> InequalityOf(const LogicalNode& join) {
  const BoundExprPtr& test = join.residual;
  if (!join.left_keys.empty() || !test || test->kind != BoundKind::kCall) return std::nullopt;
  const bool greater = test->name == ">" || test->name == ">=";
  if ((!greater && test->name != "<" && test->name != "<=") || IsVolatile(*test)) {
    return std::nullopt;
  }
  const auto left_width = static_cast<int>(join.children[0]->output.size());
  const auto is_right = [&](int column) { return column >= left_width; };
  const auto reads = [&](size_t side) {
    std::vector<int> columns;
    CollectColumns(*test->children[side], &columns);
    return columns;
  };
  const std::vector<int> sides[] = {reads(0), reads(1)};
  for (const size_t right : {size_t{0}, size_t{1}}) {
    const auto &in_right = sides[right], &in_left = sides[1 - right];
    const bool fits = !in_right.empty() &&
                      std::all_of(in_right.begin(), in_right.end(), is_right) &&
                      std::none_of(in_left.begin(), in_left.end(), is_right);
    const BoundExpr& value = *test->children[right];
    if (!fits || !IsPlainlyOrdered(*value.type) || !MayBeComputed(value)) continue;
    return Inequality{test->children[0], test->children[1], right == 0, greater == (right == 0)};
  }
  return std::nullopt;
}

/// CASE WHEN condition THEN then ELSE otherwise END.
BoundExprPtr Choice(BoundExprPtr condition, BoundExprPtr then, BoundExprPtr otherwise) {
  auto choice = std::make_shared<BoundExpr>();
  choice->kind = BoundKind::kCase;
  choice->type = arrow::boolean();
  choice->place = condition->place;
  choice->children = {std::move(condition), std::move(then), std::move(otherwise)};
  return choice;
}

/// The inequality with `extreme` in place of the right value. Over no rows, and over NULLs alone,
/// that is NULL: nothing is greater or less.
Result<BoundExprPtr> Comparison(const std::string& sign, const Inequality& sides,
                                const BoundExprPtr& extreme) {
  const auto& left = sides.first_is_right ? sides.second : sides.first;
  VELARIA_ASSIGN_OR_RETURN(
      auto holds, MakeCall(sign, sides.first_is_right ? std::vector<BoundExprPtr>{extreme, left}
                                                      : std::vector<BoundExprPtr>{left, extreme}));
  if (IsBare(*left)) return holds;
  // What may fail is computed only when there is something to compare it with.
  VELARIA_ASSIGN_OR_RETURN(auto known, MakeCall("is_not_null", {extreme}));
  VELARIA_ASSIGN_OR_RETURN(auto no, MakeBoolean(false));
  return Choice(std::move(known), std::move(holds), std::move(no));
}

}  // namespace

Result<LogicalPtr> WithExtreme(const LogicalPtr& join) {
  auto found = InequalityOf(*join);
  const auto &left = join->children[0], &right = join->children[1];
  // Rows of a stream have no greatest value yet; a step of a recursion cannot hold an aggregate.
  if (!found || !IsBounded(*join) || Contains(*join, NodeKind::kRecursiveRef)) return join;
  const auto width = static_cast<int>(left->output.size());
  std::vector<int> in_right(static_cast<size_t>(width) + right->output.size(), -1);
  for (size_t i = 0; i < right->output.size(); ++i) {
    in_right[static_cast<size_t>(width) + i] = static_cast<int>(i);
  }
  const auto& value = found->first_is_right ? found->first : found->second;
  auto call = AggregateCall(found->wants_greatest ? "max" : "min", {RemapColumns(value, in_right)});
  if (!call.ok()) return join;
  auto extreme = MakeNode(NodeKind::kAggregate, {right});
  extreme->output.push_back({call->text, call->binding.type, true, nullptr});
  extreme->aggregates.push_back(*std::move(call));
  auto both = MakeNode(NodeKind::kJoin, {left, extreme});
  both->join = JoinType::kCross;
  both->output = JoinOutput(JoinType::kCross, *left, *extreme);
  const auto greatest_or_least = OutputColumnAt(*both, static_cast<size_t>(width));
  VELARIA_ASSIGN_OR_RETURN(auto holds, Comparison(join->residual->name, *found, greatest_or_least));
  VELARIA_ASSIGN_OR_RETURN(auto yes, MakeBoolean(true));
  VELARIA_ASSIGN_OR_RETURN(auto no, MakeBoolean(false));
  if (join->join == JoinType::kMark) {
    auto marked = MakeNode(NodeKind::kProject, {both});
    for (int i = 0; i < width; ++i) {
      marked->expressions.push_back(OutputColumnAt(*both, static_cast<size_t>(i)));
    }
    marked->expressions.push_back(Choice(std::move(holds), std::move(yes), std::move(no)));
    marked->output = join->output;
    return LogicalPtr(std::move(marked));
  }
  if (join->join == JoinType::kAnti) {
    holds = Choice(std::move(holds), std::move(no), std::move(yes));
  }
  VELARIA_ASSIGN_OR_RETURN(auto kept, FilterOver(both, {std::move(holds)}));
  std::vector<int> columns(static_cast<size_t>(width));
  for (int i = 0; i < width; ++i) columns[static_cast<size_t>(i)] = i;
  return SelectColumns(kept, columns);
}

}  // namespace velaria::logical
