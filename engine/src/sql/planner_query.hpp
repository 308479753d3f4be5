// Binds whole queries: FROM, SELECT cores, set operations, common tables and views. One QueryBinder
// serves one statement.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "sql/planner_expression.hpp"
#include "sql/planner_scope.hpp"

namespace velaria::sql {

/// A bound query: its plan and, for SELECT * over one table, that table's own schema metadata.
struct PlannedQuery {
  logical::LogicalPtr plan;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  std::vector<bool> untyped;  // by column: written as text literals and NULLs alone
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
  /// `defaults`: what DEFAULT stands for, by column; empty where it may not stand.
  /// `parameter_rows`: the list once for each of these rows, whose columns are its parameters.
  Result<PlannedQuery> BindValues(const Select& select, const std::vector<TypePtr>& types,
                                  const ColumnDefaults& defaults = {},
                                  const logical::RelationPtr& parameter_rows = nullptr);
  /// UPDATE and DELETE: see PlanChangedRows.
  Result<ChangedRows> BindChangedRows(const Statement& statement,
                                      const logical::RelationPtr& relation,
                                      const ColumnDefaults& defaults);
  /// The bound plan as it can be run: subqueries are joins, and what is read twice is shared.
  Result<logical::LogicalPtr> WithoutSubqueries(const logical::LogicalPtr& plan);
  /// A subquery inside an expression over `scope` that `binder` is binding.
  Result<BoundSubquery> BindSubquery(const Select& select, const Scope& scope,
                                     ExpressionBinder* binder);
  const logical::RelationUses& uses() const { return uses_; }

 private:
  struct CommonTableEntry {
    std::string name;
    logical::LogicalPtr plan;  // null: being bound; then `recursion` says how it may be named
    std::vector<Name> columns;
    const OuterScope* outer = nullptr;  // the query around it
    struct Recursion* recursion = nullptr;
  };
  /// Those that can be named, the newest last.
  class CommonTables {
   public:
    size_t size() const { return entries_.size(); }
    const std::vector<CommonTableEntry>& entries() const { return entries_; }
    /// Positions of the tables of that name, the newest last.
    const std::vector<size_t>& Named(const std::string& name) const;
    void Add(CommonTableEntry entry);
    /// Forgets the newest ones until there are `count`.
    void ShrinkTo(size_t count);

   private:
    std::vector<CommonTableEntry> entries_;
    std::unordered_map<std::string, std::vector<size_t>> by_name_;  // in small letters
  };
  struct OrderKey {
    int column;  // of the projection, hidden columns behind the visible ones
    bool descending;
    bool nulls_first;
  };
  struct Core;

  Result<PlannedQuery> BindBody(const Select& select);
  Result<PlannedQuery> BindSetOperation(const Select& select);
  /// The sides of a set operation BY NAME with the same columns in the same order.
  Status MatchByName(PlannedQuery* left, PlannedQuery* right);
  Result<PlannedQuery> BindCore(const Select& select);
  Status BindCommonTables(const std::vector<CommonTable>& tables);
  Result<logical::LogicalPtr> BindCommonTable(const CommonTable& table);
  // planner_recursive.cpp
  Result<logical::LogicalPtr> BindRecursive(const CommonTable& table);
  Result<FromClause> BindRecursiveRef(const CommonTableEntry& entry, const TableRef& ref);

  // planner_from.cpp
  Result<FromClause> BindFrom(const TableRef& ref);
  /// The table before its TABLESAMPLE.
  Result<FromClause> BindWhole(const TableRef& ref);
  Result<FromClause> BindNamed(const TableRef& ref);
  Result<FromClause> BindFile(const TableRef& ref);
  // planner_table_function.cpp: functions in FROM
  Result<FromClause> BindTableFunction(const TableRef& ref);
  Result<FromClause> BindFileFunction(const TableRef& ref, const std::string& name);
  Result<FromClause> BindUnnest(const TableRef& ref);
  Result<FromClause> BindSeries(const TableRef& ref, const std::string& name);
  Result<FromClause> UnnestOf(std::vector<logical::BoundExprPtr> lists, const TableRef& ref,
                              const std::string& name);
  Result<FromClause> BindDerived(const TableRef& ref);
  Result<FromClause> BindView(const logical::Relation& view, const TableRef& ref);
  Result<FromClause> ScanOf(logical::RelationPtr relation, const TableRef& ref,
                            const std::string& table);
  // planner_join.cpp
  Result<FromClause> BindJoin(const TableRef& ref);
  Result<FromClause> BindJoinedTables(const TableRef& ref);
  /// Every row of one beside every row of the other.
  Result<FromClause> SideBySideTables(FromClause left, FromClause right, Place place);
  /// The right side of a join. A function or a LATERAL sub-select in it may name the columns of the
  /// left one: `arguments` is what it read of them.
  Result<FromClause> BindRight(const TableRef& ref, const FromClause& left,
                               std::vector<logical::BoundExprPtr>* arguments);
  Result<FromClause> JoinUsing(const TableRef& ref, FromClause left, FromClause right,
                               const std::vector<Name>& names);

