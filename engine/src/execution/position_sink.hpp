// Collects the positions of the rows that reach it: the rows a DELETE takes, the rows of a stream
// that are late. Rows without a position (a table's, beside a stream in a UNION ALL) are not
// collected; the scan below carries positions (TableScanNode).
#pragma once

#include <mutex>
#include <vector>

#include "execution/roles.hpp"

namespace velaria::execution {

class PositionSink final : public AccumulatorState {
 public:
  Result<std::unique_ptr<LocalState>> MakeLocal() override;
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }
  Status Combine(LocalState& local) override;
  Status Seal() override { return Status::OK(); }
  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    return Bug("a position sink has no source");
  }
  /// What has come since the last call, ascending, each position once (a join may bring a row
  /// several times); between two triggers or at the end.
  std::vector<int64_t> TakePositions();

 private:
  std::mutex mutex_;
  std::vector<int64_t> positions_;
};

class PositionSinkNode final : public AccumulatorNode {
 public:
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext&) const override {
    return std::make_shared<PositionSink>();
  }
  std::string Text() const override { return "row positions"; }
};

}  // namespace velaria::execution
