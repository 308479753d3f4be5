// Operators that keep no rows: filter, projection, window expansion.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/roles.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

/// The state of an operator that has none.
class NoState final : public OperatorState {};

class FilterNode final : public OperatorNode {
 public:
  explicit FilterNode(logical::BoundExprPtr predicate) : predicate_(std::move(predicate)) {}
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext&) const override {
    return std::make_unique<NoState>();
  }
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override { return "filter " + logical::ToText(*predicate_); }

 private:
  const logical::BoundExprPtr predicate_;
};

class ProjectNode final : public OperatorNode {
 public:
  explicit ProjectNode(std::vector<logical::BoundExprPtr> expressions);
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext&) const override {
    return std::make_unique<NoState>();
  }
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override;

 private:
  const std::vector<logical::BoundExprPtr> expressions_;
  bool only_columns_;
};

/// Row expansion of WINDOW BY: each row once per window that holds its time, the window's start
/// appended. Window start = floor(time / slide) * slide for each slide-aligned start whose window
/// holds the time (STREAMS.md, SQL). Rows whose time is NULL are dropped here; a stream routes them
/// to its late table by a fork before this operator.
class WindowExpandNode final : public OperatorNode {
 public:
  WindowExpandNode(logical::BoundExprPtr time, int64_t window_ms, int64_t slide_ms);
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext& context) const override;
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override;

 private:
  const logical::BoundExprPtr time_;
  const int64_t window_ms_, slide_ms_;
  int64_t window_, slide_;  // in the time column's unit
};

}  // namespace velaria::execution
