// Binds expressions of the tree over one scope.
//
// Aggregate calls are collected, not placed: each becomes a column past the scope's own (index
// `width` + its number), and the query binder moves these columns onto the Aggregate node's output
// once the whole SELECT is known.
#pragma once

#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "logical/expression_index.hpp"
#include "sql/planner.hpp"
#include "sql/planner_coerce.hpp"
#include "sql/planner_scope.hpp"

namespace velaria::sql {

/// GROUPING(...): call i is column kGroupingBase + i until the grouping sets are known.
inline constexpr int kGroupingBase = 1 << 23;

struct AggregateCollector {
  int width = 0;  // columns of the input; aggregate i is column width + i
  std::vector<logical::BoundAggregate> aggregates;
  std::vector<std::vector<logical::BoundExprPtr>> groupings;  // the arguments of each call
  logical::HashIndex aggregate_index, grouping_index;
};

/// What stands inside an aggregate call.
struct AggregateParts {
  std::vector<logical::BoundExprPtr> arguments, order;
  logical::BoundExprPtr filter;  // may be null

  std::vector<logical::BoundExprPtr*> All() {
    std::vector<logical::BoundExprPtr*> all;
    for (auto& argument : arguments) all.push_back(&argument);
    for (auto& key : order) all.push_back(&key);
    if (filter) all.push_back(&filter);
    return all;
  }
};

/// Window calls are columns from here on until their Window nodes are placed; no input is as wide.
inline constexpr int kWindowBase = 1 << 24;

/// unnest(list) in a select list: call i is column kUnnestBase + i until the rows are multiplied.
inline constexpr int kUnnestBase = 1 << 25;
struct UnnestCollector {
  std::vector<logical::BoundExprPtr> lists;
  logical::HashIndex index;
};
/// The type of a list's elements; VEL2016 for what is no list, naming the function.
Result<TypePtr> UnnestedType(const logical::BoundExpr& list, const std::string& function);

struct CollectedWindow {
  std::vector<logical::BoundExprPtr> partition;
  std::vector<logical::SortKey> order;
  logical::BoundWindow call;
};

/// Calls change(BoundExprPtr*) for every expression of a collected call that is over the input.
template <typename Change>
Status ChangeWindow(CollectedWindow* window, Change change) {
  for (auto& expr : window->partition) VELARIA_RETURN_NOT_OK(change(&expr));
  for (auto& key : window->order) VELARIA_RETURN_NOT_OK(change(&key.expr));
  auto& call = window->call;
  for (auto* exprs : {&call.arguments, &call.aggregate.arguments}) {
    for (auto& expr : *exprs) VELARIA_RETURN_NOT_OK(change(&expr));
  }
  for (auto* expr : {&call.aggregate.filter, &call.frame.start_bound, &call.frame.end_bound}) {
    if (*expr) VELARIA_RETURN_NOT_OK(change(expr));
  }
  return Status::OK();
}

/// Window calls are collected as aggregates are: call i is column kWindowBase + i.
struct WindowCollector {
  const std::vector<std::pair<Name, WindowSpec>>* named = nullptr;  // WINDOW w AS (...)
  std::vector<CollectedWindow> calls;
  logical::HashIndex call_index;
};

/// The aliases of a select list in small letters, of two equal ones the first. They may be named
/// where the input has no such column, and stand for their expression, which is bound anew.
struct Aliases {
  struct Item {
    const Expr* expr;
    size_t position;  // in the select list
  };
  std::unordered_map<std::string, Item> items;
  size_t use_count = 0;

  void Add(const std::vector<SelectItem>& list);
  /// In small letters, those of the first `count` items.
  std::vector<std::string> NamesOf(size_t count) const;
};

/// A subquery's plan, and what it reads of the query around it.
struct BoundSubquery {
  logical::LogicalPtr plan;
  std::vector<logical::BoundExprPtr> arguments;
};

class QueryBinder;

class ExpressionBinder {
 public:
  ExpressionBinder(const BindContext& context, const Scope* scope, AggregateCollector* collector)
      : context_(context), scope_(scope), collector_(collector) {}
  /// Inside a query: subqueries are allowed, and names of the enclosing queries are known.
  ExpressionBinder(QueryBinder* queries, const BindContext& context, const Scope* scope,
                   AggregateCollector* collector, OuterScope* outer)
      : ExpressionBinder(context, scope, collector) {
    queries_ = queries;
    outer_ = outer;
  }

