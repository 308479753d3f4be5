// JSON made of values, and JSON merged.
#include "functions/binding.hpp"

#include <arrow/array/builder_binary.h>
#include "functions/json.hpp"
#include "functions/json_document.hpp"
#include "functions/nested.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::json {
namespace {

using binding::Parameter;

Result<Vector> ToJson(const FunctionContext& context, const Vector& value);

/// Every value of the vector as JSON, nulls as null.
struct JsonTexts {
  Vector texts;
  StringView view;
  explicit JsonTexts(Vector vector) : texts(std::move(vector)), view(texts) {}
  static Result<JsonTexts> Of(const FunctionContext& context, const Vector& value) {
    VELARIA_ASSIGN_OR_RETURN(Vector texts, ToJson(context, value));
    return JsonTexts(std::move(texts));
  }
  void Append(int64_t row, std::string* out) const {
    if (view.IsValid(row)) {
      out->append(view[row]);
    } else {
      *out += "null";
    }
  }
};

Result<Vector> ListToJson(const FunctionContext& context, const Vector& value, int64_t rows) {
  const auto& type = arrow::internal::checked_cast<const arrow::BaseListType&>(*value.type());
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding plain,
                           BindCast(value.type(), arrow::list(type.value_type()), false));
  VELARIA_ASSIGN_OR_RETURN(const Vector lists, plain.kernel(context, plain, {&value, 1}, rows));
  const nested::ListView list(lists);
  VELARIA_ASSIGN_OR_RETURN(const auto elements, JsonTexts::Of(context, list.elements()));
  return kernels::MapToText(context, {&lists, 1}, rows, [&](int64_t i, std::string* out) {
    out->push_back('[');
    for (int64_t k = list.begin(i); k < list.end(i); ++k) {
      if (k > list.begin(i)) out->push_back(',');
      elements.Append(k, out);
    }
    out->push_back(']');
  });
}

Result<Vector> StructToJson(const FunctionContext& context, const Vector& value, int64_t rows) {
  const arrow::StructArray array(value.data);
  std::vector<JsonTexts> fields;
  std::vector<std::string> keys;
  for (int k = 0; k < array.num_fields(); ++k) {
    VELARIA_ASSIGN_OR_RETURN(auto texts,
                             JsonTexts::Of(context, Vector{array.field(k)->data(), false}));
    fields.push_back(std::move(texts));
    AppendQuoted(array.struct_type()->field(k)->name(), &keys.emplace_back());
  }
  return kernels::MapToText(context, {&value, 1}, rows, [&](int64_t i, std::string* out) {
    out->push_back('{');
    for (size_t k = 0; k < fields.size(); ++k) {
      if (k > 0) out->push_back(',');
      *out += keys[k];
      out->push_back(':');
      fields[k].Append(i, out);
    }
    out->push_back('}');
  });
}

/// utf8 per value: numbers and booleans bare, all else as a string.
Result<Vector> ToJson(const FunctionContext& context, const Vector& value) {
  const int64_t rows = value.length();
  if (nested::IsList(*value.type())) return ListToJson(context, value, rows);
  if (value.type()->id() == arrow::Type::STRUCT) return StructToJson(context, value, rows);
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast, BindCast(value.type(), arrow::utf8(), false));
  VELARIA_ASSIGN_OR_RETURN(Vector text, cast.kernel(context, cast, {&value, 1}, rows));
  VELARIA_ASSIGN_OR_RETURN(text, Decode(text, context.pool));
  const bool bare = IsNumeric(*value.type()) || value.type()->id() == arrow::Type::BOOL;
  const bool floating = IsFloating(*value.type());
  const StringView view(text);
  return kernels::MapToText(context, {&text, 1}, rows, [&](int64_t i, std::string* out) -> Status {
    // JSON has no infinity and no NaN.
    const bool is_word = floating && view[i].find_first_of("IN") != std::string_view::npos;
    if (!bare || is_word) {
      AppendQuoted(view[i], out);
    } else {
      out->append(view[i]);
    }
    return Status::OK();
  });
}

/// A document as it is, any other value as JSON.
Result<Vector> ArgumentToJson(const FunctionContext& context, const Vector& argument,
                              bool is_document) {
  VELARIA_ASSIGN_OR_RETURN(Vector value, Decode(argument, context.pool));
  if (is_document) return value;
  VELARIA_ASSIGN_OR_RETURN(Vector json, ToJson(context, value));
  json.constant = value.constant;
  return json;
}

Result<Vector> RunToJson(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  return ArgumentToJson(context, arguments[0], binding.is_document(0));
}

Result<ScalarBinding> BindToJson(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  return ScalarBinding{arrow::utf8(), {nullptr}, RunToJson, nullptr};
}

template <bool object>
bool IsKey(size_t argument) {
  return object && argument % 2 == 0;
}

