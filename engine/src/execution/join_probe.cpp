#include "base/text.hpp"
#include "execution/join.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// Where a worker stands in the chunk it probes.
class ProbeState final : public OperatorState {
 public:
  ProbeState(JoinBuild* join_build, const JoinSpec& spec) : build(join_build) {
    if (!spec.residual) return;
    residual_reads.resize(spec.left_types.size() + spec.right_types.size(), false);
    std::vector<int> columns;
    logical::CollectColumns(*spec.residual, &columns);
    for (const int column : columns) residual_reads[static_cast<size_t>(column)] = true;
  }

  JoinBuild* const build;
  std::vector<bool> residual_reads;  // by column of a pair
  KeyScratch scratch, scope_scratch;
  bool open = false;
  std::vector<uint32_t> groups;       // per selected row of the input
  std::vector<uint32_t> nearest;      // of an ASOF join: likewise, the one build row
  std::vector<uint8_t> left_matched;  // of a mark join: 2 when unknown
  int64_t row = 0;                    // next selected row
  size_t list_position = 0;           // next build row of that row's list
  std::vector<uint32_t> left_rows;    // pairs: position in the selection
  std::vector<uint32_t> right_rows;
};

/// Fills `nearest`; a row without one loses its group.
Status FindNearest(const logical::AsofCondition& asof, const Chunk& in, ProbeState& state,
                   TaskContext& context) {
  const int64_t count = in.selected_count();
  ARROW_ASSIGN_OR_RAISE(auto vector, logical::Evaluate(*asof.left, in, context.query.functions()));
  ARROW_ASSIGN_OR_RAISE(const auto key,
                        MakeKey({asof.left, false, false}, vector, count, context.pool()));
  const Validity validity = ValidityOf(key.held);
  state.nearest.assign(static_cast<size_t>(count), AsofIndex::kNone);
  for (size_t i = 0; i < state.nearest.size(); ++i) {
    uint32_t& group = state.groups[i];
    if (group != KeyTable::kAbsent && validity.IsValid(static_cast<int64_t>(i)))
      state.nearest[i] = state.build->asof().Nearest(group, key, i);
    if (state.nearest[i] == AsofIndex::kNone) group = KeyTable::kAbsent;
  }
  return Status::OK();
}

