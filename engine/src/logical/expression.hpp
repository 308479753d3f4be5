// Bound expressions: every name is resolved, every call holds its kernel, every implicit cast is
// written out. Immutable and shared freely. `Evaluate` lives in logical/evaluate.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "columnar/vector.hpp"
#include "functions/registry.hpp"

namespace velaria::logical {

struct BoundExpr;
struct LogicalNode;
using BoundExprPtr = std::shared_ptr<const BoundExpr>;

enum class BoundKind {
  kColumn,   // column: index into the input's columns
  kLiteral,  // literal: a constant vector
  kCall,     // function + binding, children: arguments (already cast)
  kCast,     // binding (from BindCast), children[0]; try_cast
  kAnd,      // n-ary, three-valued; later children see only the rows not yet decided
  kOr,
  kCase,  // children: condition, result, condition, result, ..., else (always there; a NULL literal
          // when not written)
  kInList,  // children[0] value; `list`: the constants (cast to the value's type), one vector;
            // negated
  // Only between the binder and Unnest (logical/unnest.hpp), which turns both into joins:
  kSubquery,  // subquery, plan; children: the values compared with (kIn), then one expression of
              // the enclosing query for each kOuter number of the plan
  kOuter,     // inside a subquery's plan: column numbers the outer arguments of that subquery
};

enum class SubqueryKind {
  kScalar,  // the one value of the one row; NULL for no row; VEL3013 for two
  kExists,
  kIn,  // children[0..operand_count) equal to a row's columns, three-valued
};

struct BoundExpr {
  BoundKind kind;
  TypePtr type;
  Place place;
  int column = -1;
  std::string name;  // kColumn: for explain; kCall: the function's name
  Vector literal;
  const ScalarFunction* function = nullptr;
  ScalarBinding binding;
  std::vector<BoundExprPtr> children;
  SubqueryKind subquery = SubqueryKind::kScalar;
  std::shared_ptr<const LogicalNode> plan;  // kSubquery
  size_t operand_count = 0;                 // kSubquery of kind kIn
  Vector list;                              // dense, without nulls
  bool list_has_null = false;
  bool negated = false;
  bool try_cast = false;
  bool is_document = false;  // kColumn, while it is bound: of an aggregate that returns JSON
};

struct SortKey {
  BoundExprPtr expr;
  bool descending = false;
  bool nulls_first = false;
};

/// One aggregate call of an Aggregate node; arguments refer to the node's input.
struct BoundAggregate {
  const AggregateFunction* function = nullptr;
  AggregateBinding binding;
  std::vector<BoundExprPtr> arguments;  // then the expressions of ORDER BY, as binding.order says
  BoundExprPtr filter;                  // FILTER (WHERE ...), may be null
  std::string text;                     // "sum(price)"
  Place place;                          // of the call, for what fails while it runs
};

enum class FrameUnit { kRows, kRange, kGroups };
enum class FrameEdge { kUnbounded, kPreceding, kCurrentRow, kFollowing };
enum class FrameExclusion { kNoOthers, kCurrentRow, kGroup, kTies };

/// The rows a window function sees from its row. Offsets are constants: rows or groups by count,
/// kRange by a value that is added to or taken from the one sort key.
struct WindowFrame {
  FrameUnit unit = FrameUnit::kRange;
  FrameEdge start = FrameEdge::kUnbounded, end = FrameEdge::kCurrentRow;
  BoundExprPtr start_offset, end_offset;
  FrameExclusion exclusion = FrameExclusion::kNoOthers;
  /// kRange with offsets: the sort key minus (start) and plus (end) the offset, bound as
  /// expressions over the node's input, so that dates, decimals and intervals follow the operators.
  BoundExprPtr start_bound, end_bound;
};

/// One call with OVER: a window function, or an aggregate over the frame.
struct BoundWindow {
  const WindowFunction* function = nullptr;  // null for an aggregate
  WindowBinding binding;
  BoundAggregate aggregate;
  std::vector<BoundExprPtr> arguments;  // of a window function, over the node's input
  WindowFrame frame;
  bool ignore_nulls = false;
  TypePtr type;
  std::string text;  // "lag(x, 1)"
  Place place;
};

BoundExprPtr MakeColumn(int index, TypePtr type, std::string name, Place place = {});
BoundExprPtr MakeLiteral(Vector constant, Place place = {});
Result<BoundExprPtr> MakeNull(const TypePtr& type, Place place = {});
Result<BoundExprPtr> MakeBoolean(bool value, Place place = {});
/// Looks the function up, casts the arguments as its binding asks, folds nothing.
Result<BoundExprPtr> MakeCall(const std::string& name, std::vector<BoundExprPtr> arguments,
                              Place place = {});
/// `expr` itself when the type is already right.
Result<BoundExprPtr> MakeCast(BoundExprPtr expr, const TypePtr& to, bool try_cast = false,
                              Place place = {});
/// A cast also where the type is already right: a JSON document becomes a text like any other.
Result<BoundExprPtr> CastAnew(BoundExprPtr expr, const TypePtr& to, bool try_cast = false,
                              Place place = {});
/// Flattens nested ANDs; TRUE literals vanish; one child stands for itself; none gives TRUE.
Result<BoundExprPtr> MakeAnd(std::vector<BoundExprPtr> children);
Result<BoundExprPtr> MakeOr(std::vector<BoundExprPtr> children);

/// Whether the text of `expr` is a JSON document: a function that returns JSON makes it, or CASE
/// chooses it among such and NULL.
bool IsJsonDocument(const BoundExpr& expr);
bool HasSubquery(const BoundExpr& expr);
bool IsConstant(const BoundExpr& expr);  // no column and nothing volatile below
bool Equal(const BoundExpr& a, const BoundExpr& b);
bool Equal(const BoundExprPtr& a, const BoundExprPtr& b);  // or both null
bool Equal(const std::vector<BoundExprPtr>& a, const std::vector<BoundExprPtr>& b);
bool Equal(const std::vector<SortKey>& a, const std::vector<SortKey>& b);
bool Equal(const BoundAggregate& a, const BoundAggregate& b);
/// The columns the expression reads, added to `out` (sorted set semantics are the caller's).
void CollectColumns(const BoundExpr& expr, std::vector<int>* out);
/// The expression with every column index i replaced by map[i] (never -1 for a column that is
/// read).
BoundExprPtr RemapColumns(const BoundExprPtr& expr, const std::vector<int>& map);
/// The expression with every column i replaced by `inputs[i]`: a filter pushed below a projection.
BoundExprPtr SubstituteColumns(const BoundExprPtr& expr, const std::vector<BoundExprPtr>& inputs);
/// The conjuncts of `expr` (itself when it is no AND).
void SplitConjuncts(const BoundExprPtr& expr, std::vector<BoundExprPtr>* out);
/// As SQL-like text for explain: "(l_discount >= 0.05 AND l_quantity < 24)".
std::string ToText(const BoundExpr& expr);

}  // namespace velaria::logical
