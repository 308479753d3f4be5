// What a scan's filters and the keys of joins tell about its columns in the simple terms by which
// segments and row groups are skipped. They are conjuncts of the filters, weaker than these or
// equal.
#pragma once

#include <vector>

#include "io/file_table.hpp"
#include "logical/plan.hpp"

namespace velaria::execution {

/// Whether values of the type have the same order in all that is read: NaN and texts do not.
bool HasOneOrder(const arrow::DataType& type);
/// Bounds of `values`, an array of a type of one order, for `column`. Without a value they say that
/// no row fits.
Status AddBounds(const ArrayDataPtr& values, int column, std::vector<io::SimplePredicate>* to);
/// Of a scan's filters, over its relation's columns.
Result<std::vector<io::SimplePredicate>> SimplePredicates(const logical::LogicalNode& scan);

}  // namespace velaria::execution
