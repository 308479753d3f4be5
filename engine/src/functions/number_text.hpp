// Numbers as text and back, in PostgreSQL's spelling.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "functions/elementwise.hpp"

namespace velaria::kernels {

/// Shortest digits that read back as the same value: "1", "0.1", "1e+15", "Infinity", "NaN".
void AppendNumber(double value, std::string* out);
void AppendNumber(float value, std::string* out);
/// All `scale` places: "1.50".
void AppendDecimal(DecimalCell cell, int scale, std::string* out);

template <typename T>
std::string NumberText(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    std::string out;
    AppendNumber(value, &out);
    return out;
  } else {
    return std::to_string(value);
  }
}
std::string DecimalText(DecimalCell cell, const arrow::DataType& type);

/// 10^digits, digits <= 38.
__int128 PowerOfTen(int digits);

enum class ParseOutcome { kOk, kMalformed, kOutOfRange };

/// The whole of `text`, blanks around it aside.
ParseOutcome ParseDouble(std::string_view text, double* out);
/// Rounded half away from zero to `scale` places; out of range at 10^precision.
ParseOutcome ParseDecimal(std::string_view text, int precision, int scale, DecimalCell* out);
std::string_view TrimBlanks(std::string_view text);

}  // namespace velaria::kernels
