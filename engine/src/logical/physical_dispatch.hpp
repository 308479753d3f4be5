// Dispatch from a run-time physical type to a template, and booleans as one byte of state a row.
// Shared by the evaluator's files only.
#pragma once

#include <vector>

#include "columnar/vector.hpp"

namespace velaria::logical {

/// Calls `visit` with a value of the C++ type of a fixed-width physical type; a bug for any other.
template <typename Visit>
Status VisitFixed(Physical physical, Visit visit) {
  switch (physical) {
    case Physical::kInt8: return visit(int8_t{});
    case Physical::kInt16: return visit(int16_t{});
    case Physical::kInt32: return visit(int32_t{});
    case Physical::kInt64: return visit(int64_t{});
    case Physical::kUInt8: return visit(uint8_t{});
    case Physical::kUInt16: return visit(uint16_t{});
    case Physical::kUInt32: return visit(uint32_t{});
    case Physical::kUInt64: return visit(uint64_t{});
    case Physical::kFloat: return visit(float{});
    case Physical::kDouble: return visit(double{});
    case Physical::kDecimal: return visit(arrow::Decimal128{});
    default:
      return Bug("no fixed-width values in physical type: " +
                 std::to_string(static_cast<int>(physical)));
  }
}

/// Three-valued truth, one byte a row.
inline constexpr uint8_t kFalse = 0, kTrue = 1, kUnknown = 2;

/// States as a boolean Arrow vector.
Result<Vector> FromStates(const std::vector<uint8_t>& states, arrow::MemoryPool* pool);
/// The state of row i of a boolean (or NULL-typed) vector, constants included.
std::vector<uint8_t> ToStates(const Vector& booleans, int64_t row_count);

}  // namespace velaria::logical
