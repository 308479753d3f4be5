// The rules that CREATE TABLE and ALTER TABLE declare, bound over the table's columns.
#include <unordered_map>
#include <unordered_set>

#include "base/text.hpp"
#include "session/statement_runner.hpp"

namespace velaria::session {

using sql::Statement;

int ColumnNamed(const std::string& name, const arrow::Schema& schema) {
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (EqualsIgnoreCase(name, schema.field(i)->name())) return i;
  }
  return -1;
}

namespace {

/// The names of a table's constraints, without regard to case.
class ConstraintNames {
 public:
  explicit ConstraintNames(const RuleSet& rules) {
    for (const auto& key : rules.keys) Take(key.name);
    for (const auto& check : rules.checks) Take(check.name);
  }

  void Take(const std::string& name) { taken_.insert(ToLower(name)); }

  /// `base`, or with the first number behind it that no other constraint has. No name is ever given
  /// back: each search goes on where the last one ended.
  std::string FreeName(const std::string& base) {
    int& number = numbers_[ToLower(base)];
    std::string name = number == 0 ? base : base + std::to_string(number);
    while (Has(name)) name = base + std::to_string(++number);
    return name;
  }

  Status CheckFree(const std::string& name, Place place) const {
    if (!Has(name)) return Status::OK();
    return FailAt(place, ErrorCode::kTableExists, "a constraint of that name exists: " + name);
  }

 private:
  bool Has(const std::string& name) const { return taken_.contains(ToLower(name)); }

  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> numbers_;  // by name: the last one tried
};

/// Its columns, in the schema, which a primary key makes NOT NULL.
Status BindKey(const sql::KeyDef& definition, SchemaPtr* schema, KeyRule* key) {
  for (const auto& name : definition.columns) {
    const int column = ColumnNamed(name.text, **schema);
    if (column < 0) {
      const auto near = NearestName(name.text, (*schema)->field_names());
      return FailAt(name.place, ErrorCode::kUnknownColumn, "unknown column: " + name.text,
                    near.empty() ? "" : "Did you mean " + QuoteIdentifier(near) + "?");
    }
    if (std::find(key->columns.begin(), key->columns.end(), column) != key->columns.end()) {
      return FailAt(name.place, ErrorCode::kDuplicateColumn,
                    "a key names a column twice: " + name.text);
    }
    key->columns.push_back(column);
    ARROW_RETURN_NOT_OK(CheckCanBeKey((*schema)->field(column)->type(), name.text, name.place));
    if (definition.primary) {
      const auto field = (*schema)->field(column)->WithNullable(false);
      ARROW_ASSIGN_OR_RAISE(*schema, (*schema)->SetField(column, field));
    }
  }
  return Status::OK();
}

}  // namespace

Status StatementRunner::AddRules(const Statement& statement, const std::string& table,
                                 SchemaPtr* schema, RuleSet* rules) {
  ConstraintNames names(*rules);
  for (const auto& definition : statement.keys) {
    const auto is_primary = [](const KeyRule& key) { return key.primary; };
    if (definition.primary && std::any_of(rules->keys.begin(), rules->keys.end(), is_primary)) {
      return FailAt(definition.place, ErrorCode::kSyntaxError,
                    "a table has one primary key at most: " + table);
    }
    KeyRule key{definition.name, definition.primary, {}};
    ARROW_RETURN_NOT_OK(names.CheckFree(key.name, definition.place));
    ARROW_RETURN_NOT_OK(BindKey(definition, schema, &key));
    if (key.name.empty()) {
      std::vector<std::string> words;
      for (int column : key.columns) words.push_back((*schema)->field(column)->name());
      key.name = names.FreeName(table + "_" + (key.primary ? "pkey" : Join(words, "_") + "_key"));
    }
    names.Take(key.name);
    rules->keys.push_back(std::move(key));
  }
  for (const auto& definition : statement.checks) {
    CheckRule check{definition.name, definition.text, nullptr};
    ARROW_RETURN_NOT_OK(names.CheckFree(check.name, definition.place));
    if (check.name.empty()) check.name = names.FreeName(table + "_check");
    names.Take(check.name);
    ARROW_ASSIGN_OR_RAISE(check.condition, sql::BindPredicateOverSchema(*definition.expr, **schema,
                                                                        table, "CHECK", Bind()));
    rules->checks.push_back(std::move(check));
  }
  return Status::OK();
}

Result<std::shared_ptr<storage::TableGuard>> StatementRunner::RulesFrom(const Statement& statement,
                                                                        const std::string& table,
                                                                        SchemaPtr* schema) {
  RuleSet rules;
  ARROW_RETURN_NOT_OK(AddRules(statement, table, schema, &rules));
  for (size_t i = 0; i < statement.columns.size(); ++i) {
    const auto& column = statement.columns[i];
    if (!column.default_value) continue;
    rules.defaults.resize(statement.columns.size());
    ARROW_ASSIGN_OR_RAISE(
        rules.defaults[i],
        sql::BindDefault(*column.default_value, *(*schema)->field(static_cast<int>(i)), Bind()));
  }
  if (rules.empty()) return nullptr;
  return std::make_shared<TableRules>(table, *schema, std::move(rules));
}

}  // namespace velaria::session
