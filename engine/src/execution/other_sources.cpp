// File, literal and reader sources.
#include <arrow/array/builder_base.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <thread>

#include "execution/scan_sources.hpp"
#include "execution/step_facts.hpp"
#include "interop/ingest_gate.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

/// The piece of a run of batches that starts at row `position`, at most kChunkRows long; false past
/// the end.
bool CutChunk(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches, int64_t position,
              Chunk* chunk) {
  for (const auto& batch : batches) {
    if (position < batch->num_rows()) {
      *chunk = FromRecordBatch(
          *batch->Slice(position, std::min(kChunkRows, batch->num_rows() - position)));
      return true;
    }
    position -= batch->num_rows();
  }
  return false;
}

uint64_t OrdinalOf(const Morsel& morsel, int64_t position) {
  return (static_cast<uint64_t>(morsel.sequence) << 32) + static_cast<uint64_t>(position);
}

/// What one worker holds of a morsel between two calls, found by the morsel's `part`.
class MorselBatches {
 public:
  using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
  std::shared_ptr<const Batches> Find(int64_t part) {
    std::lock_guard lock(mutex_);
    auto it = held_.find(part);
    return it == held_.end() ? nullptr : it->second;
  }
  std::shared_ptr<const Batches> Put(int64_t part, Batches batches) {
    auto shared = std::make_shared<const Batches>(std::move(batches));
    std::lock_guard lock(mutex_);
    held_[part] = shared;
    return shared;
  }
  void Drop(int64_t part) {
    std::lock_guard lock(mutex_);
    held_.erase(part);
  }

 private:
  std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<const Batches>> held_;
};

class FileScanState final : public SourceState, public ReadsFiles, public TellsFacts {
 public:
  FileScanState(std::unique_ptr<io::FileScan> scan, Place place)
      : scan_(std::move(scan)), place_(place) {}

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext&) override {
    ARROW_ASSIGN_OR_RAISE(auto next, WithPlaceIfFailed(scan_->NextMorsel(), place_));
    if (!next) return Flow::kFinished;
    morsel->part = static_cast<int64_t>(next->sequence);
    std::lock_guard lock(mutex_);
    pending_[morsel->part] = std::move(*next);
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    auto batches = batches_.Find(morsel.part);
    if (!batches) {
      io::FileMorsel file_morsel;
      {
        std::lock_guard lock(mutex_);
        file_morsel = std::move(pending_[morsel.part]);
        pending_.erase(morsel.part);
      }
      ARROW_ASSIGN_OR_RAISE(auto read,
                            WithPlaceIfFailed(scan_->Read(file_morsel, context.pool()), place_));
      batches = batches_.Put(morsel.part, std::move(read));
    }
    if (!CutChunk(*batches, *position, chunk)) {
      batches_.Drop(morsel.part);
      return Flow::kFinished;
    }
    chunk->ordinal = OrdinalOf(morsel, *position);
    *position += chunk->row_count;
    return Flow::kMore;
  }

  int64_t MaxWorkers() const override { return 64; }

  std::vector<StepFact> Facts() const override {
    return {{"file_bytes_read", scan_->bytes_read()}, {"parts_skipped", scan_->morsels_skipped()}};
  }

 private:
  const std::unique_ptr<io::FileScan> scan_;
  const Place place_;
  std::mutex mutex_;
  std::map<int64_t, io::FileMorsel> pending_;
  MorselBatches batches_;
};

class ValuesState final : public SourceState {
 public:
  explicit ValuesState(Chunk chunk) : chunk_(std::move(chunk)) {}

  Result<Flow> NextMorsel(Morsel*, TaskContext&) override {
    if (taken_ || chunk_.row_count == 0) return Flow::kFinished;
    taken_ = true;
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext&) override {
    if (*position >= chunk_.row_count) return Flow::kFinished;
    const int64_t count = std::min(kChunkRows, chunk_.row_count - *position);
    chunk->row_count = count;
    for (const auto& column : chunk_.columns)
      chunk->columns.push_back(Slice(column, *position, count));
    chunk->ordinal = OrdinalOf(morsel, *position);
    *position += count;
    return Flow::kMore;
  }

 private:
  const Chunk chunk_;
  bool taken_ = false;
};

/// Shared by the source and its thread, so that either may go first.
struct ReaderQueue {
  static constexpr size_t kCapacity = 8;
  std::mutex mutex;
  std::condition_variable room;
  std::deque<std::shared_ptr<arrow::RecordBatch>> batches;
  Status status;
  bool ended = false, stopped = false;
  Waker waker;

  void Fill(const ReaderFactory& open, const SchemaPtr& schema) {
    const Status result = Contained([&] { return Drain(open, schema); });
    Waker wake;
    {
      std::lock_guard lock(mutex);
      status = result;
      ended = true;
      wake = waker;
    }
    if (wake) wake();
  }

