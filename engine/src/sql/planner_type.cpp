// Types as written: names, fields and array suffixes to Arrow types.
#include <unordered_set>

#include "base/text.hpp"
#include "sql/habits.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::sql {
namespace {

Result<TypePtr> StructOf(const TypeName& written) {
  arrow::FieldVector fields;
  std::unordered_set<std::string> names;  // in small letters
  for (size_t i = 0; i < written.inner.size(); ++i) {
    const Name& name = written.field_names[i];
    if (!names.insert(ToLower(name.text)).second) {
      return FailAt(name.place, ErrorCode::kDuplicateColumn,
                    "a STRUCT has a field twice: " + name.text);
    }
    VELARIA_ASSIGN_OR_RETURN(TypePtr type, TypeOf(written.inner[i]));
    fields.push_back(arrow::field(name.text, std::move(type)));
  }
  return arrow::struct_(std::move(fields));
}

Result<TypePtr> MapOf(const TypeName& written) {
  VELARIA_ASSIGN_OR_RETURN(TypePtr key, TypeOf(written.inner[0]));
  VELARIA_ASSIGN_OR_RETURN(TypePtr item, TypeOf(written.inner[1]));
  return arrow::map(std::move(key), std::move(item));
}

/// A type that other databases have: what stands in its place here, and no name that is near.
Status WithTypeHint(const Status& status, const TypeName& written) {
  const std::string_view hint = HabitHint(TypeHabits(), written.name);
  if (hint.empty()) return status;
  ErrorInfo info = ErrorInfoOf(status);
  info.hint = hint;
  return MakeError(std::move(info));
}

}  // namespace

Result<TypePtr> TypeOf(const TypeName& written) {
  TypePtr type;
  if (written.inner.empty()) {
    auto plain = TypeFromSqlName(written.name, written.arguments, written.with_time_zone);
    if (!plain.ok()) return WithPlace(WithTypeHint(plain.status(), written), written.place);
    type = std::move(*plain);
  } else {
    VELARIA_ASSIGN_OR_RETURN(type, written.name == "MAP" ? MapOf(written) : StructOf(written));
  }
  for (const int64_t size : written.array_sizes) {
    type = size == 0 ? arrow::list(type) : arrow::fixed_size_list(type, static_cast<int32_t>(size));
  }
  return type;
}

}  // namespace velaria::sql