  Result<logical::BoundExprPtr> Bind(const Expr& expr);
  /// Bind where no aggregate may stand; `clause` is named in the error ("WHERE").
  Result<logical::BoundExprPtr> BindWithoutAggregates(const Expr& expr, const std::string& clause);
  /// As above, and the result must be boolean.
  Result<logical::BoundExprPtr> BindPredicate(const Expr& expr, const std::string& clause);

  /// Where window calls may stand: without this they are refused.
  void set_windows(WindowCollector* windows) { windows_ = windows; }
  /// Where unnest may stand: its lists are collected. Without this it is refused.
  void set_unnests(UnnestCollector* unnests) { unnests_ = unnests; }
  /// A window of the WINDOW clause, whether or not a call uses it.
  Status CheckWindowSpec(const WindowSpec& spec);
  /// In GROUP BY, HAVING, QUALIFY and ORDER BY: every alias may be named.
  void set_aliases(Aliases* aliases) {
    aliases_ = aliases;
    alias_count_ = std::numeric_limits<size_t>::max();
    aliases_first_ = true;
  }
  /// In WHERE and in the select list itself, where the standard knows no aliases: those of the
  /// first `count` items may be named, and columns of the enclosing queries go before them.
  void set_late_aliases(Aliases* aliases, size_t count) {
    aliases_ = aliases;
    alias_count_ = count;
    aliases_first_ = false;
  }

 private:
  using Bound = logical::BoundExprPtr;

