// Lists, structs and maps as text, in DuckDB's spelling: [1, NULL], {'a': x}, {k=v}. A text inside
// is quoted when its end would not be seen otherwise.
#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/cast.hpp"
#include "functions/nested.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::casts {
namespace {

bool NeedsQuotes(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return true;
  if (EqualsIgnoreCase(text, "null")) return true;
  return text.find_first_of(",'\\:()=[]{}\"") != std::string_view::npos;
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('\'');
  for (const char c : text) {
    if (c == '\'' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
  out->push_back('\'');
}

/// The texts of a child vector; `is_nested` ones are never quoted.
struct ChildTexts {
  Vector texts;
  StringView view;
  bool is_nested;
  ChildTexts(Vector vector, bool nested)
      : texts(std::move(vector)), view(texts), is_nested(nested) {}
  void Append(int64_t row, std::string* out) const {
    if (!view.IsValid(row)) {
      *out += "NULL";
    } else if (!is_nested && NeedsQuotes(view[row])) {
      AppendQuoted(view[row], out);
    } else {
      out->append(view[row]);
    }
  }
};

Result<ChildTexts> TextsOf(const FunctionContext& context, const ArrayDataPtr& child) {
  const Vector values{child, false};
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast, BindCast(child->type, arrow::utf8(), false));
  VELARIA_ASSIGN_OR_RETURN(Vector texts, cast.kernel(context, cast, {&values, 1}, child->length));
  VELARIA_ASSIGN_OR_RETURN(texts, Expand(texts, child->length, context.pool));
  VELARIA_ASSIGN_OR_RETURN(texts, Decode(texts, context.pool));
  return ChildTexts(std::move(texts), IsNested(*child->type));
}

/// To the plan's own string layout.
Result<Vector> TextsInLayout(const FunctionContext& context, const CastPlan& plan, Vector texts,
                             int64_t row_count) {
  if (plan.to->id() == arrow::Type::STRING) return texts;
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding layout, BindCast(arrow::utf8(), plan.to, false));
  return layout.kernel(context, layout, {&texts, 1}, row_count);
}

Result<Vector> RunList(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const TypePtr type =
      arrow::list(arrow::internal::checked_cast<const arrow::BaseListType&>(*PlanOf(binding).from)
                      .value_type());
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding plain, BindCast(PlanOf(binding).from, type, false));
  VELARIA_ASSIGN_OR_RETURN(const Vector lists, plain.kernel(context, plain, arguments, row_count));
  const nested::ListView list(lists);
  VELARIA_ASSIGN_OR_RETURN(const ChildTexts texts, TextsOf(context, list.elements().data));
  VELARIA_ASSIGN_OR_RETURN(
      Vector out,
      kernels::MapToText(context, {&lists, 1}, row_count, [&](int64_t i, std::string* out) {
        out->push_back('[');
        for (int64_t k = list.begin(i); k < list.end(i); ++k) {
          if (k > list.begin(i)) *out += ", ";
          texts.Append(k, out);
        }
        out->push_back(']');
      }));
  return TextsInLayout(context, PlanOf(binding), std::move(out), row_count);
}

Result<Vector> RunStruct(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const Vector& argument = arguments[0];
  const arrow::StructArray array(argument.data);
  std::vector<ChildTexts> fields;
  std::vector<std::string> keys;
  for (int i = 0; i < array.num_fields(); ++i) {
    VELARIA_ASSIGN_OR_RETURN(auto texts, TextsOf(context, array.field(i)->data()));
    fields.push_back(std::move(texts));
    AppendQuoted(array.struct_type()->field(i)->name(), &keys.emplace_back());
  }
  VELARIA_ASSIGN_OR_RETURN(
      Vector out,
      kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
        out->push_back('{');
        for (size_t k = 0; k < fields.size(); ++k) {
          if (k > 0) *out += ", ";
          *out += keys[k];
          *out += ": ";
          fields[k].Append(i, out);
        }
        out->push_back('}');
      }));
  return TextsInLayout(context, PlanOf(binding), std::move(out), row_count);
}

Result<Vector> RunMap(const FunctionContext& context, const ScalarBinding& binding,
                      std::span<const Vector> arguments, int64_t row_count) {
  const Vector& argument = arguments[0];
  const arrow::MapArray array(argument.data);
  VELARIA_ASSIGN_OR_RETURN(const auto keys, TextsOf(context, array.keys()->data()));
  VELARIA_ASSIGN_OR_RETURN(const auto items, TextsOf(context, array.items()->data()));
  VELARIA_ASSIGN_OR_RETURN(
      Vector out,
      kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
        out->push_back('{');
        for (int64_t k = array.value_offset(i); k < array.value_offset(i + 1); ++k) {
          if (k > array.value_offset(i)) *out += ", ";
          keys.Append(k, out);
          out->push_back('=');
          items.Append(k, out);
        }
        out->push_back('}');
      }));
  return TextsInLayout(context, PlanOf(binding), std::move(out), row_count);
}

}  // namespace

ScalarKernel FindNestedToText(const arrow::DataType& from) {
  if (nested::IsList(from)) return RunList;
  if (from.id() == arrow::Type::STRUCT) return RunStruct;
  return from.id() == arrow::Type::MAP ? RunMap : nullptr;
}

}  // namespace velaria::casts
