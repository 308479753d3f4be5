// SUMMARIZE: what the values of each column are like, by one aggregate query over all columns; and
// DESCRIBE of a query.
#include <arrow/builder.h>

#include <array>
#include <cmath>

#include "base/text.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using sql::Statement;

namespace {

/// Whether the aggregate takes values of the type.
bool Takes(const char* aggregate, const TypePtr& type) {
  BindArguments arguments;
  arguments.types = {type};
  arguments.constants = {nullptr};
  return BindAggregate(*FunctionRegistry::Instance().FindAggregate(aggregate), arguments).ok();
}

std::string Call(const char* function, const std::string& arguments) {
  return Join({function, "(", arguments, ")"}, "");
}

std::string As(const std::string& value, const char* type) {
  return Join({"CAST(", value, " AS ", type, ")"}, "");
}

/// The aggregates of one column, in the order of the result's columns; all but the two counts are
/// text. What a type has not is NULL.
std::string AggregatesOf(const std::string& column, const TypePtr& type) {
  constexpr char kText[] = "VARCHAR";
  const std::string none = As("NULL", kText);
  const std::string count = Call("count", column);
  std::vector<std::string> parts;
  const bool is_bool = type->id() == arrow::Type::BOOL;
  const bool has_extremes =
      is_bool || (Takes("min", type) && PhysicalOf(*type) != Physical::kBinary);
  parts.push_back(has_extremes ? As(Call(is_bool ? "bool_and" : "min", column), kText) : none);
  parts.push_back(has_extremes ? As(Call(is_bool ? "bool_or" : "max", column), kText) : none);
  const bool has_distinct =
      IsComparable(*LogicalType(type)) && Takes("approx_count_distinct", type);
  parts.push_back(has_distinct
                      ? Call("least", Join({Call("approx_count_distinct", column), count}, ", "))
                      : As("NULL", "BIGINT"));
  const bool is_number = IsNumeric(*type);
  for (const char* function : {"avg", "stddev"}) {
    parts.push_back(is_number ? As(As(Call(function, column), "DOUBLE"), kText) : none);
  }
  const bool is_date = arrow::is_date(type->id());
  const bool has_quantiles = is_number || is_date || type->id() == arrow::Type::TIMESTAMP ||
                             type->id() == arrow::Type::TIME64;
  for (const char* fraction : {"0.25", "0.5", "0.75"}) {
    const std::string value = is_date ? As(column, "TIMESTAMP") : column;
    const std::string quantile = Call("approx_quantile", Join({value, fraction}, ", "));
    parts.push_back(!has_quantiles ? none
                    : is_date      ? As(As(quantile, "DATE"), kText)
                                   : As(quantile, kText));
  }
  parts.push_back(count);
  return Join(parts, ", ");
}
constexpr int kFieldsPerColumn = 9;

/// The statement's table or query as a source of FROM whose columns are c0, c1, ...
Result<std::unique_ptr<sql::TableRef>> SourceOf(const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement(text));
  const auto kind = statement->select ? sql::TableKind::kSubquery : sql::TableKind::kNamed;
  auto source = std::make_unique<sql::TableRef>(
      kind, statement->select ? statement->select->place : statement->name.back().place);
  source->select = std::move(statement->select);
  source->names = std::move(statement->name);
  source->alias = sql::Name{"t", false, source->place};
  return source;
}

/// SELECT `items` FROM the source.
Result<sql::StatementPtr> SelectFrom(const std::string& items, std::vector<sql::Name> columns,
                                     const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto statement, sql::ParseStatement("SELECT " + items + " FROM t"));
  ARROW_ASSIGN_OR_RAISE(statement->select->from, SourceOf(text));
  statement->select->from->column_aliases = std::move(columns);
  return statement;
}

std::optional<std::string> TextAt(const arrow::RecordBatch& row, int column) {
  const auto& values = *row.column(column);
  if (values.IsNull(0)) return std::nullopt;
  return std::string(static_cast<const arrow::StringArray&>(values).GetView(0));
}

int64_t CountAt(const arrow::RecordBatch& row, int column) {
  return static_cast<const arrow::Int64Array&>(*row.column(column)).Value(0);
}

