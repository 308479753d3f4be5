// EXPLAIN: the plan as text or JSON; with ANALYZE the statement is run and each operator has its
// figures.
#include <algorithm>
#include <cstdio>

#include "base/text.hpp"
#include "contract/progress.hpp"
#include "execution/plan_tree.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using execution::PlanTree;
using sql::Statement;
using sql::StatementKind;

namespace {

constexpr size_t kOperatorTextMax = 72;  // characters; JSON has the whole text

/// What ANALYZE found out about the statement as a whole.
struct Totals {
  int64_t rows = 0;
  double planning_ms = 0, execution_ms = 0;
  int64_t peak_memory_bytes = 0;
};

std::string Fixed(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// ---- text

using Line = std::vector<std::string>;

std::string Shortened(const std::string& text) {
  if (text.size() <= kOperatorTextMax) return text;
  size_t end = kOperatorTextMax - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string CountOrDash(const std::optional<int64_t>& count) {
  return count ? std::to_string(*count) : "-";
}

void AddLines(const PlanTree& tree, size_t depth, std::vector<Line>* lines) {
  Line line = {std::string(depth * 2, ' ') + Shortened(tree.text)};
  if (tree.is_repeated) {
    line.insert(line.end(), {"", "", "", "", "", "as above"});
  } else {
    const auto& figures = tree.figures;
    std::vector<std::string> facts;
    for (const auto& [name, value] : figures.facts) {
      facts.push_back(name + "=" + std::to_string(value));
    }
    line.insert(line.end(), {CountOrDash(figures.rows_in), CountOrDash(figures.rows_out),
                             Fixed(figures.wall_ms, 3), Fixed(figures.cpu_ms, 3),
                             Fixed(static_cast<double>(figures.peak_memory_bytes) / 1024, 1),
                             Join(facts, ", ")});
  }
  lines->push_back(std::move(line));
  for (const auto& child : tree.children) AddLines(child, depth + 1, lines);
}

/// One line per operator, the names to the left and the figures to the right of their columns.
std::string Table(const std::vector<Line>& lines) {
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], static_cast<size_t>(CountCharacters(line[i])));
    }
  }
  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - static_cast<size_t>(CountCharacters(line[i])), ' ');
      const bool left = i == 0 || i + 1 == line.size();
      if (i > 0) text += "  ";
      text += left ? line[i] + padding : padding + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out;
}

std::string AnalysisText(const PlanTree& tree, const std::vector<std::string>& notes,
                         const Totals& totals) {
  std::vector<Line> lines = {
      {"operator", "rows in", "rows out", "wall ms", "cpu ms", "peak KiB", ""}};
  AddLines(tree, 0, &lines);
  std::string out = Table(lines);
  for (const auto& note : notes) out += note + "\n";
  out += "rows: " + std::to_string(totals.rows) + "\n";
  out += "planning: " + Fixed(totals.planning_ms, 3) + " ms\n";
  out += "execution: " + Fixed(totals.execution_ms, 3) + " ms\n";
  out +=
      "peak memory: " + Fixed(static_cast<double>(totals.peak_memory_bytes) / 1024, 1) + " KiB\n";
  return out;
}

// ---- JSON

std::string Count(const std::optional<int64_t>& count) {
  return count ? std::to_string(*count) : "null";
}

std::string TreeJson(const PlanTree& tree, bool analyzed) {
  std::string out = "{\"operator\": " + contract::JsonString(tree.text);
  if (tree.is_repeated) return out + ", \"repeated\": true, \"children\": []}";
  if (analyzed) {
    const auto& figures = tree.figures;
    out += ", \"rows_in\": " + Count(figures.rows_in);
    out += ", \"rows_out\": " + Count(figures.rows_out);
    out += ", \"wall_ms\": " + Fixed(figures.wall_ms, 6);
    out += ", \"cpu_ms\": " + Fixed(figures.cpu_ms, 6);
    out += ", \"peak_memory_bytes\": " + std::to_string(figures.peak_memory_bytes);
    std::vector<std::string> facts;
    for (const auto& [name, value] : figures.facts) {
      facts.push_back(contract::JsonString(name) + ": " + std::to_string(value));
    }
    out += ", \"facts\": {" + Join(facts, ", ") + "}";
  }
  std::vector<std::string> children;
  for (const auto& child : tree.children) children.push_back(TreeJson(child, analyzed));
  return out + ", \"children\": [" + Join(children, ", ") + "]}";
}

