// What the catalog of a connection can tell beside what CatalogReader asks of every catalog.
#pragma once

#include <string>
#include <vector>

#include "logical/catalog_reader.hpp"

namespace velaria::logical {

class SchemaScopes {
 public:
  virtual ~SchemaScopes() = default;
  /// The catalog as the text of a view reads it: names without a schema are found where they were
  /// found when the view was made, whoever reads it. Lives as long as this.
  virtual const CatalogReader& ScopeOf(const Relation& view) const = 0;
  virtual std::vector<std::string> SchemaNames() const = 0;  // for suggestions
  /// Where names without a schema are looked up.
  virtual const std::string& path() const = 0;
  /// Whose statement it is.
  virtual const std::string& user() const = 0;
};

}  // namespace velaria::logical
