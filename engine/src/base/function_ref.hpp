// A reference to something callable, as std::function is a copy of it: two words, no allocation.
// For arguments only; what it refers to must outlive it.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace velaria {

template <typename Signature>
class FunctionRef;

template <typename R, typename... Arguments>
class FunctionRef<R(Arguments...)> {
 public:
  template <typename Callable,
            std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, FunctionRef>, int> = 0>
  FunctionRef(Callable&& callable)  // NOLINT: implicit, as an argument is
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Arguments... arguments) -> R {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              std::forward<Arguments>(arguments)...);
        }) {}
  R operator()(Arguments... arguments) const {
    return call_(object_, std::forward<Arguments>(arguments)...);
  }

 private:
  void* object_;
  R (*call_)(void*, Arguments...);
};

}  // namespace velaria
