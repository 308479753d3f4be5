#include "functions/window_frames.hpp"

#include "functions/aggregate_states.hpp"

namespace velaria {

Result<ValidCounts> ValidCounts::Make(const Validity& validity, int64_t row_count,
                                      arrow::MemoryPool* pool) {
  ValidCounts out;
  if (validity.all_valid()) return out;
  out.all_ = false;
  ARROW_ASSIGN_OR_RAISE(out.counts_, PoolArray<uint32_t>::Make(row_count + 1, pool));
  out.counts_[0] = 0;
  for (int64_t i = 0; i < row_count; ++i) {
    out.counts_[i + 1] = out.counts_[i] + (validity.IsValid(i) ? 1 : 0);
  }
  return out;
}

int64_t WidestFrame(const WindowRows& rows) {
  int64_t widest = 0;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    widest = std::max(widest, static_cast<int64_t>(rows.frame_end[i]) -
                                  static_cast<int64_t>(rows.frame_start[i]));
  }
  return widest;
}

bool FramesOnlyGrow(const WindowRows& rows) {
  if (rows.exclusion != WindowExclusion::kNone) return false;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    if (rows.frame_start[i] != rows.partition_start[i]) return false;
    const bool same = i > 0 && rows.partition_start[i] == rows.partition_start[i - 1];
    if (same && rows.frame_end[i] < rows.frame_end[i - 1]) return false;
  }
  return true;
}

Result<Vector> CountOverFrames(const FunctionContext& context, const AggregateBinding& binding,
                               const WindowRows& rows) {
  Validity validity;
  if (!rows.arguments.empty()) validity = ValidityOf(rows.arguments[0]);
  ARROW_ASSIGN_OR_RAISE(const auto counts,
                        ValidCounts::Make(validity, rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(binding.type, rows.row_count, context.pool));
  auto* out = data->GetMutableValues<int64_t>(1);
  for (int64_t i = 0; i < rows.row_count; ++i) {
    int64_t count = 0;
    rows.ForEachRange(i, [&](uint32_t b, uint32_t e) { count += counts.Between(b, e); });
    out[i] = count;
  }
  return Vector{std::move(data), false};
}

}  // namespace velaria
