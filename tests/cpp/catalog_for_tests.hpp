// A catalog of empty relations: enough for the binder, whose plans and errors are what is tested.
#pragma once

#include <arrow/api.h>

#include <map>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "logical/catalog_reader.hpp"

namespace velaria::check {

class NamedRelation : public logical::Relation {
 public:
  NamedRelation(std::string name, SchemaPtr schema, logical::RelationKind kind, int64_t rows = -1,
                std::string view_sql = "")
      : name_(std::move(name)),
        schema_(std::move(schema)),
        kind_(kind),
        rows_(rows),
        view_sql_(std::move(view_sql)) {}
  logical::RelationKind kind() const override { return kind_; }
  const std::string& name() const override { return name_; }
  const SchemaPtr& schema() const override { return schema_; }
  bool is_bounded() const override { return kind_ != logical::RelationKind::kStream; }
  int64_t estimated_row_count() const override { return rows_; }
  const std::string& view_sql() const override { return view_sql_; }
  bool accepts_filters() const override { return kind_ == logical::RelationKind::kFile; }

 private:
  std::string name_;
  SchemaPtr schema_;
  logical::RelationKind kind_;
  int64_t rows_;
  std::string view_sql_;
};

class NamedCatalog : public logical::CatalogReader {
 public:
  void Add(const std::string& name, SchemaPtr schema,
           logical::RelationKind kind = logical::RelationKind::kTable, int64_t rows = -1,
           std::string view_sql = "") {
    relations_[name] =
        std::make_shared<NamedRelation>(name, std::move(schema), kind, rows, std::move(view_sql));
  }
  Result<logical::RelationPtr> FindRelation(const std::string& schema, const std::string& name,
                                            bool quoted) const override {
    const std::string key = schema.empty() || schema == "main" ? name : schema + "." + name;
    const auto found = relations_.find(key);
    return found == relations_.end() ? nullptr : logical::RelationPtr(found->second);
  }
  Result<logical::RelationPtr> OpenFile(const std::string& path) const override {
    const auto found = relations_.find("'" + path + "'");
    if (found != relations_.end()) return logical::RelationPtr(found->second);
    return Fail(ErrorCode::kPathNotAllowed, "path is not allowed or not there: " + path);
  }
  std::vector<std::string> RelationNames() const override {
    std::vector<std::string> names;
    for (const auto& [name, relation] : relations_) names.push_back(name);
    return names;
  }
  bool HasSchema(const std::string& schema) const override {
    return schema == "main" || schema == "system";
  }

 private:
  std::map<std::string, logical::RelationPtr> relations_;
};

/// t, u, numbers (a stream), v (a view of t), out (a sink), 'data/x.parquet', system.runs.
inline const NamedCatalog& TestCatalog() {
  static const NamedCatalog catalog = [] {
    NamedCatalog made;
    const auto micro = arrow::timestamp(arrow::TimeUnit::MICRO);
    const auto code = arrow::dictionary(arrow::int32(), arrow::utf8());
    auto note = arrow::key_value_metadata({{"note", "kept"}});
    auto t = arrow::schema(
        {arrow::field("a", arrow::int32(), false), arrow::field("b", arrow::int64()),
         arrow::field("s", arrow::utf8(), true, note), arrow::field("d", arrow::date32()),
         arrow::field("x", arrow::float64()), arrow::field("m", arrow::decimal128(10, 2)),
         arrow::field("ts", micro), arrow::field("code", code),
         arrow::field("list", arrow::list(arrow::int32()))},
        arrow::key_value_metadata({{"table", "t"}}));
    made.Add("t", t, logical::RelationKind::kTable, 1000);
    made.Add("u",
             arrow::schema({arrow::field("a", arrow::int32()), arrow::field("c", arrow::utf8()),
                            arrow::field("Mixed", arrow::int32())}),
             logical::RelationKind::kTable, 10);
    made.Add("numbers",
             arrow::schema({arrow::field("ts", arrow::timestamp(arrow::TimeUnit::SECOND)),
                            arrow::field("k", arrow::utf8()), arrow::field("n", arrow::int64())}),
             logical::RelationKind::kStream);
    made.Add("v", nullptr, logical::RelationKind::kView, -1, "SELECT a, s AS label FROM t");
    made.Add("loop", nullptr, logical::RelationKind::kView, -1, "SELECT * FROM loop");
    made.Add("out", t, logical::RelationKind::kSink);
    made.Add("'data/x.parquet'", t, logical::RelationKind::kFile, 50);
    made.Add("system.runs", arrow::schema({arrow::field("id", arrow::int64())}),
             logical::RelationKind::kSystem);
    return made;
  }();
  return catalog;
}

}  // namespace velaria::check
