// ORDER BY, with or without a bound (top-N). Keys become words whose unsigned order is the SQL
// order; long strings that agree in their first bytes are compared in full; rows that agree in
// every key keep their row order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/row_buffer.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

class SortNode final : public AccumulatorNode {
 public:
  /// `limit`: rows that are needed at most, -1 for all. `types`: of the input's columns.
  SortNode(std::vector<logical::SortKey> keys, std::vector<TypePtr> types, int64_t limit)
      : keys_(std::move(keys)), types_(std::move(types)), limit_(limit) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const std::vector<logical::SortKey> keys_;
  const std::vector<TypePtr> types_;
  const int64_t limit_;
};

/// Keeps the first rows in row order: a LIMIT below other operators.
class LimitNode final : public AccumulatorNode {
 public:
  LimitNode(std::vector<TypePtr> types, int64_t limit, int64_t offset)
      : types_(std::move(types)), limit_(limit), offset_(offset) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const std::vector<TypePtr> types_;
  const int64_t limit_, offset_;
};

}  // namespace velaria::execution
