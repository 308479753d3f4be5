// Aggregate calls: DISTINCT, FILTER, ORDER BY inside the call, WITHIN GROUP; and GROUPING.
#include "base/text.hpp"
#include "functions/row_list_states.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

std::string AggregateText(const std::string& name, const std::vector<BoundExprPtr>& arguments,
                          bool distinct) {
  std::vector<std::string> parts;
  for (const auto& argument : arguments) parts.push_back(logical::ToText(*argument));
  return name + "(" + (distinct ? "DISTINCT " : "") + (parts.empty() ? "*" : Join(parts, ", ")) +
         ")";
}

/// " ORDER BY x DESC" of a call that has sort keys.
std::string OrderText(const logical::BoundAggregate& call) {
  std::vector<std::string> parts;
  for (const auto& key : call.binding.order) {
    parts.push_back(logical::ToText(*call.arguments[key.argument]) +
                    (key.descending ? " DESC" : "") + (key.nulls_first ? " NULLS FIRST" : ""));
  }
  return " ORDER BY " + Join(parts, ", ");
}

size_t HashOfAggregate(const logical::BoundAggregate& call) {
  size_t hash = std::hash<const AggregateFunction*>()(call.function);
  for (const size_t part :
       {static_cast<size_t>(call.binding.distinct), logical::ExpressionHash(call.arguments),
        call.filter ? logical::ExpressionHash(*call.filter) : 0}) {
    hash = logical::MixedHash(hash, part);
  }
  return hash;
}

AggregateOrder OrderOf(const OrderItem& item, size_t argument) {
  return {argument, item.descending, item.nulls_first.value_or(false)};
}

/// Which argument of the call `key` is, or how many arguments there are.
size_t ArgumentOf(const logical::BoundAggregate& call, const logical::BoundExpr& key) {
  size_t at = 0;
  while (at < call.arguments.size() && !logical::Equal(*call.arguments[at], key)) ++at;
  return at;
}

/// Sort keys become arguments behind those of the call, unless they are arguments already. A result
/// that does not depend on the order of its rows leaves them out.
Status OrderRows(logical::BoundAggregate* call, const std::vector<OrderItem>& items,
                 const std::vector<BoundExprPtr>& keys, const FunctionContext& context) {
  AggregateBinding& binding = call->binding;
  const bool open = binding.needs_row_order && binding.order.empty();
  for (size_t i = 0; i < keys.size(); ++i) {
    VELARIA_RETURN_NOT_OK(CheckComparable(*keys[i], "ORDER BY"));
    if (!open) continue;
    const TypePtr type = KeptType(keys[i]->type);
    VELARIA_ASSIGN_OR_RETURN(auto key, CastTo(keys[i], type, context));
    const size_t at = ArgumentOf(*call, *key);
    if (at == call->arguments.size()) {
      if (binding.distinct) {
        return FailAt(items[i].expr->place, ErrorCode::kBadArgument,
                      "ORDER BY of a DISTINCT aggregate must be one of its arguments: " +
                          logical::ToText(*keys[i]));
      }
      call->arguments.push_back(std::move(key));
    }
    AddOrder(&binding, OrderOf(items[i], at), type);
  }
  if (!open || !binding.distinct || !keys.empty()) return Status::OK();
  // Of equal rows one is left, and none of their places: the values order themselves.
  for (size_t i = 0; i < call->arguments.size(); ++i) {
    if (call->arguments[i]->kind == BoundKind::kLiteral) continue;
    VELARIA_RETURN_NOT_OK(CheckComparable(*call->arguments[i], "DISTINCT"));
    AddOrder(&binding, {i, false, false}, call->arguments[i]->type);
  }
  return Status::OK();
}

Status MisplacedAggregate(const AggregateFunction& function, Place place,
                          const std::string& clause) {
  return FailAt(place, ErrorCode::kMisplacedAggregate,
                "an aggregate may not stand in " + clause + ": " + function.name,
                clause == "WHERE" ? "Conditions on aggregates belong into HAVING." : "");
}

Status NestedAggregate(const std::string& inner, Place place) {
  return FailAt(place, ErrorCode::kMisplacedAggregate,
                "an aggregate may not stand inside an aggregate: " + inner,
                "Compute the inner one in a subquery in FROM.");
}

/// An aggregate's column behind the `width` columns of the input, or null.
const logical::BoundExpr* AggregateIn(const logical::BoundExpr& expr, int width) {
  if (expr.kind == BoundKind::kColumn) return expr.column >= width ? &expr : nullptr;
  for (const auto& child : expr.children) {
    if (const auto* found = AggregateIn(*child, width)) return found;
  }
  return nullptr;
}

}  // namespace

