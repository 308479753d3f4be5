// Calls with OVER: where they may stand, named windows, arguments, and the Window nodes they
// become. Frames are bound in planner_frame.cpp.
#include <functional>

#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

using NamedWindows = std::vector<std::pair<Name, WindowSpec>>;

/// In one SELECT: each different window is one more step of the plan.
constexpr size_t kWindowsMax = 500;

/// The specifications that give a window its three parts; a named window lends what is not written.
struct WindowParts {
  const WindowSpec *partition, *order, *frame;
};

Status TooManyWindows(Place place) {
  return FailAt(
      place, ErrorCode::kNestingTooDeep,
      "one SELECT has more different windows than the limit: " + std::to_string(kWindowsMax),
      "Compute some of them in a subquery in FROM.");
}

Status UnknownWindow(const Name& name, const NamedWindows& named) {
  std::vector<std::string> names;
  for (const auto& [known, spec] : named) names.push_back(known.text);
  const auto near = NearestName(name.text, names);
  return FailAt(name.place, ErrorCode::kBadWindow, "no window of that name: " + name.text,
                near.empty() ? "Define it by WINDOW " + name.text + " AS (...)."
                             : "Did you mean " + near + "?");
}

/// PostgreSQL's rules: a window may take another's PARTITION BY and ORDER BY and add what that one
/// has not; only OVER name takes its frame. `visible`: how many named windows stand before it.
Result<WindowParts> PartsOf(const WindowSpec& spec, const NamedWindows& named, size_t visible) {
  WindowParts parts{&spec, &spec, &spec};
  if (!spec.base) return parts;
  size_t at = 0;
  while (at < visible && !NameMatches(*spec.base, named[at].first.text)) ++at;
  if (at == visible) return UnknownWindow(*spec.base, named);
  VELARIA_ASSIGN_OR_RETURN(const auto base, PartsOf(named[at].second, named, at));
  if (spec.is_reference) return base;
  const std::string& name = spec.base->text;
  if (!spec.partition_by.empty()) {
    return FailAt(spec.place, ErrorCode::kBadWindow,
                  "PARTITION BY may not be said again over a named window: " + name);
  }
  if (!spec.order_by.empty() && !base.order->order_by.empty()) {
    return FailAt(spec.place, ErrorCode::kBadWindow,
                  "ORDER BY may not be said again over a named window that has one: " + name);
  }
  if (base.frame->unit != FrameUnit::kNone) {
    return FailAt(spec.place, ErrorCode::kBadWindow,
                  "a window with a frame may not be copied: " + name,
                  "Write OVER " + name + " without parentheses.");
  }
  parts.partition = base.partition;
  if (spec.order_by.empty()) parts.order = base.order;
  return parts;
}

std::string CallText(const std::string& name, const std::vector<BoundExprPtr>& arguments) {
  std::vector<std::string> parts;
  for (const auto& argument : arguments) parts.push_back(logical::ToText(*argument));
  return name + "(" + Join(parts, ", ") + ")";
}

bool SameCall(const logical::BoundWindow& a, const logical::BoundWindow& b) {
  const auto& f = a.frame;
  const auto& g = b.frame;
  return a.function == b.function && a.ignore_nulls == b.ignore_nulls &&
         logical::Equal(a.arguments, b.arguments) && logical::Equal(a.aggregate, b.aggregate) &&
         f.unit == g.unit && f.start == g.start && f.end == g.end && f.exclusion == g.exclusion &&
         logical::Equal(f.start_offset, g.start_offset) &&
         logical::Equal(f.end_offset, g.end_offset);
}

size_t HashOfOrder(const std::vector<logical::SortKey>& order) {
  size_t hash = order.size();
  for (const auto& key : order) {
    hash = logical::MixedHash(hash, logical::ExpressionHash(*key.expr));
    hash = logical::MixedHash(hash, key.descending * 2 + key.nulls_first);
  }
  return hash;
}

