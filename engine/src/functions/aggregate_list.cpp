// array_agg, string_agg and those of JSON: all values of a group in one, in the order of the rows
// or of ORDER BY.
#include "functions/aggregate_states.hpp"

#include <arrow/array/builder_binary.h>
#include "functions/binding.hpp"
#include "functions/json_document.hpp"
#include "functions/row_list_states.hpp"

namespace velaria {
namespace {

/// A validity bitmap that is set where counts[i] > 0; null when all are.
Result<std::shared_ptr<arrow::Buffer>> WhereAny(std::span<const int64_t> counts, int64_t* nulls,
                                                arrow::MemoryPool* pool) {
  *nulls = std::count(counts.begin(), counts.end(), 0);
  if (*nulls == 0) return std::shared_ptr<arrow::Buffer>();
  ARROW_ASSIGN_OR_RAISE(auto bits,
                        AllocateBitmap(static_cast<int64_t>(counts.size()), false, pool));
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<int64_t>(i));
  }
  return bits;
}

class ArrayStates final : public RowListStates {
 public:
  ArrayStates(RowSpec spec, TypePtr type)
      : RowListStates(std::move(spec)), type_(std::move(type)) {}

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    std::vector<int64_t> all, counts;
    counts.reserve(groups.size());
    for (const uint32_t group : groups) {
      AppendOrdered(group, &all);
      counts.push_back(static_cast<int64_t>(rows(group).size()));
    }
    ARROW_ASSIGN_OR_RAISE(auto values, store().Gather(0, all, pool));
    ARROW_ASSIGN_OR_RAISE(auto lists, MakeLists(type_, counts, values, pool));
    int64_t nulls = 0;
    ARROW_ASSIGN_OR_RAISE(lists.data->buffers[0], WhereAny(counts, &nulls, pool));
    lists.data->null_count = nulls;
    return lists;
  }

 private:
  const TypePtr type_;
};

Status AppendText(arrow::ArrayBuilder& builder, const std::string& text) {
  const auto id = builder.type()->id();
  if (id == arrow::Type::LARGE_STRING || id == arrow::Type::LARGE_BINARY) {
    return static_cast<arrow::LargeBinaryBuilder&>(builder).Append(text);
  }
  if (text.size() > INT32_MAX) {
    return Fail(ErrorCode::kOverflow, "text is too long: bytes=" + std::to_string(text.size()));
  }
  return static_cast<arrow::BinaryBuilder&>(builder).Append(text);
}

class TextStates final : public RowListStates {
 public:
  TextStates(RowSpec spec, bool has_delimiter)
      : RowListStates(std::move(spec)), has_delimiter_(has_delimiter) {}

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    ARROW_RETURN_NOT_OK(arrow::MakeBuilder(pool, store().type(0), &builder));
    std::string text;
    for (const uint32_t group : groups) {
      text.clear();
      bool first = true;
      for (const uint32_t row : Ordered(group)) {
        if (!first) text += Delimiter(row);
        text += store().Text(0, row);
        first = false;
      }
      ARROW_RETURN_NOT_OK(first ? builder->AppendNull() : AppendText(*builder, text));
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder->Finish());
    return MakeVector(array);
  }

 private:
  /// Each value but the first comes behind the delimiter of its own row; NULL is none.
  std::string_view Delimiter(uint32_t row) const {
    if (!has_delimiter_) return ",";
    return store().IsValid(1, row) ? store().Text(1, row) : std::string_view();
  }

  const bool has_delimiter_;
};

/// The values, which are JSON already, as an array; behind their keys, as an object.
class JsonStates final : public RowListStates {
 public:
  JsonStates(RowSpec spec, bool has_keys) : RowListStates(std::move(spec)), has_keys_(has_keys) {}

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    arrow::StringBuilder builder(pool);
    std::string text;
    for (const uint32_t group : groups) {
      text.clear();
      for (const uint32_t row : Ordered(group)) {
        text.push_back(!text.empty() ? ',' : has_keys_ ? '{' : '[');
        if (has_keys_) ARROW_RETURN_NOT_OK(AppendKey(row, &text));
        text += store().IsValid(value_, row) ? store().Text(value_, row) : "null";
      }
      if (text.empty()) {
        ARROW_RETURN_NOT_OK(builder.AppendNull());
        continue;
      }
      text.push_back(has_keys_ ? '}' : ']');
      ARROW_RETURN_NOT_OK(AppendText(builder, text));
    }
    ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
    return MakeVector(array);
  }

 private:
  Status AppendKey(uint32_t row, std::string* text) const {
    if (!store().IsValid(0, row)) {
      return Fail(ErrorCode::kBadValue, "a key of a JSON object must not be NULL");
    }
    json::AppendQuoted(store().Text(0, row), text);
    text->push_back(':');
    return Status::OK();
  }

  const bool has_keys_;
  const size_t value_ = has_keys_ ? 1 : 0;  // the column
};

