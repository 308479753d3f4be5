// Readers of files in FROM: read_csv('a.csv', header := false), read_json(['a.json', 'b.json']).
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/file_opener.hpp"
#include "sql/file_readers.hpp"
#include "sql/parser.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {
namespace {

struct ReaderRow {
  std::string_view name;
  std::string_view format;
};

constexpr ReaderRow kReaders[] = {
    {"read_csv", "csv"},           {"read_csv_auto", "csv"},
    {"read_tsv", "tsv"},           {"read_line", "line"},
    {"read_json", "json"},         {"read_json_auto", "json"},
    {"read_ndjson", "json_lines"}, {"read_json_lines", "json_lines"},
    {"read_parquet", "parquet"},   {"parquet_scan", "parquet"},
    {"read_arrow", "arrow"},
};

const ReaderRow* FindReader(const std::string& name) {
  for (const auto& row : kReaders) {
    if (EqualsIgnoreCase(row.name, name)) return &row;
  }
  return nullptr;
}

/// The texts of a constant: of a list all of them, of anything else one.
Result<std::vector<std::string>> TextsOf(const arrow::Scalar& value, const Expr& expr) {
  std::vector<std::string> texts;
  const auto null_argument = [&] {
    return FailAt(expr.place, ErrorCode::kBadArgument, "an argument of a reader may not be NULL");
  };
  if (!value.is_valid) return null_argument();
  if (!arrow::is_list_like(value.type->id())) {
    if (arrow::is_base_binary_like(value.type->id())) {
      const auto& text = static_cast<const arrow::BaseBinaryScalar&>(value);
      texts.emplace_back(text.value->ToString());
    } else {
      texts.push_back(value.ToString());
    }
    return texts;
  }
  const auto& list = *static_cast<const arrow::BaseListScalar&>(value).value;
  for (int64_t i = 0; i < list.length(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto item, list.GetScalar(i));
    if (!item->is_valid) return null_argument();
    ARROW_ASSIGN_OR_RAISE(auto inner, TextsOf(*item, expr));
    texts.insert(texts.end(), inner.begin(), inner.end());
  }
  return texts;
}

/// {'name': 'TYPE', ...} as a schema.
Result<SchemaPtr> SchemaOfStruct(const Expr& expr) {
  arrow::FieldVector fields;
  for (size_t i = 0; i < expr.children.size(); ++i) {
    const Expr& type = *expr.children[i];
    if (type.kind != ExprKind::kString) {
      return FailAt(type.place, ErrorCode::kBadArgument, "a type is a text, like 'INTEGER'");
    }
    const auto refused = [&] {
      return FailAt(type.place, ErrorCode::kUnknownType, "not a type: " + type.text);
    };
    const auto parsed = ParseStatement("CREATE TABLE t (c " + type.text + ")");
    if (!parsed.ok()) return refused();
    const Statement& made = **parsed;
    const bool is_type = made.kind == StatementKind::kCreateTable && made.columns.size() == 1 &&
                         made.keys.empty() && made.checks.empty() && !made.columns[0].not_null &&
                         !made.columns[0].default_value;
    if (!is_type) return refused();
    auto schema = SchemaFromColumns(made.columns);
    if (!schema.ok()) {
      ErrorInfo error = ErrorInfoOf(schema.status());
      error.place = type.place;
      return MakeError(std::move(error));
    }
    fields.push_back((*schema)->field(0)->WithName(expr.argument_names[i].text));
  }
  return arrow::schema(std::move(fields));
}

struct NamedArgument {
  const Name* name;  // null: positional
  const Expr* value;
};

/// name := value and name => value, and, behind the path, name = value as DuckDB writes it.
NamedArgument ArgumentOf(const TableRef& ref, size_t i) {
  const Expr& argument = *ref.arguments[i];
  if (i < ref.argument_names.size() && !ref.argument_names[i].text.empty()) {
    return {&ref.argument_names[i], &argument};
  }
  const bool is_equation = i > 0 && argument.kind == ExprKind::kBinary && argument.text == "=" &&
                           argument.children[0]->kind == ExprKind::kColumn &&
                           argument.children[0]->names.size() == 1;
  if (!is_equation) return {nullptr, &argument};
  return {&argument.children[0]->names[0], argument.children[1].get()};
}

}  // namespace

