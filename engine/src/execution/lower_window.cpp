// Lowering of window functions.
#include "execution/lowering.hpp"
#include "execution/window.hpp"

namespace velaria::execution {

Result<Lowering::Drafts> Lowering::LowerWindowCalls(const LogicalNode& node) {
  WindowSpec spec{node.expressions, node.sort_keys, node.windows, TypesOf(*node.children[0])};
  for (auto& call : spec.calls) {
    if (!call.function) UseReproducible(&call.aggregate);
  }
  return Break(*node.children[0], std::make_shared<WindowNode>(std::move(spec)));
}

}  // namespace velaria::execution
