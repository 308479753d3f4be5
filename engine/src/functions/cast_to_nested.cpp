// Casts to lists, structs and maps: from each other, value by value with the casts of what is
// inside, and from VARCHAR: [1, NULL] or {1,NULL} for a list, {'a': 1} for a struct, {k=v} for a
// map. A text inside may be quoted by ' or ", where a backslash takes the next character as it is.
#include "base/text.hpp"

#include <arrow/array/builder_binary.h>
#include "functions/cast.hpp"
#include "functions/nested.hpp"
#include "functions/number_text.hpp"

namespace velaria::casts {
namespace {

using arrow::Type;
using arrow::internal::checked_cast;

/// One value inside a text; a quoted one is a text even when it reads NULL.
struct Item {
  std::string text;
  bool is_null = false;
};

/// Reads the items of one text from left to right.
class ItemReader {
 public:
  explicit ItemReader(std::string_view text) : text_(kernels::TrimBlanks(text)) {}

  bool Open(char sign) { return Accept(sign); }
  bool Accept(char sign) {
    SkipBlanks();
    if (at_ >= text_.size() || text_[at_] != sign) return false;
    ++at_;
    return true;
  }
  bool AtEnd() {
    SkipBlanks();
    return at_ == text_.size();
  }
  /// An item that ends before one of `stops`; false when it is malformed.
  bool Read(std::string_view stops, Item* item) {
    SkipBlanks();
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      if (!ReadQuoted(&item->text)) return false;
      SkipBlanks();
      return at_ < text_.size() && stops.find(text_[at_]) != std::string_view::npos;
    }
    const size_t begin = at_;
    if (!SkipPlain(stops)) return false;
    const auto plain = kernels::TrimBlanks(text_.substr(begin, at_ - begin));
    item->is_null = EqualsIgnoreCase(plain, "null");
    item->text = plain;
    return !plain.empty();
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }
  bool ReadQuoted(std::string* out) {
    const char quote = text_[at_++];
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out->push_back(text_[at_]);
    }
    return at_++ < text_.size();
  }
  /// To the first stop outside of brackets and quotes.
  bool SkipPlain(std::string_view stops) {
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (depth == 0 && stops.find(c) != std::string_view::npos) return true;
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth < 0) return false;
      if (depth > 0 && (c == '\'' || c == '"')) {
        std::string ignored;
        if (!ReadQuoted(&ignored)) return false;
        --at_;
      }
    }
    return false;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

bool ReadList(std::string_view text, std::vector<Item>* items) {
  ItemReader reader(text);
  const char close = reader.Open('[') ? ']' : reader.Open('{') ? '}' : '\0';
  if (close == '\0') return false;
  if (reader.Accept(close)) return reader.AtEnd();
  const char stops[] = {',', close};
  do {
    if (!reader.Read({stops, 2}, &items->emplace_back())) return false;
  } while (reader.Accept(','));
  return reader.Accept(close) && reader.AtEnd();
}

/// {key<sign>item, ...}
bool ReadPairs(std::string_view text, char sign, std::vector<Item>* keys,
               std::vector<Item>* items) {
  ItemReader reader(text);
  if (!reader.Open('{')) return false;
  if (reader.Accept('}')) return reader.AtEnd();
  do {
    if (!reader.Read({&sign, 1}, &keys->emplace_back()) || !reader.Accept(sign)) return false;
    if (!reader.Read(",}", &items->emplace_back())) return false;
  } while (reader.Accept(','));
  return reader.Accept('}') && reader.AtEnd();
}

Result<Vector> CastAll(const FunctionContext& context, const Vector& values, const TypePtr& to,
                       bool try_cast) {
  VELARIA_ASSIGN_OR_RETURN(const auto cast, BindCast(values.type(), to, try_cast));
  VELARIA_ASSIGN_OR_RETURN(auto out, cast.kernel(context, cast, {&values, 1}, values.length()));
  return Expand(out, values.length(), context.pool);
}

