// What names an expression can see: the columns of the FROM clause, with their table names, in
// order.
#pragma once

#include <string>
#include <vector>

#include "logical/plan.hpp"
#include "sql/ast.hpp"

namespace velaria::sql {

struct ScopeColumn {
  std::string table;  // alias or name of its table; empty for a merged USING column
  std::string name;
  logical::BoundExprPtr
      expr;  // over the plan's columns; a COALESCE for the USING column of a FULL JOIN
  bool nullable = true;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  bool in_star = true;       // false: both originals of a merged USING column
  bool by_bare_name = true;  // likewise
};

struct Scope {
  std::vector<ScopeColumn> columns;
  std::vector<std::string> tables;  // every alias, also of tables without columns

  /// Null when there is none; VEL2013 when the name fits two columns.
  Result<const ScopeColumn*> Find(const std::vector<Name>& names) const;
  /// As Find, but a miss is VEL2012 (or VEL2011 for an unknown table alias) with a suggestion,
  /// which may be one of `aliases` for a bare name.
  Result<const ScopeColumn*> Get(const std::vector<Name>& names,
                                 const std::vector<std::string>& aliases = {}) const;
  bool HasTable(const std::string& name) const;
};

class ExpressionBinder;

/// The names of an enclosing query, as a subquery sees them. What it names becomes an outer
/// argument: an expression of the enclosing query, known inside by its number.
class OuterScope {
 public:
  /// `parent`: the scope that encloses this one, or null. `binder` binds the expression of the
  /// enclosing query in which the subquery stands; null for a table in FROM.
  OuterScope(const Scope* scope, OuterScope* parent, ExpressionBinder* binder)
      : scope_(scope), parent_(parent), binder_(binder) {}
  /// A kOuter expression, or null when no enclosing query has such a column.
  Result<logical::BoundExprPtr> Resolve(const std::vector<Name>& names, Place place);
  std::vector<logical::BoundExprPtr> TakeArguments() { return std::move(arguments_); }
  /// The nearest enclosing scope that has a table of this name, or null.
  const Scope* ScopeOfTable(const std::string& name) const {
    if (scope_->HasTable(name)) return scope_;
    return parent_ ? parent_->ScopeOfTable(name) : nullptr;
  }
  ExpressionBinder* binder() const { return binder_; }

  // The three below are for aggregates, which may be an enclosing query's.
  /// How many arguments there are here and in each enclosing scope.
  std::vector<size_t> ArgumentCounts() const;
  /// The innermost enclosing query whose columns `exprs` read, null when they read a column of the
  /// subquery itself, in which they are bound, or none at all. They become expressions of that
  /// query, and the arguments that binding them added since `counts` are taken back.
  OuterScope* Raise(const std::vector<logical::BoundExprPtr*>& exprs,
                    const std::vector<size_t>& counts);
  /// `found`, an expression of the enclosing query `owner`, as a kOuter expression.
  logical::BoundExprPtr HandDown(const OuterScope& owner, logical::BoundExprPtr found);

 private:
  logical::BoundExprPtr ArgumentFor(const logical::BoundExpr& found, std::string name, Place place);

  const Scope* scope_;
  OuterScope* parent_;
  ExpressionBinder* binder_;
  std::vector<logical::BoundExprPtr> arguments_;
};

/// Unquoted names match without regard to ASCII case; quoted names prefer the exact spelling.
bool NameMatches(const Name& name, const std::string& candidate);
/// "t.a" as written.
std::string DottedName(const std::vector<Name>& names);
/// The columns of `output` as a scope under `table`; `aliases` rename the first of them.
Result<Scope> ScopeOf(const std::vector<logical::OutputColumn>& output, const std::string& table,
                      const std::vector<Name>& aliases);

}  // namespace velaria::sql