/// json_array and json_object: the arguments' JSON side by side.
template <bool object>
Result<Vector> RunCompose(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent =
      arguments.empty() ? kernels::Extent{1, true} : kernels::ExtentOf(arguments, row_count);
  std::vector<JsonTexts> texts;
  for (size_t k = 0; k < arguments.size(); ++k) {
    const bool is_document = binding.is_document(k) && !IsKey<object>(k);
    VELARIA_ASSIGN_OR_RETURN(Vector json, ArgumentToJson(context, arguments[k], is_document));
    texts.push_back(JsonTexts(std::move(json)));
  }
  arrow::StringBuilder builder(context.pool);
  std::string out;
  for (int64_t i = 0; i < extent.rows; ++i) {
    out = object ? "{" : "[";
    for (size_t k = 0; k < texts.size(); ++k) {
      const bool is_key = IsKey<object>(k);
      if (k > 0) out.push_back(object && !is_key ? ':' : ',');
      if (is_key && !texts[k].view.IsValid(i))
        return Fail(ErrorCode::kBadValue, "a key of a JSON object must not be NULL");
      texts[k].Append(i, &out);
    }
    out.push_back(object ? '}' : ']');
    VELARIA_RETURN_NOT_OK(builder.Append(out));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

template <bool object>
Result<ScalarBinding> BindCompose(const BindArguments& arguments) {
  if (object && arguments.types.size() % 2 != 0) return binding::WrongArguments();
  ScalarBinding bound{arrow::utf8(), std::vector<TypePtr>(arguments.types.size()),
                      RunCompose<object>, nullptr};
  for (size_t i = 0; object && i < arguments.types.size(); i += 2)
    bound.arguments[i] = arrow::utf8();
  return bound;
}

/// RFC 7396: members of `patch` replace those of `target`, null removes.
void Merge(const Document& target, uint32_t x, bool has_target, const Document& patch, uint32_t y,
           std::string* out) {
  if (patch.node(y).kind != Kind::kObject) {
    patch.AppendJson(y, out);
    return;
  }
  const bool both = has_target && target.node(x).kind == Kind::kObject;
  out->push_back('{');
  bool first = true;
  const auto begin_member = [&](const Document& from, uint32_t key) {
    if (!first) out->push_back(',');
    first = false;
    from.AppendJson(key, out);
    out->push_back(':');
  };
  const auto find = [](const Document& in, uint32_t parent, const Document& of, uint32_t key) {
    std::string name;
    of.AppendCharacters(key, &name);
    uint32_t child = parent + 1, found = 0;
    for (uint32_t i = 0; i < in.node(parent).count; ++i) {
      if (in.KeyIs(child, name)) found = child;
      child = in.node(in.node(child).next).next;
    }
    return found;
  };
  uint32_t key = x + 1;
  for (uint32_t i = 0; both && i < target.node(x).count; ++i) {
    const uint32_t value = target.node(key).next, changed = find(patch, y, target, key);
    if (changed == 0) {
      begin_member(target, key);
      target.AppendJson(value, out);
    } else if (patch.node(patch.node(changed).next).kind != Kind::kNull) {
      begin_member(target, key);
      Merge(target, value, true, patch, patch.node(changed).next, out);
    }
    key = target.node(value).next;
  }
  key = y + 1;
  for (uint32_t i = 0; i < patch.node(y).count; ++i) {
    const uint32_t value = patch.node(key).next;
    const bool known = both && find(target, x, patch, key) != 0;
    if (!known && patch.node(value).kind != Kind::kNull) {
      begin_member(patch, key);
      Merge(target, 0, false, patch, value, out);
    }
    key = patch.node(value).next;
  }
  out->push_back('}');
}

Result<Vector> RunMerge(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const StringView target(arguments[0]), patch(arguments[1]);
  Document a, b;
  return kernels::MapToText(context, arguments, row_count,
                            [&](int64_t i, std::string* out) -> Status {
                              VELARIA_RETURN_NOT_OK(a.Parse(target[i]));
                              VELARIA_RETURN_NOT_OK(b.Parse(patch[i]));
                              Merge(a, 0, true, b, 0, out);
                              return Status::OK();
                            });
}

}  // namespace

void RegisterMake(RowAdder& add_document) {
  add_document("to_json", {"json_quote", "to_jsonb", "array_to_json", "row_to_json"},
               "to_json(value) -> VARCHAR",
               "The value as JSON: a text as a string, a list as an array, what a function of JSON "
               "returns as it is.",
               "to_json(['a', 'b'])", "[\"a\",\"b\"]", BindToJson);
  add_document("json_array", {"json_build_array"}, "json_array(a, b, ...) -> VARCHAR",
               "The array of the values; what a function of JSON returns is put in as it is.",
               "json_array(1, 'x', NULL)", "[1,\"x\",null]", BindCompose<false>,
               "a NULL is written as null");
  add_document(
      "json_object", {"json_build_object"}, "json_object(key, value, ...) -> VARCHAR",
      "The object of the keys and values; what a function of JSON returns is put in as it is.",
      "json_object('a', 1, 'b', 'x')", "{\"a\":1,\"b\":\"x\"}", BindCompose<true>,
      "a NULL value is written as null; a NULL key is an error");
  add_document(
      "json_merge_patch", {}, "json_merge_patch(json VARCHAR, patch VARCHAR) -> VARCHAR",
      "With the patch's members set, and those that it has as null removed (RFC 7396).",
      "json_merge_patch('{\"a\": 1, \"b\": 2}', '{\"b\": null, \"c\": 3}')", "{\"a\":1,\"c\":3}",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText, Parameter::kText}, 2, arrow::utf8(),
                             kernels::OnDictionary<RunMerge>);
      });
}

}  // namespace velaria::json
