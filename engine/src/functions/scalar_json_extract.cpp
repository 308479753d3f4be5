// Parts of JSON by path.
#include "functions/binding.hpp"
#include "functions/json.hpp"
#include "functions/json_document.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::json {
namespace {

using binding::Parameter;

enum class Form { kJson, kText, kScalar };

/// A constant path is compiled once; otherwise it is read from the row.
struct Plan {
  std::optional<Path> path;
  Form form;
};

/// Appends the node in the form asked for; false for NULL.
bool AppendNode(const Document& document, uint32_t node, Form form, std::string* out) {
  const Kind kind = document.node(node).kind;
  if (form == Form::kJson) {
    document.AppendJson(node, out);
    return true;
  }
  if (kind == Kind::kNull) return false;
  if (form == Form::kScalar && (kind == Kind::kArray || kind == Kind::kObject)) return false;
  if (kind == Kind::kString) {
    document.AppendCharacters(node, out);
  } else {
    document.AppendJson(node, out);
  }
  return true;
}

/// The row's own path: a text or an index.
class RowPaths {
 public:
  explicit RowPaths(const Vector& vector)
      : is_text_(IsString(*vector.type())), texts_(vector), indices_(ViewFixed<int64_t>(vector)) {}
  Result<Path> At(int64_t row) const {
    if (!is_text_) return Path::Index(indices_[row]);
    return Path::Parse(texts_[row]);
  }

 private:
  bool is_text_;
  StringView texts_;
  FixedView<int64_t> indices_;
};

Result<Vector> RunExtract(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  const auto& plan = binding::DataOf<Plan>(binding);
  const StringView text(arguments[0]);
  const RowPaths paths(arguments[1]);
  Document document;
  return kernels::MapToText(context, arguments, row_count,
                            [&](int64_t i, std::string* out) -> Result<bool> {
                              VELARIA_RETURN_NOT_OK(document.Parse(text[i]));
                              uint32_t node = 0;
                              if (plan.path) {
                                if (!plan.path->Find(document, &node)) return false;
                              } else {
                                VELARIA_ASSIGN_OR_RETURN(const Path path, paths.At(i));
                                if (!path.Find(document, &node)) return false;
                              }
                              return AppendNode(document, node, plan.form, out);
                            });
}

/// A literal path that is a number counts elements from 0.
Result<std::optional<Path>> ConstantPath(const BindArguments& arguments, size_t index) {
  const auto constant = binding::ConstantAt(arguments, index);
  if (!constant || !constant->is_valid) return std::optional<Path>();
  if (IsInteger(*constant->type)) {
    VELARIA_ASSIGN_OR_RETURN(const auto wide, constant->CastTo(arrow::int64()));
    return std::optional<Path>(
        Path::Index(arrow::internal::checked_cast<const arrow::Int64Scalar&>(*wide).value));
  }
  VELARIA_ASSIGN_OR_RETURN(const std::string text, binding::ConstantText(arguments, index, "path"));
  VELARIA_ASSIGN_OR_RETURN(Path path, Path::Parse(text));
  return std::optional<Path>(std::move(path));
}

template <Form form>
Result<ScalarBinding> BindExtract(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, Parameter::kText).status());
  const bool by_index = IsInteger(*arguments.types[1]);
  if (!by_index) VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 1, Parameter::kText).status());
  auto plan = std::make_shared<Plan>();
  plan->form = form;
  VELARIA_ASSIGN_OR_RETURN(plan->path, ConstantPath(arguments, 1));
  const TypePtr text = IsString(*arguments.types[0]) ? nullptr : arrow::utf8();
  return ScalarBinding{arrow::utf8(),
                       {text, by_index ? arrow::int64() : arrow::utf8()},
                       kernels::OnDictionary<RunExtract>,
                       std::move(plan)};
}