  Status Drain(const ReaderFactory& open, const SchemaPtr& schema) {
    ARROW_ASSIGN_OR_RAISE(auto gate, interop::IngestGate::Open(schema, interop::Origin::kProcess));
    ARROW_ASSIGN_OR_RAISE(auto reader, open());
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (!batch) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(batch, gate->Admit(std::move(batch)));
      Waker wake;
      {
        std::unique_lock lock(mutex);
        room.wait(lock, [this] { return stopped || batches.size() < kCapacity; });
        if (stopped) return Status::OK();
        batches.push_back(std::move(batch));
        wake = waker;
      }
      if (wake) wake();
    }
  }
};

class ReaderSourceState final : public SourceState {
 public:
  ReaderSourceState(ReaderFactory open, SchemaPtr schema, const std::vector<int>& columns)
      : columns_(columns), queue_(std::make_shared<ReaderQueue>()) {
    // Detached: a reader that never returns must not hold up the query's end. The thread owns the
    // queue, not this.
    std::thread([queue = queue_, open = std::move(open), schema = std::move(schema)] {
      queue->Fill(open, schema);
    }).detach();
  }

  ~ReaderSourceState() override {
    {
      std::lock_guard lock(queue_->mutex);
      queue_->stopped = true;
      queue_->waker = nullptr;
    }
    queue_->room.notify_all();
  }

  Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) override {
    std::lock_guard lock(queue_->mutex);
    if (queue_->batches.empty()) {
      if (queue_->ended)
        return queue_->status.ok() ? Result<Flow>(Flow::kFinished) : Result<Flow>(queue_->status);
      queue_->waker = context.waker;
      return Flow::kBlocked;
    }
    morsel->part = parts_++;
    MorselBatches::Batches one = {queue_->batches.front()};
    queue_->batches.pop_front();
    queue_->room.notify_one();
    batches_.Put(morsel->part, std::move(one));
    return Flow::kMore;
  }

  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext&) override {
    Chunk all;
    if (!CutChunk(*batches_.Find(morsel.part), *position, &all)) {
      batches_.Drop(morsel.part);
      return Flow::kFinished;
    }
    chunk->row_count = all.row_count;
    for (int column : columns_) chunk->columns.push_back(all.columns[static_cast<size_t>(column)]);
    chunk->ordinal = OrdinalOf(morsel, *position);
    *position += all.row_count;
    return Flow::kMore;
  }

 private:
  const std::vector<int>& columns_;
  const std::shared_ptr<ReaderQueue> queue_;
  int64_t parts_ = 0;
  MorselBatches batches_;
};

}  // namespace

Result<std::unique_ptr<SourceState>> FileScanNode::Open(const OpenContext& context) const {
  io::FileScanSpec spec = spec_;
  ARROW_ASSIGN_OR_RAISE(spec.predicates,
                        WithBounds(std::move(spec.predicates), bounds_, context.states));
  ARROW_ASSIGN_OR_RAISE(auto scan,
                        WithPlaceIfFailed(file_->Open(spec, context.query.pool()), place_));
  return std::make_unique<FileScanState>(std::move(scan), place_);
}

std::string FileScanNode::Text() const {
  std::string text = std::string("scan ") + file_->format() + " file '" + file_->name() +
                     "': columns=" + std::to_string(spec_.columns.size());
  if (!spec_.predicates.empty())
    text += ", pushed filters=" + std::to_string(spec_.predicates.size());
  if (!bounds_.empty()) text += ", key bounds=" + std::to_string(bounds_.size());
  return text;
}

Result<std::unique_ptr<SourceState>> ValuesNode::Open(const OpenContext& context) const {
  Chunk chunk;
  chunk.row_count = static_cast<int64_t>(rows_.size());
  Chunk one_row;
  one_row.row_count = 1;
  for (size_t c = 0; c < types_.size(); ++c) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(context.query.pool(), types_[c], &builder));
    for (const auto& row : rows_) {
      ARROW_ASSIGN_OR_RAISE(auto value,
                            logical::Evaluate(*row[c], one_row, context.query.functions()));
      ARROW_ASSIGN_OR_RAISE(auto scalar, ConstantValue(value));
      // A column of the type NULL has no AppendScalar.
      ARROW_RETURN_NOT_OK(scalar->is_valid ? builder->AppendScalar(*scalar)
                                           : builder->AppendNull());
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    chunk.columns.push_back(MakeVector(array));
  }
  return std::make_unique<ValuesState>(std::move(chunk));
}

Result<std::unique_ptr<SourceState>> ReaderSourceNode::Open(const OpenContext&) const {
  return std::make_unique<ReaderSourceState>(open_, schema_, columns_);
}

}  // namespace velaria::execution
