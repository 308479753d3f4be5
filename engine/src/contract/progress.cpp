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
    out.append(JsonString(name)).append(": ").append(value ? JsonValue(*value) : "null");
  });
  return out + "}";
}

std::string StrategyText(const ExecutionDecision& decision) {
  std::string out;
  auto line = [&out](const char* name, const std::string& value) {
    out.append(name).append("=").append(value).append("\n");
  };
  auto flag = [&line](const char* name, bool value) { line(name, value ? "true" : "false"); };
  line("requested_execution_mode", decision.requested_execution_mode);
  line("execution_mode", decision.execution_mode);
  line("execution_reason", decision.execution_reason);
  line("transport_mode", decision.transport_mode);
  flag("actor_eligible", decision.actor_eligible);
  flag("used_shared_memory", false);
  flag("has_stateful_ops", decision.has_stateful_ops);
  flag("has_window", decision.has_window);
  flag("source_is_bounded", decision.source_is_bounded);
  flag("sink_is_blocking", decision.sink_is_blocking);
  if (!decision.source_is_bounded) {
    line("checkpoint_delivery_mode", decision.checkpoint_delivery_mode);
    line("backpressure_max_queue_batches", std::to_string(decision.backpressure_max_queue_batches));
    line("backpressure_high_watermark", std::to_string(decision.backpressure_high_watermark));
    line("backpressure_low_watermark", std::to_string(decision.backpressure_low_watermark));
    if (decision.has_stateful_ops)
      line("warning", "state is unbounded: the query has no watermark");
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
