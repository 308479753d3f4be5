// States that keep values of any length, and where the memory for them comes from.
#pragma once

#include "functions/registry.hpp"

namespace velaria {

/// Told before the first row. Values are kept in buffers of the pool, so that a query that may not
/// have the memory fails instead of taking it; MemoryBytes tells what is held beside the pool.
class PooledStates {
 public:
  virtual ~PooledStates() = default;
  virtual void UsePool(arrow::MemoryPool* pool) = 0;
};

inline std::unique_ptr<AggregateStates> MakeStates(const AggregateBinding& binding,
                                                   arrow::MemoryPool* pool) {
  auto states = binding.make_states(binding);
  if (auto* pooled = dynamic_cast<PooledStates*>(states.get())) pooled->UsePool(pool);
  return states;
}

}  // namespace velaria
