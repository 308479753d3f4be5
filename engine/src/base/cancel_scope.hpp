// Long work can be given up: a statement may name, join and nest more than is planned in no time,
// and a window may hold more rows than are computed in no time.
#pragma once

#include <functional>
#include <utility>

#include "base/status.hpp"

namespace velaria {

/// While it lives, long work on this thread asks `check` every so often, and fails as it does:
/// VEL3010 for a statement that was cancelled. Planning asks at each relation that is bound and at
/// each round of the rewrites, window functions every so many rows.
class CancelScope {
 public:
  explicit CancelScope(std::function<Status()> check)
      : check_(std::move(check)), before_(std::exchange(Current(), this)) {}
  ~CancelScope() { Current() = before_; }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  /// OK where nobody asked.
  static Status Check() {
    const CancelScope* scope = Current();
    return scope == nullptr ? Status::OK() : scope->check_();
  }

 private:
  static CancelScope*& Current() {
    static thread_local CancelScope* current = nullptr;
    return current;
  }

  const std::function<Status()> check_;
  CancelScope* const before_;
};

}  // namespace velaria