std::string ListJson(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const auto& text : texts) quoted.push_back(contract::JsonString(text));
  return "[" + Join(quoted, ", ") + "]";
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// What both documents begin with.
std::string HeadJson(const Statement& statement, bool analyzed, const PlanTree* tree,
                     const std::vector<std::string>& notes) {
  return "{\"version\": 1, \"statement\": " +
         contract::JsonString(StatementKindName(*statement.inner)) +
         ", \"analyzed\": " + (analyzed ? "true" : "false") +
         ", \"plan\": " + (tree ? TreeJson(*tree, analyzed) : "null") +
         ", \"notes\": " + ListJson(notes);
}

std::string AnalysisJson(const Statement& statement, const PlanTree* tree,
                         const std::vector<std::string>& notes, const Totals& totals) {
  return HeadJson(statement, true, tree, notes) + ", \"rows\": " + std::to_string(totals.rows) +
         ", \"planning_ms\": " + Fixed(totals.planning_ms, 6) +
         ", \"execution_ms\": " + Fixed(totals.execution_ms, 6) +
         ", \"peak_memory_bytes\": " + std::to_string(totals.peak_memory_bytes) + "}";
}

}  // namespace

Result<StatementResult> StatementRunner::ExplainRows(const Statement& statement) {
  std::vector<std::vector<std::string>> rows;
  const bool json = statement.explain_format == sql::ExplainFormat::kJson;
  if (statement.analyze) {
    ARROW_ASSIGN_OR_RAISE(auto text, Analyze(statement));
    rows = {{json ? "json" : "analyze", std::move(text)}};
  } else {
    ARROW_ASSIGN_OR_RAISE(const auto checked, Check(*statement.inner));
    if (json) {
      ARROW_ASSIGN_OR_RAISE(const auto plan, PhysicalPlanOf(checked));
      const PlanTree tree = execution::MakePlanTree(*plan, nullptr);
      rows = {{"json", HeadJson(statement, false, &tree, plan->notes) + ", \"logical\": " +
                           ListJson(LinesOf(logical::ToText(*checked.query.root))) +
                           ", \"strategy\": " +
                           ListJson(LinesOf(contract::StrategyText(checked.decision))) + "}"}};
    } else {
      ARROW_ASSIGN_OR_RAISE(auto sections, Sections(checked));
      rows = {{"logical", std::move(sections.logical)},
              {"physical", std::move(sections.physical)},
              {"strategy", std::move(sections.strategy)}};
    }
  }
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  StatementResult result = Done(statement);
  result.schema = ExplainSchema();
  ARROW_ASSIGN_OR_RAISE(result.rows, TextRows(result.schema, rows));
  return result;
}

/// Runs the statement, with all that it changes, and lets its rows go.
Result<std::string> StatementRunner::Analyze(const Statement& statement) {
  const Statement& inner = *statement.inner;
  const auto kind = inner.kind;
  if (!HasPlan(inner)) {
    return FailAt(inner.place, ErrorCode::kUnsupportedStatement,
                  "there is no plan to analyze for a statement of kind: " +
                      std::string(StatementKindName(inner)),
                  "EXPLAIN ANALYZE takes SELECT, INSERT, UPDATE, DELETE, CREATE TABLE ... AS and "
                  "EXECUTE.");
  }
  // An INSERT from a stream would start it.
  if (kind == StatementKind::kInsert || kind == StatementKind::kExecute) {
    ARROW_ASSIGN_OR_RAISE(const auto checked, Check(inner));
    if (!checked.query.is_bounded) {
      return FailAt(inner.place, ErrorCode::kNeedsBoundedInput,
                    "EXPLAIN ANALYZE runs its statement to the end, and a stream never ends");
    }
  }
  const execution::Analysis& analysis = context_->Analyze();
  ARROW_ASSIGN_OR_RAISE(const auto result, Execute(inner));
  Totals totals;
  totals.rows = result.rows_affected.value_or(0);
  while (result.query) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(result.query->Next(&batch));
    if (!batch) break;
    totals.rows += batch->num_rows();
  }
  totals.planning_ms = analysis.planning_ms();
  totals.execution_ms = analysis.execution_ms();
  totals.peak_memory_bytes = context_->peak_bytes();
  const bool json = statement.explain_format == sql::ExplainFormat::kJson;
  const auto plan = analysis.root();
  if (!plan) {  // CREATE TABLE IF NOT EXISTS ... AS, of a table that is there
    return json ? AnalysisJson(statement, nullptr, {}, totals) : "nothing was run\n";
  }
  PlanTree tree = execution::MakePlanTree(*plan, &analysis);
  if (result.query) tree.figures.rows_out = totals.rows;  // what LIMIT and OFFSET have let through
  return json ? AnalysisJson(statement, &tree, plan->notes, totals)
              : AnalysisText(tree, plan->notes, totals);
}

}  // namespace velaria::session
