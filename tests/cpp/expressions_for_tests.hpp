// Expressions evaluated from their text, over no table or over a few columns; results and errors as
// one line of text.
#pragma once

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_dict.h>
#include <arrow/array/builder_primitive.h>

#include <string>
#include <utility>
#include <vector>

#include "catalog_for_tests.hpp"
#include "logical/evaluate.hpp"
#include "sql/parser.hpp"
#include "sql/planner.hpp"

namespace velaria::check {

/// The columns an expression may name.
struct Columns {
  std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns;
  int64_t row_count() const { return columns.empty() ? 1 : columns[0].second->length(); }
};

/// 2013-05-17 08:30:15.25 UTC: what now() says in tests.
inline constexpr int64_t kTestTimeUs = 1368779415250000;

inline Result<Vector> EvaluateText(const std::string& expression, const Columns& input = {}) {
  VELARIA_ASSIGN_OR_RETURN(auto statement, sql::ParseStatement("SELECT " + expression));
  sql::BindContext context;
  context.catalog = &TestCatalog();
  context.functions.statement_time_us = kTestTimeUs;
  arrow::FieldVector fields;
  Chunk chunk;
  chunk.row_count = input.row_count();
  for (const auto& [name, array] : input.columns) {
    fields.push_back(arrow::field(name, array->type()));
    chunk.columns.push_back(MakeVector(array));
  }
  VELARIA_ASSIGN_OR_RETURN(
      const auto bound,
      sql::BindOverSchema(*statement->select->items[0].expr, arrow::Schema(fields), "t", context));
  VELARIA_ASSIGN_OR_RETURN(const Vector result,
                           logical::Evaluate(*bound, chunk, context.functions));
  VELARIA_ASSIGN_OR_RETURN(const Vector rows,
                           Expand(result, chunk.row_count, context.functions.pool));
  VELARIA_RETURN_NOT_OK(rows.array()->ValidateFull());
  if (!rows.type()->Equals(*bound->type)) {
    return Bug("the result's type differs from the binding's: " + rows.type()->ToString() +
               " for " + bound->type->ToString());
  }
  return rows;
}

/// "1, NULL, 3", or "VEL3001 division by zero: 1 / 0".
inline std::string Value(const std::string& expression, const Columns& input = {}) {
  auto rows = EvaluateText(expression, input);
  if (rows.ok()) {
    const auto cast = BindCast(rows->type(), arrow::utf8(), false);
    rows = cast.ok() ? cast->kernel({}, *cast, {&*rows, 1}, rows->length())
                     : Result<Vector>(cast.status());
  }
  if (!rows.ok()) {
    const ErrorInfo error = ErrorInfoOf(rows.status());
    return CodeText(error.code) + " " + error.message;
  }
  const auto expanded = Expand(*rows, input.row_count(), arrow::default_memory_pool()).ValueOrDie();
  const StringView texts(expanded);
  std::string out;
  for (int64_t i = 0; i < input.row_count(); ++i) {
    if (i > 0) out += ", ";
    out += texts.IsValid(i) ? std::string(texts[i]) : "NULL";
  }
  return out;
}

/// "INTEGER", or the error.
inline std::string TypeOf(const std::string& expression, const Columns& input = {}) {
  const auto rows = EvaluateText(expression, input);
  if (rows.ok()) return SqlName(*rows->type());
  const ErrorInfo error = ErrorInfoOf(rows.status());
  return CodeText(error.code) + " " + error.message;
}

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> ArrayOf(Builder builder,
                                      const std::vector<std::optional<Value>>& values) {
  for (const auto& value : values) {
    const auto status = value ? builder.Append(*value) : builder.AppendNull();
    if (!status.ok()) return nullptr;
  }
  return builder.Finish().ValueOrDie();
}

inline std::shared_ptr<arrow::Array> Texts(const std::vector<std::optional<std::string>>& values) {
  return ArrayOf(arrow::StringBuilder(), values);
}
inline std::shared_ptr<arrow::Array> Integers(const std::vector<std::optional<int32_t>>& values) {
  return ArrayOf(arrow::Int32Builder(), values);
}
inline std::shared_ptr<arrow::Array> Doubles(const std::vector<std::optional<double>>& values) {
  return ArrayOf(arrow::DoubleBuilder(), values);
}
/// The same texts as a dictionary.
inline std::shared_ptr<arrow::Array> Encoded(
    const std::vector<std::optional<std::string>>& values) {
  arrow::StringDictionary32Builder builder;
  for (const auto& value : values) {
    const auto status = value ? builder.Append(*value) : builder.AppendNull();
    if (!status.ok()) return nullptr;
  }
  return builder.Finish().ValueOrDie();
}

}  // namespace velaria::check
