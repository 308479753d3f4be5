// What the binder may ask of the catalog. Implemented by session/; a Relation is a snapshot of the
// entry at bind time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"
#include "logical/relation_use.hpp"

namespace velaria::logical {

/// kIndex shares the names of the others, but FROM never gets one.
enum class RelationKind { kTable, kView, kStream, kSource, kSink, kSystem, kFile, kIndex };

/// Something FROM can name. Execution knows the concrete classes and makes their Source.
class Relation {
 public:
  explicit Relation(RelationUse use = {}) : use_(std::move(use)) {}
  virtual ~Relation() = default;
  /// What reading it means to whoever judges the statement. Of a file that FROM names by its path,
  /// and of what no catalog holds, there is none: the binder notes the paths.
  const RelationUse& use() const { return use_; }
  virtual RelationKind kind() const = 0;
  virtual const std::string& name()
      const = 0;  // as said in explain: "flights", "system.runs", "'data/x.csv'"
  virtual const SchemaPtr& schema() const = 0;
  virtual bool is_bounded() const { return true; }  // false: a stream; the query is continuous
  virtual int64_t estimated_row_count() const { return -1; }  // -1: unknown
  virtual const std::string& view_sql() const;                // kView only
  /// Whether the scan itself can skip rows by simple conjuncts (zone maps, row groups, a reader's
  /// own filter).
  virtual bool accepts_filters() const { return false; }
  /// Whether a scan of `other` in the same statement gives the same rows.
  virtual bool HasRowsOf(const Relation& other) const { return this == &other; }

 private:
  const RelationUse use_;
};
using RelationPtr = std::shared_ptr<const Relation>;

class CatalogReader {
 public:
  virtual ~CatalogReader() = default;
  /// `schema` is empty when the name was not qualified. Null when there is none.
  virtual Result<RelationPtr> FindRelation(const std::string& schema, const std::string& name,
                                           bool quoted) const = 0;
  virtual Result<RelationPtr> OpenFile(const std::string& path) const = 0;  // FROM 'path'
  virtual std::vector<std::string> RelationNames() const = 0;               // for suggestions
  virtual bool HasSchema(const std::string& schema) const = 0;              // "main", "system", ...
};

}  // namespace velaria::logical