/// The first `kept` arguments and the place; AddOrder puts sort keys between them.
void SetListStates(AggregateBinding* binding, size_t kept) {
  for (size_t i = 0; i < kept; ++i) {
    binding->state_types.push_back(arrow::large_list(binding->arguments[i]));
  }
  binding->state_types.push_back(arrow::large_list(arrow::int64()));
  binding->needs_row_order = true;
}

Result<AggregateBinding> BindArray(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  bound.arguments = {KeptType(arguments.types[0])};
  bound.type = arrow::list(bound.arguments[0]);
  bound.distinct = arguments.distinct;
  SetListStates(&bound, 1);
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<ArrayStates>(RowSpec::Of(b, {0}, {}), b.type);
  };
  return bound;
}

Result<AggregateBinding> BindText(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 1 || count > 2) return binding::WrongArguments();
  TypePtr type = KeptType(arguments.types[0]);
  const Physical physical = PhysicalOf(*type);
  if (physical == Physical::kNested) return binding::WrongArguments();
  if (physical != Physical::kString && physical != Physical::kBinary) type = arrow::utf8();
  AggregateBinding bound;
  bound.type = type;
  bound.arguments.assign(count, type);
  bound.distinct = arguments.distinct;
  SetListStates(&bound, count);
  bound.data = std::make_shared<std::vector<size_t>>(count == 2 ? std::vector<size_t>{0, 1}
                                                                : std::vector<size_t>{0});
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    const auto& kept = *static_cast<const std::vector<size_t>*>(b.data.get());
    return std::make_unique<TextStates>(RowSpec::Of(b, kept, {0}), kept.size() == 2);
  };
  return bound;
}

template <bool has_keys>
Result<AggregateBinding> BindJson(const BindArguments& arguments) {
  constexpr size_t kCount = has_keys ? 2 : 1;
  if (arguments.types.size() != kCount) return binding::WrongArguments();
  AggregateBinding bound;
  bound.type = arrow::utf8();
  bound.arguments.assign(kCount, bound.type);
  bound.distinct = arguments.distinct;
  SetListStates(&bound, kCount);
  bound.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    std::vector<size_t> kept = {0};
    if (has_keys) kept.push_back(1);
    return std::make_unique<JsonStates>(RowSpec::Of(b, kept, {}), has_keys);
  };
  return bound;
}

}  // namespace

void RegisterLists(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{
      "array_agg",
      {"list"},
      "array_agg([DISTINCT] value ANY [ORDER BY ...]) -> LIST",
      "All values, NULL too, in the order of the rows or of ORDER BY; NULL for no rows.",
      "SELECT array_agg(x ORDER BY x DESC) FROM (VALUES (1), (3), (2)) AS t(x)",
      "[3, 2, 1]",
      BindArray,
      false,
      "a NULL is an element; NULL for no rows"});
  registry.Add(AggregateFunction{
      "string_agg",
      {"listagg", "group_concat"},
      "string_agg([DISTINCT] value VARCHAR[, delimiter VARCHAR] [ORDER BY ...]) -> VARCHAR",
      "The values that are not NULL, with the delimiter (',') between them, in the order of the "
      "rows or of ORDER BY.",
      "SELECT string_agg(x, '-' ORDER BY x) FROM (VALUES ('b'), ('a'), (NULL)) AS t(x)",
      "a-b",
      BindText});
  registry.Add(AggregateFunction{
      "json_group_array",
      {"json_agg", "jsonb_agg"},
      "json_group_array([DISTINCT] value ANY [ORDER BY ...]) -> VARCHAR",
      "The JSON array of all values, in the order of the rows or of ORDER BY; what a function of "
      "JSON returns is put in as it is.",
      "SELECT json_group_array(x ORDER BY x) FROM (VALUES (2), (1), (NULL)) AS t(x)",
      "[1,2,null]",
      BindJson<false>,
      false,
      "a NULL is written as null; NULL for no rows",
      true});
  registry.Add(AggregateFunction{
      "json_group_object",
      {"json_object_agg", "jsonb_object_agg"},
      "json_group_object([DISTINCT] key VARCHAR, value ANY [ORDER BY ...]) -> VARCHAR",
      "The JSON object of all keys with their values, in the order of the rows or of ORDER BY; "
      "what "
      "a function of JSON returns is put in as it is.",
      "SELECT json_group_object(k, v) FROM (VALUES ('a', 1), ('b', NULL)) AS t(k, v)",
      "{\"a\":1,\"b\":null}",
      BindJson<true>,
      false,
      "a NULL is written as null; a NULL key is an error; NULL for no rows",
      true});
}

}  // namespace velaria
