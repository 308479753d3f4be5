// How a parameter without a value gets a type: from what it is cast to.
#pragma once

#include <map>
#include <utility>

#include "logical/expression.hpp"

namespace velaria::logical {

/// While it lives, notes which type each NULL literal on this thread is first cast to, by the
/// literal's place. A parameter that has no value is bound as such a NULL.
class NullTypes {
 public:
  NullTypes() : before_(std::exchange(Current(), this)) {}
  ~NullTypes() { Current() = before_; }
  NullTypes(const NullTypes&) = delete;
  NullTypes& operator=(const NullTypes&) = delete;

  /// The type NULL where nothing asked for another.
  TypePtr At(Place place) const {
    const auto found = types_.find({place.line, place.column});
    return found == types_.end() ? arrow::null() : found->second;
  }

  static void Note(const BoundExpr& expr, const TypePtr& to) {
    NullTypes* const notes = Current();
    if (notes == nullptr || expr.kind != BoundKind::kLiteral || !expr.place.known()) return;
    if (expr.type->id() != arrow::Type::NA) return;
    notes->types_.try_emplace({expr.place.line, expr.place.column}, to);
  }

 private:
  static NullTypes*& Current() {
    static thread_local NullTypes* current = nullptr;
    return current;
  }

  std::map<std::pair<int, int>, TypePtr> types_;
  NullTypes* const before_;
};

}  // namespace velaria::logical
