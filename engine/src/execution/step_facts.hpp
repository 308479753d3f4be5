// What some sources and accumulators can tell of their run beside rows and time.
#pragma once

#include <cstdint>
#include <vector>

namespace velaria::execution {

/// A count with a name in snake_case: "segments_skipped". Facts of one name add up.
struct StepFact {
  const char* name;
  int64_t value;
};

/// Implemented beside SourceState or AccumulatorState. Asked once, when the work is done.
class TellsFacts {
 public:
  virtual ~TellsFacts() = default;
  virtual std::vector<StepFact> Facts() const = 0;
};

}  // namespace velaria::execution
