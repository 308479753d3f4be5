// How a statement would run, and SELECT, at once or as a stream.
#include "base/text.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

// ---- explain

bool HasPlan(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kSelect:
    case StatementKind::kInsert:
    case StatementKind::kUpdate:
    case StatementKind::kDelete:
    case StatementKind::kExecute: return true;
    case StatementKind::kCreateTable: return statement.select != nullptr;
    default: return false;
  }
}

Result<StatementRunner::CheckedQuery> StatementRunner::Check(const Statement& statement) {
  if (statement.kind == StatementKind::kExecute) {
    ARROW_ASSIGN_OR_RAISE(const auto call, CallOf(statement));
    auto checked = StatementRunner(*this, call.sql, call.arguments).Check(*call.prepare->inner);
    if (!checked.ok()) return AtExecute(statement, checked.status());
    return checked;
  }
  CheckedQuery checked;
  const auto bind = Bind();
  if (statement.kind == StatementKind::kInsert) {
    ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
    ARROW_ASSIGN_OR_RAISE(checked.query, sql::PlanInsertSource(statement, *target->ArrowSchema(),
                                                               DefaultsOf(*target), bind));
    if (target->kind == RelationKind::kStream) {
      ARROW_RETURN_NOT_OK(WithPlaceIfFailed(
          connection_.CheckOutside("INSERT into a stream: " + target->ShownName()),
          statement.place));
    }
    checked.ends.target_name = target->ShownName();
    checked.ends.target = target->table;
  } else if (statement.kind == StatementKind::kUpdate || statement.kind == StatementKind::kDelete) {
    ARROW_ASSIGN_OR_RAISE(auto change, PlanChange(statement));
    checked.query = std::move(change.rows.query);
    checked.ends.target = change.target->table;
    checked.ends.target_name = change.target->ShownName();
    checked.decision = DecideExecution(checked.query);
    checked.decision.sink_is_blocking = true;
    return checked;
  } else if (HasPlan(statement)) {
    ARROW_ASSIGN_OR_RAISE(checked.query, sql::PlanSelect(*statement.select, bind));
  } else {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  "there is no plan to explain for a statement of kind: " +
                      std::string(StatementKindName(statement)),
                  "EXPLAIN takes SELECT, INSERT, UPDATE, DELETE, CREATE TABLE ... AS and EXECUTE.");
  }
  if (!checked.query.is_bounded) {
    if (statement.kind == StatementKind::kCreateTable) {
      return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                    "CREATE TABLE AS reads a stream, which never ends",
                    "Create the table, then start INSERT INTO ... SELECT as a streaming query.");
    }
    auto source = stream::SourceOf(*checked.query.root);
    if (!source.ok()) return WithPlace(source.status(), statement.place);
    checked.ends.source_name = (*source)->name();
    checked.ends.source = (*source)->table();
    ARROW_RETURN_NOT_OK(WithPlaceIfFailed(session_.CheckFeeds(checked.ends), statement.place));
  }
  ARROW_RETURN_NOT_OK(session_.Rewrite(&checked.query, *context_));
  checked.decision = DecideExecution(checked.query);
  checked.decision.sink_is_blocking = checked.ends.target != nullptr;
  return checked;
}

Result<StatementRunner::CheckedQuery> StatementRunner::CheckStream(const Statement& statement) {
  if (statement.kind != StatementKind::kSelect && statement.kind != StatementKind::kInsert) {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  std::string("a streaming query is a SELECT or INSERT ... SELECT, not: ") +
                      StatementKindName(statement));
  }
  ARROW_ASSIGN_OR_RAISE(auto checked, Check(statement));
  if (!checked.query.is_bounded) return checked;
  return FailAt(statement.place, ErrorCode::kNeedsBoundedInput, "the query reads no stream",
                "Run it as a plain query.");
}

namespace {

const Statement& Explained(const Statement& statement) {
  return statement.kind == StatementKind::kExplain ? *statement.inner : statement;
}

}  // namespace

Result<ExplainSections> StatementRunner::Explain(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto checked, Check(Explained(statement)));
  return Sections(checked);
}

Result<ExplainSections> StatementRunner::ExplainStream(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto checked, CheckStream(Explained(statement)));
  return Sections(checked);
}

Result<std::shared_ptr<const execution::PhysicalPlan>> StatementRunner::PhysicalPlanOf(
    const CheckedQuery& checked) const {
  const auto& query = checked.query;
  execution::LowerOptions options;
  options.reproducible_sums = session_.settings().sums_are_reproducible();
  if (!query.is_bounded)
    options.stream_range = [](const execution::TableRelation&) {
      return [] { return execution::TableRange{}; };
    };
  return execution::Lower(query.root, query.schema, options);
}