  // planner_select.cpp
  Status ExpandStar(const Expr& star, size_t position, Core* core);
  /// `position`: in the select list; it may name the aliases of the items before.
  Result<SelectColumn> BindItem(const SelectItem& item, size_t position, Core* core);
  Status BindItems(const Select& select, Core* core);
  Status BindWindow(const WindowBy& window, FromClause* from);
  // planner_group.cpp
  Status BindGroups(const Select& select, Core* core);
  Result<logical::BoundExprPtr> GroupAt(const Expr& ordinal, const Core& core);
  Status AddGroup(logical::BoundExprPtr group, Core* core, int* position);
  Result<std::vector<logical::BoundExprPtr>> GroupingValues(const Core& core, int set_column);
  Status BindAggregation(const Select& select, Core* core);
  // planner_window.cpp
  Status BindNamedWindows(const Select& select, Core* core);
  Status BindQualify(const Select& select, Core* core);
  Status PlaceWindows(Core* core);
  void PlaceUnnests(Core* core);  // planner_unnest.cpp
  // planner_order.cpp
  Status BindOrder(const Select& select, Core* core);
  void IndexItems(Core* core);
  Result<int> NamedColumn(const Expr& tree, const Core& core);
  Result<logical::LogicalPtr> Finish(const Select& select, Core* core);
  Result<int> ColumnFor(const Expr& tree, const std::string& clause, const Select& select,
                        Core* core);
  Result<logical::LogicalPtr> SortAndLimit(const Select& select, logical::LogicalPtr plan,
                                           std::vector<logical::SortKey> keys);
  Result<logical::LogicalPtr> SortOutput(const Select& select, logical::LogicalPtr plan);
  Result<logical::LogicalPtr> AddLimit(const Select& select, logical::LogicalPtr plan);
  Result<int64_t> LimitValue(const Expr& expr, const std::string& clause, int64_t if_null);

  ExpressionBinder Expressions(const Scope* scope, AggregateCollector* collector = nullptr) {
    return {this, context_, scope, collector, outer_};
  }

  const BindContext& context_;
  const logical::CatalogReader* catalog_ = context_.catalog;  // a view's own while it is bound
  OuterScope* outer_ = nullptr;  // the query around the one being bound
  int next_id_ = 0;              // of shared and recursive plans
  CommonTables common_tables_;
  std::vector<std::string> views_;  // being expanded, outermost first
  size_t view_count_ = 0;           // expanded so far
  logical::RelationUses uses_;
};

/// A recursive common table while its step is bound.
struct Recursion {
  int id = -1;
  std::vector<logical::OutputColumn> output;
  bool used = false;
};

/// "data/flights.csv" is called "flights" when no alias says otherwise.
std::string StemOf(const std::string& path);
/// What one SELECT core has gathered on its way to a plan.
struct QueryBinder::Core {
  /// The first select-list column of a name.
  struct NamedItem {
    size_t position;
    bool ambiguous = false;  // another one of that name has another value
  };
  FromClause from;
  AggregateCollector collector;
  Aliases aliases;
  std::vector<SelectColumn> items;
  std::vector<logical::BoundExprPtr> groups;
  logical::HashIndex group_index;
  std::optional<std::vector<std::vector<int>>> grouping_sets;  // positions of groups
  logical::BoundExprPtr having;
  std::vector<logical::BoundExprPtr> hidden;  // sort expressions that are not in the select list
  // Of the select list, filled for ORDER BY and DISTINCT ON.
  logical::HashIndex item_index, hidden_index;
  std::unordered_map<std::string, NamedItem> named_items;  // by name in small letters
  std::vector<OrderKey> order;
  std::vector<int> distinct_on;  // columns as in OrderKey
  WindowCollector windows;
  logical::BoundExprPtr qualify;
  UnnestCollector unnests;  // the lists of unnest in the select list
};

/// VEL2002 for what the grammar takes and the binder does not bind.
Status RefuseUnsupported(const TableRef& ref);

/// "count" for a call, the column's name for a column, "?column?" otherwise.
std::string OutputNameOf(const Expr& expr);
logical::OutputColumn PlainColumn(std::string name, TypePtr type);
/// A projection of `plan`, or `plan` itself when it would change nothing.
logical::LogicalPtr Project(logical::LogicalPtr plan, std::vector<logical::BoundExprPtr> exprs,
                            std::vector<logical::OutputColumn> output);
logical::LogicalPtr Filter(logical::LogicalPtr plan, logical::BoundExprPtr predicate);
logical::LogicalPtr Distinct(logical::LogicalPtr plan);
/// An untyped column `at` of a side of a set operation as values of the type that it has in common
/// with the other side's column; VEL2007 when a literal is none.
Status AdoptColumnType(PlannedQuery* side, size_t at, const logical::OutputColumn& other,
                       Place place, const FunctionContext& context);
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
/// VEL2101: what cannot run over a stream is refused with its reason.
Status CheckBoundedness(const logical::LogicalNode& plan);
/// VEL2105 for an EMIT clause that `plan`, the plan of `select`, cannot follow, wherever it stands:
/// what is left means what the query does anyway.
Status CheckEmit(const Select& select, const logical::LogicalNode& plan);

}  // namespace velaria::sql
