#include "base/text.hpp"
#include "execution/join.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// Where a worker stands in the chunk it probes.
class ProbeState final : public OperatorState {
 public:
  explicit ProbeState(JoinBuild* join_build) : build(join_build) {}

  JoinBuild* const build;
  KeyScratch scratch, scope_scratch;
  bool open = false;
  std::vector<uint32_t> groups;       // per selected row of the input
  std::vector<uint8_t> left_matched;  // of a mark join: 2 when unknown
  int64_t row = 0;                    // next selected row
  size_t list_position = 0;           // next build row of that row's list
  std::vector<uint32_t> left_rows;    // pairs: position in the selection
  std::vector<uint32_t> right_rows;
};

Status OpenChunk(const JoinSpec& spec, const Chunk& in, ProbeState& state, TaskContext& context) {
  const int64_t count = in.selected_count();
  std::vector<Vector> keys;
  for (const auto& expr : spec.left_keys) {
    ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, in, context.query.functions()));
    keys.push_back(std::move(key));
  }
  state.groups.resize(static_cast<size_t>(count));
  ARROW_RETURN_NOT_OK(state.build->Find(keys, count, &state.scratch, state.groups.data()));
  state.left_matched.assign(static_cast<size_t>(count), 0);
  if (spec.mark_operands > 0) {
    ARROW_RETURN_NOT_OK(
        state.build->AnswerUnmatched(keys, count, &state.scope_scratch, state.left_matched.data()));
  }
  if (!spec.emits_pairs() && !spec.residual) {  // which row matches does not matter
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t group = state.groups[static_cast<size_t>(i)];
      if (group == KeyTable::kAbsent || state.build->RowsOf(group).empty()) continue;
      state.left_matched[static_cast<size_t>(i)] = 1;
    }
    state.groups.clear();
  }
  state.row = 0;
  state.list_position = 0;
  state.open = true;
  return Status::OK();
}

/// The next pairs, at most kChunkRows; false when the input has no more.
bool NextPairs(ProbeState& state) {
  state.left_rows.clear();
  state.right_rows.clear();
  const auto count = static_cast<int64_t>(state.groups.size());
  while (state.row < count && state.left_rows.size() < static_cast<size_t>(kChunkRows)) {
    const uint32_t group = state.groups[state.row];
    if (group != KeyTable::kAbsent) {
      const auto list = state.build->RowsOf(group);
      const size_t take = std::min(list.size() - state.list_position,
                                   static_cast<size_t>(kChunkRows) - state.left_rows.size());
      state.left_rows.insert(state.left_rows.end(), take, static_cast<uint32_t>(state.row));
      state.right_rows.insert(state.right_rows.end(),
                              list.begin() + static_cast<int64_t>(state.list_position),
                              list.begin() + static_cast<int64_t>(state.list_position + take));
      state.list_position += take;
      if (state.list_position < list.size()) return true;
    }
    ++state.row;
    state.list_position = 0;
  }
  return !state.left_rows.empty();
}

std::vector<uint32_t> PhysicalRows(const Chunk& in, const std::vector<uint32_t>& selected) {
  if (!in.selection) return selected;
  std::vector<uint32_t> rows(selected.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = (*in.selection)[selected[i]];
  return rows;
}

Status GatherInto(const std::vector<Vector>& columns, std::span<const uint32_t> rows,
                  arrow::MemoryPool* pool, Chunk* out) {
  for (const auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(column, rows, pool));
    out->columns.push_back(std::move(gathered));
  }
  return Status::OK();
}

/// Selected rows of the input whose matched flag is `wanted`.
std::vector<uint32_t> RowsByFlag(const ProbeState& state, uint8_t wanted) {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < state.left_matched.size(); ++i) {
    if (state.left_matched[i] == wanted) rows.push_back(i);
  }
  return rows;
}

/// The answers as a BOOLEAN column over the physical rows of the input.
Result<Vector> MarkColumn(const ProbeState& state, const Chunk& in, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(auto values, AllocateBitmap(in.row_count, false, pool));
  ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(in.row_count, true, pool));
  int64_t nulls = 0;
  for (size_t i = 0; i < state.left_matched.size(); ++i) {
    const uint32_t row = in.row_at(static_cast<int64_t>(i));
    if (state.left_matched[i] == 1) {
      arrow::bit_util::SetBit(values->mutable_data(), row);
    } else if (state.left_matched[i] == 2) {
      arrow::bit_util::ClearBit(validity->mutable_data(), row);
      ++nulls;
    }
  }
  if (nulls == 0) validity = nullptr;
  return Vector{arrow::ArrayData::Make(arrow::boolean(), in.row_count,
                                       {std::move(validity), std::move(values)}, nulls),
                false};
}

}  // namespace

