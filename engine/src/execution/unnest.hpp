// UNNEST: each row once per element of its lists.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/roles.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

/// Columns of the input, then one element of each list, then the element's position from 1 when
/// asked for. Lists that are shorter than the longest end in NULL; a row without any element goes,
/// or stays once with NULLs when `keeps_empty`. At most kChunkRows rows a call.
class UnnestNode final : public OperatorNode {
 public:
  /// `columns`: those of the input that are handed on.
  UnnestNode(std::vector<logical::BoundExprPtr> lists, std::vector<int> columns,
             bool with_ordinality, bool keeps_empty)
      : lists_(std::move(lists)),
        columns_(std::move(columns)),
        with_ordinality_(with_ordinality),
        keeps_empty_(keeps_empty) {}
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext& context) const override;
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override;

 private:
  const std::vector<logical::BoundExprPtr> lists_;
  const std::vector<int> columns_;
  const bool with_ordinality_, keeps_empty_;
};

/// Integers from, from + step, ... up to `to`, as BIGINT.
class SeriesNode final : public SourceNode {
 public:
  SeriesNode(int64_t from, int64_t to, int64_t step) : from_(from), to_(to), step_(step) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override;

 private:
  const int64_t from_, to_, step_;
};

}  // namespace velaria::execution
