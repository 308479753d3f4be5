// Lowering of window functions.
#include "execution/lowering.hpp"

namespace velaria::execution {

Result<Lowering::Drafts> Lowering::LowerWindowCalls(const LogicalNode&) {
  return Fail(ErrorCode::kUnsupportedStatement, "window functions are not supported");
}

}  // namespace velaria::execution
