// Frames of windows, and the clauses that are windows underneath: DISTINCT ON, WITH TIES, INTERSECT
// ALL and EXCEPT ALL.
#include <arrow/scalar.h>

#include "logical/evaluate.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;
using logical::FrameEdge;
using logical::LogicalPtr;

namespace {

FrameEdge EdgeOf(FrameBoundKind kind) {
  switch (kind) {
    case FrameBoundKind::kPreceding: return FrameEdge::kPreceding;
    case FrameBoundKind::kCurrentRow: return FrameEdge::kCurrentRow;
    case FrameBoundKind::kFollowing: return FrameEdge::kFollowing;
    default: return FrameEdge::kUnbounded;
  }
}

bool HasOffset(FrameEdge edge) {
  return edge == FrameEdge::kPreceding || edge == FrameEdge::kFollowing;
}

logical::FrameExclusion ExclusionOf(FrameExclude exclude) {
  switch (exclude) {
    case FrameExclude::kNoOthers: return logical::FrameExclusion::kNoOthers;
    case FrameExclude::kCurrentRow: return logical::FrameExclusion::kCurrentRow;
    case FrameExclude::kGroup: return logical::FrameExclusion::kGroup;
    case FrameExclude::kTies: return logical::FrameExclusion::kTies;
  }
  return logical::FrameExclusion::kNoOthers;
}

const char* ExclusionText(logical::FrameExclusion exclusion) {
  switch (exclusion) {
    case logical::FrameExclusion::kNoOthers: return "";
    case logical::FrameExclusion::kCurrentRow: return " EXCLUDE CURRENT ROW";
    case logical::FrameExclusion::kGroup: return " EXCLUDE GROUP";
    case logical::FrameExclusion::kTies: return " EXCLUDE TIES";
  }
  return "";
}

std::string EdgeText(FrameEdge edge, const BoundExprPtr& offset, const char* unbounded) {
  if (edge == FrameEdge::kUnbounded) return unbounded;
  if (edge == FrameEdge::kCurrentRow) return "CURRENT ROW";
  return logical::ToText(*offset) + (edge == FrameEdge::kPreceding ? " PRECEDING" : " FOLLOWING");
}

std::string FrameText(const logical::WindowFrame& frame) {
  const char* unit = frame.unit == logical::FrameUnit::kRows    ? "ROWS"
                     : frame.unit == logical::FrameUnit::kRange ? "RANGE"
                                                                : "GROUPS";
  return std::string(" ") + unit + " BETWEEN " +
         EdgeText(frame.start, frame.start_offset, "UNBOUNDED PRECEDING") + " AND " +
         EdgeText(frame.end, frame.end_offset, "UNBOUNDED FOLLOWING") +
         ExclusionText(frame.exclusion);
}

bool IsInterval(const arrow::DataType& type) {
  return type.id() == arrow::Type::INTERVAL_MONTH_DAY_NANO;
}

bool IsNegative(const arrow::Scalar& value, const BoundExprPtr& offset,
                const FunctionContext& context) {
  if (IsInterval(*value.type)) {
    const auto& parts = static_cast<const arrow::MonthDayNanoIntervalScalar&>(value).value;
    // As PostgreSQL compares intervals: months of 30 days, days of 24 hours.
    const double days = parts.months * 30.0 + parts.days;
    return days + static_cast<double>(parts.nanoseconds) / 8.64e13 < 0;
  }
  const auto number = CastTo(offset, arrow::float64(), context);
  return number.ok() && ViewFixed<double>((*number)->literal)[0] < 0;
}

/// Integers move to a type in which no offset leads out of the range.
TypePtr RangeTypeOf(const arrow::DataType& key, const arrow::DataType& offset) {
  if (!IsInteger(key) || !IsInteger(offset)) return nullptr;
  const auto wide = [](const arrow::DataType& type) { return FixedWidthOf(PhysicalOf(type)) == 8; };
  return wide(key) || wide(offset) ? arrow::decimal128(38, 0) : arrow::int64();
}

logical::BoundWindow Ranking(const char* name) {
  logical::BoundWindow call;
  call.function = FunctionRegistry::Instance().FindWindow(name);
  call.binding = *BindWindow(*call.function, {});
  call.type = call.binding.type;
  call.text = std::string(name) + "()";
  return call;
}

LogicalPtr AddRankings(LogicalPtr plan, std::vector<BoundExprPtr> partition,
                       std::vector<logical::SortKey> order, std::vector<const char*> names) {
  auto node = logical::MakeNode(logical::NodeKind::kWindow, {plan});
  node->expressions = std::move(partition);
  node->sort_keys = std::move(order);
  node->output = plan->output;
  for (const char* name : names) {
    node->windows.push_back(Ranking(name));
    node->output.push_back(PlainColumn(node->windows.back().text, node->windows.back().type));
  }
  return node;
}

/// Column `column` compared with a constant.
Result<BoundExprPtr> Compared(const LogicalPtr& plan, size_t column, const char* sign,
                              int64_t value, const FunctionContext& context) {
  VELARIA_ASSIGN_OR_RETURN(auto constant,
                           MakeConstant(std::make_shared<arrow::Int64Scalar>(value), context.pool));
  return logical::MakeCall(sign, {ColumnOf(*plan, column), logical::MakeLiteral(constant)});
}

}  // namespace