/// Texts of one kind of inner value over all rows, cast together at the end. Under TRY_CAST one
/// that is no value of its type is NULL.
class TextColumn {
 public:
  explicit TextColumn(arrow::MemoryPool* pool) : builder_(pool) {}
  Status Add(const Item& item) {
    return item.is_null ? builder_.AppendNull() : builder_.Append(item.text);
  }
  Result<Vector> Finish(const FunctionContext& context, const TypePtr& to, bool try_cast) {
    VELARIA_ASSIGN_OR_RETURN(const auto texts, builder_.Finish());
    return CastAll(context, MakeVector(texts), to, try_cast);
  }

 private:
  arrow::StringBuilder builder_;
};

/// Lists over `values`, row i the next counts[i] of them; null where `valid` is 0.
Result<Vector> ListsOf(const FunctionContext& context, const TypePtr& type,
                       const std::vector<int32_t>& ends, const Vector& values,
                       const std::vector<uint8_t>& valid, bool constant) {
  VELARIA_ASSIGN_OR_RETURN(
      auto offsets, arrow::AllocateBuffer(static_cast<int64_t>((ends.size() + 1) * sizeof(int32_t)),
                                          context.pool));
  auto* out = offsets->mutable_data_as<int32_t>();
  out[0] = 0;
  std::copy(ends.begin(), ends.end(), out + 1);
  auto data = arrow::ArrayData::Make(type, static_cast<int64_t>(ends.size()),
                                     {nullptr, std::move(offsets)}, 0);
  data->child_data = {values.data};
  return nested::WithValidity(Vector{std::move(data), constant}, valid, context.pool);
}

/// A list in the layout asked for: a fixed-size one must have the lengths.
Result<Vector> ListsInLayout(const FunctionContext& context, const CastPlan& plan,
                             const Vector& lists) {
  if (lists.type()->Equals(*plan.to)) return lists;
  CastPlan layout = plan;
  layout.from = lists.type();
  layout.kernel = FindLayoutCast(*lists.type(), *plan.to);
  if (layout.kernel == nullptr) return Bug("no layout cast to " + SqlName(*plan.to));
  const ScalarBinding binding{
      plan.to, {nullptr}, layout.kernel, std::make_shared<const CastPlan>(layout)};
  return layout.kernel(context, binding, {&lists, 1}, lists.length());
}

Result<Vector> RunTextToList(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const StringView view(arguments[0]);
  TextColumn texts(context.pool);
  std::vector<int32_t> ends;
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  int32_t count = 0;
  for (int64_t i = 0; i < extent.rows; ++i) {
    std::vector<Item> items;
    if (view.IsValid(i)) {
      const bool read = ReadList(view[i], &items);
      if (!read && !plan.try_cast) return CannotCast(*plan.to, view[i]);
      valid[static_cast<size_t>(i)] = read;
      if (!read) items.clear();
    }
    for (const auto& item : items) VELARIA_RETURN_NOT_OK(texts.Add(item));
    ends.push_back(count += static_cast<int32_t>(items.size()));
  }
  const TypePtr& element = checked_cast<const arrow::BaseListType&>(*plan.to).value_type();
  VELARIA_ASSIGN_OR_RETURN(const Vector values, texts.Finish(context, element, plan.try_cast));
  VELARIA_ASSIGN_OR_RETURN(const Vector lists, ListsOf(context, arrow::list(element), ends, values,
                                                       valid, extent.constant));
  return ListsInLayout(context, plan, lists);
}

