#include "logical/plan.hpp"

namespace velaria::logical {

Result<LogicalPtr> Rewrite(const LogicalPtr& root, const FunctionContext& context,
                           const RewriteOptions& options) {
  return root;
}

}  // namespace velaria::logical
