#include "execution/window_frame.hpp"

#include "logical/evaluate.hpp"

namespace velaria::execution {

using logical::FrameEdge;
using logical::FrameUnit;

namespace {

/// The constant offset of ROWS and GROUPS, cut to what can matter.
int64_t OffsetOf(const logical::BoundExprPtr& offset, int64_t row_count) {
  return std::min(ViewFixed<int64_t>(offset->literal)[0], row_count);
}

void RowsEdge(FrameEdge edge, int64_t offset, bool is_start, const WindowRun& run, Places* out) {
  const int64_t past = is_start ? 0 : 1;
  for (int64_t i = 0; i < run.row_count(); ++i) {
    const int64_t first = run.partition_start[i], last = run.partition_end[i];
    int64_t at = i + past;
    if (edge == FrameEdge::kUnbounded) at = is_start ? first : last;
    if (edge == FrameEdge::kPreceding) at -= offset;
    if (edge == FrameEdge::kFollowing) at += offset;
    (*out)[i] = static_cast<uint32_t>(std::clamp(at, first, last));
  }
}

/// GROUPS, and RANGE without an offset: the offset counts peer groups.
void GroupsEdge(FrameEdge edge, int64_t offset, bool is_start, const WindowRun& run, Places* out) {
  if (edge == FrameEdge::kPreceding) offset = -offset;
  if (edge == FrameEdge::kCurrentRow) offset = 0;
  const auto& starts = run.group_starts;
  int64_t group = -1;
  for (size_t partition = 0; partition < run.partition_count(); ++partition) {
    const uint32_t first = run.partition_starts[partition];
    const uint32_t last = run.partition_starts[partition + 1];
    const int64_t first_group = group + 1;
    int64_t end_group = first_group;
    while (starts[static_cast<size_t>(end_group)] < last) ++end_group;
    for (uint32_t i = first; i < last; ++i) {
      if (i == run.peer_start[i]) ++group;
      // Starts lie at a group's first row, ends past its last: the first row of the next.
      const int64_t to = std::clamp(group + offset + (is_start ? 0 : 1), first_group, end_group);
      (*out)[i] = edge == FrameEdge::kUnbounded ? (is_start ? first : last)
                                                : starts[static_cast<size_t>(to)];
    }
  }
}

/// RANGE with an offset: bounds are values; both keys and bounds only grow in the order of the
/// rows, so that one walk finds all. Rows whose key is NULL see their peers, and no other row sees
/// them.
Status RangeEdge(const WindowSpec& spec, const logical::BoundExprPtr& bound, bool is_start,
                 const WindowRun& run, QueryContext& query, Places* out) {
  const auto& order = spec.order[0];
  ARROW_ASSIGN_OR_RAISE(const auto key_expr, logical::MakeCast(order.expr, bound->type));
  std::vector<KeyColumn> columns;
  for (const auto& expr : {key_expr, bound}) {
    ARROW_ASSIGN_OR_RAISE(auto values, logical::Evaluate(*expr, run.rows, query.functions()));
    ARROW_ASSIGN_OR_RAISE(values, run.InOrder(values, query.pool()));
    ARROW_ASSIGN_OR_RAISE(auto column, MakeKey(order, values, run.row_count(), query.pool()));
    columns.push_back(std::move(column));
  }
  const auto& keys = columns[0];
  const auto& bounds = columns[1];
  for (size_t partition = 0; partition < run.partition_count(); ++partition) {
    uint32_t first = run.partition_starts[partition], last = run.partition_starts[partition + 1];
    for (uint32_t i = first; i < last; ++i) {
      if (keys.RankOf(i) == 1) continue;
      (*out)[i] = is_start ? run.peer_start[i] : run.peer_end[i];
    }
    while (first < last && keys.RankOf(first) != 1) ++first;
    while (first < last && keys.RankOf(last - 1) != 1) --last;
    uint32_t at = first;
    for (uint32_t i = first; i < last; ++i) {
      while (at < last && keys.Compare(at, bounds, i) < (is_start ? 0 : 1)) ++at;
      (*out)[i] = at;
    }
  }
  return Status::OK();
}

bool SameOffset(const logical::BoundExprPtr& a, const logical::BoundExprPtr& b) {
  return a == b || (a && b && logical::Equal(*a, *b));
}

}  // namespace

bool IsWholePartition(const WindowSpec& spec, const logical::WindowFrame& frame) {
  if (frame.exclusion != logical::FrameExclusion::kNoOthers) return false;
  // Without ORDER BY all rows are peers.
  const bool peers_are_all = spec.order.empty() && frame.unit != FrameUnit::kRows;
  const auto reaches = [&](FrameEdge edge) {
    return edge == FrameEdge::kUnbounded || (peers_are_all && edge == FrameEdge::kCurrentRow);
  };
  return reaches(frame.start) && reaches(frame.end);
}

bool SameFrame(const logical::WindowFrame& a, const logical::WindowFrame& b) {
  return a.unit == b.unit && a.start == b.start && a.end == b.end && a.exclusion == b.exclusion &&
         SameOffset(a.start_offset, b.start_offset) && SameOffset(a.end_offset, b.end_offset);
}

Result<FrameBounds> BoundsOf(const WindowSpec& spec, const logical::WindowFrame& frame,
                             const WindowRun& run, QueryContext& query) {
  FrameBounds bounds;
  for (const bool is_start : {true, false}) {
    ARROW_ASSIGN_OR_RAISE(auto places, Places::Make(run.row_count(), query.pool()));
    const FrameEdge edge = is_start ? frame.start : frame.end;
    const auto& offset = is_start ? frame.start_offset : frame.end_offset;
    const bool has_offset = edge == FrameEdge::kPreceding || edge == FrameEdge::kFollowing;
    if (frame.unit == FrameUnit::kRange && has_offset) {
      const auto& bound = is_start ? frame.start_bound : frame.end_bound;
      ARROW_RETURN_NOT_OK(RangeEdge(spec, bound, is_start, run, query, &places));
    } else {
      const int64_t count = has_offset ? OffsetOf(offset, run.row_count()) : 0;
      if (frame.unit == FrameUnit::kRows) {
        RowsEdge(edge, count, is_start, run, &places);
      } else {
        GroupsEdge(edge, count, is_start, run, &places);
      }
    }
    (is_start ? bounds.start : bounds.end) = std::move(places);
  }
  return bounds;
}

}  // namespace velaria::execution
