// One window call after the other over a run: its arguments in the order of the run, its frames,
// its results.
#include <numeric>

#include "base/cancel_scope.hpp"
#include "execution/window_states.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

WindowExclusion ExclusionOf(logical::FrameExclusion exclusion) {
  switch (exclusion) {
    case logical::FrameExclusion::kNoOthers: return WindowExclusion::kNone;
    case logical::FrameExclusion::kCurrentRow: return WindowExclusion::kCurrentRow;
    case logical::FrameExclusion::kGroup: return WindowExclusion::kGroup;
    case logical::FrameExclusion::kTies: return WindowExclusion::kTies;
  }
  return WindowExclusion::kNone;
}

class CallsOfRun {
 public:
  CallsOfRun(const WindowSpec& spec, const WindowRun& run, QueryContext& query)
      : spec_(spec), run_(run), query_(query) {}

  Result<Vector> Compute(const logical::BoundWindow& call) {
    ARROW_RETURN_NOT_OK(query_.CheckCancelled());
    return call.function ? ComputeFunction(call) : ComputeAggregate(call);
  }

 private:
  Result<WindowRows> RowsOf(const logical::BoundWindow& call, bool reads_frame) {
    WindowRows rows;
    rows.row_count = run_.row_count();
    rows.partition_start = run_.partition_start.span();
    rows.partition_end = run_.partition_end.span();
    rows.peer_start = run_.peer_start.span();
    rows.peer_end = run_.peer_end.span();
    rows.peer_number = run_.peer_number.span();
    rows.ignore_nulls = call.ignore_nulls;
    if (!reads_frame) return rows;
    rows.exclusion = ExclusionOf(call.frame.exclusion);
    if (frame_ == nullptr || !SameFrame(*frame_, call.frame)) {
      ARROW_ASSIGN_OR_RAISE(bounds_, BoundsOf(spec_, call.frame, run_, query_));
      frame_ = &call.frame;
    }
    rows.frame_start = bounds_.start.span();
    rows.frame_end = bounds_.end.span();
    return rows;
  }

  Result<Vector> ComputeFunction(const logical::BoundWindow& call) {
    std::vector<Vector> arguments;
    for (const auto& expr : call.arguments) {
      ARROW_ASSIGN_OR_RAISE(auto value, logical::Evaluate(*expr, run_.rows, query_.functions()));
      ARROW_ASSIGN_OR_RAISE(value, run_.InOrder(value, query_.pool()));
      arguments.push_back(std::move(value));
    }
    ARROW_ASSIGN_OR_RAISE(auto rows, RowsOf(call, call.binding.reads_frame));
    rows.arguments = arguments;
    return call.binding.kernel(query_.functions(), call.binding, rows);
  }

  Result<Vector> ComputeAggregate(const logical::BoundWindow& call) {
    const auto& binding = call.aggregate.binding;
    ARROW_ASSIGN_OR_RAISE(auto input, InputOf(call.aggregate));
    if (IsWholePartition(spec_, call.frame)) return WholePartitions(binding, input, run_, query_);
    ARROW_ASSIGN_OR_RAISE(auto rows, RowsOf(call, true));
    if (binding.over_frames == nullptr) return MergeOverFrames(binding, input, rows, query_);
    if (!input.value_of.empty()) ARROW_RETURN_NOT_OK(NullTheFiltered(&input));
    rows.arguments = input.values;
    const CancelScope scope([this] { return query_.CheckCancelled(); });
    return binding.over_frames(query_.functions(), binding, rows);
  }

  /// Arguments are evaluated for the rows of the filter alone: it may guard them.
  Result<AggregateInput> InputOf(const logical::BoundAggregate& call) {
    AggregateInput input;
    Chunk rows = run_.rows;
    if (call.filter) {
      ARROW_ASSIGN_OR_RAISE(rows.selection,
                            logical::SelectRows(*call.filter, run_.rows, query_.functions()));
    }
    input.value_count = rows.selected_count();
    std::vector<uint32_t> picked;  // per value, the evaluated row it is
    if (rows.selection) {
      std::vector<int32_t> value_of_row(static_cast<size_t>(rows.row_count), -1);
      for (size_t i = 0; i < rows.selection->size(); ++i) {
        value_of_row[(*rows.selection)[i]] = static_cast<int32_t>(i);
      }
      input.value_of.assign(static_cast<size_t>(rows.row_count), -1);
      for (size_t place = 0; place < input.value_of.size(); ++place) {
        const int32_t value = value_of_row[run_.order[place]];
        if (value < 0) continue;
        input.value_of[place] = static_cast<int32_t>(picked.size());
        picked.push_back(static_cast<uint32_t>(value));
      }
    }
    for (const auto& expr : call.arguments) {
      ARROW_ASSIGN_OR_RAISE(auto value, logical::Evaluate(*expr, rows, query_.functions()));
      if (rows.selection) {
        ARROW_ASSIGN_OR_RAISE(value, Gather(value, picked, query_.pool()));
      } else {
        ARROW_ASSIGN_OR_RAISE(value, run_.InOrder(value, query_.pool()));
      }
      input.values.push_back(std::move(value));
    }
    if (call.binding.needs_row_order) {
      ARROW_ASSIGN_OR_RAISE(auto data,
                            AllocateFixed(arrow::int64(), input.value_count, query_.pool()));
      auto* numbers = data->GetMutableValues<int64_t>(1);
      std::iota(numbers, numbers + input.value_count, 0);
      input.values.push_back({std::move(data), false});
    }
    return input;
  }

  /// Values by place, NULL where the filter said no: what the kernels leave out of every frame.
  Status NullTheFiltered(AggregateInput* input) {
    if (input->values.empty()) {  // count(*)
      ARROW_ASSIGN_OR_RAISE(auto one,
                            MakeConstant(std::make_shared<arrow::Int8Scalar>(1), query_.pool()));
      input->values.push_back(std::move(one));
    }
    for (auto& value : input->values) {
      ARROW_ASSIGN_OR_RAISE(value, GatherOrNull(value, input->value_of, query_.pool()));
    }
    return Status::OK();
  }

  const WindowSpec& spec_;
  const WindowRun& run_;
  QueryContext& query_;
  const logical::WindowFrame* frame_ = nullptr;  // that bounds_ belong to
  FrameBounds bounds_;
};

}  // namespace

Result<std::vector<Vector>> ComputeCalls(const WindowSpec& spec, const WindowRun& run,
                                         QueryContext& query) {
  CallsOfRun calls(spec, run, query);
  std::vector<Vector> results;
  for (const auto& call : spec.calls) {
    ARROW_ASSIGN_OR_RAISE(auto result, WithPlaceIfFailed(calls.Compute(call), call.place));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace velaria::execution
