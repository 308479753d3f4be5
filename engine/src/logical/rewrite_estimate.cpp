// Row estimates without statistics: table sizes are known, selectivities are guessed, and an
// equality join is taken for one of a foreign key with its primary key.
#include <cctype>
#include <cmath>
#include <limits>

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

constexpr double kNoBound = std::numeric_limits<double>::infinity();

RowEstimate Counted(double rows) { return {rows, rows, rows}; }

/// Rows that are guessed, and no more than `at_most`.
RowEstimate Guessed(double rows, double at_most) { return {rows, rows, at_most}; }

/// How many rows a join's sides make together when its residual keeps `kept` of them.
double JoinedRows(const LogicalNode& join, double left, double right, double kept) {
  const double rows = (join.left_keys.empty() ? left * right : std::max(left, right)) * kept;
  switch (join.join) {
    case JoinType::kLeft: return std::max(rows, left);
    case JoinType::kRight: return std::max(rows, right);
    case JoinType::kFull: return std::max(rows, left + right);
    default: return rows;
  }
}

RowEstimate JoinEstimate(const LogicalNode& join) {
  const auto left = EstimateOf(*join.children[0]), right = EstimateOf(*join.children[1]);
  switch (join.join) {
    case JoinType::kSemi: {  // so many rows as its right side has left
      const double kept = right.rows / std::max(1.0, right.unfiltered);
      return Guessed(left.rows * std::min(kSemiJoinPart, kept), left.at_most);
    }
    case JoinType::kAnti: return Guessed(left.rows * kSemiJoinPart, left.at_most);
    case JoinType::kMark: return Guessed(left.rows, left.at_most);
    default: break;
  }
  const double kept = join.residual ? SelectivityOf(*join.residual) : 1;
  return Guessed(JoinedRows(join, left.rows, right.rows, kept),
                 JoinedRows(join, left.at_most, right.at_most, 1));
}

RowEstimate AggregateEstimate(const LogicalNode& node) {
  const double sets = node.grouping_sets ? static_cast<double>(node.grouping_sets->size()) : 1;
  if (node.expressions.empty()) return Guessed(1, sets);
  const auto input = EstimateOf(*node.children[0]);
  return Guessed(std::max(1.0, input.rows * kGroupPart), std::max(1.0, input.at_most) * sets);
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

RowEstimate EstimateOf(const LogicalNode& node) {
  const auto child = [&] { return EstimateOf(*node.children[0]); };
  // So many times the child's rows, which is a guess.
  const auto times = [&](double factor) { return Guessed(child().rows * factor, kNoBound); };
  const auto limited = [&](double rows) {
    const auto input = child();
    return Guessed(std::min(input.rows, rows), std::min(input.at_most, rows));
  };
  switch (node.kind) {
    case NodeKind::kScan: {
      const auto rows = node.relation->estimated_row_count();
      return rows < 0 ? Guessed(kUnknownTableRows, kNoBound) : Counted(static_cast<double>(rows));
    }
    case NodeKind::kValues: return Counted(static_cast<double>(node.rows.size()));
    case NodeKind::kFilter: {
      auto estimate = child();
      estimate.rows *= SelectivityOf(*node.predicate);
      return estimate;
    }
    case NodeKind::kProject: return child();
    case NodeKind::kSort:
    case NodeKind::kSetOp:
    case NodeKind::kWindow: {
      const auto input = child();
      return Guessed(input.rows, input.at_most);
    }
    case NodeKind::kWindowBy:
      return times(std::max(1.0, static_cast<double>(node.window_ms) /
                                     static_cast<double>(std::max<int64_t>(1, node.slide_ms))));
    case NodeKind::kJoin: return JoinEstimate(node);
    case NodeKind::kAggregate: return AggregateEstimate(node);
    case NodeKind::kLimit:
      return limited(node.limit < 0 ? kNoBound : static_cast<double>(node.limit));
    case NodeKind::kUnion: {
      RowEstimate sum;
      for (const auto& part : node.children) {
        const auto estimate = EstimateOf(*part);
        sum = Guessed(sum.rows + estimate.rows, sum.at_most + estimate.at_most);
      }
      return sum;
    }
    case NodeKind::kShared:  // its plan is walked once, and not for each that reads it
      return node.estimated_rows < 0 ? child() : Guessed(node.estimated_rows, kNoBound);
    case NodeKind::kUnnest: return times(kUnnestedRows);
    case NodeKind::kSeries:
      return Counted(std::max(
          0.0, (static_cast<double>(node.series_to) - static_cast<double>(node.series_from)) /
                       static_cast<double>(node.series_step) +
                   1));
    case NodeKind::kSample: {
      if (node.sample->by_rows) return limited(node.sample->amount);
      const auto input = child();
      return Guessed(input.rows * node.sample->amount / 100, input.at_most);
    }
    case NodeKind::kRecursive: return times(kRecursionRounds);
    case NodeKind::kRecursiveRef: return Guessed(kUnknownTableRows, kNoBound);
  }
  return Guessed(kUnknownTableRows, kNoBound);
}

}  // namespace velaria::logical
