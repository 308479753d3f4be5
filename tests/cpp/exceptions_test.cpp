// An exception anywhere in a plan's nodes ends the query with a code, and nothing else.
#include <new>
#include <stdexcept>

#include "check.hpp"
#include "execution/executor.hpp"

namespace velaria::execution {
namespace {

enum class Where {
  kNowhere,
  kOpen,
  kNextMorsel,
  kNextChunk,
  kMakeState,
  kProcess,
  kMakeLocal,
  kConsume,
  kFinishMorsel,
  kCombine,
  kSeal,
  kEmit,
  kDone,
};

enum class What { kBadAlloc, kLengthError, kNumber };

struct Fault {
  Where where;
  What what = What::kBadAlloc;

  void At(Where here) const {
    if (here != where) return;
    if (what == What::kBadAlloc) throw std::bad_alloc();
    if (what == What::kLengthError) throw std::length_error("vector::reserve");
    throw 7;
  }
};

/// One morsel of one chunk of one row without columns.
class OneRow final : public SourceState {
 public:
  explicit OneRow(Fault fault) : fault_(fault) {}
  Result<Flow> NextMorsel(Morsel*, TaskContext&) override {
    fault_.At(Where::kNextMorsel);
    return std::exchange(taken_, true) ? Flow::kFinished : Flow::kMore;
  }
  Result<Flow> NextChunk(const Morsel&, int64_t* position, Chunk* chunk, TaskContext&) override {
    fault_.At(Where::kNextChunk);
    if (*position > 0) return Flow::kFinished;
    chunk->row_count = *position = 1;
    return Flow::kMore;
  }
  int64_t MaxWorkers() const override { return 2; }

 private:
  const Fault fault_;
  bool taken_ = false;
};

class Source final : public SourceNode {
 public:
  explicit Source(Fault fault) : fault_(fault) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext&) const override {
    fault_.At(Where::kOpen);
    return std::make_unique<OneRow>(fault_);
  }
  std::string Text() const override { return "one row"; }

 private:
  const Fault fault_;
};

class Operator final : public OperatorNode {
 public:
  explicit Operator(Fault fault) : fault_(fault) {}
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext&) const override {
    fault_.At(Where::kMakeState);
    return std::make_unique<OperatorState>();
  }
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState&,
                               TaskContext&) const override {
    fault_.At(Where::kProcess);
    *out = in;
    return OperatorFlow::kNeedInput;
  }
  std::string Text() const override { return "nothing"; }

 private:
  const Fault fault_;
};

class State final : public AccumulatorState {
 public:
  explicit State(Fault fault) : fault_(fault) {}
  Result<std::unique_ptr<LocalState>> MakeLocal() override {
    fault_.At(Where::kMakeLocal);
    return std::make_unique<LocalState>();
  }
  Result<Flow> Consume(const Chunk&, const Morsel&, LocalState&, TaskContext&) override {
    fault_.At(Where::kConsume);
    return Flow::kMore;
  }
  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    fault_.At(Where::kFinishMorsel);
    return Flow::kMore;
  }
  Status Combine(LocalState&) override {
    fault_.At(Where::kCombine);
    return Status::OK();
  }
  Status Seal() override {
    fault_.At(Where::kSeal);
    return Status::OK();
  }
  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    fault_.At(Where::kEmit);
    return std::make_unique<OneRow>(Fault{Where::kNowhere});
  }

 private:
  const Fault fault_;
};

class Accumulator final : public AccumulatorNode {
 public:
  explicit Accumulator(Fault fault) : fault_(fault) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext&) const override {
    return std::make_shared<State>(fault_);
  }
  std::string Text() const override { return "keeps nothing"; }

 private:
  const Fault fault_;
};

std::shared_ptr<Execution> TwoPipelines(Fault fault, const std::shared_ptr<Scheduler>& scheduler) {
  auto plan = std::make_shared<PhysicalPlan>();
  Pipeline first;
  first.source = std::make_shared<Source>(fault);
  first.chains.push_back({{std::make_shared<Operator>(fault)}, 0});
  Pipeline second;
  second.source_accumulator = 0;
  second.chains.push_back({{}, 1});
  second.dependencies = {0};
  plan->pipelines = {first, second};
  plan->accumulators = {std::make_shared<Accumulator>(fault),
                        std::make_shared<Accumulator>(Fault{Where::kNowhere})};
  plan->result = 1;
  auto query = std::make_shared<QueryContext>(0, 0, scheduler->thread_count());
  return Execution::Make(plan, query, scheduler).ValueOrDie();
}

TEST(an_exception_in_any_node_ends_the_query_with_its_code) {
  auto scheduler = std::make_shared<Scheduler>(2);
  CHECK_OK(TwoPipelines({Where::kNowhere}, scheduler)->RunOnce());
  for (int where = static_cast<int>(Where::kOpen); where < static_cast<int>(Where::kDone);
       ++where) {
    for (const What what : {What::kBadAlloc, What::kLengthError, What::kNumber}) {
      const Status status = TwoPipelines({static_cast<Where>(where), what}, scheduler)->RunOnce();
      const auto expected =
          what == What::kBadAlloc ? ErrorCode::kOutOfMemory : ErrorCode::kInternal;
      CHECK(!status.ok());
      CHECK(ErrorInfoOf(status).code == expected);
    }
  }
  CHECK_OK(TwoPipelines({Where::kNowhere}, scheduler)->RunOnce());  // every thread is still there
}

/// How a run ends whose first steps are done on this thread.
Status RunHere(const std::shared_ptr<Execution>& execution) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> outcome;
  execution->StartHere({0, true}, [&](const Status& status) {
    std::lock_guard lock(mutex);
    outcome = status;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return outcome.has_value(); });
  return *outcome;
}

TEST(an_exception_on_the_thread_that_waits_ends_the_query_with_its_code) {
  auto scheduler = std::make_shared<Scheduler>(1);  // so that the two pipelines have one task each
  CHECK_OK(RunHere(TwoPipelines({Where::kNowhere}, scheduler)));
  for (int where = static_cast<int>(Where::kOpen); where < static_cast<int>(Where::kDone);
       ++where) {
    const Status status = RunHere(TwoPipelines({static_cast<Where>(where)}, scheduler));
    CHECK(!status.ok());
    CHECK(ErrorInfoOf(status).code == ErrorCode::kOutOfMemory);
  }
  auto cancelled = TwoPipelines({Where::kNowhere}, scheduler);
  cancelled->Cancel();
  CHECK(ErrorInfoOf(RunHere(cancelled)).code == ErrorCode::kCancelled);
}

TEST(a_callback_that_throws_at_the_end_is_told_of_it) {
  auto scheduler = std::make_shared<Scheduler>(2);
  auto execution = TwoPipelines({Where::kNowhere}, scheduler);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Status> told;
  execution->Start({0, true}, [&](const Status& status) {
    std::lock_guard lock(mutex);
    told.push_back(status);
    changed.notify_one();
    if (told.size() == 1) throw std::bad_alloc();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return told.size() == 2; });
  CHECK_OK(told[0]);
  CHECK(ErrorInfoOf(told[1]).code == ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace velaria::execution