Result<ExplainSections> StatementRunner::Sections(const CheckedQuery& checked) const {
  ARROW_ASSIGN_OR_RAISE(const auto plan, PhysicalPlanOf(checked));
  return ExplainSections{logical::ToText(*checked.query.root), plan->ToText(),
                         contract::StrategyText(checked.decision)};
}

// ---- queries

Result<std::shared_ptr<RunningQuery>> StatementRunner::StartQuery(
    const logical::BoundQuery& query) {
  const int64_t trigger_rows = session_.settings().GetInteger("debug_trigger_rows");
  execution::LowerOptions options;
  options.reproducible_sums = session_.settings().sums_are_reproducible();
  std::function<int64_t()> triggers_left = [] { return int64_t{0}; };
  if (trigger_rows > 0) {
    // The slices of the one table that is cut; the plan asks for the range of a trigger when it
    // starts it.
    struct Slices {
      storage::VersionPtr version;
      int64_t begin = 0, end = 0;
      bool used = false;
    };
    auto slices = std::make_shared<Slices>();
    options.slice_tables = true;
    options.stream_range = [slices](const execution::TableRelation& table) {
      slices->version = table.version();
      slices->used = true;
      return
          [slices] { return execution::TableRange{slices->version, slices->begin, slices->end}; };
    };
    triggers_left = [slices, trigger_rows]() -> int64_t {
      if (!slices->used) return 0;
      const int64_t total = slices->version->end_position();
      slices->begin = slices->end;
      slices->end = std::min(total, slices->begin + trigger_rows);
      return (total - slices->end + trigger_rows - 1) / trigger_rows;
    };
  }
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(query.root, query.schema, options));
  ARROW_ASSIGN_OR_RAISE(auto execution,
                        execution::Execution::Make(plan, context_, session_.scheduler_));
  auto running = std::make_shared<RunningQuery>(std::move(execution), std::move(triggers_left),
                                                session_.shared_from_this());
  session_.Attach(query_id_, running);
  return running;
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> StatementRunner::RunToBatches(
    const logical::BoundQuery& query) {
  ARROW_ASSIGN_OR_RAISE(auto running, StartQuery(query));
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(running->Next(&batch));
    if (!batch) return batches;
    batches.push_back(std::move(batch));
  }
}

Result<StatementResult> StatementRunner::Select(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto checked, Check(statement));
  if (!checked.query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                  "the query reads a stream and never ends",
                  "Start it as a streaming query, or read it as a subscription.");
  }
  StatementResult result = Done(statement);
  result.schema = checked.query.schema;
  ARROW_ASSIGN_OR_RAISE(result.query, StartQuery(checked.query));
  return result;
}

// ---- streams

namespace {

/// The delivery mode that was asked for, when it is one that holds (STREAMS.md, Delivery): a query
/// reads its stream from the first row and starts with empty state, so its sink may see rows again.
Result<std::string> DeliveryModeOf(const std::string& asked) {
  if (asked.empty() || asked == "at-least-once") return std::string("at-least-once");
  if (asked == "best-effort") return asked;
  if (asked == "exactly-once") {
    return Fail(ErrorCode::kUnsupportedRequest, "the delivery mode is not offered: " + asked,
                "Use at-least-once: a sink in memory commits nothing that outlives the server.");
  }
  return Fail(ErrorCode::kBadParameter, "unknown delivery mode: " + asked,
              "Use at-least-once or best-effort.");
}

}  // namespace

Result<std::shared_ptr<stream::StreamingQuery>> StatementRunner::MakeStream(
    const Statement& statement, const StreamOptions& options) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  ARROW_ASSIGN_OR_RAISE(auto checked, CheckStream(statement));
  return MakeStream(std::move(checked), options);
}

Result<std::shared_ptr<stream::StreamingQuery>> StatementRunner::MakeStream(
    CheckedQuery checked, const StreamOptions& options) {
  stream::StreamSpec spec;
  spec.query_id = query_id_;
  spec.name = options.name.empty() ? query_id_ : options.name;
  spec.sql = sql_;
  spec.schema = checked.query.schema;
  spec.decision = checked.decision;
  ARROW_ASSIGN_OR_RAISE(spec.decision.checkpoint_delivery_mode,
                        DeliveryModeOf(options.delivery_mode));
  spec.trigger_rows = session_.settings().GetInteger("stream_trigger_rows");
  stream::StreamParts parts;
  parts.root = checked.query.root;
  parts.target = checked.ends.target;
  return session_.AddStream(std::move(spec), std::move(parts), checked.ends, context_);
}

}  // namespace velaria::session