Result<Vector> RunTextToMap(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const auto& type = checked_cast<const arrow::MapType&>(*plan.to);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const StringView view(arguments[0]);
  TextColumn keys(context.pool), values(context.pool);
  std::vector<int32_t> ends;
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  int32_t count = 0;
  for (int64_t i = 0; i < extent.rows; ++i) {
    std::vector<Item> names, items;
    if (view.IsValid(i)) {
      const bool read =
          ReadPairs(view[i], '=', &names, &items) &&
          std::none_of(names.begin(), names.end(), [](const Item& name) { return name.is_null; });
      if (!read && !plan.try_cast) return CannotCast(*plan.to, view[i]);
      valid[static_cast<size_t>(i)] = read;
      if (!read) items.clear();
    }
    for (size_t k = 0; k < items.size(); ++k) {
      VELARIA_RETURN_NOT_OK(keys.Add(names[k]));
      VELARIA_RETURN_NOT_OK(values.Add(items[k]));
    }
    ends.push_back(count += static_cast<int32_t>(items.size()));
  }
  VELARIA_ASSIGN_OR_RETURN(const Vector key_values,
                           keys.Finish(context, type.key_type(), plan.try_cast));
  VELARIA_ASSIGN_OR_RETURN(const Vector item_values,
                           values.Finish(context, type.item_type(), plan.try_cast));
  const Validity has_key = ValidityOf(key_values);  // no map has a NULL for a key
  for (size_t row = 0, at = 0; row < ends.size(); ++row) {
    for (; at < static_cast<size_t>(ends[row]); ++at) {
      if (!has_key.IsValid(static_cast<int64_t>(at))) valid[row] = 0;
    }
  }
  auto entries = arrow::ArrayData::Make(type.value_type(), count, {nullptr}, 0);
  entries->child_data = {key_values.data, item_values.data};
  return ListsOf(context, plan.to, ends, Vector{std::move(entries), false}, valid, extent.constant);
}

/// The place of a field by its name, -1 for none.
int FieldNamed(const arrow::DataType& type, std::string_view name) {
  for (int i = 0; i < type.num_fields(); ++i) {
    if (EqualsIgnoreCase(type.field(i)->name(), name)) return i;
  }
  return -1;
}

Result<Vector> StructOf(const FunctionContext& context, const CastPlan& plan,
                        std::vector<Vector> fields, const std::vector<uint8_t>& valid,
                        bool constant) {
  auto data = arrow::ArrayData::Make(plan.to, static_cast<int64_t>(valid.size()), {nullptr}, 0);
  for (auto& field : fields) data->child_data.push_back(std::move(field.data));
  return nested::WithValidity(Vector{std::move(data), constant}, valid, context.pool);
}

/// Fields that a text leaves out are NULL.
Result<Vector> RunTextToStruct(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const StringView view(arguments[0]);
  const auto width = static_cast<size_t>(plan.to->num_fields());
  std::vector<std::unique_ptr<TextColumn>> texts;
  for (size_t f = 0; f < width; ++f) texts.push_back(std::make_unique<TextColumn>(context.pool));
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 0);
  for (int64_t i = 0; i < extent.rows; ++i) {
    std::vector<Item> names, items, by_field(width, Item{"", true});
    bool read = view.IsValid(i) && ReadPairs(view[i], ':', &names, &items);
    for (size_t k = 0; read && k < items.size(); ++k) {
      const int field = FieldNamed(*plan.to, names[k].text);
      read = field >= 0;
      if (read) by_field[static_cast<size_t>(field)] = std::move(items[k]);
    }
    if (view.IsValid(i) && !read && !plan.try_cast) return CannotCast(*plan.to, view[i]);
    valid[static_cast<size_t>(i)] = read;
    for (size_t f = 0; f < width; ++f)
      VELARIA_RETURN_NOT_OK(texts[f]->Add(read ? by_field[f] : Item{"", true}));
  }
  std::vector<Vector> fields;
  for (size_t f = 0; f < width; ++f) {
    VELARIA_ASSIGN_OR_RETURN(
        fields.emplace_back(),
        texts[f]->Finish(context, plan.to->field(static_cast<int>(f))->type(), plan.try_cast));
  }
  return StructOf(context, plan, std::move(fields), valid, extent.constant);
}

