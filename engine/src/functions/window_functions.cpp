// The list of window function files.
#include "functions/window_frames.hpp"

namespace velaria {

void RegisterWindows(FunctionRegistry& registry) {
  RegisterRanking(registry);
  RegisterFrameValues(registry);
}

}  // namespace velaria
