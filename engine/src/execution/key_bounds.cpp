#include "execution/key_bounds.hpp"

#include <arrow/compute/api.h>

#include "execution/join.hpp"

namespace velaria::execution {

Result<std::vector<io::SimplePredicate>> WithBounds(std::vector<io::SimplePredicate> predicates,
                                                    const std::vector<KeyBounds>& bounds,
                                                    const PlanStates& states) {
  for (const auto& bound : bounds) {
    const auto& build = static_cast<const JoinBuild&>(*states[static_cast<size_t>(bound.build)]);
    const auto keys = build.KeyColumn(bound.key).data;
    ARROW_ASSIGN_OR_RAISE(const auto found, arrow::compute::CallFunction("min_max", {keys}));
    const auto& range = static_cast<const arrow::StructScalar&>(*found.scalar());
    if (range.value[0]->is_valid) {
      predicates.push_back({bound.column, io::Comparison::kGreaterEqual, range.value[0]});
      predicates.push_back({bound.column, io::Comparison::kLessEqual, range.value[1]});
    } else {  // no key matches anything: no value is NULL and is not
      predicates.push_back({bound.column, io::Comparison::kIsNull, nullptr});
      predicates.push_back({bound.column, io::Comparison::kIsNotNull, nullptr});
    }
  }
  return predicates;
}

}  // namespace velaria::execution
