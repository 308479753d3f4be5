// A kernel run once per distinct value: when the only argument that varies is a dictionary-encoded
// string, the kernel sees the dictionary and its results are handed out by code.
#pragma once

#include "functions/elementwise.hpp"

namespace velaria::kernels {

/// The one argument that varies, when it is a dictionary of at most `row_count` values; -1
/// otherwise.
inline int VaryingDictionary(std::span<const Vector> arguments, int64_t row_count) {
  int found = -1;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].constant) continue;
    if (found >= 0 || !IsDictionary(*arguments[i].type())) return -1;
    found = static_cast<int>(i);
  }
  return found >= 0 && arguments[found].data->dictionary->length <= row_count ? found : -1;
}

/// Wraps `kernel`, which follows the usual null rule. A value of the dictionary that no row holds
/// may fail; then the rows themselves are computed, and only an error of theirs is reported.
template <ScalarKernel kernel>
Result<Vector> OnDictionary(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  const int index = VaryingDictionary(arguments, row_count);
  if (index >= 0) {
    const DictionaryView view = ViewDictionary(arguments[index]);
    std::vector<Vector> inner(arguments.begin(), arguments.end());
    inner[index] = view.values;
    auto values = kernel(context, binding, inner, view.values.length());
    if (values.ok()) return GatherOrNull(*values, view.codes, context.pool);
  }
  std::vector<Vector> decoded(arguments.begin(), arguments.end());
  // Views of a dictionary vector would be made for the whole dictionary, and would not see a null
  // inside it; decoded rows cost what the rows cost.
  for (auto& argument : decoded) {
    VELARIA_ASSIGN_OR_RETURN(argument, Decode(argument, context.pool));
  }
  return kernel(context, binding, decoded, row_count);
}

}  // namespace velaria::kernels
