// The bound logical plan: a tree of immutable nodes that say what, not how. One struct with the
// fields of each kind; walks switch on `kind`. Column references of a node's expressions are
// indexes into the concatenated outputs of its children (left first).
#pragma once

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
               // aggregate without aggregates
  kSort,       // sort_keys, limit_hint: a top-N when a LIMIT stands above
  kLimit,      // limit (-1: none), offset
  kUnion,      // children of equal types; UNION ALL, in order
  kSetOp,      // kIntersect / kExcept with or without ALL, by grouping
  kWindowBy,   // time column, window_ms, slide_ms: the input's columns, then the window start; one
               // row per window
};

enum class JoinType { kInner, kLeft, kRight, kFull, kCross, kSemi, kAnti, kMark };
enum class SetOpType { kIntersect, kIntersectAll, kExcept, kExceptAll };

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

  RelationPtr relation;      // kScan
  std::vector<int> columns;  // kScan
  std::vector<BoundExprPtr>
      filters;  // kScan: conjuncts the scan may use to skip; a scan that accepts them fully
                // still leaves the Filter node above out only if `filters_exact`
  bool filters_exact = false;
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
  SetOpType set_op = SetOpType::kIntersect;  // kSetOp
  BoundExprPtr time;                         // kWindowBy: over the child
  int64_t window_ms = 0, slide_ms = 0;       // kWindowBy
};

std::shared_ptr<LogicalNode> MakeNode(NodeKind kind, std::vector<LogicalPtr> children = {});
/// Indented tree, one node a line: "Filter (a > 5)".
std::string ToText(const LogicalNode& node);
/// The result schema of a plan's root; nullability and field metadata of untouched columns are
/// kept.
SchemaPtr SchemaOf(const LogicalNode& root);
bool IsBounded(const LogicalNode& root);
/// Whether a node of that kind stands anywhere in the plan.
bool Contains(const LogicalNode& root, NodeKind kind);

/// A bound SELECT, ready to be rewritten and lowered.
struct BoundQuery {
  LogicalPtr root;
  SchemaPtr schema;  // with the table's own schema metadata for SELECT * FROM t of one table
  bool is_bounded = true;
  std::vector<std::string> reads;
  std::vector<std::string> views;  // that were expanded on the way, those inside views included
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