/// Turns the one row of aggregates into a row for each column.
class SummaryRows {
 public:
  Status Add(const Field& field, const arrow::RecordBatch& row, int first, int64_t row_count) {
    std::vector<std::optional<std::string>> texts = {field.name(), SqlName(*field.type())};
    for (const int offset : {0, 1, 3, 4, 5, 6, 7}) texts.push_back(TextAt(row, first + offset));
    for (size_t i = 0; i < texts.size(); ++i) {
      ARROW_RETURN_NOT_OK(texts[i] ? texts_[i].Append(*texts[i]) : texts_[i].AppendNull());
    }
    const bool counted = row.column(first + 2)->IsValid(0);
    ARROW_RETURN_NOT_OK(counted ? unique_.Append(CountAt(row, first + 2)) : unique_.AppendNull());
    ARROW_RETURN_NOT_OK(count_.Append(row_count));
    if (row_count == 0) return null_percentage_.AppendNull();
    const int64_t nulls = row_count - CountAt(row, first + kFieldsPerColumn - 1);
    const auto percent = static_cast<double>(nulls) / static_cast<double>(row_count) * 100;
    return null_percentage_.Append(arrow::Decimal128(std::llround(percent * 100)));
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Finish(const SchemaPtr& schema) {
    std::vector<arrow::ArrayBuilder*> builders;
    for (auto& text : texts_) builders.push_back(&text);
    builders.insert(builders.begin() + 4, &unique_);
    builders.push_back(&count_);
    builders.push_back(&null_percentage_);
    const int64_t rows = count_.length();
    arrow::ArrayVector columns;
    for (auto* builder : builders) {
      ARROW_ASSIGN_OR_RAISE(auto column, builder->Finish());
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema, rows, std::move(columns));
  }

 private:
  std::array<arrow::StringBuilder, 9> texts_;  // name, type, min, max, avg, std, quartiles
  arrow::Int64Builder unique_, count_;
  arrow::Decimal128Builder null_percentage_{arrow::decimal128(9, 2)};
};

}  // namespace

SchemaPtr SummarizeSchema() {
  arrow::FieldVector fields = {arrow::field("column_name", arrow::utf8(), false),
                               arrow::field("column_type", arrow::utf8(), false)};
  for (const char* name : {"min", "max"}) fields.push_back(arrow::field(name, arrow::utf8()));
  fields.push_back(arrow::field("approx_unique", arrow::int64()));
  for (const char* name : {"avg", "std", "q25", "q50", "q75"})
    fields.push_back(arrow::field(name, arrow::utf8()));
  fields.push_back(arrow::field("count", arrow::int64(), false));
  fields.push_back(arrow::field("null_percentage", arrow::decimal128(9, 2)));
  return arrow::schema(std::move(fields));
}

Result<StatementResult> StatementRunner::Summarize(const Statement& statement) {
  ARROW_ASSIGN_OR_RAISE(const auto all, SelectFrom("*", {}, sql_));
  const auto bind = Bind();
  ARROW_ASSIGN_OR_RAISE(const auto described, sql::PlanSelect(*all->select, bind));
  if (!described.is_bounded) {
    return FailAt(statement.place, ErrorCode::kNeedsBoundedInput,
                  "SUMMARIZE reads a stream, which never ends");
  }
  std::vector<std::string> items = {"count(*)"};
  std::vector<sql::Name> columns;
  for (const auto& field : described.schema->fields()) {
    columns.push_back({Join({"c", std::to_string(columns.size())}, ""), false, statement.place});
    items.push_back(AggregatesOf(columns.back().text, LogicalType(field->type())));
  }
  ARROW_ASSIGN_OR_RAISE(const auto summary, SelectFrom(Join(items, ", "), columns, sql_));
  ARROW_ASSIGN_OR_RAISE(auto query, sql::PlanSelect(*summary->select, bind));
  ARROW_RETURN_NOT_OK(session_.Rewrite(&query, *context_));
  ARROW_ASSIGN_OR_RAISE(const auto batches, RunToBatches(query));
  if (batches.size() != 1 || batches[0]->num_rows() != 1) {
    return Bug("an aggregate without groups gave another number of rows than one");
  }
  SummaryRows rows;
  for (int i = 0; i < described.schema->num_fields(); ++i) {
    ARROW_RETURN_NOT_OK(rows.Add(*described.schema->field(i), *batches[0], 1 + i * kFieldsPerColumn,
                                 CountAt(*batches[0], 0)));
  }
  StatementResult result = Done(statement);
  result.schema = SummarizeSchema();
  ARROW_ASSIGN_OR_RAISE(auto batch, rows.Finish(result.schema));
  ARROW_ASSIGN_OR_RAISE(result.rows, arrow::RecordBatchReader::Make({batch}, result.schema));
  ARROW_RETURN_NOT_OK(context_->BeginCommit());
  return result;
}

/// The columns of what DESCRIBE or SHOW COLUMNS names.
Result<SchemaPtr> StatementRunner::DescribedSchema(const Statement& statement) {
  if (statement.select) {
    ARROW_ASSIGN_OR_RAISE(const auto query, sql::PlanSelect(*statement.select, Bind()));
    return query.schema;
  }
  ARROW_ASSIGN_OR_RAISE(const auto entry, DescribedEntry(statement.name));
  return entry->ArrowSchema();
}

}  // namespace velaria::session
