#include "contract/progress.hpp"

#include <cmath>
#include <cstdio>

namespace velaria::contract {
namespace {

std::string JsonValue(const std::string& value) { return JsonString(value); }
std::string JsonValue(int64_t value) { return std::to_string(value); }
std::string JsonValue(bool value) { return value ? "true" : "false"; }
std::string JsonValue(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

}  // namespace

const std::vector<ProgressField>& ProgressFields() {
  static const std::vector<ProgressField> fields = {
#define VELARIA_PROGRESS(name, type, group) {#name, #type, #group},
#include "velaria/progress_fields.def"
#undef VELARIA_PROGRESS
  };
  return fields;
}

std::string JsonString(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string ToJson(const Progress& progress) {
  std::string out = "{";
  VisitProgress(progress, [&](const char* name, const auto& value) {
    if (out.size() > 1) out += ", ";
    out += JsonString(name) + ": " + (value ? JsonValue(*value) : "null");
  });
  return out + "}";
}

std::string StrategyText(const ExecutionDecision& decision) {
  auto flag = [](bool value) { return value ? "true" : "false"; };
  std::string out;
  out += "requested_execution_mode=" + decision.requested_execution_mode + "\n";
  out += "execution_mode=" + decision.execution_mode + "\n";
  out += "execution_reason=" + decision.execution_reason + "\n";
  out += "transport_mode=" + decision.transport_mode + "\n";
  out += std::string("actor_eligible=") + flag(decision.actor_eligible) + "\n";
  out += std::string("used_shared_memory=") + flag(false) + "\n";
  out += std::string("has_stateful_ops=") + flag(decision.has_stateful_ops) + "\n";
  out += std::string("has_window=") + flag(decision.has_window) + "\n";
  out += std::string("source_is_bounded=") + flag(decision.source_is_bounded) + "\n";
  out += std::string("sink_is_blocking=") + flag(decision.sink_is_blocking) + "\n";
  if (!decision.source_is_bounded) {
    out += "checkpoint_delivery_mode=" + decision.checkpoint_delivery_mode + "\n";
    out += "backpressure_max_queue_batches=" + std::to_string(decision.backpressure_max_queue_batches) + "\n";
    out += "backpressure_high_watermark=" + std::to_string(decision.backpressure_high_watermark) + "\n";
    out += "backpressure_low_watermark=" + std::to_string(decision.backpressure_low_watermark) + "\n";
    if (decision.has_stateful_ops) out += "warning=state is unbounded: the query has no watermark\n";
  }
  return out;
}

void Apply(const ExecutionDecision& decision, Progress* progress) {
  progress->requested_execution_mode = decision.requested_execution_mode;
  progress->execution_mode = decision.execution_mode;
  progress->execution_reason = decision.execution_reason;
  progress->transport_mode = decision.transport_mode;
  progress->actor_eligible = decision.actor_eligible;
  progress->used_actor_runtime = false;
  progress->used_shared_memory = false;
  progress->has_stateful_ops = decision.has_stateful_ops;
  progress->has_window = decision.has_window;
  progress->source_is_bounded = decision.source_is_bounded;
  progress->sink_is_blocking = decision.sink_is_blocking;
  progress->checkpoint_delivery_mode = decision.checkpoint_delivery_mode;
  progress->backpressure_max_queue_batches = decision.backpressure_max_queue_batches;
  progress->backpressure_high_watermark = decision.backpressure_high_watermark;
  progress->backpressure_low_watermark = decision.backpressure_low_watermark;
}

}  // namespace velaria::contract
