#include "execution/row_collector.hpp"

namespace velaria::execution {
namespace {

constexpr size_t kPartsOfMorsel = 16;

}  // namespace

Result<Flow> PartsSource::NextMorsel(Morsel* morsel, TaskContext&) {
  if (next_ >= parts_->size()) return Flow::kFinished;
  morsel->begin = static_cast<int64_t>(next_);
  next_ = std::min(parts_->size(), next_ + kPartsOfMorsel);
  morsel->end = static_cast<int64_t>(next_);
  return Flow::kMore;
}

Result<Flow> PartsSource::NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                                    TaskContext&) {
  const int64_t part = morsel.begin + *position;
  if (part >= morsel.end) return Flow::kFinished;
  *chunk = (*parts_)[static_cast<size_t>(part)];
  chunk->ordinal = static_cast<uint64_t>(part) * static_cast<uint64_t>(kMorselRows);
  ++*position;
  return Flow::kMore;
}

Result<std::shared_ptr<AccumulatorState>> RowCollectorNode::Open(QueryContext&) const {
  return std::make_shared<RowCollector>();
}

Result<Flow> RowCollector::Consume(const Chunk& chunk, const Morsel& morsel,
                                   LocalState& local_state, TaskContext& context) {
  auto& local = static_cast<RowLocal&>(local_state);
  ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, context.pool()));
  local.parts.push_back({morsel.sequence, std::move(dense)});
  return Flow::kMore;
}

Status RowCollector::Combine(LocalState& local_state) {
  std::lock_guard lock(mutex_);
  for (auto& part : static_cast<RowLocal&>(local_state).parts) parts_.push_back(std::move(part));
  return Status::OK();
}

RowParts RowCollector::Take() {
  std::lock_guard lock(mutex_);
  std::stable_sort(parts_.begin(), parts_.end(),
                   [](const RowPart& a, const RowPart& b) { return a.sequence < b.sequence; });
  auto taken = std::make_shared<std::vector<Chunk>>();
  for (auto& part : parts_) taken->push_back(std::move(part.chunk));
  parts_.clear();
  return taken;
}

Result<std::unique_ptr<SourceState>> RowCollector::Emit(const Trigger&) {
  std::call_once(emitted_once_, [this] { emitted_ = Take(); });
  return std::make_unique<PartsSource>(emitted_);
}

}  // namespace velaria::execution
