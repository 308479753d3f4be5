// The sink of COPY ... TO: rows become text (or stay batches) on all threads and are written in row
// order by whoever brings the next of them. What waits for its turn is bounded. The file is
// complete after Seal() and there after Commit(); a sink that is let go of before leaves none.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "execution/roles.hpp"
#include "io/file_writer.hpp"

namespace velaria::execution {

class FileSinkNode final : public AccumulatorNode {
 public:
  /// `place`: of the path in the statement, which errors of writing have.
  FileSinkNode(std::string path, Place place, io::AllowedRoots roots, io::WriteOptions options,
               SchemaPtr schema)
      : path_(std::move(path)),
        place_(place),
        roots_(std::move(roots)),
        options_(std::move(options)),
        schema_(std::move(schema)) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override { return "write " + options_.format + " file '" + path_ + "'"; }

 private:
  const std::string path_;
  const Place place_;
  const io::AllowedRoots roots_;
  const io::WriteOptions options_;
  const SchemaPtr schema_;
};

class FileSink final : public AccumulatorState {
 public:
  FileSink(std::unique_ptr<io::FileWriter> writer, Place place, SchemaPtr schema)
      : schema_(std::move(schema)), place_(place), writer_(std::move(writer)) {}
  Result<std::unique_ptr<LocalState>> MakeLocal() override;
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel& morsel, LocalState& local, TaskContext& context) override;
  Status Combine(LocalState&) override { return Status::OK(); }
  Status Seal() override;
  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    return Bug("a file sink has no source");
  }

  /// Puts the file in its place. After the execution has ended well.
  Status Commit() { return writer_->Commit(); }
  /// Removes what was written. After an execution that has failed, whose last task may still hold
  /// this.
  void Discard() { writer_->Discard(); }
  int64_t row_count() const { return row_count_; }

 private:
  using Parts = std::vector<io::EncodedRows>;
  Status Flush(LocalState& local, TaskContext& context) const;
  Result<Flow> Deliver(int64_t sequence, Parts* parts, bool morsel_done, TaskContext& context);
  Status WriteParts(const Parts& parts);

  const SchemaPtr schema_;
  const Place place_;
  const std::unique_ptr<io::FileWriter> writer_;
  std::mutex mutex_;  // guards the rest, and the writing
  struct Pending {
    Parts parts;
    bool done = false;
  };
  std::map<int64_t, Pending> pending_;  // morsels that came before their turn
  int64_t head_ = 0;                    // the morsel whose rows are written now
  int64_t pending_bytes_ = 0;
  int64_t row_count_ = 0;
  std::vector<Waker> waiting_;
};

}  // namespace velaria::execution
