// Binds whole queries: FROM, SELECT cores, set operations, common tables and views. One QueryBinder
// serves one statement.
#pragma once

#include <string>
#include <vector>

#include "sql/planner_expression.hpp"
#include "sql/planner_scope.hpp"

namespace velaria::sql {

/// A bound query: its plan and, for SELECT * over one table, that table's own schema metadata.
struct PlannedQuery {
  logical::LogicalPtr plan;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
};

struct FromClause {
  logical::LogicalPtr plan;
  Scope scope;
  logical::RelationPtr relation;  // when FROM is one relation and nothing else
};

/// One column of the select list, bound over the FROM clause (aggregates as columns past it).
struct SelectColumn {
  logical::BoundExprPtr expr;
  logical::OutputColumn output;
  const Expr* tree = nullptr;  // null for a column that * brought in
  bool has_alias = false;
};

class QueryBinder {
 public:
  explicit QueryBinder(const BindContext& context) : context_(context) {}

  Result<PlannedQuery> BindSelect(const Select& select);
  /// As BindSelect for a VALUES list whose columns have given types (INSERT); an entry may be null.
  Result<PlannedQuery> BindValues(const Select& select, const std::vector<TypePtr>& types);
  const std::vector<std::string>& reads() const { return reads_; }

 private:
  struct CommonTableEntry {
    std::string name;
    logical::LogicalPtr plan;
    std::vector<Name> columns;
  };
  struct OrderKey {
    int column;  // of the projection, hidden columns behind the visible ones
    const OrderItem* item;
  };
  struct Core;

  Result<PlannedQuery> BindBody(const Select& select);
  Result<PlannedQuery> BindSetOperation(const Select& select);
  Result<PlannedQuery> BindCore(const Select& select);
  Status BindCommonTables(const Select& select);

  // planner_from.cpp
  Result<FromClause> BindFrom(const TableRef& ref);
  Result<FromClause> BindNamed(const TableRef& ref);
  Result<FromClause> BindFile(const TableRef& ref);
  Result<FromClause> BindTableFunction(const TableRef& ref);
  Result<FromClause> BindDerived(const TableRef& ref);
  Result<FromClause> BindView(const logical::Relation& view, const TableRef& ref);
  Result<FromClause> ScanOf(logical::RelationPtr relation, const TableRef& ref,
                            const std::string& table);
  // planner_join.cpp
  Result<FromClause> BindJoin(const TableRef& ref);
  Result<FromClause> JoinUsing(const TableRef& ref, FromClause left, FromClause right,
                               const std::vector<Name>& names);

  // planner_select.cpp
  Status ExpandStar(const Expr& star, const Core& core, std::vector<SelectColumn>* out);
  Status BindItems(const Select& select, Core* core);
  Status BindWindow(const WindowBy& window, FromClause* from);
  // planner_group.cpp
  Status BindGroups(const Select& select, Core* core);
  Status BindAggregation(const Select& select, Core* core);
  // planner_window.cpp
  Status BindNamedWindows(const Select& select, Core* core);
  Status BindQualify(const Select& select, Core* core);
  Status PlaceWindows(Core* core);
  // planner_order.cpp
  Status BindOrder(const Select& select, Core* core);
  Result<logical::LogicalPtr> Finish(const Select& select, Core* core);
  Result<int> ColumnFor(const Expr& tree, const std::string& clause, const Select& select,
                        Core* core);
  Result<logical::LogicalPtr> SortAndLimit(const Select& select, logical::LogicalPtr plan,
                                           std::vector<logical::SortKey> keys);
  Result<logical::LogicalPtr> SortOutput(const Select& select, logical::LogicalPtr plan);
  Result<logical::LogicalPtr> AddLimit(const Select& select, logical::LogicalPtr plan);
  Result<int64_t> LimitValue(const Expr& expr, const std::string& clause, int64_t if_null);

  ExpressionBinder Expressions(const Scope* scope, AggregateCollector* collector = nullptr) {
    return {context_, scope, collector};
  }

  const BindContext& context_;
  std::vector<CommonTableEntry> common_tables_;
  std::vector<std::string> views_;  // being expanded, outermost first
  std::vector<std::string> reads_;
};

/// What one SELECT core has gathered on its way to a plan.
struct QueryBinder::Core {
  FromClause from;
  AggregateCollector collector;
  std::vector<AliasTarget> aliases;
  std::vector<SelectColumn> items;
  std::vector<logical::BoundExprPtr> groups;
  logical::BoundExprPtr having;
  std::vector<logical::BoundExprPtr> hidden;  // sort expressions that are not in the select list
  std::vector<OrderKey> order;
  std::vector<int> distinct_on;  // columns as in OrderKey
  WindowCollector windows;
  logical::BoundExprPtr qualify;
};

/// "count" for a call, the column's name for a column, "?column?" otherwise.
std::string OutputNameOf(const Expr& expr);
logical::OutputColumn PlainColumn(std::string name, TypePtr type);
/// A projection of `plan`, or `plan` itself when it would change nothing.
logical::LogicalPtr Project(logical::LogicalPtr plan, std::vector<logical::BoundExprPtr> exprs,
                            std::vector<logical::OutputColumn> output);
logical::LogicalPtr Filter(logical::LogicalPtr plan, logical::BoundExprPtr predicate);
logical::LogicalPtr Distinct(logical::LogicalPtr plan);
/// The first row of each group of equal `keys`, by `order`. One column more than the input's.
Result<logical::LogicalPtr> FirstOfEach(logical::LogicalPtr plan,
                                        std::vector<logical::BoundExprPtr> keys,
                                        std::vector<logical::SortKey> order,
                                        const FunctionContext& context);
/// LIMIT .. WITH TIES: the rows behind `offset` up to the last peer of row offset + limit. Two
/// columns more than the input's.
Result<logical::LogicalPtr> LimitWithTies(logical::LogicalPtr plan,
                                          std::vector<logical::SortKey> order, int64_t limit,
                                          int64_t offset, const FunctionContext& context);
/// The input's columns, then the number of each row among the rows equal to it.
logical::LogicalPtr NumberEqualRows(logical::LogicalPtr plan);
/// The first `width` columns of a plan.
logical::LogicalPtr FirstColumns(logical::LogicalPtr plan, size_t width);
/// Column `index` of a plan's output as an expression.
logical::BoundExprPtr ColumnOf(const logical::LogicalNode& plan, size_t index);
/// VEL2101 and VEL2105: what cannot run over a stream is refused with its reason.
Status CheckBoundedness(const logical::LogicalNode& plan);

}  // namespace velaria::sql
