#include "execution/unnest.hpp"

#include <arrow/compute/api.h>

#include "base/text.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// Where a row's elements lie among the values of a list vector.
struct Extent {
  int64_t begin = 0, length = 0;
};

/// One list argument over the present input.
class ListView {
 public:
  explicit ListView(Vector vector) : vector_(std::move(vector)), validity_(ValidityOf(vector_)) {
    const auto& data = *vector_.data;
    switch (data.type->id()) {
      case arrow::Type::LIST: offsets_ = data.GetValues<int32_t>(1); break;
      case arrow::Type::LARGE_LIST: wide_offsets_ = data.GetValues<int64_t>(1); break;
      case arrow::Type::FIXED_SIZE_LIST:
        width_ = static_cast<const arrow::FixedSizeListType&>(*data.type).list_size();
        break;
      default: break;  // of the type NULL: no row is valid
    }
  }

  Extent At(int64_t row) const {
    if (!validity_.IsValid(row)) return {};
    if (vector_.constant) row = 0;
    if (offsets_) return {offsets_[row], offsets_[row + 1] - offsets_[row]};
    if (wide_offsets_) return {wide_offsets_[row], wide_offsets_[row + 1] - wide_offsets_[row]};
    return {(vector_.data->offset + row) * width_, width_};
  }

  /// The elements at `positions` (-1: NULL). Those of lists that follow each other lie in one
  /// piece, which is not copied.
  Result<Vector> Elements(std::span<const int32_t> positions, arrow::MemoryPool* pool) const {
    const auto& data = *vector_.data;
    const auto count = static_cast<int64_t>(positions.size());
    if (data.type->id() == arrow::Type::NA) {
      ARROW_ASSIGN_OR_RAISE(auto none, arrow::MakeArrayOfNull(arrow::null(), count, pool));
      return MakeVector(none);
    }
    const Vector elements{data.child_data[0], false};
    const int32_t first = positions.front();
    bool in_one_piece = first >= 0;
    for (int64_t i = 0; i < count; ++i) {
      in_one_piece &= positions[static_cast<size_t>(i)] == first + i;
    }
    if (in_one_piece) return Slice(elements, first, count);
    return GatherOrNull(elements, positions, pool);
  }

 private:
  const Vector vector_;
  const Validity validity_;
  const int32_t* offsets_ = nullptr;
  const int64_t* wide_offsets_ = nullptr;
  int64_t width_ = 0;
};

class UnnestState final : public OperatorState {
 public:
  std::vector<ListView> lists;
  bool open = false;
  int64_t row = 0;      // next selected row of the input
  int64_t element = 0;  // next element of that row
  std::vector<Extent> extents;
};

/// The rows of one call.
struct Multiplied {
  std::vector<uint32_t> rows;                   // of the input
  std::vector<std::vector<int32_t>> positions;  // by list: of its elements, -1 behind its end
  std::vector<int64_t> ordinals;                // from 1; 0 for a row without elements
};

/// The next rows, at most kChunkRows: for each row of the input where its elements lie.
Multiplied NextRows(const Chunk& in, bool keeps_empty, UnnestState* state) {
  Multiplied next;
  next.positions.resize(state->lists.size());
  state->extents.resize(state->lists.size());
  const int64_t count = in.selected_count();
  int64_t room = kChunkRows;
  while (state->row < count && room > 0) {
    int64_t longest = 0;
    for (size_t i = 0; i < state->lists.size(); ++i) {
      state->extents[i] = state->lists[i].At(state->row);
      longest = std::max(longest, state->extents[i].length);
    }
    const bool kept = longest == 0 && keeps_empty;
    const int64_t wanted = kept ? 1 : longest - state->element;
    const int64_t taken = std::min(wanted, room);
    next.rows.insert(next.rows.end(), static_cast<size_t>(taken), in.row_at(state->row));
    for (int64_t i = 0; i < taken; ++i) {
      next.ordinals.push_back(kept ? 0 : state->element + i + 1);
    }
    for (size_t i = 0; i < state->extents.size(); ++i) {
      const Extent& extent = state->extents[i];
      for (int64_t at = state->element; at < state->element + taken; ++at) {
        const bool there = at < extent.length;
        next.positions[i].push_back(there ? static_cast<int32_t>(extent.begin + at) : -1);
      }
    }
    room -= taken;
    state->element += taken;
    if (taken == wanted) {
      ++state->row;
      state->element = 0;
    }
  }
  return next;
}

