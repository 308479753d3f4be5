#include "execution/recursive.hpp"

#include "execution/executor.hpp"
#include "execution/key_table.hpp"

namespace velaria::execution {
namespace {

/// The rounds of one recursion. Kept alive by whoever waits for the end of a round.
class Rounds : public std::enable_shared_from_this<Rounds> {
 public:
  Rounds(std::shared_ptr<const RecursiveSpec> spec, std::shared_ptr<QueryContext> query,
         std::shared_ptr<Scheduler> scheduler)
      : spec_(std::move(spec)),
        query_(std::move(query)),
        scheduler_(std::move(scheduler)),
        seen_(spec_->types) {}

  /// The rows of the next round. A round is run only when the rows of the one before are taken.
  Result<Flow> Next(std::unique_ptr<PartsSource>* rows, TaskContext& context) {
    std::shared_ptr<Execution> execution;
    Trigger trigger;
    {
      std::lock_guard lock(mutex_);
      VELARIA_RETURN_NOT_OK(status_);
      if (ready_) {
        *rows = std::make_unique<PartsSource>(std::exchange(ready_, nullptr));
        return Flow::kMore;
      }
      if (finished_) return Flow::kFinished;
      waker_ = context.waker;
      if (running_) return Flow::kBlocked;
      running_ = true;
      VELARIA_RETURN_NOT_OK(NextExecution());
      execution = execution_;
      trigger = {trigger_number_++, false};
    }
    execution->Start(
        trigger, [self = shared_from_this()](const Status& status) { self->RoundDone(status); });
    return Flow::kBlocked;
  }

  /// Nobody wants more: what runs stops.
  void Stop() {
    std::shared_ptr<Execution> execution;
    {
      std::lock_guard lock(mutex_);
      finished_ = true;
      waker_ = nullptr;
      execution = execution_;
    }
    if (execution) execution->Abandon();
  }

 private:
  Status NextExecution() {
    const bool first = round_++ == 0;
    if (!first && execution_ && round_ > 2 && spec_->step_is_repeatable) return Status::OK();
    VELARIA_ASSIGN_OR_RETURN(
        execution_, Execution::Make(first ? spec_->first : spec_->step, query_, scheduler_));
    trigger_number_ = 0;
    return Status::OK();
  }

  void RoundDone(Status status) {
    RowParts rows;
    if (status.ok()) {
      const auto result = static_cast<size_t>(execution_->plan().result);
      rows = static_cast<RowCollector&>(*execution_->states()[result]).Take();
      if (spec_->distinct) {
        auto fresh = WithoutSeen(*rows);
        status = fresh.status();
        if (fresh.ok()) rows = *std::move(fresh);
      }
    }
    Waker waker;
    {
      std::lock_guard lock(mutex_);
      running_ = false;
      status_ = status;
      if (status.ok() && !finished_) {
        if (rows->empty()) finished_ = true;
        spec_->newest->Set(rows);
        if (!rows->empty()) ready_ = std::move(rows);
      }
      waker = std::exchange(waker_, nullptr);
    }
    if (waker) waker();
  }

  /// The rows that no round has brought before, each once.
  Result<RowParts> WithoutSeen(const std::vector<Chunk>& parts) {
    auto fresh = std::make_shared<std::vector<Chunk>>();
    std::vector<uint32_t> groups;
    for (const auto& part : parts) {
      auto known = static_cast<uint32_t>(seen_.group_count());
      groups.resize(static_cast<size_t>(part.row_count));
      VELARIA_RETURN_NOT_OK(seen_.FindOrAdd(part.columns, part.row_count, groups.data()));
      auto selection = std::make_shared<Selection>();
      for (uint32_t row = 0; row < groups.size(); ++row) {
        if (groups[row] < known) continue;
        known = groups[row] + 1;  // groups are numbered in the order of their first rows
        selection->push_back(row);
      }
      if (selection->empty()) continue;
      Chunk chunk = part;
      chunk.selection = std::move(selection);
      VELARIA_ASSIGN_OR_RETURN(chunk, Compact(chunk, query_->pool()));
      fresh->push_back(std::move(chunk));
    }
    const int64_t bytes = seen_.MemoryBytes();
    VELARIA_RETURN_NOT_OK(query_->pool()->Account(bytes - accounted_bytes_));
    accounted_bytes_ = bytes;
    return RowParts(std::move(fresh));
  }

 public:
  ~Rounds() { (void)query_->pool()->Account(-accounted_bytes_); }

 private:
  const std::shared_ptr<const RecursiveSpec> spec_;
  const std::shared_ptr<QueryContext> query_;
  const std::shared_ptr<Scheduler> scheduler_;
  KeyTable seen_;
  int64_t accounted_bytes_ = 0;
  std::mutex mutex_;
  std::shared_ptr<Execution> execution_;
  int64_t round_ = 0, trigger_number_ = 0;
  bool running_ = false, finished_ = false;
  RowParts ready_;
  Status status_;
  Waker waker_;
};

class RecursiveState final : public SourceState {
 public:
  explicit RecursiveState(std::shared_ptr<Rounds> rounds) : rounds_(std::move(rounds)) {}
  ~RecursiveState() override { rounds_->Stop(); }

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) override {
    while (true) {
      if (rows_) {
        ARROW_ASSIGN_OR_RAISE(const Flow flow, rows_->NextMorsel(morsel, context));
        if (flow == Flow::kMore) return flow;
        rows_.reset();
      }
      ARROW_ASSIGN_OR_RAISE(const Flow flow, rounds_->Next(&rows_, context));
      if (flow != Flow::kMore) return flow;
    }
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    return rows_->NextChunk(morsel, position, chunk, context);
  }

  // One: the rows of a round go when its last morsel is taken.
  int64_t MaxWorkers() const override { return 1; }

 private:
  const std::shared_ptr<Rounds> rounds_;
  std::unique_ptr<PartsSource> rows_;
};

}  // namespace

Result<std::unique_ptr<SourceState>> RecursiveNode::Open(const OpenContext& context) const {
  return std::make_unique<RecursiveState>(
      std::make_shared<Rounds>(spec_, context.query.shared_from_this(), context.scheduler));
}

std::string RecursiveNode::Text() const {
  const auto indented = [](const std::string& text) {
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      out += "\n    " + text.substr(begin, end - begin);
      begin = end + 1;
    }
    return out;
  };
  return "recursion" + std::string(spec_->distinct ? " over distinct rows" : "") +
         ", first rows:" + indented(spec_->first->ToText()) +
         "\n  step, until it brings nothing:" + indented(spec_->step->ToText());
}

}  // namespace velaria::execution
