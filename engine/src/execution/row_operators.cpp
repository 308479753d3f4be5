#include "execution/row_operators.hpp"

#include "base/text.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// How many units of a temporal type make a millisecond; below 1 for seconds and dates.
struct TimeUnit {
  int64_t per_ms_numerator;
  int64_t per_ms_denominator;
};

TimeUnit UnitOf(const arrow::DataType& type) {
  if (type.id() != arrow::Type::TIMESTAMP) return {1, 86400000};
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::SECOND: return {1, 1000};
    case arrow::TimeUnit::MILLI: return {1, 1};
    case arrow::TimeUnit::MICRO: return {1000, 1};
    default: return {1000000, 1};
  }
}

int64_t FloorTo(int64_t value, int64_t step) {
  int64_t rest = value % step;
  if (rest < 0) rest += step;
  return value - rest;
}

/// Where a worker stands among the (row, window) pairs of the chunk it expands.
class ExpandState final : public OperatorState {
 public:
  bool open = false;
  Vector times;                // of the input's selected rows
  int64_t row = 0;             // next selected row
  bool in_row = false;         // some of that row's windows are out
  int64_t start = 0;           // its next window
  std::vector<uint32_t> rows;  // pairs of one call
  std::vector<int64_t> starts;
};

/// The next pairs, at most kChunkRows; false when the input has no more.
bool NextPairs(const Chunk& in, int64_t window, int64_t slide, ExpandState& state) {
  state.rows.clear();
  state.starts.clear();
  const bool days = state.times.type()->id() == arrow::Type::DATE32;
  const auto validity = ValidityOf(state.times);
  const auto wide =
      days ? FixedView<int64_t>{nullptr, 0, validity} : ViewFixed<int64_t>(state.times);
  const auto narrow =
      days ? ViewFixed<int32_t>(state.times) : FixedView<int32_t>{nullptr, 0, validity};
  const int64_t count = in.selected_count();
  for (; state.row < count; ++state.row, state.in_row = false) {
    if (!validity.IsValid(state.row)) continue;
    const int64_t at = days ? narrow[state.row] : wide[state.row];
    if (!state.in_row) state.start = FloorTo(at, slide);
    for (; state.start > at - window; state.start -= slide) {
      if (state.rows.size() == static_cast<size_t>(kChunkRows)) {
        state.in_row = true;
        return true;
      }
      state.rows.push_back(in.row_at(state.row));
      state.starts.push_back(state.start);
    }
  }
  return false;
}

}  // namespace

Result<OperatorFlow> FilterNode::Process(const Chunk& in, Chunk* out, OperatorState&,
                                         TaskContext& context) const {
  ARROW_ASSIGN_OR_RAISE(auto rows, logical::SelectRows(*predicate_, in, context.query.functions()));
  *out = in;
  if (rows) out->selection = std::move(rows);
  return OperatorFlow::kNeedInput;
}

ProjectNode::ProjectNode(std::vector<logical::BoundExprPtr> expressions)
    : expressions_(std::move(expressions)) {
  only_columns_ = std::all_of(expressions_.begin(), expressions_.end(), [](const auto& expr) {
    return expr->kind == logical::BoundKind::kColumn;
  });
}

Result<OperatorFlow> ProjectNode::Process(const Chunk& in, Chunk* out, OperatorState&,
                                          TaskContext& context) const {
  out->columns.reserve(expressions_.size());
  out->ordinal = in.ordinal;
  if (only_columns_) {  // nothing is computed, so the selection can stay
    for (const auto& expr : expressions_)
      out->columns.push_back(in.columns[static_cast<size_t>(expr->column)]);
    out->row_count = in.row_count;
    out->selection = in.selection;
    out->positions = in.positions;
    return OperatorFlow::kNeedInput;
  }
  for (const auto& expr : expressions_) {
    ARROW_ASSIGN_OR_RAISE(auto column, logical::Evaluate(*expr, in, context.query.functions()));
    out->columns.push_back(std::move(column));
  }
  out->row_count = in.selected_count();
  out->positions = in.selection ? GatherPositions(in.positions, *in.selection) : in.positions;
  if (in.selection && !in.selection->empty()) out->ordinal = in.ordinal + in.selection->front();
  return OperatorFlow::kNeedInput;
}

std::string ProjectNode::Text() const {
  std::vector<std::string> parts;
  for (const auto& expr : expressions_) parts.push_back(logical::ToText(*expr));
  return "project " + Join(parts, ", ");
}

WindowExpandNode::WindowExpandNode(logical::BoundExprPtr time, int64_t window_ms, int64_t slide_ms)
    : time_(std::move(time)), window_ms_(window_ms), slide_ms_(slide_ms) {
  const TimeUnit unit = UnitOf(*time_->type);
  window_ = window_ms * unit.per_ms_numerator / unit.per_ms_denominator;
  slide_ = slide_ms * unit.per_ms_numerator / unit.per_ms_denominator;
}

Result<std::unique_ptr<OperatorState>> WindowExpandNode::MakeState(const OpenContext&) const {
  return std::make_unique<ExpandState>();
}

Result<OperatorFlow> WindowExpandNode::Process(const Chunk& in, Chunk* out, OperatorState& base,
                                               TaskContext& context) const {
  auto& state = static_cast<ExpandState&>(base);
  if (!state.open) {
    ARROW_ASSIGN_OR_RAISE(auto time, logical::Evaluate(*time_, in, context.query.functions()));
    state.times = std::move(time);
    state.row = 0;
    state.in_row = false;
  }
  state.open = NextPairs(in, window_, slide_, state);
  if (state.rows.empty()) return OperatorFlow::kNeedInput;
  const auto count = static_cast<int64_t>(state.rows.size());
  for (const auto& column : in.columns) {
    ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(column, state.rows, context.pool()));
    out->columns.push_back(std::move(gathered));
  }
  ARROW_ASSIGN_OR_RAISE(auto starts, AllocateFixed(time_->type, count, context.pool()));
  if (time_->type->id() == arrow::Type::DATE32) {
    std::copy(state.starts.begin(), state.starts.end(), starts->GetMutableValues<int32_t>(1));
  } else {
    std::copy(state.starts.begin(), state.starts.end(), starts->GetMutableValues<int64_t>(1));
  }
  out->columns.push_back({std::move(starts), false});
  out->row_count = count;
  out->ordinal = in.ordinal + state.rows.front();
  out->positions = GatherPositions(in.positions, state.rows);
  return state.open ? OperatorFlow::kMoreOutput : OperatorFlow::kNeedInput;
}

std::string WindowExpandNode::Text() const {
  return "window " + logical::ToText(*time_) + ": every_ms=" + std::to_string(window_ms_) +
         ", slide_ms=" + std::to_string(slide_ms_);
}

}  // namespace velaria::execution
