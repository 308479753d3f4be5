#include "execution/plan_tree.hpp"

#include <set>

#include "base/text.hpp"
#include "execution/join.hpp"
#include "execution/recursive.hpp"
#include "execution/result_sink.hpp"

namespace velaria::execution {
namespace {

/// Walks from an accumulator to what feeds it.
class TreeMaker {
 public:
  TreeMaker(const PhysicalPlan& plan, const Analysis* analysis) : plan_(plan), analysis_(analysis) {
    for (const auto& pipeline : plan_.pipelines) {
      if (!pipeline.source) ++readers_[pipeline.source_accumulator];
    }
  }

  PlanTree Accumulator(int number) {
    const auto& node = *plan_.accumulators[static_cast<size_t>(number)];
    PlanTree tree;
    tree.text = node.Text();
    if (!seen_accumulators_.insert(number).second) {
      tree.is_repeated = true;
      return tree;
    }
    StepFigures sum;
    for (size_t i = 0; i < plan_.pipelines.size(); ++i) {
      const auto& pipeline = plan_.pipelines[i];
      int step = 0;
      for (const auto& chain : pipeline.chains) {
        const int first = step + 1;
        step += static_cast<int>(chain.operators.size()) + 1;
        if (chain.accumulator != number) continue;
        AddTo(&sum, {static_cast<int>(i), step});
        tree.children.push_back(
            Operator(static_cast<int>(i), chain, first, static_cast<int>(chain.operators.size())));
      }
    }
    AddTo(&sum, AccumulatorId(number));
    const int64_t kept = sum.rows_in;
    AddEmissions(number, &sum);
    Fill(&tree, sum, AccumulatorId(number));
    tree.figures.rows_in = kept;
    // Rows that several read are still the rows that are there.
    tree.figures.rows_out = readers_[number] > 1 || number == plan_.result ? kept : sum.rows_out;
    const bool builds = dynamic_cast<const JoinBuildNode*>(&node) != nullptr;
    if (builds && readers_[number] == 0) tree.figures.rows_out.reset();
    return tree;
  }

 private:
  /// Operator `count` of a chain (0: the source) over those before it. `first`: the step of the
  /// chain's first operator.
  PlanTree Operator(int pipeline, const Chain& chain, int first, int count) {
    if (count == 0) return Source(pipeline);
    const auto& node = *chain.operators[static_cast<size_t>(count) - 1];
    PlanTree tree;
    tree.text = node.Text();
    const StepId id{pipeline, first + count - 1};
    const StepFigures figures = FiguresOf(id);
    Fill(&tree, figures, id);
    tree.figures.rows_in = figures.rows_in;
    tree.children.push_back(Operator(pipeline, chain, first, count - 1));
    if (const auto* probe = dynamic_cast<const JoinProbeNode*>(&node)) {
      tree.children.push_back(Accumulator(probe->build()));
    }
    return tree;
  }

  PlanTree Source(int number) {
    const auto& pipeline = plan_.pipelines[static_cast<size_t>(number)];
    if (!pipeline.source) return Accumulator(pipeline.source_accumulator);
    PlanTree tree;
    tree.text = FirstLine(pipeline.source->Text());
    if (!seen_sources_.insert(number).second) {
      tree.is_repeated = true;
      return tree;
    }
    const StepId id{number, 0};
    const auto* recursive = dynamic_cast<const RecursiveNode*>(pipeline.source.get());
    Fill(&tree, FiguresOf(id), id);
    if (!recursive) return tree;
    const auto& spec = recursive->spec();
    tree.text = "recursion" + std::string(spec.distinct ? " over distinct rows" : "");
    tree.children.push_back(MakePlanTree(*spec.first, analysis_));
    tree.children.back().text = "first rows";
    tree.children.push_back(MakePlanTree(*spec.step, analysis_));
    tree.children.back().text = "step";
    if (analysis_) {
      tree.children.back().figures.facts["rounds"] = analysis_->TriggersOf(*spec.step);
    }
    return tree;
  }

  /// What reading an accumulator costs is its own: a sort's rows are put in order there.
  void AddEmissions(int number, StepFigures* sum) const {
    for (size_t i = 0; i < plan_.pipelines.size(); ++i) {
      const auto& pipeline = plan_.pipelines[i];
      if (pipeline.source || pipeline.source_accumulator != number) continue;
      AddTo(sum, {static_cast<int>(i), 0});
    }
  }

  StepFigures FiguresOf(StepId id) const {
    return analysis_ ? analysis_->FiguresOf(plan_, id) : StepFigures{};
  }

  void AddTo(StepFigures* sum, StepId id) const {
    const StepFigures more = FiguresOf(id);
    sum->rows_in += more.rows_in;
    sum->rows_out += more.rows_out;
    sum->nanoseconds += more.nanoseconds;
    sum->cpu_nanoseconds += more.cpu_nanoseconds;
    for (const auto& [name, value] : more.facts) sum->facts[name] += value;
  }

  void Fill(PlanTree* tree, const StepFigures& figures, StepId memory) const {
    tree->figures.rows_out = figures.rows_out;
    tree->figures.wall_ms = static_cast<double>(figures.nanoseconds) / 1e6;
    tree->figures.cpu_ms = static_cast<double>(figures.cpu_nanoseconds) / 1e6;
    tree->figures.facts = figures.facts;
    if (analysis_) tree->figures.peak_memory_bytes = analysis_->PeakBytesOf(plan_, memory);
  }

  const PhysicalPlan& plan_;
  const Analysis* const analysis_;
  std::map<int, int> readers_;  // pipelines that read an accumulator
  std::set<int> seen_accumulators_, seen_sources_;
};

}  // namespace

PlanTree MakePlanTree(const PhysicalPlan& plan, const Analysis* analysis) {
  return TreeMaker(plan, analysis).Accumulator(plan.result);
}

}  // namespace velaria::execution
