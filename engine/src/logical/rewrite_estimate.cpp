// Row estimates without statistics: table sizes are known, selectivities are guessed, and an
// equality join is taken for one of a foreign key with its primary key.
#include <cctype>
#include <cmath>

#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

constexpr double kUnknownTableRows = 1000;
constexpr double kEqualitySelectivity = 0.05;
constexpr double kRangeSelectivity = 0.3;
constexpr double kOtherSelectivity = 0.3;
constexpr double kPrefixSelectivity = 0.02;  // LIKE 'word%'
constexpr double kSemiJoinPart = 0.5;
constexpr double kMostSelectivity = 0.9;
constexpr double kGroupPart = 0.1;
constexpr double kUnnestedRows = 10;
constexpr double kRecursionRounds = 10;

double RowsBeforeFilters(const LogicalNode& node) {
  const bool passes = node.kind == NodeKind::kFilter || node.kind == NodeKind::kProject;
  return passes ? RowsBeforeFilters(*node.children[0]) : EstimateRows(node);
}

double JoinRows(const LogicalNode& join) {
  const double left = EstimateRows(*join.children[0]), right = EstimateRows(*join.children[1]);
  double rows = left * right;
  if (!join.left_keys.empty()) rows = std::max(left, right);
  if (join.residual) rows *= SelectivityOf(*join.residual);
  switch (join.join) {
    case JoinType::kLeft: return std::max(rows, left);
    case JoinType::kRight: return std::max(rows, right);
    case JoinType::kFull: return std::max(rows, left + right);
    case JoinType::kSemi: {  // so many rows as its right side has left
      const double kept = right / std::max(1.0, RowsBeforeFilters(*join.children[1]));
      return left * std::min(kSemiJoinPart, kept);
    }
    case JoinType::kAnti: return left * kSemiJoinPart;
    case JoinType::kMark: return left;
    default: return rows;
  }
}

/// Of a LIKE pattern: it begins with a letter or a digit, not with a wildcard.
bool StartsWithWord(const Vector& pattern) {
  const StringView view(pattern);
  return view.IsValid(0) && !view[0].empty() && std::isalnum(static_cast<uint8_t>(view[0][0]));
}

}  // namespace

double SelectivityOf(const BoundExpr& expr) {
  switch (expr.kind) {
    case BoundKind::kAnd: {
      double product = 1;
      for (const auto& child : expr.children) product *= SelectivityOf(*child);
      return product;
    }
    case BoundKind::kOr: {
      double sum = 0;
      for (const auto& child : expr.children) sum += SelectivityOf(*child);
      return std::min(1.0, sum);
    }
    case BoundKind::kInList: {
      const double part = std::min(kMostSelectivity,
                                   kEqualitySelectivity * static_cast<double>(expr.list.length()));
      return expr.negated ? 1 - part : part;
    }
    case BoundKind::kCall: break;
    default: return kOtherSelectivity;
  }
  const std::string& name = expr.name;
  if (name == "=" || name == "is_null" || name == "is_not_distinct_from")
    return kEqualitySelectivity;
  if (name == "<>" || name == "is_not_null" || name == "is_distinct_from") return kMostSelectivity;
  if (name == "<" || name == "<=" || name == ">" || name == ">=") return kRangeSelectivity;
  if (name == "like") {
    const auto& pattern = *expr.children[1];
    const bool prefix = pattern.kind == BoundKind::kLiteral && StartsWithWord(pattern.literal);
    return prefix ? kPrefixSelectivity : kOtherSelectivity;
  }
  if (name == "not") return 1 - SelectivityOf(*expr.children[0]);
  return kOtherSelectivity;
}

double EstimateRows(const LogicalNode& node) {
  const auto child = [&](size_t i) { return EstimateRows(*node.children[i]); };
  switch (node.kind) {
    case NodeKind::kScan: {
      const auto rows = node.relation->estimated_row_count();
      return rows < 0 ? kUnknownTableRows : static_cast<double>(rows);
    }
    case NodeKind::kValues: return static_cast<double>(node.rows.size());
    case NodeKind::kFilter: return child(0) * SelectivityOf(*node.predicate);
    case NodeKind::kProject:
    case NodeKind::kSort: return child(0);
    case NodeKind::kWindowBy:
      return child(0) * std::max(1.0, static_cast<double>(node.window_ms) /
                                          static_cast<double>(std::max<int64_t>(1, node.slide_ms)));
    case NodeKind::kJoin: return JoinRows(node);
    case NodeKind::kAggregate:
      return node.expressions.empty() ? 1 : std::max(1.0, child(0) * kGroupPart);
    case NodeKind::kLimit:
      return node.limit < 0 ? child(0) : std::min(child(0), static_cast<double>(node.limit));
    case NodeKind::kUnion: {
      double sum = 0;
      for (size_t i = 0; i < node.children.size(); ++i) sum += child(i);
      return sum;
    }
    case NodeKind::kShared: return node.estimated_rows < 0 ? child(0) : node.estimated_rows;
    case NodeKind::kSetOp:
    case NodeKind::kWindow: return child(0);
    case NodeKind::kUnnest: return child(0) * kUnnestedRows;
    case NodeKind::kSeries:
      return std::max(
          0.0, (static_cast<double>(node.series_to) - static_cast<double>(node.series_from)) /
                       static_cast<double>(node.series_step) +
                   1);
    case NodeKind::kSample:
      return node.sample->by_rows ? std::min(child(0), node.sample->amount)
                                  : child(0) * node.sample->amount / 100;
    case NodeKind::kRecursive: return child(0) * kRecursionRounds;
    case NodeKind::kRecursiveRef: return kUnknownTableRows;
  }
  return kUnknownTableRows;
}

}  // namespace velaria::logical
