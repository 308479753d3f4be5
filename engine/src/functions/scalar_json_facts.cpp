// What JSON text holds: its type, keys and length, and whether it contains other JSON.
#include "functions/binding.hpp"

#include <arrow/array/builder_binary.h>
#include "functions/json.hpp"
#include "functions/json_document.hpp"
#include "functions/list_of_text.hpp"
#include "functions/nested.hpp"
#include "functions/on_dictionary.hpp"

namespace velaria::json {
namespace {

using binding::Parameter;

/// The node that a call with an optional path speaks of.
class Target {
 public:
  explicit Target(std::span<const Vector> arguments) : text_(arguments[0]) {
    if (arguments.size() > 1) paths_ = std::make_unique<StringView>(arguments[1]);
  }
  /// False when there is no such node.
  Result<bool> Find(int64_t row, Document* document, uint32_t* node) {
    VELARIA_RETURN_NOT_OK(document->Parse(text_[row]));
    *node = 0;
    if (!paths_) return true;
    if (!path_ || (*paths_)[row] != written_) {
      written_ = (*paths_)[row];
      VELARIA_ASSIGN_OR_RETURN(path_, Path::Parse(written_));
    }
    return path_->Find(*document, node);
  }

 private:
  StringView text_;
  std::unique_ptr<StringView> paths_;
  std::string written_;
  std::optional<Path> path_;
};

Result<ScalarBinding> BindTarget(const BindArguments& arguments, TypePtr type,
                                 ScalarKernel kernel) {
  const size_t count = arguments.types.size();
  if (count < 1 || count > 2) return binding::WrongArguments();
  for (size_t i = 0; i < count; ++i)
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kText).status());
  const auto constant = binding::ConstantAt(arguments, 1);
  if (constant && constant->is_valid) {
    VELARIA_ASSIGN_OR_RETURN(const std::string path, binding::ConstantText(arguments, 1, "path"));
    VELARIA_RETURN_NOT_OK(Path::Parse(path).status());
  }
  return ScalarBinding{std::move(type), std::vector<TypePtr>(count, arrow::utf8()), kernel,
                       nullptr};
}

/// DuckDB's names of the types.
const char* DuckdbName(const Document& document, uint32_t node) {
  switch (document.node(node).kind) {
    case Kind::kNull: return "NULL";
    case Kind::kFalse:
    case Kind::kTrue: return "BOOLEAN";
    case Kind::kString: return "VARCHAR";
    case Kind::kArray: return "ARRAY";
    case Kind::kObject: return "OBJECT";
    default: break;
  }
  const std::string_view number = document.raw(node);
  if (number.find_first_of(".eE") != std::string_view::npos) return "DOUBLE";
  return number.starts_with('-') ? "BIGINT" : "UBIGINT";
}

/// PostgreSQL's.
const char* PostgresName(const Document& document, uint32_t node) {
  switch (document.node(node).kind) {
    case Kind::kNull: return "null";
    case Kind::kFalse:
    case Kind::kTrue: return "boolean";
    case Kind::kString: return "string";
    case Kind::kArray: return "array";
    case Kind::kObject: return "object";
    default: return "number";
  }
}

template <const char* (*name)(const Document&, uint32_t)>
Result<Vector> RunType(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  Target target(arguments);
  Document document;
  return kernels::MapToText(
      context, arguments, row_count, [&](int64_t i, std::string* out) -> Result<bool> {
        uint32_t node = 0;
        VELARIA_ASSIGN_OR_RETURN(const bool found, target.Find(i, &document, &node));
        if (found) *out = name(document, node);
        return found;
      });
}

