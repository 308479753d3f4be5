// The precompiled header of every layer: the part of Arrow and of the standard library that most
// files need. What its inline functions call is instantiated again in every file that uses it, so
// Arrow's builders (half of arrow/api.h's cost) are left to the files that build.
#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>