Status ExpressionBinder::CheckWindowSpec(const WindowSpec& spec) {
  CollectedWindow nowhere;
  in_window_ = true;
  const Status status = BindWindowSpec(spec, &nowhere);
  in_window_ = false;
  return status;
}

Status ExpressionBinder::BindFrame(const WindowSpec& spec, CollectedWindow* to) {
  auto& frame = to->call.frame;
  if (spec.unit == FrameUnit::kNone) {
    if (!to->order.empty()) return Status::OK();
    frame.end = FrameEdge::kUnbounded;  // all rows are peers
    return Status::OK();
  }
  frame.unit = spec.unit == FrameUnit::kRows    ? logical::FrameUnit::kRows
               : spec.unit == FrameUnit::kRange ? logical::FrameUnit::kRange
                                                : logical::FrameUnit::kGroups;
  frame.start = EdgeOf(spec.start.kind);
  frame.end = EdgeOf(spec.end.kind);
  frame.exclusion = ExclusionOf(spec.exclude);
  if (spec.unit == FrameUnit::kGroups && to->order.empty()) {
    return FailAt(spec.place, ErrorCode::kBadWindow, "a frame in GROUPS needs ORDER BY");
  }
  const bool has_offset = HasOffset(frame.start) || HasOffset(frame.end);
  if (spec.unit == FrameUnit::kRange && has_offset && to->order.size() != 1) {
    return FailAt(spec.place, ErrorCode::kBadWindow,
                  "a frame in RANGE with an offset needs exactly one ORDER BY expression, not: " +
                      std::to_string(to->order.size()));
  }
  if (HasOffset(frame.start)) {
    VELARIA_ASSIGN_OR_RETURN(frame.start_offset,
                             BindFrameOffset(spec.start, spec.unit, "start", *to));
  }
  if (HasOffset(frame.end)) {
    VELARIA_ASSIGN_OR_RETURN(frame.end_offset, BindFrameOffset(spec.end, spec.unit, "end", *to));
  }
  if (spec.unit == FrameUnit::kRange && frame.start_offset) {
    VELARIA_ASSIGN_OR_RETURN(frame.start_bound,
                             BindRangeBound(spec.start, frame.start_offset, *to));
  }
  if (spec.unit == FrameUnit::kRange && frame.end_offset) {
    VELARIA_ASSIGN_OR_RETURN(frame.end_bound, BindRangeBound(spec.end, frame.end_offset, *to));
  }
  to->call.text += FrameText(frame);
  return Status::OK();
}