/// From a list of any layout. Elements under NULL lists are not looked at.
Result<Vector> RunListToList(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const TypePtr from = checked_cast<const arrow::BaseListType&>(*plan.from).value_type();
  const TypePtr to = checked_cast<const arrow::BaseListType&>(*plan.to).value_type();
  CastPlan plain_plan = plan;
  plain_plan.to = arrow::list(from);
  VELARIA_ASSIGN_OR_RETURN(const Vector plain, ListsInLayout(context, plain_plan, arguments[0]));
  const nested::ListView list(plain);
  nested::ListMaker maker(extent.rows);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!list.IsValid(i)) {
      maker.CloseNull();
      continue;
    }
    maker.AddRange(list.begin(i), list.end(i));
    maker.Close();
  }
  VELARIA_ASSIGN_OR_RETURN(Vector lists, maker.Finish(arrow::list(from), list.elements(),
                                                      extent.constant, context.pool));
  VELARIA_ASSIGN_OR_RETURN(
      const Vector values,
      CastAll(context, Vector{lists.data->child_data[0], false}, to, plan.try_cast));
  auto data = lists.data->Copy();
  data->type = arrow::list(to);
  data->child_data = {values.data};
  return ListsInLayout(context, plan, Vector{std::move(data), extent.constant});
}

/// Fields meet by name when the source has all names, else by place.
Result<Vector> RunStructToStruct(const FunctionContext& context, const ScalarBinding& binding,
                                 std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const arrow::StructArray source(arguments[0].data);
  const auto& names = plan.to->fields();
  const bool by_name = std::all_of(names.begin(), names.end(), [&](const auto& field) {
    return FieldNamed(*plan.from, field->name()) >= 0;
  });
  const Validity validity = ValidityOf(arguments[0]);
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows));
  std::vector<int32_t> rows;  // NULL structs have no fields to cast
  for (int64_t i = 0; i < extent.rows; ++i) {
    valid[static_cast<size_t>(i)] = validity.IsValid(i);
    rows.push_back(validity.IsValid(i) ? static_cast<int32_t>(i) : -1);
  }
  std::vector<Vector> fields;
  for (int f = 0; f < plan.to->num_fields(); ++f) {
    const int at = by_name ? FieldNamed(*plan.from, names[static_cast<size_t>(f)]->name()) : f;
    VELARIA_ASSIGN_OR_RETURN(const Vector present,
                             GatherOrNull(MakeVector(source.field(at)), rows, context.pool));
    VELARIA_ASSIGN_OR_RETURN(
        fields.emplace_back(),
        CastAll(context, present, names[static_cast<size_t>(f)]->type(), plan.try_cast));
  }
  return StructOf(context, plan, std::move(fields), valid, extent.constant);
}

/// Whether there is a cast for everything inside.
bool InnerCasts(const arrow::DataType& from, const arrow::DataType& to) {
  for (int i = 0; i < to.num_fields(); ++i) {
    if (!BindCast(from.field(i)->type(), to.field(i)->type(), false).ok()) return false;
  }
  return true;
}

bool CastsFromText(const arrow::DataType& to) {
  return std::all_of(to.fields().begin(), to.fields().end(), [](const auto& field) {
    if (field->type()->id() == Type::STRUCT) return CastsFromText(*field->type());
    return BindCast(arrow::utf8(), field->type(), false).ok();
  });
}

}  // namespace

ScalarKernel FindToNested(const arrow::DataType& from, const arrow::DataType& to) {
  const bool to_list = nested::IsList(to), to_struct = to.id() == Type::STRUCT;
  if (IsString(from)) {
    if (to.id() == Type::MAP) {
      const auto& map = checked_cast<const arrow::MapType&>(to);
      return CastsFromText(*map.value_type()) ? RunTextToMap : nullptr;
    }
    if (!(to_list || to_struct) || !CastsFromText(to)) return nullptr;
    return to_list ? RunTextToList : RunTextToStruct;
  }
  if (to_list && nested::IsList(from)) return InnerCasts(from, to) ? RunListToList : nullptr;
  const bool fields_meet = to_struct && from.id() == Type::STRUCT &&
                           from.num_fields() == to.num_fields() && InnerCasts(from, to);
  return fields_meet ? RunStructToStruct : nullptr;
}

}  // namespace velaria::casts
