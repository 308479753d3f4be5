// The three roles of execution. A node is immutable and shared by every run of a plan; all mutable
// data is in the states it makes. One run of a pipeline goes, on each worker:
//
//     Source::NextMorsel -> Source::NextChunk -> Operator::Process ... -> Accumulator::Consume
//     (again and again) Accumulator::FinishMorsel after each morsel; Accumulator::Combine once,
//     when the worker has no more morsels
//
// and, when every worker of every pipeline that feeds an accumulator has combined,
// Accumulator::Seal once. Then Accumulator::Emit gives the Source of the next pipeline. In a stream
// the same happens per trigger and the accumulator's state lives on: Emit hands on what changed
// since the last trigger.
//
// `kBlocked` means: nothing can be done now, and `TaskContext::waker` has been left with whoever
// will call it. The task is parked and its thread freed. Cancelling a query wakes all of its tasks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "columnar/vector.hpp"
#include "execution/query_context.hpp"

namespace velaria::execution {

enum class Flow { kMore, kFinished, kBlocked };
enum class OperatorFlow { kNeedInput, kMoreOutput, kFinished, kBlocked };

/// Unparks a task. Cheap to copy; safe to call at any time, from any thread, any number of times.
using Waker = std::function<void()>;

struct TaskContext {
  QueryContext& query;
  Waker waker;
  AccountedPool* pool() const { return query.pool(); }
};

/// A run of rows that one worker takes through a pipeline alone. Sequence numbers have no gaps and
/// follow row order, over all pipelines that feed one accumulator (they run one after the other).
struct Morsel {
  int64_t sequence = 0;
  int64_t part = 0;   // the source's own meaning: a segment, a row group, a partition
  int64_t begin = 0;  // rows [begin, end) of the part, where the source cuts by rows
  int64_t end = 0;
};

/// Why an accumulator is asked to emit.
struct Trigger {
  int64_t number = 0;
  bool end_of_input = true;
};

class AccumulatorState;
class Scheduler;

/// The accumulator states of one run of a plan, by the accumulator's number in the plan.
using PlanStates = std::vector<std::shared_ptr<AccumulatorState>>;

/// What a node sees when it makes its state: everything it depends on is complete.
struct OpenContext {
  QueryContext& query;
  const PlanStates& states;
  Trigger trigger;
  std::shared_ptr<Scheduler> scheduler;  // for a source that runs a plan of its own
};

// ---- Source

class SourceState {
 public:
  virtual ~SourceState() = default;
  /// The next morsel, in order. Called by many workers at once; the state does its own locking. The
  /// executor sets `sequence` afterwards under the same order, so an implementation returns morsels
  /// in row order.
  virtual Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) = 0;
  /// The next chunk of a morsel. `position` starts at 0 with each morsel and is the
  /// implementation's to advance. kFinished: the morsel is over (the chunk is not filled).
  virtual Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                                 TaskContext& context) = 0;
  /// How many workers can be of use; the executor starts no more.
  virtual int64_t MaxWorkers() const { return 1; }
};

/// Implemented beside SourceState by one whose chunks take long, because they wait for files: they
/// are never asked for on the thread that waits for the query.
class ReadsFiles {
 public:
  virtual ~ReadsFiles() = default;
};

class SourceNode {
 public:
  virtual ~SourceNode() = default;
  virtual Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const = 0;
  virtual std::string Text() const = 0;
};

// ---- Operator

class OperatorState {
 public:
  virtual ~OperatorState() = default;
};

class OperatorNode {
 public:
  virtual ~OperatorNode() = default;
  /// One state per worker. The pipelines this one depends on are complete.
  virtual Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext& context) const = 0;
  /// kNeedInput: done with `in`. kMoreOutput: call again with the same `in`. kFinished: `out` is
  /// the last there will ever be. `out` may stay empty.
  virtual Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                                       TaskContext& context) const = 0;
  virtual std::string Text() const = 0;
};

// ---- Accumulator

class LocalState {
 public:
  virtual ~LocalState() = default;
};

class AccumulatorState {
 public:
  virtual ~AccumulatorState() = default;
  virtual Result<std::unique_ptr<LocalState>> MakeLocal() = 0;
  /// kFinished: no more rows are wanted, from anybody. kBlocked: the chunk was not taken; it is
  /// offered again.
  virtual Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                               TaskContext& context) = 0;
  /// Every chunk of the morsel has been consumed. Same flows as Consume.
  virtual Result<Flow> FinishMorsel(const Morsel& morsel, LocalState& local,
                                    TaskContext& context) = 0;
  virtual Status Combine(LocalState& local) = 0;
  virtual Status Seal() = 0;
  /// A Source over what there is to hand on now. Valid until the next Combine.
  virtual Result<std::unique_ptr<SourceState>> Emit(const Trigger& trigger) = 0;
};

class AccumulatorNode {
 public:
  virtual ~AccumulatorNode() = default;
  virtual Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const = 0;
  virtual std::string Text() const = 0;
};

/// One versioned format with three users: checkpoint, spill, lane.
class Snapshottable {
 public:
  virtual ~Snapshottable() = default;
  virtual Result<std::shared_ptr<arrow::Buffer>> Snapshot() const = 0;
  /// Folds a snapshot into the present state. Restore is Merge into an empty state.
  virtual Status Merge(const arrow::Buffer& snapshot) = 0;
};

}  // namespace velaria::execution
