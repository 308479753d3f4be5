// Planning can be given up: a statement may name, join and nest more than is planned in no time.
#pragma once

#include <functional>
#include <utility>

#include "base/status.hpp"

namespace velaria::logical {

/// While it lives, planning on this thread asks `check` at each relation that is bound and at each
/// round of the rewrites, and fails as it does: VEL3010 for a statement that was cancelled.
class PlanningScope {
 public:
  explicit PlanningScope(std::function<Status()> check)
      : check_(std::move(check)), before_(std::exchange(Current(), this)) {}
  ~PlanningScope() { Current() = before_; }
  PlanningScope(const PlanningScope&) = delete;
  PlanningScope& operator=(const PlanningScope&) = delete;

  /// OK where nobody asked.
  static Status Check() {
    const PlanningScope* scope = Current();
    return scope == nullptr ? Status::OK() : scope->check_();
  }

 private:
  static PlanningScope*& Current() {
    static thread_local PlanningScope* current = nullptr;
    return current;
  }

  const std::function<Status()> check_;
  PlanningScope* const before_;
};

}  // namespace velaria::logical
