// What a statement is, how it would run, and SELECT, at once or as a stream.
#include "base/text.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using logical::RelationKind;
using sql::Statement;
using sql::StatementKind;

// ---- describe and explain

Result<StatementInfo> StatementRunner::Describe(const Statement& statement, bool parameters_known) {
  StatementInfo info;
  info.kind = StatementKindName(statement);
  info.parameter_count = statement.parameter_count;
  auto bind = session_.MakeBindContext(parameters_, *context_);
  bind.parameters_known = parameters_known;
  if (parameters_known) ARROW_RETURN_NOT_OK(CheckParameters(statement));
  switch (statement.kind) {
    case StatementKind::kSelect: {
      ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
      info.schema = query.schema;
      info.reads = query.reads;
      if (!query.is_bounded) info.kind = "stream";
      return info;
    }
    case StatementKind::kExplain: info.schema = ExplainSchema(); return info;
    case StatementKind::kShow: info.schema = NameValueSchema(); return info;
    case StatementKind::kDescribe: info.schema = DescribeSchema(); return info;
    case StatementKind::kInsert: {
      ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
      ARROW_ASSIGN_OR_RAISE(auto query,
                            sql::PlanInsertSource(statement, *target->ArrowSchema(), bind));
      info.reads = query.reads;
      info.writes = {target->name};
      if (!query.is_bounded) info.kind = "insert_stream";
      return info;
    }
    default:
      if (statement.select) {
        ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*statement.select, bind));
        info.reads = query.reads;
      }
      if (!statement.name.empty()) info.writes = {statement.name.back().text};
      return info;
  }
}

Result<ExplainSections> StatementRunner::Explain(const Statement& statement) {
  const Statement* inner =
      statement.kind == StatementKind::kExplain ? statement.inner.get() : &statement;
  logical::BoundQuery query;
  if (inner->kind == StatementKind::kInsert) {
    ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(inner->name));
    ARROW_ASSIGN_OR_RAISE(query,
                          sql::PlanInsertSource(*inner, *target->ArrowSchema(),
                                                session_.MakeBindContext(parameters_, *context_)));
    ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context_->functions()));
  } else if (inner->select) {
    ARROW_ASSIGN_OR_RAISE(query, PlanSelect(*inner->select));
  } else {
    return FailAt(inner->place, ErrorCode::kUnsupportedStatement,
                  "there is no plan to explain for a statement of kind: " +
                      std::string(StatementKindName(*inner)),
                  "EXPLAIN takes SELECT, INSERT ... SELECT and CREATE TABLE ... AS.");
  }
  execution::LowerOptions options;
  options.reproducible_sums = session_.settings().sums_are_reproducible();
  if (!query.is_bounded)
    options.stream_range = [](const execution::TableRelation&) {
      return [] { return execution::TableRange{}; };
    };
  ARROW_ASSIGN_OR_RAISE(auto plan, execution::Lower(query.root, query.schema, options));
  return ExplainSections{logical::ToText(*query.root), plan->ToText(),
                         contract::StrategyText(DecideExecution(query))};
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
  session_.Track(query_id_, sql_, running);
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
  ARROW_ASSIGN_OR_RAISE(auto query, PlanSelect(*statement.select));
  if (!query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                  "the query reads a stream and never ends",
                  "Start it as a streaming query, or read it as a subscription.");
  }
  StatementResult result = Done(statement);
  result.schema = query.schema;
  ARROW_ASSIGN_OR_RAISE(result.query, StartQuery(query));
  return result;
}

Result<std::shared_ptr<stream::StreamingQuery>> StatementRunner::MakeStream(
    const Statement& statement, const std::string& name) {
  ARROW_RETURN_NOT_OK(CheckParameters(statement));
  stream::StreamSpec spec;
  logical::BoundQuery query;
  if (statement.kind == StatementKind::kInsert) {
    ARROW_ASSIGN_OR_RAISE(auto target, WritableEntry(statement.name));
    ARROW_ASSIGN_OR_RAISE(query,
                          sql::PlanInsertSource(statement, *target->ArrowSchema(),
                                                session_.MakeBindContext(parameters_, *context_)));
    spec.sink = target->table;
  } else if (statement.kind == StatementKind::kSelect) {
    ARROW_ASSIGN_OR_RAISE(query, sql::PlanSelect(*statement.select,
                                                 session_.MakeBindContext(parameters_, *context_)));
  } else {
    return FailAt(statement.place, ErrorCode::kUnsupportedStatement,
                  std::string("a streaming query is a SELECT or INSERT ... SELECT, not: ") +
                      StatementKindName(statement));
  }
  if (query.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput, "the query reads no stream",
                  "Run it as a plain query.");
  }
  ARROW_ASSIGN_OR_RAISE(query.root, logical::Rewrite(query.root, context_->functions()));
  spec.query_id = query_id_;
  spec.name = name.empty() ? query_id_ : name;
  spec.sql = sql_;
  spec.root = query.root;
  spec.schema = query.schema;
  spec.decision = DecideExecution(query);
  spec.decision.sink_is_blocking = spec.sink != nullptr;
  spec.trigger_rows = session_.settings().GetInteger("stream_trigger_rows");
  if (spec.decision.has_window) {
    // The stream's own columns, then why a row is late and where it stood in the log.
    for (const auto& entry : session_.catalog_.Entries()) {
      if (entry->kind != RelationKind::kStream ||
          std::find(query.reads.begin(), query.reads.end(), entry->name) == query.reads.end())
        continue;
      auto fields = entry->table->schema()->fields();
      fields.push_back(arrow::field("_late_reason", arrow::utf8()));
      fields.push_back(arrow::field("_seq", arrow::int64()));
      CatalogEntry late;
      late.name = spec.name + "$late";
      late.table = std::make_shared<storage::Table>(arrow::schema(std::move(fields)));
      spec.late = late.table;
      ARROW_RETURN_NOT_OK(
          session_.catalog_.Create(std::move(late), Catalog::IfExists::kReplace).status());
    }
  }
  return stream::StreamingQuery::Make(std::move(spec), context_, session_.scheduler_);
}

}  // namespace velaria::session
