// Window functions of one PARTITION BY and ORDER BY.
//
// Workers deal their rows into buckets by the hash of the partition; when all have come, each
// bucket is put in order and its calls are computed by whichever worker takes it, so buckets run
// side by side and their memory goes as they are handed on. Without PARTITION BY there is one
// bucket, and only the handing on is parallel. Rows leave bucket by bucket, partitions in order of
// their first row, whatever the number of workers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "execution/roles.hpp"
#include "logical/expression.hpp"

namespace velaria::execution {

struct WindowSpec {
  std::vector<logical::BoundExprPtr> partition;
  std::vector<logical::SortKey> order;
  std::vector<logical::BoundWindow> calls;
  std::vector<TypePtr> types;  // of the input's columns
};

class WindowNode final : public AccumulatorNode {
 public:
  explicit WindowNode(WindowSpec spec) : spec_(std::move(spec)) {}
  Result<std::shared_ptr<AccumulatorState>> Open(QueryContext& query) const override;
  std::string Text() const override;

 private:
  const WindowSpec spec_;
};

}  // namespace velaria::execution