/// 0 for what is no array; NULL where the path leads nowhere.
Result<Vector> RunLength(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::int64(), context.pool);
  Target target(arguments);
  Document document;
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  VELARIA_ASSIGN_OR_RETURN(
      Vector lengths,
      kernels::MapToValue<int64_t>(
          context, arrow::int64(), arguments, row_count, [&](int64_t i, int64_t* out) -> Status {
            uint32_t node = 0;
            VELARIA_ASSIGN_OR_RETURN(const bool found, target.Find(i, &document, &node));
            valid[static_cast<size_t>(i)] = found;
            const bool is_array = found && document.node(node).kind == Kind::kArray;
            *out = is_array ? document.node(node).count : 0;
            return Status::OK();
          }));
  return nested::WithValidity(std::move(lengths), valid, context.pool);
}

/// The keys of an object; no keys for anything else.
Result<Vector> RunKeys(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  Target target(arguments);
  Document document;
  std::string key;
  return kernels::MapToTextList(
      context, arguments, row_count, [&](int64_t i, arrow::StringBuilder* keys) -> Status {
        uint32_t node = 0;
        VELARIA_ASSIGN_OR_RETURN(const bool found, target.Find(i, &document, &node));
        if (!found || document.node(node).kind != Kind::kObject) return Status::OK();
        uint32_t child = node + 1;
        for (uint32_t member = 0; member < document.node(node).count; ++member) {
          key.clear();
          document.AppendCharacters(child, &key);
          VELARIA_RETURN_NOT_OK(keys->Append(key));
          child = document.node(document.node(child).next).next;
        }
        return Status::OK();
      });
}

Result<Vector> RunValid(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const StringView text(arguments[0]);
  Document document;
  return kernels::MapToBoolean(
      context, arguments, kernels::ExtentOf(arguments, row_count),
      [&](int64_t i) { return text.IsValid(i) && document.TryParse(text[i], nullptr); });
}

bool SameScalar(const Document& a, uint32_t x, const Document& b, uint32_t y) {
  if (a.node(x).kind != b.node(y).kind) return false;
  if (a.node(x).kind == Kind::kNumber) {
    return a.raw(x) == b.raw(y) || std::strtod(std::string(a.raw(x)).c_str(), nullptr) ==
                                       std::strtod(std::string(b.raw(y)).c_str(), nullptr);
  }
  if (a.node(x).kind != Kind::kString) return true;
  std::string left, right;
  a.AppendCharacters(x, &left);
  b.AppendCharacters(y, &right);
  return left == right;
}

/// PostgreSQL's @>: an object contains one with a part of its members, an array one with a part of
/// its elements, in any order; an array also contains a scalar of it.
bool Contains(const Document& a, uint32_t x, const Document& b, uint32_t y) {
  const Node& whole = a.node(x);
  const Node& part = b.node(y);
  if (whole.kind == Kind::kObject && part.kind == Kind::kObject) {
    uint32_t wanted = y + 1;
    for (uint32_t i = 0; i < part.count; ++i) {
      const uint32_t value = b.node(wanted).next;
      bool found = false;
      uint32_t key = x + 1;
      for (uint32_t k = 0; k < whole.count && !found; ++k) {
        found = SameScalar(a, key, b, wanted) && Contains(a, a.node(key).next, b, value);
        key = a.node(a.node(key).next).next;
      }
      if (!found) return false;
      wanted = b.node(value).next;
    }
    return true;
  }
  if (whole.kind == Kind::kArray) {
    const bool many = part.kind == Kind::kArray;
    uint32_t wanted = many ? y + 1 : y;
    for (uint32_t i = 0; i < (many ? part.count : 1); ++i) {
      bool found = false;
      uint32_t element = x + 1;
      for (uint32_t k = 0; k < whole.count && !found; ++k) {
        found = Contains(a, element, b, wanted);
        element = a.node(element).next;
      }
      if (!found) return false;
      wanted = b.node(wanted).next;
    }
    return true;
  }
  if (whole.kind == Kind::kObject || part.kind == Kind::kObject || part.kind == Kind::kArray)
    return false;
  return SameScalar(a, x, b, y);
}

