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

template <typename Offset>
Extent ExtentAt(const arrow::ArrayData& list, int64_t row) {
  const Offset* offsets = list.GetValues<Offset>(1);
  return {offsets[row], offsets[row + 1] - offsets[row]};
}

/// One list argument over the present input.
class ListView {
 public:
  explicit ListView(Vector vector) : vector_(std::move(vector)), validity_(ValidityOf(vector_)) {}

  Result<Extent> At(int64_t row) const {
    const auto& data = *vector_.data;
    if (!validity_.IsValid(row)) return Extent{};
    if (vector_.constant) row = 0;
    switch (data.type->id()) {
      case arrow::Type::NA: return Extent{};
      case arrow::Type::LIST: return ExtentAt<int32_t>(data, row);
      case arrow::Type::LARGE_LIST: return ExtentAt<int64_t>(data, row);
      case arrow::Type::FIXED_SIZE_LIST: {
        const int64_t width = static_cast<const arrow::FixedSizeListType&>(*data.type).list_size();
        return Extent{(data.offset + row) * width, width};
      }
      default: return Bug("unnest over a type that is no list: " + data.type->ToString());
    }
  }

  /// The elements at `positions` (-1: NULL).
  Result<Vector> Elements(std::span<const int32_t> positions, arrow::MemoryPool* pool) const {
    const auto& data = *vector_.data;
    if (data.type->id() == arrow::Type::NA) {
      ARROW_ASSIGN_OR_RAISE(
          auto none,
          arrow::MakeArrayOfNull(arrow::null(), static_cast<int64_t>(positions.size()), pool));
      return MakeVector(none);
    }
    return GatherOrNull(Vector{data.child_data[0], false}, positions, pool);
  }

 private:
  const Vector vector_;
  const Validity validity_;
};

class UnnestState final : public OperatorState {
 public:
  std::vector<ListView> lists;
  bool open = false;
  int64_t row = 0;      // next selected row of the input
  int64_t element = 0;  // next element of that row
};

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
  std::vector<uint32_t> rows;
  std::vector<std::vector<int32_t>> positions(lists_.size());
  std::vector<int64_t> ordinals;
  const int64_t count = in.selected_count();
  while (state.row < count && rows.size() < static_cast<size_t>(kChunkRows)) {
    int64_t longest = 0;
    std::vector<Extent> extents;
    for (const auto& list : state.lists) {
      ARROW_ASSIGN_OR_RAISE(const Extent extent, list.At(state.row));
      longest = std::max(longest, extent.length);
      extents.push_back(extent);
    }
    const bool kept = longest == 0 && keeps_empty_;
    const int64_t wanted = kept ? 1 : longest - state.element;
    const int64_t take = std::min<int64_t>(wanted, kChunkRows - static_cast<int64_t>(rows.size()));
    for (int64_t i = 0; i < take; ++i) {
      const int64_t element = state.element + i;
      rows.push_back(in.row_at(state.row));
      ordinals.push_back(kept ? 0 : element + 1);
      for (size_t list = 0; list < extents.size(); ++list) {
        const bool there = element < extents[list].length;
        positions[list].push_back(there ? static_cast<int32_t>(extents[list].begin + element) : -1);
      }
    }
    state.element += take;
    if (take == wanted) {
      ++state.row;
      state.element = 0;
    }
  }
  state.open = state.row < count;
  if (!rows.empty()) {
    for (const auto& column : in.columns) {
      ARROW_ASSIGN_OR_RAISE(auto gathered, Gather(column, rows, context.pool()));
      out->columns.push_back(std::move(gathered));
    }
    for (size_t list = 0; list < lists_.size(); ++list) {
      ARROW_ASSIGN_OR_RAISE(auto elements,
                            state.lists[list].Elements(positions[list], context.pool()));
      out->columns.push_back(std::move(elements));
    }
    if (with_ordinality_) {
      const auto length = static_cast<int64_t>(ordinals.size());
      ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(arrow::int64(), length, context.pool()));
      std::copy(ordinals.begin(), ordinals.end(), data->GetMutableValues<int64_t>(1));
      out->columns.push_back({std::move(data), false});
    }
    out->row_count = static_cast<int64_t>(rows.size());
    out->ordinal = in.ordinal + rows.front();
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
