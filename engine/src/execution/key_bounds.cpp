#include "execution/key_bounds.hpp"

#include "execution/join.hpp"
#include "execution/scan_predicates.hpp"

namespace velaria::execution {

Result<std::vector<io::SimplePredicate>> WithBounds(std::vector<io::SimplePredicate> predicates,
                                                    const std::vector<KeyBounds>& bounds,
                                                    const PlanStates& states) {
  for (const auto& bound : bounds) {
    const auto& build = static_cast<const JoinBuild&>(*states[static_cast<size_t>(bound.build)]);
    ARROW_RETURN_NOT_OK(AddBounds(build.KeyColumn(bound.key).data, bound.column, &predicates));
  }
  return predicates;
}

}  // namespace velaria::execution