size_t HashOfCall(const CollectedWindow& window) {
  const auto& call = window.call;
  size_t hash = call.function ? std::hash<const WindowFunction*>()(call.function)
                              : std::hash<const AggregateFunction*>()(call.aggregate.function);
  for (const size_t part :
       {logical::ExpressionHash(call.arguments), logical::ExpressionHash(call.aggregate.arguments),
        logical::ExpressionHash(
            {call.aggregate.filter, call.frame.start_offset, call.frame.end_offset}),
        static_cast<size_t>(call.frame.start), static_cast<size_t>(call.frame.end),
        HashOfOrder(window.order), logical::ExpressionHash(window.partition)}) {
    hash = logical::MixedHash(hash, part);
  }
  return hash;
}

/// An aggregate over its whole partition is the same in any order of the rows.
bool NeedsNoOrder(const CollectedWindow& window) {
  const auto& frame = window.call.frame;
  return !window.call.function && window.order.empty() &&
         !window.call.aggregate.binding.needs_row_order &&
         frame.start == logical::FrameEdge::kUnbounded &&
         frame.end == logical::FrameEdge::kUnbounded &&
         frame.exclusion == logical::FrameExclusion::kNoOthers;
}

/// Window columns of `expr` moved to `columns`, by the number of their call.
BoundExprPtr OntoWindows(const BoundExprPtr& expr, const std::vector<int>& columns) {
  if (expr->kind == BoundKind::kColumn) {
    if (expr->column < kWindowBase || expr->column >= kUnnestBase) return expr;
    return logical::MakeColumn(columns[static_cast<size_t>(expr->column - kWindowBase)], expr->type,
                               expr->name, expr->place);
  }
  std::shared_ptr<logical::BoundExpr> copy;
  for (size_t i = 0; i < expr->children.size(); ++i) {
    auto child = OntoWindows(expr->children[i], columns);
    if (child == expr->children[i]) continue;
    if (!copy) copy = std::make_shared<logical::BoundExpr>(*expr);
    copy->children[i] = std::move(child);
  }
  return copy ? BoundExprPtr(std::move(copy)) : expr;
}

}  // namespace

Status ExpressionBinder::CheckWindowPlace(const Expr& expr, const std::string& name) const {
  std::string place = clause_.empty() ? "HAVING" : clause_;
  if (outer_aggregate_) place = "an aggregate";
  if (in_window_) place = "another window function";
  if (windows_ && clause_.empty() && !outer_aggregate_ && !in_window_) return Status::OK();
  const bool is_condition = place == "WHERE" || place == "HAVING";
  return FailAt(expr.place, ErrorCode::kMisplacedWindow,
                "a window function may not stand in " + place + ": " + name,
                is_condition ? "Conditions on window functions belong into QUALIFY."
                             : "Compute it in a subquery in FROM.");
}

Result<BoundExprPtr> ExpressionBinder::BindWindowCall(const Expr& expr) {
  const std::string name = ToLower(expr.names.back().text);
  VELARIA_RETURN_NOT_OK(CheckWindowPlace(expr, name));
  const auto& registry = FunctionRegistry::Instance();
  const auto* function = registry.FindWindow(name);
  const auto* aggregate = function ? nullptr : registry.FindAggregate(name);
  if (!function && !aggregate && registry.FindScalar(name)) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "OVER is for window functions and aggregates, not for: " + name);
  }
  if (!function && !aggregate) {
    return UnknownFunction(name, expr.place);
  }
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  CollectedWindow window;
  in_window_ = true;
  Status status = function ? BindWindowFunction(*function, expr, &window)
                           : BindWindowAggregate(*aggregate, expr, &window);
  if (status.ok()) status = BindWindowSpec(*expr.over, &window);
  in_window_ = false;
  VELARIA_RETURN_NOT_OK(status);
  auto& known = windows_->calls;
  const size_t at =
      windows_->call_index.FindOrAdd(HashOfCall(window), known.size(), [&](size_t other) {
        return SameCall(known[other].call, window.call) &&
               logical::Equal(known[other].order, window.order) &&
               logical::Equal(known[other].partition, window.partition);
      });
  window.call.place = expr.place;
  if (at == known.size()) known.push_back(std::move(window));
  return logical::MakeColumn(kWindowBase + static_cast<int>(at), known[at].call.type,
                             known[at].call.text, expr.place);
}

