// Hash joins. The build side (right input) is an accumulator: its rows, a table of its keys, and
// for each key the list of its rows. The probe side (left input) is an operator. For RIGHT and FULL
// the probe marks the build rows it met, and a dependent pipeline emits the rest. A SEMI or ANTI
// join may be built on its left input instead, when that is the smaller one: then the probe only
// marks, and the dependent pipeline is the result. A join without keys pairs every row with every
// row. An ASOF join pairs a probe row with one build row of its key at most (join_asof.hpp).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "execution/join_asof.hpp"
#include "execution/key_table.hpp"
#include "execution/row_buffer.hpp"
#include "execution/step_facts.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

struct JoinSpec {
  logical::JoinType type = logical::JoinType::kInner;
  std::vector<logical::BoundExprPtr> left_keys, right_keys;
  std::vector<bool> null_safe;
  logical::BoundExprPtr residual;  // over left columns, then right columns; may be null
  std::vector<TypePtr> left_types, right_types;
  int mark_operands = 0;  // LogicalNode::mark_operands: 0 or 1
  std::optional<logical::AsofCondition> asof;
  /// Of a SEMI or ANTI join: build and probe have changed places. "Left" in this structure is then
  /// the probe side all the same, which was the right input.
  bool is_turned = false;

  bool keeps_left() const {
    return type == logical::JoinType::kLeft || type == logical::JoinType::kFull;
  }
  bool keeps_right() const {
    return type == logical::JoinType::kRight || type == logical::JoinType::kFull;
  }
  bool marks_right() const { return keeps_right() || is_turned; }
  bool emits_pairs() const {
    return type != logical::JoinType::kSemi && type != logical::JoinType::kAnti &&
           type != logical::JoinType::kMark;
  }
};
using JoinSpecPtr = std::shared_ptr<const JoinSpec>;

class JoinBuildNode final : public AccumulatorNode {
 public:
  explicit JoinBuildNode(JoinSpecPtr spec) : spec_(std::move(spec)) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const JoinSpecPtr spec_;
};

class JoinBuild final : public AccumulatorState, public TellsFacts {
 public:
  JoinBuild(JoinSpecPtr spec, QueryContext& query);
  Result<std::unique_ptr<LocalState>> MakeLocal() override { return std::make_unique<RowLocal>(); }
  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local,
                       TaskContext& context) override;
  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }
  Status Combine(LocalState& local) override;
  Status Seal() override;
  /// The build rows that no probe row met, as right columns with NULL left columns; of a turned
  /// join the build rows that are its result.
  Result<std::unique_ptr<SourceState>> Emit(const Trigger& trigger) override;
  std::vector<StepFact> Facts() const override {
    if (spec_->right_keys.empty()) return {};
    return {{"distinct_keys", keys_->group_count()}};
  }

  // The probe's view, after Seal.
  const Chunk& rows() const { return *rows_; }
  /// Of a key that is a column of the rows.
  const Vector& KeyColumn(size_t key) const {
    return rows_->columns[static_cast<size_t>(spec_->right_keys[key]->column)];
  }
  /// Group of each probe key; KeyTable::kAbsent where nothing can match.
  Status Find(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
              uint32_t* groups) const;
  std::span<const uint32_t> RowsOf(uint32_t group) const {
    return {row_lists_.data() + list_starts_[group], list_starts_[group + 1] - list_starts_[group]};
  }
  /// Of a mark join with an operand, for rows that match nothing: the answer by the rows that agree
  /// in the keys before the operand. None such: false; one of them NULL in the operand, or the
  /// probe's own operand NULL: unknown (2).
  Status AnswerUnmatched(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
                         uint8_t* answers) const;
  /// Of an ASOF join.
  const AsofIndex& asof() const { return *asof_; }
  void MarkMatched(uint32_t row) { matched_[row].store(1, std::memory_order_relaxed); }
  bool IsMatched(uint32_t row) const { return matched_[row].load(std::memory_order_relaxed) != 0; }

 private:
  const JoinSpecPtr spec_;
  QueryContext& query_;
  std::mutex mutex_;
  std::vector<RowPart> parts_;
  std::shared_ptr<const Chunk> rows_;
  std::unique_ptr<KeyTable> keys_;
  std::vector<uint32_t> list_starts_;  // per group, and one past the end
  std::vector<uint32_t> row_lists_;    // build rows, grouped
  std::unique_ptr<AsofIndex> asof_;
  std::unique_ptr<std::atomic<uint8_t>[]> matched_;
  Status AddToScopes(std::span<const Vector> keys, int64_t row_count);

  // Of a mark join with an operand: the build rows by the keys before it.
  std::unique_ptr<KeyTable> scopes_;     // null when there are no such keys: one scope
  std::vector<uint8_t> scope_has_null_;  // per scope that has rows
  Reservation memory_;
};

class JoinProbeNode final : public OperatorNode {
 public:
  JoinProbeNode(JoinSpecPtr spec, int build) : spec_(std::move(spec)), build_(build) {}
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext& context) const override;
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override;
  int build() const { return build_; }

 private:
  const JoinSpecPtr spec_;
  const int build_;  // the accumulator's number
};

}  // namespace velaria::execution
