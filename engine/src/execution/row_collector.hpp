// Keeps the rows it is given, as they come, for readers that may be many: shared sub-plans, and the
// rounds of a recursive common table.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "execution/row_buffer.hpp"

namespace velaria::execution {

/// Dense chunks in row order.
using RowParts = std::shared_ptr<const std::vector<Chunk>>;

/// Hands out the parts by reference, as often as it is asked to.
class PartsSource final : public SourceState {
 public:
  explicit PartsSource(RowParts parts) : parts_(std::move(parts)) {}
  Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) override;
  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override;
  int64_t MaxWorkers() const override { return static_cast<int64_t>(parts_->size() / 4) + 1; }

 private:
  const RowParts parts_;
  size_t next_ = 0;
};

class RowCollectorNode final : public AccumulatorNode {
 public:
  explicit RowCollectorNode(std::string text) : text_(std::move(text)) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override { return text_; }

 private:
  const std::string text_;
};

class RowCollector final : public AccumulatorState {
 public:
  Result<std::unique_ptr<LocalState>> MakeLocal() override { return std::make_unique<RowLocal>(); }
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }
  Status Combine(LocalState& local) override;
  Status Seal() override { return Status::OK(); }
  Result<std::unique_ptr<SourceState>> Emit(const Trigger& trigger) override;
  /// What has come since the last call, in row order. Between triggers only, and instead of Emit.
  RowParts Take();

 private:
  std::mutex mutex_;
  std::vector<RowPart> parts_;
  std::once_flag emitted_once_;
  RowParts emitted_;  // every reader gets the same rows
};

}  // namespace velaria::execution
