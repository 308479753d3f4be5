// TABLESAMPLE. Each row draws a number from its place in row order and the seed, so which rows are
// taken does not depend on threads, on how the rows are cut, or on what else the query does.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "execution/row_buffer.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

/// A percentage of a scan's rows, drawn by their ordinals as they pass.
class SampleFilterNode final : public OperatorNode {
 public:
  explicit SampleFilterNode(logical::SampleSpec spec) : spec_(spec) {}
  Result<std::unique_ptr<OperatorState>> MakeState(const OpenContext&) const override;
  Result<OperatorFlow> Process(const Chunk& in, Chunk* out, OperatorState& state,
                               TaskContext& context) const override;
  std::string Text() const override;

 private:
  const logical::SampleSpec spec_;
};

/// So many rows, or a percentage of rows that are numbered only when all of them are there: those
/// above joins and groups. Keeps no more rows than it may need.
class SampleNode final : public AccumulatorNode {
 public:
  /// `by_ordinal`: the rows come straight from a scan and draw by their ordinals.
  SampleNode(logical::SampleSpec spec, std::vector<TypePtr> types, bool by_ordinal)
      : spec_(spec), types_(std::move(types)), by_ordinal_(by_ordinal) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const logical::SampleSpec spec_;
  const std::vector<TypePtr> types_;
  const bool by_ordinal_;
};

}  // namespace velaria::execution