Result<std::unique_ptr<OperatorState>> JoinProbeNode::MakeState(const OpenContext& context) const {
  return std::make_unique<ProbeState>(
      static_cast<JoinBuild*>(context.states[static_cast<size_t>(build_)].get()));
}

Result<OperatorFlow> JoinProbeNode::Process(const Chunk& in, Chunk* out, OperatorState& base,
                                            TaskContext& context) const {
  auto& state = static_cast<ProbeState&>(base);
  const JoinSpec& spec = *spec_;
  arrow::MemoryPool* pool = context.pool();
  if (!state.open) ARROW_RETURN_NOT_OK(OpenChunk(spec, in, state, context));
  out->ordinal = in.ordinal;
  if (NextPairs(state)) {
    const auto rows = PhysicalRows(in, state.left_rows);
    Chunk pairs;
    pairs.row_count = static_cast<int64_t>(rows.size());
    const bool need_columns = spec.emits_pairs() || spec.residual;
    if (need_columns) {
      ARROW_RETURN_NOT_OK(GatherInto(in.columns, rows, pool, &pairs));
      ARROW_RETURN_NOT_OK(GatherInto(state.build->rows().columns, state.right_rows, pool, &pairs));
    }
    if (spec.residual) {
      ARROW_ASSIGN_OR_RAISE(pairs.selection,
                            logical::SelectRows(*spec.residual, pairs, context.query.functions()));
    }
    const int64_t matched = pairs.selected_count();
    if (spec.keeps_left() || !spec.emits_pairs()) {
      for (int64_t i = 0; i < matched; ++i)
        state.left_matched[state.left_rows[pairs.row_at(i)]] = 1;
    }
    if (spec.keeps_right()) {
      for (int64_t i = 0; i < matched; ++i)
        state.build->MarkMatched(state.right_rows[pairs.row_at(i)]);
    }
    if (spec.emits_pairs()) {
      *out = std::move(pairs);
      out->ordinal = in.ordinal;
      out->positions = GatherPositions(in.positions, rows);
    }
    return OperatorFlow::kMoreOutput;
  }
  state.open = false;
  if (spec.keeps_left()) {
    const auto rows = PhysicalRows(in, RowsByFlag(state, 0));
    if (rows.empty()) return OperatorFlow::kNeedInput;
    ARROW_RETURN_NOT_OK(GatherInto(in.columns, rows, pool, out));
    for (const auto& type : spec.right_types) {
      ARROW_ASSIGN_OR_RAISE(auto null, MakeNullConstant(type, pool));
      out->columns.push_back(std::move(null));
    }
    out->row_count = static_cast<int64_t>(rows.size());
    out->positions = GatherPositions(in.positions, rows);
  } else if (spec.type == logical::JoinType::kMark) {
    ARROW_ASSIGN_OR_RAISE(auto mark, MarkColumn(state, in, pool));
    *out = in;
    out->columns.push_back(std::move(mark));
  } else if (!spec.emits_pairs()) {
    const auto rows =
        PhysicalRows(in, RowsByFlag(state, spec.type == logical::JoinType::kSemi ? 1 : 0));
    *out = in;
    out->selection = std::make_shared<const Selection>(rows.begin(), rows.end());
  }
  return OperatorFlow::kNeedInput;
}

std::string JoinProbeNode::Text() const {
  static constexpr const char* kNames[] = {"inner", "left", "right", "full",
                                           "cross", "semi", "anti",  "mark"};
  std::vector<std::string> keys;
  for (size_t i = 0; i < spec_->left_keys.size(); ++i) {
    keys.push_back(logical::ToText(*spec_->left_keys[i]) + " = " +
                   logical::ToText(*spec_->right_keys[i]));
  }
  std::string text = std::string(kNames[static_cast<int>(spec_->type)]) + " join probe";
  if (!keys.empty()) text += " on " + Join(keys, " and ");
  if (spec_->residual) text += " where " + logical::ToText(*spec_->residual);
  return text;
}

}  // namespace velaria::execution
