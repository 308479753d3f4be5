#include "execution/plan.hpp"

#include "base/text.hpp"

namespace velaria::execution {

std::string PhysicalPlan::ToText() const {
  std::string out;
  for (size_t i = 0; i < pipelines.size(); ++i) {
    const auto& pipeline = pipelines[i];
    out += "pipeline " + std::to_string(i);
    if (!pipeline.dependencies.empty()) {
      std::vector<std::string> names;
      for (int dependency : pipeline.dependencies) names.push_back(std::to_string(dependency));
      out += " after " + Join(names, ", ");
    }
    out +=
        ":\n  source " +
        (pipeline.source
             ? pipeline.source->Text()
             : "emit " + accumulators[static_cast<size_t>(pipeline.source_accumulator)]->Text()) +
        "\n";
    for (const auto& chain : pipeline.chains) {
      for (const auto& op : chain.operators) out += "  -> " + op->Text() + "\n";
      out += "  => " + accumulators[static_cast<size_t>(chain.accumulator)]->Text() + "\n";
    }
  }
  for (const auto& note : notes) out += note + "\n";
  return out;
}

}  // namespace velaria::execution