/// The positions from 1, NULL for a row without elements.
Result<Vector> Ordinals(const std::vector<int64_t>& ordinals, arrow::MemoryPool* pool) {
  const auto count = static_cast<int64_t>(ordinals.size());
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(arrow::int64(), count, pool));
  std::copy(ordinals.begin(), ordinals.end(), data->GetMutableValues<int64_t>(1));
  data->null_count = std::count(ordinals.begin(), ordinals.end(), 0);
  if (data->null_count > 0) {
    ARROW_ASSIGN_OR_RAISE(data->buffers[0], AllocateBitmap(count, false, pool));
    for (int64_t i = 0; i < count; ++i) {
      if (ordinals[static_cast<size_t>(i)] > 0) {
        arrow::bit_util::SetBit(data->buffers[0]->mutable_data(), i);
      }
    }
  }
  return Vector{std::move(data), false};
}

class SeriesState final : public SourceState {
 public:
  SeriesState(int64_t from, int64_t step, uint64_t count)
      : from_(from), step_(step), count_(count) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    if (next_ >= count_) return Flow::kFinished;
    morsel->begin = static_cast<int64_t>(next_);
    next_ = std::min(count_, next_ + static_cast<uint64_t>(kMorselRows));
    morsel->end = static_cast<int64_t>(next_);
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    const int64_t begin = morsel.begin + *position;
    if (begin >= morsel.end) return Flow::kFinished;
    const int64_t count = std::min(kChunkRows, morsel.end - begin);
    ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(arrow::int64(), count, context.pool()));
    auto* values = data->GetMutableValues<uint64_t>(1);
    // Unsigned, so that the steps of a series that spans the whole range wrap where they should.
    const auto first =
        static_cast<uint64_t>(from_) + static_cast<uint64_t>(begin) * static_cast<uint64_t>(step_);
    for (int64_t i = 0; i < count; ++i) {
      values[i] = first + static_cast<uint64_t>(i) * static_cast<uint64_t>(step_);
    }
    chunk->columns = {Vector{std::move(data), false}};
    chunk->row_count = count;
    chunk->ordinal = static_cast<uint64_t>(begin);
    *position += count;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override {
    return count_ > static_cast<uint64_t>(kMorselRows) ? 64 : 1;
  }

 private:
  const int64_t from_, step_;
  const uint64_t count_;
  uint64_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<OperatorState>> UnnestNode::MakeState(const OpenContext&) const {
  return std::make_unique<UnnestState>();
}

Result<OperatorFlow> UnnestNode::Process(const Chunk& in, Chunk* out, OperatorState& base,
                                         TaskContext& context) const {
  auto& state = static_cast<UnnestState&>(base);
  if (!state.open) {
    state.lists.clear();
    for (const auto& expr : lists_) {
      ARROW_ASSIGN_OR_RAISE(auto list, logical::Evaluate(*expr, in, context.query.functions()));
      state.lists.emplace_back(std::move(list));
    }
    state.row = state.element = 0;
    state.open = true;
  }
  const Multiplied next = NextRows(in, keeps_empty_, &state);
  state.open = state.row < in.selected_count();
  if (!next.rows.empty()) {
    for (const int column : columns_) {
      ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(in.columns[static_cast<size_t>(column)],
                                                  next.rows, context.pool()));
      out->columns.push_back(std::move(gathered));
    }
    for (size_t list = 0; list < lists_.size(); ++list) {
      ARROW_ASSIGN_OR_RAISE(auto elements,
                            state.lists[list].Elements(next.positions[list], context.pool()));
      out->columns.push_back(std::move(elements));
    }
    if (with_ordinality_) {
      ARROW_ASSIGN_OR_RAISE(auto ordinals, Ordinals(next.ordinals, context.pool()));
      out->columns.push_back(std::move(ordinals));
    }
    out->row_count = static_cast<int64_t>(next.rows.size());
    out->ordinal = in.ordinal + next.rows.front();
  }
  return state.open ? OperatorFlow::kMoreOutput : OperatorFlow::kNeedInput;
}

std::string UnnestNode::Text() const {
  std::vector<std::string> parts;
  for (const auto& list : lists_) parts.push_back(logical::ToText(*list));
  return "unnest " + Join(parts, ", ");
}

Result<std::unique_ptr<SourceState>> SeriesNode::Open(const OpenContext&) const {
  if (step_ > 0 ? from_ > to_ : from_ < to_) return std::make_unique<SeriesState>(from_, step_, 0);
  const uint64_t span = step_ > 0 ? static_cast<uint64_t>(to_) - static_cast<uint64_t>(from_)
                                  : static_cast<uint64_t>(from_) - static_cast<uint64_t>(to_);
  const uint64_t step = step_ > 0 ? static_cast<uint64_t>(step_) : -static_cast<uint64_t>(step_);
  const uint64_t count = span / step + 1;
  if (count == 0 || count > uint64_t{1} << 62) {
    return Fail(ErrorCode::kBadArgument, "a series of more rows than can be counted");
  }
  return std::make_unique<SeriesState>(from_, step_, count);
}

std::string SeriesNode::Text() const {
  return "series " + std::to_string(from_) + " to " + std::to_string(to_) + " step " +
         std::to_string(step_);
}

}  // namespace velaria::execution
