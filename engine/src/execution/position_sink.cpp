#include "execution/position_sink.hpp"

namespace velaria::execution {
namespace {

class PositionLocal final : public LocalState {
 public:
  std::vector<int64_t> positions;
};

}  // namespace

Result<std::unique_ptr<LocalState>> PositionSink::MakeLocal() {
  return std::make_unique<PositionLocal>();
}

Result<Flow> PositionSink::Consume(const Chunk& chunk, const Morsel&, LocalState& local,
                                   TaskContext&) {
  if (!chunk.positions) return Flow::kMore;
  auto& positions = static_cast<PositionLocal&>(local).positions;
  for (int64_t i = 0; i < chunk.selected_count(); ++i)
    positions.push_back((*chunk.positions)[chunk.row_at(i)]);
  return Flow::kMore;
}

Status PositionSink::Combine(LocalState& local) {
  const auto& positions = static_cast<PositionLocal&>(local).positions;
  std::lock_guard lock(mutex_);
  positions_.insert(positions_.end(), positions.begin(), positions.end());
  return Status::OK();
}

std::vector<int64_t> PositionSink::TakePositions() {
  std::lock_guard lock(mutex_);
  auto taken = std::move(positions_);
  positions_.clear();
  std::sort(taken.begin(), taken.end());
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  return taken;
}

}  // namespace velaria::execution
