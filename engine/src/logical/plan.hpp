// The bound logical plan: a tree of immutable nodes that say what, not how. One struct with the
// fields of each kind; walks switch on `kind`. Column references of a node's expressions are
// indexes into the concatenated outputs of its children (left first).
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "logical/catalog_reader.hpp"
#include "logical/expression.hpp"

namespace velaria::logical {

enum class NodeKind {
  kScan,  // relation, columns (of the relation, in output order), filters (over the output columns;
          // also re-checked)
  kValues,     // rows of literals; zero columns and one row for SELECT without FROM
  kFilter,     // predicate
  kProject,    // expressions
  kJoin,       // join, keys, residual
  kAggregate,  // groups, aggregates; output: group values, then aggregates. DISTINCT is an
               // aggregate without aggregates. With grouping_sets: one result per set, groups that
               // are not in the set NULL, and the number of the set (BIGINT) as the last column
  kSort,       // sort_keys, limit_hint: a top-N when a LIMIT stands above
  kLimit,      // limit (-1: none), offset
  kUnion,      // children of equal types; UNION ALL, in order
  kSetOp,      // kIntersect / kExcept with or without ALL, by grouping
  kWindowBy,   // time column, window_ms, slide_ms: the input's columns, then the window start; one
               // row per window
  kWindow,  // expressions: PARTITION BY; sort_keys; windows: the input's columns, then one per call
  kUnnest,  // expressions: lists over the input; the input's columns (or `columns` of them), then
            // one per list, NULL behind its end, then the position (BIGINT) if with_ordinality; a
            // row per element; keeps_empty: a row without any stays, with NULLs
  kSeries,  // series: integers from, to, step as a source
  kSample,  // sample
  kShared,  // its child's rows; the child runs once, however many nodes share this one
  kRecursive,  // children: first rows, step; the rows of both, the step again over the newest rows
               // until there are none; distinct_rows: rows that were there before are dropped
  kRecursiveRef,  // recursive_id: inside a step, the newest rows of that kRecursive
};

enum class JoinType { kInner, kLeft, kRight, kFull, kCross, kSemi, kAnti, kMark };
enum class SetOpType { kIntersect, kIntersectAll, kExcept, kExceptAll };

/// TABLESAMPLE: a part of the rows, or so many of them.
struct SampleSpec {
  bool by_rows = false;
  double amount = 0;  // percent, or rows
  int64_t seed = 0;
};

/// ASOF JOIN: of the right rows that fit the keys, the one nearest to the left row's value. Both
/// are of one type; `op` is the comparison as written with the left value first.
struct AsofCondition {
  std::string op;  // ">=", ">", "<=", "<"
  BoundExprPtr left, right;
};

struct OutputColumn {
  std::string name;
  TypePtr type;
  bool nullable = true;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;  // of a column handed through untouched
};

struct LogicalNode;
using LogicalPtr = std::shared_ptr<const LogicalNode>;

struct LogicalNode {
  NodeKind kind;
  std::vector<LogicalPtr> children;
  std::vector<OutputColumn> output;
  double estimated_rows = -1;  // -1: not estimated

  RelationPtr relation;               // kScan
  Place place;                        // kScan: in the statement, for what fails while it is read
  std::vector<int> columns;           // kScan
  std::vector<BoundExprPtr> filters;  // kScan: conjuncts of the Filter above, to skip rows by
  std::vector<std::vector<BoundExprPtr>> rows;  // kValues
  BoundExprPtr predicate;                       // kFilter
  std::vector<BoundExprPtr> expressions;        // kProject; kAggregate: group keys
  JoinType join = JoinType::kInner;             // kJoin
  std::vector<BoundExprPtr> left_keys,
      right_keys;  // kJoin: equal types pairwise; left over child 0, right over child 1
  std::vector<bool> null_safe;  // kJoin: key pair matches NULL with NULL (IS NOT DISTINCT FROM)
  BoundExprPtr residual;        // kJoin: over left columns then right columns; may be null
  std::vector<BoundAggregate> aggregates;  // kAggregate
  std::vector<SortKey> sort_keys;          // kSort
  int64_t limit = -1, offset = 0;  // kLimit; kSort: limit_hint as `limit` (rows needed), -1 for all
  SetOpType set_op = SetOpType::kIntersect;                    // kSetOp
  BoundExprPtr time;                                           // kWindowBy: over the child
  int64_t window_ms = 0, slide_ms = 0;                         // kWindowBy
  std::optional<std::vector<std::vector<int>>> grouping_sets;  // kAggregate: positions of groups
  std::vector<BoundWindow> windows;                            // kWindow
  bool with_ordinality = false;                                // kUnnest
  bool keeps_empty = false;                                    // kUnnest
  std::optional<SampleSpec> sample;                            // kSample
  std::optional<AsofCondition> asof;                           // kJoin, inner or left
  int64_t series_from = 0, series_to = -1, series_step = 1;    // kSeries
  int shared_id = -1;     // kShared: nodes of one number are one plan
  int recursive_id = -1;  // kRecursive, kRecursiveRef
  /// kJoin, inner, left or cross, between the binder and Unnest: the right child is LATERAL, and
  /// its kOuter numbers are these expressions over the left child.
  std::vector<BoundExprPtr> outer_arguments;
  bool distinct_rows = false;  // kRecursive
  /// kJoin of kind kMark: output is the left columns and one BOOLEAN: whether a right row fits,
  /// three-valued in the last `mark_operands` keys (a NULL there makes the answer unknown), plainly
  /// in the keys before them.
  int mark_operands = 0;
};

/// The number of the last row that LIMIT and OFFSET leave, counted from 1; both are >= 0.
inline int64_t LastRow(int64_t limit, int64_t offset) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return limit > kMost - offset ? kMost : limit + offset;
}
std::shared_ptr<LogicalNode> MakeNode(NodeKind kind, std::vector<LogicalPtr> children = {});
/// Indented tree, one node a line: "Filter (a > 5)".
std::string ToText(const LogicalNode& node);
/// The result schema of a plan's root; nullability and field metadata of untouched columns are
/// kept.
SchemaPtr SchemaOf(const LogicalNode& root);
/// Whether `holds` for one of the plan's nodes. A shared plan is looked at once, however many read
/// it: with a chain of them every other walk takes exponential time.
bool AnyNode(const LogicalNode& root, const std::function<bool(const LogicalNode&)>& holds);
bool IsBounded(const LogicalNode& root);
/// Whether a node of that kind stands anywhere in the plan.
bool Contains(const LogicalNode& root, NodeKind kind);

/// A bound SELECT, ready to be rewritten and lowered.
struct BoundQuery {
  LogicalPtr root;
  SchemaPtr schema;  // with the table's own schema metadata for SELECT * FROM t of one table
  bool is_bounded = true;
  RelationUses uses;  // what it reads; of a view also what the view reads
};

struct RewriteOptions {
  bool enabled = true;  // SET debug_no_rewrite: the no-rewrite equivalence tests turn it off
};
/// Constant folding, filter pushdown (through project, join, union, aggregate keys, into scans),
/// projection pushdown, limit into sort, build side by estimated rows. The result gives the same
/// rows as the input.
Result<LogicalPtr> Rewrite(const LogicalPtr& root, const FunctionContext& context,
                           const RewriteOptions& options = {});

}  // namespace velaria::logical