Status OpenChunk(const JoinSpec& spec, const Chunk& in, ProbeState& state, TaskContext& context) {
  const int64_t count = in.selected_count();
  std::vector<Vector> keys;
  for (const auto& expr : spec.left_keys) {
    ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, in, context.query.functions()));
    keys.push_back(std::move(key));
  }
  state.groups.resize(static_cast<size_t>(count));
  ARROW_RETURN_NOT_OK(state.build->Find(keys, count, &state.scratch, state.groups.data()));
  if (spec.asof) ARROW_RETURN_NOT_OK(FindNearest(*spec.asof, in, state, context));
  state.left_matched.assign(static_cast<size_t>(count), 0);
  if (spec.mark_operands > 0) {
    ARROW_RETURN_NOT_OK(
        state.build->AnswerUnmatched(keys, count, &state.scope_scratch, state.left_matched.data()));
  }
  if (!spec.emits_pairs() && !spec.residual) {  // which row matches does not matter
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t group = state.groups[static_cast<size_t>(i)];
      if (group == KeyTable::kAbsent) continue;
      const auto rows = state.build->RowsOf(group);
      if (rows.empty()) continue;
      state.left_matched[static_cast<size_t>(i)] = 1;
      // All rows of a key are marked together.
      if (!spec.is_turned || state.build->IsMatched(rows[0])) continue;
      for (const uint32_t row : rows) state.build->MarkMatched(row);
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
    const auto row = static_cast<size_t>(state.row);
    const uint32_t group = state.groups[row];
    if (group != KeyTable::kAbsent) {
      const auto list = state.nearest.empty() ? state.build->RowsOf(group)
                                              : std::span<const uint32_t>(&state.nearest[row], 1);
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

/// The pair columns that are (not) `wanted`, each of the rows of its side.
Status GatherSome(const Chunk& in, const ProbeState& state, std::span<const uint32_t> left_rows,
                  bool wanted, arrow::MemoryPool* pool, Chunk* pairs) {
  const auto& right = state.build->rows().columns;
  for (size_t i = 0; i < pairs->columns.size(); ++i) {
    if (state.residual_reads[i] != wanted) continue;
    const bool of_left = i < in.columns.size();
    ARROW_ASSIGN_OR_RAISE(pairs->columns[i],
                          of_left ? Gather(in.columns[i], left_rows, pool)
                                  : Gather(right[i - in.columns.size()], state.right_rows, pool));
  }
  return Status::OK();
}

std::vector<uint32_t> Picked(const std::vector<uint32_t>& values, const Selection& rows) {
  std::vector<uint32_t> out;
  out.reserve(rows.size());
  for (const uint32_t row : rows) out.push_back(values[row]);
  return out;
}

/// The pairs under the residual, of which `state` then holds no others or which a selection names.
/// What the residual does not read is gathered for the pairs that are left.
Status FilterPairs(const JoinSpec& spec, const Chunk& in, ProbeState& state,
                   std::vector<uint32_t>* left_rows, TaskContext& context, Chunk* pairs) {
  ARROW_ASSIGN_OR_RAISE(const Vector unread, MakeNullConstant(arrow::null(), context.pool()));
  pairs->row_count = static_cast<int64_t>(left_rows->size());
  pairs->columns.assign(state.residual_reads.size(), unread);
  ARROW_RETURN_NOT_OK(GatherSome(in, state, *left_rows, true, context.pool(), pairs));
  ARROW_ASSIGN_OR_RAISE(pairs->selection,
                        logical::SelectRows(*spec.residual, *pairs, context.query.functions()));
  if (!spec.emits_pairs()) return Status::OK();
  if (pairs->selected_count() * 2 >= pairs->row_count)
    return GatherSome(in, state, *left_rows, false, context.pool(), pairs);
  state.left_rows = Picked(state.left_rows, *pairs->selection);
  state.right_rows = Picked(state.right_rows, *pairs->selection);
  *left_rows = Picked(*left_rows, *pairs->selection);
  pairs->selection = nullptr;
  pairs->row_count = static_cast<int64_t>(left_rows->size());
  ARROW_RETURN_NOT_OK(GatherSome(in, state, *left_rows, true, context.pool(), pairs));
  return GatherSome(in, state, *left_rows, false, context.pool(), pairs);
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
      static_cast<JoinBuild*>(context.states[static_cast<size_t>(build_)].get()), *spec_);
}

Result<OperatorFlow> JoinProbeNode::Process(const Chunk& in, Chunk* out, OperatorState& base,
                                            TaskContext& context) const {
  auto& state = static_cast<ProbeState&>(base);
  const JoinSpec& spec = *spec_;
  arrow::MemoryPool* pool = context.pool();
  if (!state.open) ARROW_RETURN_NOT_OK(OpenChunk(spec, in, state, context));
  out->ordinal = in.ordinal;
  if (NextPairs(state)) {
    auto rows = PhysicalRows(in, state.left_rows);
    Chunk pairs;
    if (spec.residual) {
      ARROW_RETURN_NOT_OK(FilterPairs(spec, in, state, &rows, context, &pairs));
    } else {
      pairs.row_count = static_cast<int64_t>(rows.size());
      if (spec.emits_pairs()) {
        ARROW_RETURN_NOT_OK(GatherInto(in.columns, rows, pool, &pairs));
        ARROW_RETURN_NOT_OK(
            GatherInto(state.build->rows().columns, state.right_rows, pool, &pairs));
      }
    }
    const int64_t matched = pairs.selected_count();
    if (spec.keeps_left() || !spec.emits_pairs()) {
      for (int64_t i = 0; i < matched; ++i)
        state.left_matched[state.left_rows[pairs.row_at(i)]] = 1;
    }
    if (spec.marks_right()) {
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
  if (spec.is_turned) return OperatorFlow::kNeedInput;
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
  if (spec_->asof) {
    keys.push_back(logical::ToText(*spec_->asof->left) + " " + spec_->asof->op + " " +
                   logical::ToText(*spec_->asof->right));
  }
  std::string text = std::string(spec_->asof        ? "asof "
                                 : spec_->is_turned ? "turned "
                                                    : "") +
                     kNames[static_cast<int>(spec_->type)] + " join probe";
  if (!keys.empty()) text += " on " + Join(keys, " and ");
  if (spec_->residual) text += " where " + logical::ToText(*spec_->residual);
  return text;
}

}  // namespace velaria::execution
