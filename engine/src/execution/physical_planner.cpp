#include "execution/physical_planner.hpp"

#include "execution/lowering.hpp"

namespace velaria::execution {

Result<std::shared_ptr<const PhysicalPlan>> Lower(const LogicalPtr& root, const SchemaPtr& schema,
                                                  const LowerOptions& options) {
  Lowering lowering(options);
  return options.stop_at_aggregate ? lowering.RunToAggregate(*root) : lowering.Run(root, schema);
}

}  // namespace velaria::execution