bool IsFileReader(const std::string& name) { return FindReader(name) != nullptr; }

Result<FromClause> QueryBinder::BindFileFunction(const TableRef& ref, const std::string& name) {
  FileRequest request;
  request.format = FindReader(name)->format;
  const auto* format = io::FormatOfWord(request.format, io::Direction::kRead);
  Scope nothing;
  auto binder = Expressions(&nothing);
  for (size_t i = 0; i < ref.arguments.size(); ++i) {
    const NamedArgument given = ArgumentOf(ref, i);
    const Expr& argument = *given.value;
    const std::string option = given.name == nullptr ? "" : ToLower(given.name->text);
    const bool is_positional = option.empty();
    if (is_positional != (i == 0)) {
      return FailAt(argument.place, ErrorCode::kBadArgument,
                    name + " takes a path, or a list of paths, and named options",
                    "Write " + name + "('path', option := value).");
    }
    if (argument.kind == ExprKind::kParameter && !context_.parameters_known) {
      return FailAt(argument.place, ErrorCode::kBadParameter,
                    "no value given for parameter: " + std::to_string(argument.index),
                    "The columns of a file are known only when its reader's arguments are.");
    }
    const io::OptionRow* row = nullptr;
    if (!is_positional) {
      ARROW_ASSIGN_OR_RAISE(row, WithPlaceIfFailed(io::FindOption(option, io::Direction::kRead,
                                                                  format->group, request.format),
                                                   given.name->place));
      if (row->meaning == "path" || request.options.contains(option)) {
        return FailAt(given.name->place, ErrorCode::kBadOption, "option is given twice: " + option);
      }
      const bool of_types = row->meaning == "types";
      if (argument.kind == ExprKind::kStruct && (of_types || row->meaning == "columns")) {
        auto& schema = of_types ? request.types : request.columns;
        if (schema) {
          return FailAt(given.name->place, ErrorCode::kBadOption,
                        "option is given twice: " + option);
        }
        ARROW_ASSIGN_OR_RAISE(schema, SchemaOfStruct(argument));
        continue;
      }
    }
    VELARIA_ASSIGN_OR_RETURN(auto bound, binder.BindWithoutAggregates(argument, name));
    bound = TryFold(bound, context_.functions);
    if (bound->kind != logical::BoundKind::kLiteral) {
      return FailAt(argument.place, ErrorCode::kBadArgument,
                    is_positional ? name + " needs a constant path"
                                  : name + " needs a constant for its option: " + option);
    }
    ARROW_ASSIGN_OR_RAISE(const auto value, ConstantValue(bound->literal));
    ARROW_ASSIGN_OR_RAISE(auto texts, TextsOf(*value, argument));
    if (is_positional) {
      const bool is_text = IsString(*bound->type) || arrow::is_list_like(bound->type->id());
      if (!is_text) {
        return FailAt(argument.place, ErrorCode::kBadArgument,
                      name + " needs a path, not: " + SqlName(*bound->type));
      }
      request.paths = std::move(texts);
      continue;
    }
    VELARIA_RETURN_NOT_OK(WithPlaceIfFailed(
        io::CheckOptionType(*row, option, format->group, *bound->type), argument.place));
    request.options.emplace(option,
                            io::GivenOption(std::move(texts), given.name->place, argument.place));
  }
  if (ref.arguments.empty()) {
    return FailAt(ref.place, ErrorCode::kBadArgument,
                  name + " takes a path, or a list of paths, and named options");
  }
  const auto* opener = dynamic_cast<const FileOpener*>(context_.catalog);
  if (opener == nullptr) return Unsupported(ref.place, name);
  auto relation = opener->OpenFiles(request);
  if (!relation.ok()) return WithPlace(relation.status(), ref.place);
  for (const auto& path : request.paths) uses_.insert(logical::FileUse(path));
  return ScanOf(*relation, ref, request.paths.size() == 1 ? StemOf(request.paths[0]) : name);
}

}  // namespace velaria::sql
