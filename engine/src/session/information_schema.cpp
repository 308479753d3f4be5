// information_schema with PostgreSQL's columns and types. What the kernel does not know, or what
// does not apply to it, is NULL.
#include <set>

#include "base/text.hpp"
#include "session/builtin_tables.hpp"
#include "session/catalog_view.hpp"
#include "session/session.hpp"
#include "session/table_rules.hpp"

namespace velaria::session {
namespace {

using logical::RelationKind;

const char kCatalog[] = "velaria";
const BuiltinCell kNull{};

BuiltinCell Text(std::string text) { return text; }
BuiltinCell YesNo(bool yes) { return std::string(yes ? "YES" : "NO"); }

/// A table, view, stream, source, sink or built-in table.
struct Listed {
  std::string schema, name;
  RelationKind kind;
  SchemaPtr columns;
  std::shared_ptr<const CatalogEntry> entry;  // null for a built-in one
};

std::vector<Listed> AllTables(const CatalogView& names) {
  std::vector<Listed> out;
  std::set<std::string> entered;
  for (const auto& entry : names.Entries()) {
    if (entry->kind == RelationKind::kIndex) continue;
    entered.insert(entry->schema + "." + ToLower(entry->name));
    out.push_back({entry->schema, entry->name, entry->kind, entry->ArrowSchema(), entry});
  }
  for (const auto* table : AllBuiltins()) {
    if (entered.count(std::string(table->schema) + "." + table->name) > 0) continue;
    out.push_back(
        {table->schema, table->name, RelationKind::kSystem, table->ArrowSchema(), nullptr});
  }
  return out;
}

const char* TypeNameOf(RelationKind kind) {
  switch (kind) {
    case RelationKind::kView:
    case RelationKind::kSystem: return "VIEW";
    case RelationKind::kSource:
    case RelationKind::kSink:
    case RelationKind::kFile: return "FOREIGN";
    case RelationKind::kStream: return "STREAM";
    default: return "BASE TABLE";
  }
}

bool TakesInsert(RelationKind kind) {
  return kind == RelationKind::kTable || kind == RelationKind::kStream ||
         kind == RelationKind::kSink;
}

BuiltinRows SchemataRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& schema : names.SchemaNames())
    rows.push_back({Text(kCatalog), schema, Text(kCatalog)});
  return rows;
}

BuiltinRows TablesRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& table : AllTables(names)) {
    rows.push_back({Text(kCatalog), table.schema, table.name, Text(TypeNameOf(table.kind)), kNull,
                    kNull, kNull, kNull, kNull, YesNo(TakesInsert(table.kind)), YesNo(false)});
  }
  return rows;
}

// ---- columns

/// The name that PostgreSQL has for the type; ours where it has none.
std::string DataTypeOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT16: return "smallint";
    case arrow::Type::INT32: return "integer";
    case arrow::Type::INT64: return "bigint";
    case arrow::Type::FLOAT: return "real";
    case arrow::Type::DOUBLE: return "double precision";
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return "date";
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return "time without time zone";
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? "timestamp without time zone"
                 : "timestamp with time zone";
    case arrow::Type::INTERVAL_MONTH_DAY_NANO: return "interval";
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: return "ARRAY";
    default: break;
  }
  if (IsDecimal(type)) return "numeric";
  if (IsString(type)) return "character varying";
  if (PhysicalOf(type) == Physical::kBinary) return "bytea";
  return ToLower(SqlName(type));
}

/// numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision.
std::vector<BuiltinCell> PrecisionOf(const arrow::DataType& type) {
  const auto number = [](int64_t precision, int64_t radix, BuiltinCell scale) {
    return std::vector<BuiltinCell>{precision, radix, std::move(scale), kNull};
  };
  if (IsDecimal(type)) {
    const auto& decimal = static_cast<const arrow::DecimalType&>(type);
    return number(decimal.precision(), 10, int64_t{decimal.scale()});
  }
  if (type.id() == arrow::Type::FLOAT) return number(24, 2, kNull);
  if (type.id() == arrow::Type::DOUBLE) return number(53, 2, kNull);
  if (IsInteger(type)) {
    return number(static_cast<const arrow::FixedWidthType&>(type).bit_width(), 2, int64_t{0});
  }
  const auto digits = [](arrow::TimeUnit::type unit) {
    return int64_t{3} * static_cast<int>(unit);
  };
  BuiltinCell time = kNull;
  if (type.id() == arrow::Type::TIMESTAMP) {
    time = digits(static_cast<const arrow::TimestampType&>(type).unit());
  } else if (type.id() == arrow::Type::TIME32 || type.id() == arrow::Type::TIME64) {
    time = digits(static_cast<const arrow::TimeType&>(type).unit());
  } else if (arrow::is_date(type.id())) {
    time = int64_t{0};
  }
  return {kNull, kNull, kNull, time};
}