Status ExpressionBinder::BindWindowFunction(const WindowFunction& function, const Expr& expr,
                                            CollectedWindow* to) {
  if (expr.star || expr.distinct || expr.filter || !expr.order_by.empty()) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "*, DISTINCT, FILTER and ORDER BY are for aggregates, not for: " + function.name);
  }
  auto& call = to->call;
  VELARIA_ASSIGN_OR_RETURN(call.arguments,
                           BindArgumentsOf(expr, function.name, function.signature));
  BindArguments described;
  for (const auto& argument : call.arguments) {
    described.types.push_back(argument->type);
    std::shared_ptr<arrow::Scalar> constant;
    if (argument->kind == BoundKind::kLiteral) {
      VELARIA_ASSIGN_OR_RETURN(constant, ConstantValue(argument->literal));
    }
    described.constants.push_back(std::move(constant));
  }
  auto binding = BindWindow(function, described);
  if (!binding.ok()) return WithPlace(binding.status(), expr.place);
  for (size_t i = 0; i < call.arguments.size() && i < binding->arguments.size(); ++i) {
    if (!binding->arguments[i]) continue;
    auto cast = CastTo(call.arguments[i], binding->arguments[i], functions());
    if (!cast.ok() && IsUntyped(*call.arguments[i])) {
      return FailAt(call.arguments[i]->place, ErrorCode::kBadArgument,
                    "argument of " + function.name + " is not a value of type " +
                        SqlName(*binding->arguments[i]) + ": " +
                        logical::ToText(*call.arguments[i]),
                    "The signature is " + function.signature + ".");
    }
    VELARIA_RETURN_NOT_OK(cast.status());
    call.arguments[i] = *std::move(cast);
  }
  if (expr.ignore_nulls && !binding->skips_nulls) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "IGNORE NULLS and RESPECT NULLS are not for: " + function.name);
  }
  call.function = &function;
  call.binding = *std::move(binding);
  call.type = call.binding.type;
  call.ignore_nulls = expr.ignore_nulls.value_or(false);
  call.text = CallText(function.name, call.arguments) + (call.ignore_nulls ? " IGNORE NULLS" : "");
  return Status::OK();
}

Status ExpressionBinder::BindWindowAggregate(const AggregateFunction& function, const Expr& expr,
                                             CollectedWindow* to) {
  const bool extreme = function.name == "min" || function.name == "max";
  if ((expr.distinct && !extreme) || !expr.order_by.empty() || expr.ignore_nulls) {
    return FailAt(expr.place, ErrorCode::kUnsupportedStatement,
                  std::string(expr.distinct       ? "DISTINCT"
                              : expr.ignore_nulls ? "IGNORE NULLS"
                                                  : "ORDER BY") +
                      " in an aggregate over a window is not supported: " + function.name);
  }
  if (expr.star && function.name != "count") {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "* is for count alone, not for: " + function.name);
  }
  auto& call = to->call;
  VELARIA_ASSIGN_OR_RETURN(auto arguments,
                           BindArgumentsOf(expr, function.name, function.signature));
  VELARIA_ASSIGN_OR_RETURN(call.aggregate, MakeAggregate(function, std::move(arguments), false,
                                                         functions(), expr.place));
  if (expr.filter) {
    VELARIA_ASSIGN_OR_RETURN(auto filter, Bind(*expr.filter));
    VELARIA_ASSIGN_OR_RETURN(call.aggregate.filter,
                             ExpectBoolean(std::move(filter), "FILTER", functions()));
    call.aggregate.text += " FILTER (WHERE " + logical::ToText(*call.aggregate.filter) + ")";
  }
  call.type = call.aggregate.binding.type;
  call.text = call.aggregate.text;
  return Status::OK();
}

Status ExpressionBinder::BindWindowSpec(const WindowSpec& written, CollectedWindow* to) {
  static const NamedWindows kNone;
  const auto& named = windows_->named ? *windows_->named : kNone;
  VELARIA_ASSIGN_OR_RETURN(const auto parts, PartsOf(written, named, named.size()));
  VELARIA_ASSIGN_OR_RETURN(to->partition, BindAll(parts.partition->partition_by));
  for (const auto& expr : to->partition) {
    VELARIA_RETURN_NOT_OK(CheckComparable(*expr, "PARTITION BY"));
  }
  for (const auto& item : parts.order->order_by) {
    VELARIA_ASSIGN_OR_RETURN(auto key, Bind(*item.expr));
    VELARIA_RETURN_NOT_OK(CheckComparable(*key, "ORDER BY"));
    to->order.push_back({std::move(key), item.descending, item.nulls_first.value_or(false)});
  }
  return BindFrame(*parts.frame, to);
}

