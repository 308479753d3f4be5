// Plans that are read in several places: nodes of kind kShared, told apart by their number.
#pragma once

#include "logical/plan.hpp"

namespace velaria::logical {

/// Shared plans that are read once, or are cheap enough to be computed where they are read, become
/// their child.
LogicalPtr InlineShared(const LogicalPtr& root);

/// Equal aggregations become one shared plan.
LogicalPtr ShareEqual(const LogicalPtr& root);

}  // namespace velaria::logical