Result<logical::BoundAggregate> MakeAggregate(const AggregateFunction& function,
                                              std::vector<BoundExprPtr> arguments, bool distinct,
                                              const FunctionContext& context, Place place) {
  if (function.returns_json && !arguments.empty()) {
    VELARIA_ASSIGN_OR_RETURN(arguments.back(),
                             logical::MakeCall("to_json", {arguments.back()}, place));
  }
  BindArguments described;
  described.distinct = distinct;
  for (auto& argument : arguments) {
    argument = TryFold(argument, context);  // a fraction may be written as -(-0.5)
    described.types.push_back(argument->type);
    std::shared_ptr<arrow::Scalar> constant;
    if (argument->kind == BoundKind::kLiteral) {
      VELARIA_ASSIGN_OR_RETURN(constant, ConstantValue(argument->literal));
    }
    described.constants.push_back(std::move(constant));
  }
  logical::BoundAggregate call;
  auto binding = velaria::BindAggregate(function, described);
  if (!binding.ok()) return WithPlace(binding.status(), place);
  call.function = &function;
  call.arguments = std::move(arguments);
  for (size_t i = 0; i < call.arguments.size() && i < binding->arguments.size(); ++i) {
    if (!binding->arguments[i]) continue;
    VELARIA_ASSIGN_OR_RETURN(call.arguments[i],
                             CastTo(call.arguments[i], binding->arguments[i], context));
  }
  call.binding = *std::move(binding);
  call.text = AggregateText(function.name, call.arguments, call.binding.distinct);
  call.place = place;
  return call;
}

Status ExpressionBinder::CheckAggregatePlace(const AggregateFunction& function,
                                             const Expr& expr) const {
  if (outer_aggregate_) return NestedAggregate(function.name, expr.place);
  if (clause_.empty() && collector_) return Status::OK();
  return MisplacedAggregate(function, expr.place, clause_.empty() ? "this place" : clause_);
}

Status ExpressionBinder::CheckAggregateForm(const AggregateFunction& function, const Expr& expr) {
  if (expr.star && (function.name != "count" || expr.distinct)) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "* is for count alone, without DISTINCT, not for: " + function.name);
  }
  if (!expr.within_group) return Status::OK();
  if (!function.ordered_set && function.name != "string_agg") {
    return FailAt(expr.place, ErrorCode::kBadArgument, "WITHIN GROUP is not for: " + function.name,
                  "Write ORDER BY inside the parentheses.");
  }
  if (function.ordered_set && expr.order_by.size() != 1) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "WITHIN GROUP of this function orders by one expression: " + function.name);
  }
  return Status::OK();
}

/// What stands inside a call: no other aggregate of its query may.
Status ExpressionBinder::BindInside(const AggregateFunction& function, const Expr& expr,
                                    AggregateParts* parts) {
  VELARIA_ASSIGN_OR_RETURN(parts->arguments,
                           BindArgumentsOf(expr, function.name, function.signature));
  for (const auto& item : expr.order_by) {
    VELARIA_ASSIGN_OR_RETURN(auto key, Bind(*item.expr));
    parts->order.push_back(std::move(key));
  }
  if (!expr.filter) return Status::OK();
  VELARIA_ASSIGN_OR_RETURN(auto filter, Bind(*expr.filter));
  VELARIA_ASSIGN_OR_RETURN(parts->filter, ExpectBoolean(std::move(filter), "FILTER", functions()));
  return Status::OK();
}

/// A call that reads columns of enclosing queries alone is an aggregate of the innermost of them,
/// and the subquery sees its value as it sees a column of that query.
Result<BoundExprPtr> ExpressionBinder::BindAggregate(const AggregateFunction& function,
                                                     const Expr& expr) {
  if (!outer_) VELARIA_RETURN_NOT_OK(CheckAggregatePlace(function, expr));
  VELARIA_RETURN_NOT_OK(CheckAggregateForm(function, expr));
  AggregateParts parts;
  const auto counts = outer_ ? outer_->ArgumentCounts() : std::vector<size_t>();
  const Expr* around = std::exchange(outer_aggregate_, &expr);
  const Status inside = BindInside(function, expr, &parts);
  outer_aggregate_ = around;
  VELARIA_RETURN_NOT_OK(inside);

  OuterScope* owner = outer_ ? outer_->Raise(parts.All(), counts) : nullptr;
  ExpressionBinder* binder = owner ? owner->binder() : this;
  if (!binder) return MisplacedAggregate(function, expr.place, "FROM");
  if (outer_) VELARIA_RETURN_NOT_OK(binder->CheckAggregatePlace(function, expr));
  if (!owner) return CollectAggregate(function, expr, std::move(parts));
  for (const auto* part : parts.All()) {
    const auto* nested = AggregateIn(**part, binder->collector_->width);
    if (nested) return NestedAggregate(nested->name, nested->place);
  }
  VELARIA_ASSIGN_OR_RETURN(auto value, binder->CollectAggregate(function, expr, std::move(parts)));
  return outer_->HandDown(*owner, std::move(value));
}