/// json_extract_path(json, 'a', 'b'): each further argument is one step; digits count elements.
template <Form form>
Result<ScalarBinding> BindSteps(const BindArguments& arguments) {
  if (arguments.types.size() < 2) return binding::WrongArguments();
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, Parameter::kText).status());
  std::string pointer;
  for (size_t i = 1; i < arguments.types.size(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(const std::string step, binding::ConstantText(arguments, i, "step"));
    pointer.push_back('/');
    for (const char c : step) {
      if (c == '~' || c == '/') {
        pointer += c == '~' ? "~0" : "~1";
      } else {
        pointer.push_back(c);
      }
    }
  }
  auto plan = std::make_shared<Plan>();
  plan->form = form;
  VELARIA_ASSIGN_OR_RETURN(plan->path, Path::Parse(pointer));
  ScalarBinding bound{arrow::utf8(), std::vector<TypePtr>(arguments.types.size()),
                      kernels::OnDictionary<RunExtract>, std::move(plan)};
  if (!IsString(*arguments.types[0])) bound.arguments[0] = arrow::utf8();
  return bound;
}

Result<Vector> RunExists(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(const Vector found, RunExtract(context, binding, arguments, row_count));
  const Validity validity = ValidityOf(found);
  return kernels::MapToBoolean(context, arguments, kernels::ExtentOf(arguments, row_count),
                               [&](int64_t i) { return validity.IsValid(i); });
}

Result<ScalarBinding> BindExists(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(auto bound, BindExtract<Form::kJson>(arguments));
  bound.type = arrow::boolean();
  bound.kernel = kernels::OnDictionary<RunExists>;
  return bound;
}

}  // namespace

void RegisterExtract(FunctionRegistry& registry) {
  RowAdder operators(registry, "operator");
  RowAdder document_operators(registry, "operator", /*returns_json=*/true);
  document_operators("->", {}, "json -> key, json -> index, json -> path",
                     "The part of JSON, as JSON; NULL when it is not there.",
                     "'{\"a\": [1, 2]}' -> 'a' -> 0", "1", BindExtract<Form::kJson>);
  operators("->>", {}, "json ->> key, json ->> index, json ->> path",
            "The part of JSON, as text: a string without its quotes, null as NULL.",
            "'{\"a\": \"x\"}' ->> '$.a'", "x", BindExtract<Form::kText>);
  RowAdder add(registry, "json");
  RowAdder add_document(registry, "json", /*returns_json=*/true);
  add_document(
      "json_extract", {}, "json_extract(json VARCHAR, path) -> VARCHAR",
      "The part at '$.key[0]', '/key/0', a key or an index, as JSON; NULL when it is not there.",
      "json_extract('{\"a\": [10, {\"b\": \"x\"}]}', '$.a[1].b')", "\"x\"",
      BindExtract<Form::kJson>);
  add("json_extract_string", {}, "json_extract_string(json VARCHAR, path) -> VARCHAR",
      "The part as text: a string without its quotes, null as NULL.",
      "json_extract_string('{\"a\": [10, {\"b\": \"x\"}]}', '$.a[1].b')", "x",
      BindExtract<Form::kText>);
  add("json_value", {}, "json_value(json VARCHAR, path) -> VARCHAR",
      "The part as text, NULL when it is an array or an object.", "json_value('{\"a\": 1}', '$.a')",
      "1", BindExtract<Form::kScalar>);
  add("json_exists", {}, "json_exists(json VARCHAR, path) -> BOOLEAN",
      "Whether there is such a part.", "json_exists('{\"a\": null}', '$.a')", "true", BindExists);
  add_document("json_extract_path", {}, "json_extract_path(json VARCHAR, step, ...) -> VARCHAR",
               "The part behind the steps, keys or numbers of elements from 0, as JSON.",
               "json_extract_path('{\"a\": [1, 2]}', 'a', '1')", "2", BindSteps<Form::kJson>);
  add("json_extract_path_text", {}, "json_extract_path_text(json VARCHAR, step, ...) -> VARCHAR",
      "The part behind the steps as text.",
      "json_extract_path_text('{\"a\": {\"b\": \"x\"}}', 'a', 'b')", "x", BindSteps<Form::kText>);
}

}  // namespace velaria::json
