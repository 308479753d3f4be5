// An aggregate query cut for partition-wise work: the lane's workers each run the part below the
// aggregate over one partition and hand back the aggregate's snapshot; the merge folds the
// snapshots in partition order and runs the rest.
//
// A fragment is a versioned message: the statement and its time, the number of its partition, and
// the names and schemas of its inputs. It is bound by the kernel that runs it, over those inputs
// alone, so no catalog needs to be shared.
#pragma once

#include <arrow/table.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/session.hpp"

namespace velaria::session {

struct LaneInput {
  std::string name;
  SchemaPtr schema;
};

struct LaneFragment {
  std::string sql;
  int64_t statement_time_us = 0;  // now(), the same wherever the fragments run and are merged
  int64_t partition = 0, partition_count = 1;
  std::vector<LaneInput> inputs;  // the first is partitioned, the others are handed over whole

  std::string Serialize() const;
  /// VEL5006 for bytes that are no fragment of this version.
  static Result<LaneFragment> Parse(std::string_view bytes);
};

struct LaneSplit {
  LaneFragment plan;  // partition 0 stands for all
  SchemaPtr schema;   // of the whole result
  std::string reason;
  storage::VersionPtr partitioned;
  std::vector<storage::VersionPtr> whole;

  /// The rows of an input that a partition's worker is handed.
  Result<std::shared_ptr<arrow::Table>> Partition(const std::string& input,
                                                  int64_t partition) const;
};

/// Ends a RunFragment from another thread: it fails with VEL3010 at its next chunk. One handle for
/// one run; cancelled before the run, it keeps it from beginning.
class FragmentCancel {
 public:
  void Cancel();
  /// For RunFragment: from here on Cancel reaches the execution (null: there is none yet). VEL3010
  /// when it came before.
  Status Attach(const std::shared_ptr<execution::Execution>& execution);

 private:
  std::mutex mutex_;
  bool cancelled_ = false;
  std::weak_ptr<execution::Execution> execution_;
};

/// VEL2002, with the reason, for a query that cannot be cut.
Result<LaneSplit> SplitForLane(Session& session, const std::string& sql, int64_t partitions);
/// The aggregate's snapshot over the inputs. `threads` bounds the work.
Result<std::shared_ptr<arrow::Buffer>> RunFragment(
    const LaneFragment& fragment,
    const std::map<std::string, std::vector<std::shared_ptr<arrow::RecordBatch>>>& inputs,
    std::optional<int64_t> threads, FragmentCancel* cancel = nullptr);
/// The query's rows from the snapshots, merged in the order given.
Result<std::shared_ptr<arrow::Table>> MergeFragments(
    const LaneFragment& plan, const std::vector<std::shared_ptr<arrow::Buffer>>& snapshots);

}  // namespace velaria::session