/// The call as an aggregate of this query: its column behind those of the input.
Result<BoundExprPtr> ExpressionBinder::CollectAggregate(const AggregateFunction& function,
                                                        const Expr& expr, AggregateParts parts) {
  auto& arguments = parts.arguments;
  const bool ordered_set = expr.within_group && function.ordered_set;
  if (ordered_set) arguments.push_back(parts.order[0]);
  const size_t last = arguments.size() - 1;
  VELARIA_ASSIGN_OR_RETURN(auto call, MakeAggregate(function, std::move(arguments), expr.distinct,
                                                    functions(), expr.place));
  if (ordered_set) {
    call.binding.order = {OrderOf(expr.order_by[0], last)};
    auto direct = call.arguments;
    direct.pop_back();
    call.text =
        (direct.empty() ? function.name + "()" : AggregateText(function.name, direct, false)) +
        " WITHIN GROUP (" + OrderText(call).substr(1) + ")";
  } else {
    auto direct = call.arguments;
    VELARIA_RETURN_NOT_OK(OrderRows(&call, expr.order_by, parts.order, functions()));
    if (!expr.order_by.empty() && call.binding.needs_row_order) {
      call.text = AggregateText(function.name, direct, call.binding.distinct);
      call.text.insert(call.text.size() - 1, OrderText(call));
    }
  }
  call.filter = std::move(parts.filter);
  if (call.filter) call.text += " FILTER (WHERE " + logical::ToText(*call.filter) + ")";

  auto& known = collector_->aggregates;
  const size_t at = collector_->aggregate_index.FindOrAdd(
      HashOfAggregate(call), known.size(),
      [&](size_t other) { return logical::Equal(known[other], call); });
  if (at == known.size()) known.push_back(std::move(call));
  auto column = logical::MakeColumn(collector_->width + static_cast<int>(at),
                                    known[at].binding.type, known[at].text, expr.place);
  if (!function.returns_json) return column;
  auto document = std::make_shared<logical::BoundExpr>(*column);
  document->is_document = true;
  return document;
}

Status ExpressionBinder::CheckGroupingPlace(const Expr& expr) const {
  if (!outer_aggregate_ && clause_.empty() && collector_) return Status::OK();
  return FailAt(expr.place, ErrorCode::kMisplacedAggregate,
                "GROUPING may not stand in " + (outer_aggregate_  ? "an aggregate"
                                                : clause_.empty() ? "this place"
                                                                  : clause_));
}

/// GROUPING(a, b): which of its arguments are not in the row's grouping set, the last as bit 0. It
/// belongs to a query as an aggregate does.
Result<BoundExprPtr> ExpressionBinder::BindGrouping(const std::string& name, const Expr& expr) {
  if (!outer_) VELARIA_RETURN_NOT_OK(CheckGroupingPlace(expr));
  constexpr size_t kBits = 31;
  if (expr.star || expr.distinct || expr.filter || !expr.order_by.empty() ||
      expr.children.size() > kBits || (expr.children.empty() && name == "grouping")) {
    return FailAt(expr.place, ErrorCode::kBadArgument,
                  "GROUPING takes from 1 to 31 grouped expressions, not: " +
                      std::to_string(expr.children.size()));
  }
  if (!expr.argument_names.empty()) {
    return Unsupported(expr.place, "a named argument of GROUPING");
  }
  AggregateParts parts;
  const auto counts = outer_ ? outer_->ArgumentCounts() : std::vector<size_t>();
  const Expr* around = std::exchange(outer_aggregate_, &expr);  // no aggregate may stand inside
  auto arguments = BindAll(expr.children);
  outer_aggregate_ = around;
  VELARIA_ASSIGN_OR_RETURN(parts.arguments, std::move(arguments));
  OuterScope* owner = outer_ ? outer_->Raise(parts.All(), counts) : nullptr;
  ExpressionBinder* binder = owner ? owner->binder() : this;
  if (!binder) {
    return FailAt(expr.place, ErrorCode::kMisplacedAggregate, "GROUPING may not stand in FROM");
  }
  if (outer_) VELARIA_RETURN_NOT_OK(binder->CheckGroupingPlace(expr));
  auto value = binder->CollectGrouping(name, std::move(parts.arguments), expr.place);
  return owner ? outer_->HandDown(*owner, std::move(value)) : value;
}

BoundExprPtr ExpressionBinder::CollectGrouping(const std::string& name,
                                               std::vector<BoundExprPtr> arguments, Place place) {
  auto& known = collector_->groupings;
  const size_t at = collector_->grouping_index.FindOrAdd(
      logical::ExpressionHash(arguments), known.size(),
      [&](size_t other) { return logical::Equal(known[other], arguments); });
  std::vector<std::string> parts;
  for (const auto& argument : arguments) parts.push_back(logical::ToText(*argument));
  if (at == known.size()) known.push_back(std::move(arguments));
  return logical::MakeColumn(kGroupingBase + static_cast<int>(at), arrow::int32(),
                             name + "(" + Join(parts, ", ") + ")", place);
}

}  // namespace velaria::sql
