// The progress of a streaming query: the contract's fields, one struct made from the one table, and
// its JSON form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace velaria::contract {

namespace progress_types {
using text = std::string;
using int64 = int64_t;
using float64 = double;
using boolean = bool;
}  // namespace progress_types

/// A field without a value does not apply to the query; execution_reason says why.
struct Progress {
#define VELARIA_PROGRESS(name, type, group) std::optional<progress_types::type> name;
#include "velaria/progress_fields.def"
#undef VELARIA_PROGRESS
};

struct ProgressField {
  const char* name;
  const char* type;
  const char* group;
};
const std::vector<ProgressField>& ProgressFields();

/// visit(name, optional value) for every field, in contract order.
template <typename Visit>
void VisitProgress(const Progress& progress, Visit visit) {
#define VELARIA_PROGRESS(name, type, group) visit(#name, progress.name);
#include "velaria/progress_fields.def"
#undef VELARIA_PROGRESS
}

/// The same fields as one JSON object: snapshotJson of the contract.
std::string ToJson(const Progress& progress);

/// What was decided about how a query runs; explain's strategy section and progress both read it.
struct ExecutionDecision {
  std::string requested_execution_mode = "auto";
  std::string execution_mode = "single-process";
  std::string execution_reason;
  std::string transport_mode = "in-process";
  bool actor_eligible = false;
  bool has_stateful_ops = false;
  bool has_window = false;
  bool source_is_bounded = true;
  bool sink_is_blocking = false;
  std::string checkpoint_delivery_mode = "at-least-once";
  int64_t backpressure_max_queue_batches = 0;
  int64_t backpressure_high_watermark = 0;
  int64_t backpressure_low_watermark = 0;
};

/// The strategy section of explain: "name=value" lines of the decision.
std::string StrategyText(const ExecutionDecision& decision);
/// Fills the decided fields of a progress.
void Apply(const ExecutionDecision& decision, Progress* progress);

/// `text` as a JSON string, quotes included.
std::string JsonString(const std::string& text);

}  // namespace velaria::contract
