// The logical plan as an indented tree, one node a line.
#include <set>
#include <sstream>

#include "base/text.hpp"
#include "logical/plan.hpp"

namespace velaria::logical {
namespace {

std::string Texts(const std::vector<BoundExprPtr>& exprs) {
  std::vector<std::string> parts;
  for (const auto& expr : exprs) parts.push_back(ToText(*expr));
  return Join(parts, ", ");
}

std::string ScanText(const LogicalNode& node) {
  std::vector<std::string> names;
  for (const auto& column : node.output) names.push_back(column.name);
  std::string text = "Scan " + node.relation->name() + " [" + Join(names, ", ") + "]";
  if (!node.filters.empty()) {
    text += " hint " + Texts(node.filters);
  }
  return text;
}

std::string ProjectText(const LogicalNode& node) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < node.expressions.size(); ++i) {
    std::string text = ToText(*node.expressions[i]);
    if (text != node.output[i].name) text += " AS " + QuoteIdentifier(node.output[i].name);
    parts.push_back(std::move(text));
  }
  return "Project " + Join(parts, ", ");
}

const char* JoinName(JoinType join) {
  switch (join) {
    case JoinType::kInner: return "inner";
    case JoinType::kLeft: return "left";
    case JoinType::kRight: return "right";
    case JoinType::kFull: return "full";
    case JoinType::kCross: return "cross";
    case JoinType::kSemi: return "semi";
    case JoinType::kAnti: return "anti";
    case JoinType::kMark: return "mark";
  }
  return "?";
}

std::string JoinText(const LogicalNode& node) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < node.left_keys.size(); ++i) {
    const char* sign = node.null_safe[i] ? " IS NOT DISTINCT FROM " : " = ";
    parts.push_back(ToText(*node.left_keys[i]) + sign + ToText(*node.right_keys[i]));
  }
  if (node.residual) parts.push_back(ToText(*node.residual));
  if (node.asof) {
    parts.push_back(ToText(*node.asof->left) + " " + node.asof->op + " " +
                    ToText(*node.asof->right));
  }
  std::string text = std::string("Join ") + (node.asof ? "asof " : "") + JoinName(node.join);
  return parts.empty() ? text : text + " on " + Join(parts, " AND ");
}

std::string AggregateText(const LogicalNode& node) {
  std::vector<std::string> calls;
  for (const auto& aggregate : node.aggregates) calls.push_back(aggregate.text);
  if (calls.empty() && !node.grouping_sets) return "Distinct " + Texts(node.expressions);
  std::string text = "Aggregate " + Join(calls, ", ");
  if (node.grouping_sets) {
    text += " in " + std::to_string(node.grouping_sets->size()) + " grouping sets";
  }
  return node.expressions.empty() ? text : text + " by " + Texts(node.expressions);
}

std::string WindowText(const LogicalNode& node) {
  std::vector<std::string> calls;
  for (const auto& window : node.windows) calls.push_back(window.text);
  std::string text = "Window " + Join(calls, ", ");
  if (!node.expressions.empty()) text += " partition by " + Texts(node.expressions);
  std::vector<std::string> keys;
  for (const auto& key : node.sort_keys) {
    keys.push_back(ToText(*key.expr) + (key.descending ? " DESC" : "") +
                   (key.nulls_first ? " NULLS FIRST" : ""));
  }
  return keys.empty() ? text : text + " order by " + Join(keys, ", ");
}

std::string SampleText(const SampleSpec& sample) {
  std::ostringstream text;
  text << "Sample " << sample.amount << (sample.by_rows ? " rows" : " percent");
  return text.str();
}

std::string SortText(const LogicalNode& node) {
  std::vector<std::string> keys;
  for (const auto& key : node.sort_keys) {
    std::string text = ToText(*key.expr);
    if (key.descending) text += " DESC";
    if (key.nulls_first) text += " NULLS FIRST";
    keys.push_back(std::move(text));
  }
  std::string text = "Sort " + Join(keys, ", ");
  return node.limit >= 0 ? text + " top " + std::to_string(node.limit) : text;
}

std::string LimitText(const LogicalNode& node) {
  std::string text = "Limit " + (node.limit < 0 ? "all" : std::to_string(node.limit));
  return node.offset > 0 ? text + " offset " + std::to_string(node.offset) : text;
}

const char* SetOpName(SetOpType type) {
  switch (type) {
    case SetOpType::kIntersect: return "Intersect";
    case SetOpType::kIntersectAll: return "Intersect all";
    case SetOpType::kExcept: return "Except";
    case SetOpType::kExceptAll: return "Except all";
  }
  return "?";
}

std::string NodeText(const LogicalNode& node) {
  switch (node.kind) {
    case NodeKind::kScan: return ScanText(node);
    case NodeKind::kValues: return "Values " + std::to_string(node.rows.size()) + " rows";
    case NodeKind::kFilter: return "Filter " + ToText(*node.predicate);
    case NodeKind::kProject: return ProjectText(node);
    case NodeKind::kJoin: return JoinText(node);
    case NodeKind::kAggregate: return AggregateText(node);
    case NodeKind::kSort: return SortText(node);
    case NodeKind::kLimit: return LimitText(node);
    case NodeKind::kUnion: return "Union all";
    case NodeKind::kSetOp: return SetOpName(node.set_op);
    case NodeKind::kWindowBy:
      return "WindowBy " + ToText(*node.time) + " every " + std::to_string(node.window_ms) +
             " ms slide " + std::to_string(node.slide_ms) + " ms AS " +
             QuoteIdentifier(node.output.back().name);
    case NodeKind::kWindow: return WindowText(node);
    case NodeKind::kUnnest:
      return std::string("Unnest ") + (node.keeps_empty ? "outer " : "") + Texts(node.expressions) +
             (node.with_ordinality ? " with ordinality" : "");
    case NodeKind::kSeries:
      return "Series " + std::to_string(node.series_from) + " to " +
             std::to_string(node.series_to) + " step " + std::to_string(node.series_step);
    case NodeKind::kSample: return SampleText(*node.sample);
    case NodeKind::kShared: return "Shared " + std::to_string(node.shared_id);
    case NodeKind::kRecursive:
      return std::string("Recursive ") + (node.distinct_rows ? "distinct " : "") +
             std::to_string(node.recursive_id);
    case NodeKind::kRecursiveRef: return "Newest rows of " + std::to_string(node.recursive_id);
  }
  return "?";
}

/// A shared plan is told where it is read first, and named where it is read again.
void Append(const LogicalNode& node, int depth, std::set<int>* told, std::string* out) {
  if (!out->empty()) *out += '\n';
  out->append(static_cast<size_t>(depth) * 2, ' ');
  *out += NodeText(node);
  if (node.kind == NodeKind::kShared && !told->insert(node.shared_id).second) return;
  for (const auto& child : node.children) Append(*child, depth + 1, told, out);
}

}  // namespace

std::string ToText(const LogicalNode& node) {
  std::string text;
  std::set<int> told;
  Append(node, 0, &told, &text);
  return text;
}

}  // namespace velaria::logical