/// A constant that is neither NULL nor negative; `which` end of the frame the message is about.
Result<BoundExprPtr> ExpressionBinder::BindFrameOffset(const FrameBound& bound, FrameUnit unit,
                                                       const char* which,
                                                       const CollectedWindow& to) {
  const std::string what = std::string("offset of the frame's ") + which;
  const Place place = bound.offset->place;
  VELARIA_ASSIGN_OR_RETURN(auto offset, Bind(*bound.offset));
  if (!logical::IsConstant(*offset)) {
    return FailAt(place, ErrorCode::kBadWindow,
                  what + " is not constant: " + logical::ToText(*offset));
  }
  TypePtr wanted = arrow::int64();
  if (unit == FrameUnit::kRange) {
    const auto& key = *to.order[0].expr->type;
    wanted =
        IsTemporal(key) ? arrow::month_day_nano_interval() : LogicalType(to.order[0].expr->type);
  }
  VELARIA_ASSIGN_OR_RETURN(offset, Adopt(offset, wanted, functions()));
  VELARIA_ASSIGN_OR_RETURN(offset, logical::Fold(offset, functions()));
  VELARIA_ASSIGN_OR_RETURN(const auto value, ConstantValue(offset->literal));
  if (!value->is_valid) {
    return FailAt(place, ErrorCode::kBadWindow, what + " must not be NULL");
  }
  if (unit != FrameUnit::kRange && !IsInteger(*offset->type)) {
    return FailAt(place, ErrorCode::kTypeMismatch,
                  what + " must be an integer, not: " + SqlName(*offset->type));
  }
  if (IsNegative(*value, offset, functions())) {
    return FailAt(place, ErrorCode::kBadWindow,
                  what + " must not be negative: " + logical::ToText(*offset));
  }
  return unit == FrameUnit::kRange ? offset : CastTo(offset, arrow::int64(), functions());
}

/// The value that the frame's edge lies at: the sort key with the offset added or taken away.
Result<BoundExprPtr> ExpressionBinder::BindRangeBound(const FrameBound& bound,
                                                      const BoundExprPtr& offset,
                                                      const CollectedWindow& to) {
  const auto& order = to.order[0];
  const auto& key_type = *LogicalType(order.expr->type);
  const bool fits = IsTemporal(key_type) ? IsInterval(*offset->type)
                                         : IsNumeric(key_type) && IsNumeric(*offset->type);
  if (!fits) {
    return FailAt(bound.offset->place, ErrorCode::kTypeMismatch,
                  "a frame in RANGE cannot add an offset of type " + SqlName(*offset->type) +
                      " to a key of type " + SqlName(key_type),
                  "Numbers take a number, dates and times an INTERVAL.");
  }
  BoundExprPtr key = order.expr, by = offset;
  if (const auto type = RangeTypeOf(key_type, *offset->type)) {
    VELARIA_ASSIGN_OR_RETURN(key, CastTo(key, type, functions()));
    VELARIA_ASSIGN_OR_RETURN(by, CastTo(by, type, functions()));
  }
  const bool before = (bound.kind == FrameBoundKind::kPreceding) != order.descending;
  return Call(before ? "-" : "+", {std::move(key), std::move(by)}, bound.offset->place);
}

LogicalPtr FirstColumns(LogicalPtr plan, size_t width) {
  std::vector<BoundExprPtr> exprs;
  std::vector<logical::OutputColumn> output;
  for (size_t i = 0; i < width; ++i) {
    exprs.push_back(ColumnOf(*plan, i));
    output.push_back(plan->output[i]);
  }
  return Project(std::move(plan), std::move(exprs), std::move(output));
}

Result<LogicalPtr> FirstOfEach(LogicalPtr plan, std::vector<BoundExprPtr> keys,
                               std::vector<logical::SortKey> order,
                               const FunctionContext& context) {
  const size_t width = plan->output.size();
  plan = AddRankings(std::move(plan), std::move(keys), std::move(order), {"row_number"});
  VELARIA_ASSIGN_OR_RETURN(auto first, Compared(plan, width, "=", 1, context));
  return Filter(std::move(plan), std::move(first));
}

Result<LogicalPtr> LimitWithTies(LogicalPtr plan, std::vector<logical::SortKey> order,
                                 int64_t limit, int64_t offset, const FunctionContext& context) {
  const size_t width = plan->output.size();
  plan = AddRankings(std::move(plan), {}, std::move(order), {"rank", "row_number"});
  const int64_t last = logical::LastRow(limit, offset);
  VELARIA_ASSIGN_OR_RETURN(auto within, Compared(plan, width, "<=", last, context));
  VELARIA_ASSIGN_OR_RETURN(auto behind, Compared(plan, width + 1, ">", offset, context));
  VELARIA_ASSIGN_OR_RETURN(auto both, logical::MakeAnd({std::move(within), std::move(behind)}));
  return Filter(std::move(plan), std::move(both));
}

LogicalPtr NumberEqualRows(LogicalPtr plan) {
  std::vector<BoundExprPtr> columns;
  for (size_t i = 0; i < plan->output.size(); ++i) columns.push_back(ColumnOf(*plan, i));
  return AddRankings(std::move(plan), std::move(columns), {}, {"row_number"});
}

}  // namespace velaria::sql