Result<Vector> RunContains(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const StringView whole(arguments[0]), part(arguments[1]);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  Document a, b;
  std::vector<uint8_t> holds(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!whole.IsValid(i) || !part.IsValid(i)) continue;
    VELARIA_RETURN_NOT_OK(a.Parse(whole[i]));
    VELARIA_RETURN_NOT_OK(b.Parse(part[i]));
    holds[static_cast<size_t>(i)] = Contains(a, 0, b, 0);
  }
  return kernels::MapToBoolean(context, arguments, extent,
                               [&](int64_t i) { return holds[static_cast<size_t>(i)]; });
}

/// The whole text written anew, without blanks or with them.
template <bool pretty>
Result<Vector> RunRewrite(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  Document document;
  return kernels::MapToText(
      context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
        VELARIA_RETURN_NOT_OK(document.Parse(text[i]));
        pretty ? document.AppendPretty(0, 0, out) : document.AppendJson(0, out);
        return Status::OK();
      });
}

template <ScalarKernel kernel>
Result<ScalarBinding> BindTyped(const BindArguments& arguments) {
  return BindTarget(arguments, arrow::utf8(), kernels::OnDictionary<kernel>);
}

}  // namespace

void RegisterFacts(RowAdder& add, RowAdder& add_document) {
  add("json_type", {}, "json_type(json VARCHAR[, path VARCHAR]) -> VARCHAR",
      "NULL, BOOLEAN, BIGINT, UBIGINT, DOUBLE, VARCHAR, ARRAY or OBJECT.",
      "json_type('{\"a\": 1.5}', '$.a')", "DOUBLE", BindTyped<RunType<DuckdbName>>);
  add("json_typeof", {"jsonb_typeof"}, "json_typeof(json VARCHAR) -> VARCHAR",
      "null, boolean, number, string, array or object.", "json_typeof('[1]')", "array",
      BindTyped<RunType<PostgresName>>);
  add(
      "json_array_length", {"jsonb_array_length"},
      "json_array_length(json VARCHAR[, path VARCHAR]) -> BIGINT",
      "The number of elements of an array, 0 for anything else.", "json_array_length('[1, 2, 3]')",
      "3", +[](const BindArguments& a) { return BindTarget(a, arrow::int64(), RunLength); });
  add(
      "json_keys", {"json_object_keys"}, "json_keys(json VARCHAR[, path VARCHAR]) -> VARCHAR[]",
      "The keys of an object.", "json_keys('{\"a\": 1, \"b\": 2}')", "[a, b]",
      +[](const BindArguments& a) { return BindTarget(a, arrow::list(arrow::utf8()), RunKeys); });
  add(
      "json_valid", {}, "json_valid(json VARCHAR) -> BOOLEAN", "Whether the text is JSON.",
      "json_valid('{\"a\": }')", "false", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::boolean(),
                             kernels::OnDictionary<RunValid>);
      });
  add(
      "json_contains", {"jsonb_contains"}, "json_contains(json VARCHAR, part VARCHAR) -> BOOLEAN",
      "Whether the members or elements of the part are all in the JSON.",
      "json_contains('{\"a\": [1, 2], \"b\": 3}', '{\"a\": [2]}')", "true",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kText}, 2, arrow::boolean(),
                             kernels::OnDictionary<RunContains>);
      });
  add_document(
      "json", {"json_minify"}, "json(json VARCHAR) -> VARCHAR", "The JSON without blanks.",
      "json('{ \"a\" : [ 1 ] }')", "{\"a\":[1]}", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::utf8(),
                             kernels::OnDictionary<RunRewrite<false>>);
      });
  add(
      "json_pretty", {"jsonb_pretty"}, "json_pretty(json VARCHAR) -> VARCHAR",
      "The JSON with a line for each member and element.", "json_pretty('{\"a\":1}')",
      "{\n    \"a\": 1\n}", +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::utf8(),
                             kernels::OnDictionary<RunRewrite<true>>);
      });
}

}  // namespace velaria::json