/// Windows that no call uses are checked as well.
Status QueryBinder::BindNamedWindows(const Select& select, Core* core) {
  core->windows.named = &select.windows;
  if (select.windows.size() > kWindowsMax) {
    return TooManyWindows(select.windows[kWindowsMax].first.place);
  }
  for (size_t i = 0; i < select.windows.size(); ++i) {
    const auto& [name, spec] = select.windows[i];
    for (size_t j = 0; j < i; ++j) {
      if (!NameMatches(name, select.windows[j].first.text)) continue;
      return FailAt(name.place, ErrorCode::kBadWindow, "a window is named twice: " + name.text);
    }
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    VELARIA_RETURN_NOT_OK(PartsOf(spec, select.windows, i).status());
    AggregateCollector aggregates = core->collector;
    WindowCollector windows = core->windows;
    auto binder = Expressions(&core->from.scope, &aggregates);
    binder.set_windows(&windows);
    VELARIA_RETURN_NOT_OK(binder.CheckWindowSpec(spec));
  }
  return Status::OK();
}

Status QueryBinder::BindQualify(const Select& select, Core* core) {
  if (!select.qualify) return Status::OK();
  auto binder = Expressions(&core->from.scope, &core->collector);
  binder.set_aliases(&core->aliases);
  binder.set_windows(&core->windows);
  VELARIA_ASSIGN_OR_RETURN(core->qualify, binder.Bind(*select.qualify));
  VELARIA_ASSIGN_OR_RETURN(core->qualify,
                           ExpectBoolean(std::move(core->qualify), "QUALIFY", context_.functions));
  return Status::OK();
}

/// One node for each PARTITION BY and ORDER BY, so that calls share their sort.
Status QueryBinder::PlaceWindows(Core* core) {
  auto& calls = core->windows.calls;
  std::vector<std::shared_ptr<logical::LogicalNode>> nodes;
  std::vector<int> node_of(calls.size());
  for (const bool free : {false, true}) {
    for (size_t i = 0; i < calls.size(); ++i) {
      auto& window = calls[i];
      if (NeedsNoOrder(window) != free) continue;
      const auto fits = [&](const auto& node) {
        return logical::Equal(node->expressions, window.partition) &&
               (free || logical::Equal(node->sort_keys, window.order));
      };
      const auto found = std::find_if(nodes.begin(), nodes.end(), fits);
      node_of[i] = static_cast<int>(found - nodes.begin());
      if (found != nodes.end()) continue;
      if (nodes.size() == kWindowsMax) return TooManyWindows(window.call.place);
      auto node = logical::MakeNode(logical::NodeKind::kWindow);
      node->expressions = window.partition;
      node->sort_keys = window.order;
      nodes.push_back(std::move(node));
    }
  }
  std::vector<int> columns(calls.size());
  for (size_t n = 0; n < nodes.size(); ++n) {
    auto& node = nodes[n];
    node->children = {core->from.plan};
    node->output = core->from.plan->output;
    for (size_t i = 0; i < calls.size(); ++i) {
      if (node_of[i] != static_cast<int>(n)) continue;
      columns[i] = static_cast<int>(node->output.size());
      node->output.push_back(PlainColumn(calls[i].call.text, calls[i].call.type));
      node->windows.push_back(std::move(calls[i].call));
    }
    core->from.plan = node;
  }
  for (auto& item : core->items) item.expr = OntoWindows(item.expr, columns);
  for (auto& hidden : core->hidden) hidden = OntoWindows(hidden, columns);
  for (auto& list : core->unnests.lists) list = OntoWindows(list, columns);
  if (core->qualify) {
    core->from.plan = Filter(core->from.plan, OntoWindows(core->qualify, columns));
  }
  return Status::OK();
}

}  // namespace velaria::sql