  Result<Bound> BindColumn(const Expr& expr);
  // planner_alias.cpp
  /// The expression that a bare name is the alias of; null when it is none that may stand here.
  Result<Bound> BindAlias(const Expr& expr);
  Status UnknownName(const Expr& expr, const Scope& blamed) const;
  Result<Bound> BindUnary(const Expr& expr);
  Result<Bound> BindBinary(const Expr& expr);
  Result<Bound> BindArithmetic(const Expr& expr);
  Result<Bound> BindComparison(const std::string& sign, const Expr& left, const Expr& right,
                               Place place);
  Result<Bound> Compare(const std::string& sign, Bound left, Bound right, Place place);
  Result<Bound> BindJunction(const Expr& expr);
  Result<Bound> BindIsNull(const Expr& expr);
  Result<Bound> BindIsTruth(const Expr& expr);
  Result<Bound> BindLike(const Expr& expr);
  Result<Bound> BindIn(const Expr& expr);
  Result<Bound> BindRowIn(const Expr& expr);
  Result<Bound> InByEquality(const std::vector<Bound>& parts, const Expr& expr);
  Result<Bound> BindBetween(const Expr& expr);
  /// Of BindContext::parameter_rows.
  Result<Bound> BindParameterColumn(const Expr& expr);
  Result<Bound> BindCase(const Expr& expr);
  Result<Bound> BindCast(const Expr& expr);
  Result<Bound> BindCall(const Expr& expr);
  Result<Bound> BindUnnest(const Expr& expr);  // planner_unnest.cpp
  Result<Bound> BindScalarCall(const std::string& name, const Expr& expr);
  Result<Bound> BindLazyCall(const std::string& name, std::vector<Bound> arguments, Place place,
                             bool* handled);
  // planner_aggregate.cpp
  Result<Bound> BindAggregate(const AggregateFunction& function, const Expr& expr);
  Result<Bound> BindGrouping(const std::string& name, const Expr& expr);
  Status CheckAggregatePlace(const AggregateFunction& function, const Expr& expr) const;
  static Status CheckAggregateForm(const AggregateFunction& function, const Expr& expr);
  Status BindInside(const AggregateFunction& function, const Expr& expr, AggregateParts* parts);
  Result<Bound> CollectAggregate(const AggregateFunction& function, const Expr& expr,
                                 AggregateParts parts);
  Status CheckGroupingPlace(const Expr& expr) const;
  Bound CollectGrouping(const std::string& name, std::vector<Bound> arguments, Place place);
  // planner_argument_names.cpp
  /// The arguments of a call in the order of the function's parameters.
  Result<std::vector<Bound>> BindArgumentsOf(const Expr& call, const std::string& function,
                                             const std::string& signature);
  // planner_nested.cpp
  Result<Bound> BindArray(const Expr& expr);
  Result<Bound> BindStruct(const Expr& expr);
  Result<Bound> BindIndex(const Expr& expr);
  Result<Bound> BindSlice(const Expr& expr);
  Result<Bound> BindField(const Expr& expr);
  Result<Bound> BindColumnField(const Expr& expr);
  Result<Bound> FieldOf(Bound base, const Name& name);
  Result<Bound> BindQuantifiedArray(const Expr& expr);
  Result<std::vector<Bound>> BindCallArguments(const std::string& name, const Expr& expr);
  // planner_window.cpp
  Result<Bound> BindWindowCall(const Expr& expr);
  Status CheckWindowPlace(const Expr& expr, const std::string& name) const;
  Status BindWindowFunction(const WindowFunction& function, const Expr& expr, CollectedWindow* to);
  Status BindWindowAggregate(const AggregateFunction& function, const Expr& expr,
                             CollectedWindow* to);
  Status BindWindowSpec(const WindowSpec& written, CollectedWindow* to);
  Status BindFrame(const WindowSpec& spec, CollectedWindow* to);
  Result<Bound> BindFrameOffset(const FrameBound& bound, FrameUnit unit, const char* which,
                                const CollectedWindow& to);
  Result<Bound> BindRangeBound(const FrameBound& bound, const Bound& offset,
                               const CollectedWindow& to);
  // planner_subquery.cpp
  Result<BoundSubquery> BindSubselect(const Expr& expr);
  Result<Bound> BindScalarSubquery(const Expr& expr);
  Result<Bound> BindArraySubquery(const Expr& expr);
  Result<Bound> BindExists(const Expr& expr);
  Result<Bound> BindInSubquery(const Expr& expr);
  Result<Bound> InSubquery(const Expr& value, const Expr& expr);
  Result<Bound> BindQuantified(const Expr& expr);
  Result<Bound> CompareExtremes(const std::string& sign, bool all, const Expr& expr);
  Result<std::vector<Bound>> BindRow(const Expr& expr);
  Result<Bound> CompareRows(const std::string& sign, const Expr& left, const Expr& right,
                            Place place);
  Result<Bound> CompareTuples(const std::string& sign, const std::vector<Bound>& a,
                              const std::vector<Bound>& b, Place place);
  Result<std::vector<Bound>> BindAll(const std::vector<ExprPtr>& exprs);
  Result<Bound> MakeCase(std::vector<Bound> parts, Place place);
  /// A call whose NULL argument settles it becomes NULL.
  Result<Bound> Call(const std::string& name, std::vector<Bound> arguments, Place place);
  Result<Bound> FoldLiteralArguments(const Bound& call);
  Result<Bound> Not(Bound expr, Place place);
  const FunctionContext& functions() const { return context_.functions; }

  const BindContext& context_;
  const Scope* scope_;
  AggregateCollector* collector_;
  QueryBinder* queries_ = nullptr;
  OuterScope* outer_ = nullptr;
  Aliases* aliases_ = nullptr;
  size_t alias_count_ = 0;      // the aliases of so many items may be named
  bool aliases_first_ = false;  // before the columns of enclosing queries
  int alias_height_ = 0;        // of the aliases that are being bound, one in the other
  std::string clause_;          // why aggregates are refused here; empty: they are not
  const Expr* outer_aggregate_ = nullptr;
  WindowCollector* windows_ = nullptr;
  bool in_window_ = false;
  UnnestCollector* unnests_ = nullptr;
};

/// An aggregate call over bound arguments, cast as its binding asks.
Result<logical::BoundAggregate> MakeAggregate(const AggregateFunction& function,
                                              std::vector<logical::BoundExprPtr> arguments,
                                              bool distinct, const FunctionContext& context,
                                              Place place);
/// Whether an argument is given by name; in planner_argument_names.cpp
bool HasArgumentNames(const Expr& call);
/// As for queries and tables in planner_query.hpp: what is written in a call and not bound.
Status RefuseUnsupported(const Expr& call);
/// VEL2014 with the name that is meant, or VEL2002 for a part of the language that looks like a
/// call.
Status UnknownFunction(const std::string& name, Place place);
/// VEL2002 naming the construct that is understood and not supported.
Status Unsupported(Place place, const std::string& what);

}  // namespace velaria::sql