BuiltinRows ColumnsRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& table : AllTables(names)) {
    if (!table.columns) continue;
    const TableRules* rules =
        table.entry && table.entry->table ? RulesOf(*table.entry->table) : nullptr;
    for (int i = 0; i < table.columns->num_fields(); ++i) {
      const auto& field = *table.columns->field(i);
      const auto type = LogicalType(field.type());
      const auto at = static_cast<size_t>(i);
      const bool has_default = rules && at < rules->defaults().size() && rules->defaults()[at];
      std::vector<BuiltinCell> row = {
          Text(kCatalog),
          table.schema,
          table.name,
          field.name(),
          int64_t{i} + 1,
          has_default ? Text(logical::ToText(*rules->defaults()[at])) : kNull,
          YesNo(field.nullable()),
          Text(DataTypeOf(*type)),
          kNull,
          kNull};
      for (auto& cell : PrecisionOf(*type)) row.push_back(std::move(cell));
      // interval_type .. domain_name: eleven that are not known.
      row.insert(row.end(), 11, kNull);
      row.insert(row.end(), {Text(kCatalog), Text("system"), Text(SqlName(*type))});
      row.insert(row.end(), 4, kNull);
      row.insert(row.end(), {std::to_string(i + 1), YesNo(false), YesNo(false)});
      row.insert(row.end(), 5, kNull);
      row.insert(row.end(),
                 {YesNo(false), Text("NEVER"), kNull, YesNo(table.kind == RelationKind::kTable)});
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

// ---- constraints and views

/// Calls visit(table, rules) for each table that has rules.
template <typename Visit>
void ForEachRules(const CatalogView& names, Visit visit) {
  for (const auto& table : AllTables(names)) {
    if (!table.entry || !table.entry->table) continue;
    if (const TableRules* rules = RulesOf(*table.entry->table)) visit(table, *rules);
  }
}

BuiltinRows TableConstraintsRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  const auto add = [&rows](const Listed& table, const std::string& name, const char* type,
                           BuiltinCell nulls_distinct) {
    rows.push_back({Text(kCatalog), table.schema, name, Text(kCatalog), table.schema, table.name,
                    Text(type), YesNo(false), YesNo(false), YesNo(true),
                    std::move(nulls_distinct)});
  };
  ForEachRules(names, [&](const Listed& table, const TableRules& rules) {
    for (const auto& key : rules.keys()) {
      add(table, key.name, key.primary ? "PRIMARY KEY" : "UNIQUE",
          key.primary ? kNull : YesNo(true));
    }
    for (const auto& check : rules.checks()) add(table, check.name, "CHECK", kNull);
  });
  return rows;
}

BuiltinRows KeyColumnUsageRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  ForEachRules(names, [&](const Listed& table, const TableRules& rules) {
    for (const auto& key : rules.keys()) {
      int64_t position = 0;
      for (const int column : key.columns) {
        rows.push_back({Text(kCatalog), table.schema, key.name, Text(kCatalog), table.schema,
                        table.name, table.columns->field(column)->name(), ++position});
      }
    }
  });
  return rows;
}

BuiltinRows CheckConstraintsRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  ForEachRules(names, [&](const Listed& table, const TableRules& rules) {
    for (const auto& check : rules.checks()) {
      rows.push_back({Text(kCatalog), table.schema, check.name, check.text});
    }
  });
  return rows;
}

BuiltinRows ViewsRows(const CatalogView& names, Session&) {
  BuiltinRows rows;
  for (const auto& table : AllTables(names)) {
    if (table.kind != RelationKind::kView) continue;
    rows.push_back({Text(kCatalog), table.schema, table.name, table.entry->view_sql, Text("NONE"),
                    YesNo(false), YesNo(false), YesNo(false), YesNo(false), YesNo(false)});
  }
  return rows;
}

}  // namespace

const std::vector<BuiltinTable>& InformationSchema() {
  static const char* const kSchema = "information_schema";
  static const std::vector<BuiltinTable> tables = {
      {kSchema,
       "schemata",
       {"catalog_name", "schema_name", "schema_owner", "default_character_set_catalog",
        "default_character_set_schema", "default_character_set_name", "sql_path"},
       SchemataRows},
      {kSchema,
       "tables",
       {"table_catalog", "table_schema", "table_name", "table_type", "self_referencing_column_name",
        "reference_generation", "user_defined_type_catalog", "user_defined_type_schema",
        "user_defined_type_name", "is_insertable_into", "is_typed", "commit_action"},
       TablesRows},
      {kSchema,
       "columns",
       {"table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position:int",
        "column_default",
        "is_nullable",
        "data_type",
        "character_maximum_length:int",
        "character_octet_length:int",
        "numeric_precision:int",
        "numeric_precision_radix:int",
        "numeric_scale:int",
        "datetime_precision:int",
        "interval_type",
        "interval_precision:int",
        "character_set_catalog",
        "character_set_schema",
        "character_set_name",
        "collation_catalog",
        "collation_schema",
        "collation_name",
        "domain_catalog",
        "domain_schema",
        "domain_name",
        "udt_catalog",
        "udt_schema",
        "udt_name",
        "scope_catalog",
        "scope_schema",
        "scope_name",
        "maximum_cardinality:int",
        "dtd_identifier",
        "is_self_referencing",
        "is_identity",
        "identity_generation",
        "identity_start",
        "identity_increment",
        "identity_maximum",
        "identity_minimum",
        "identity_cycle",
        "is_generated",
        "generation_expression",
        "is_updatable"},
       ColumnsRows},
      {kSchema,
       "table_constraints",
       {"constraint_catalog", "constraint_schema", "constraint_name", "table_catalog",
        "table_schema", "table_name", "constraint_type", "is_deferrable", "initially_deferred",
        "enforced", "nulls_distinct"},
       TableConstraintsRows},
      {kSchema,
       "key_column_usage",
       {"constraint_catalog", "constraint_schema", "constraint_name", "table_catalog",
        "table_schema", "table_name", "column_name", "ordinal_position:int",
        "position_in_unique_constraint:int"},
       KeyColumnUsageRows},
      {kSchema,
       "check_constraints",
       {"constraint_catalog", "constraint_schema", "constraint_name", "check_clause"},
       CheckConstraintsRows},
      {kSchema,
       "views",
       {"table_catalog", "table_schema", "table_name", "view_definition", "check_option",
        "is_updatable", "is_insertable_into", "is_trigger_updatable", "is_trigger_deletable",
        "is_trigger_insertable_into"},
       ViewsRows}};
  return tables;
}

}  // namespace velaria::session
