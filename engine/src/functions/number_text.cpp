#include "functions/number_text.hpp"

#include <charconv>
#include <limits>

#include "base/text.hpp"

namespace velaria::kernels {
namespace {

/// Lays the digits of a shortest scientific form out as PostgreSQL does: plain from 1e-4 up to
/// 10^`plain_digits`.
template <typename T>
void AppendShortest(T value, int plain_digits, std::string* out) {
  if (std::isnan(value)) {
    *out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    *out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char text[64];
  const auto end =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific).ptr;
  std::string_view form(text, static_cast<size_t>(end - text));
  if (form.front() == '-') {
    out->push_back('-');
    form.remove_prefix(1);
  }
  const size_t mark = form.find('e');
  int exponent = 0;
  const char* digits_begin = form.data() + mark + 1 + (form[mark + 1] == '+' ? 1 : 0);
  std::from_chars(digits_begin, form.data() + form.size(), exponent);
  std::string digits(1, form[0]);
  if (mark > 2) digits += form.substr(2, mark - 2);
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= plain_digits) {
    *out +=
        form;  // to_chars writes at least two exponent digits, with its sign, as PostgreSQL does
  } else if (exponent < 0) {
    *out += "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else if (count <= exponent + 1) {
    *out += digits + std::string(static_cast<size_t>(exponent + 1 - count), '0');
  } else {
    *out += digits.substr(0, static_cast<size_t>(exponent + 1)) + "." +
            digits.substr(static_cast<size_t>(exponent + 1));
  }
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void AppendNumber(double value, std::string* out) { AppendShortest(value, 15, out); }
void AppendNumber(float value, std::string* out) { AppendShortest(value, 6, out); }

void AppendDecimal(DecimalCell cell, int scale, std::string* out) {
  const __int128 value = cell.value();
  unsigned __int128 rest =
      value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  char text[64];
  char* at = text + sizeof(text);
  int digits = 0;
  while (rest != 0 || digits <= scale) {
    if (digits == scale && scale > 0) *--at = '.';
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
    ++digits;
  }
  if (value < 0) *--at = '-';
  out->append(at, static_cast<size_t>(text + sizeof(text) - at));
}

std::string DecimalText(DecimalCell cell, const arrow::DataType& type) {
  std::string out;
  AppendDecimal(cell, arrow::internal::checked_cast<const arrow::DecimalType&>(type).scale(), &out);
  return out;
}

__int128 PowerOfTen(int digits) {
  static const auto powers = [] {
    std::array<__int128, 39> table{};
    table[0] = 1;
    for (size_t i = 1; i < table.size(); ++i) table[i] = table[i - 1] * 10;
    return table;
  }();
  return powers[static_cast<size_t>(digits)];
}

std::string_view TrimBlanks(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

ParseOutcome ParseDouble(std::string_view text, double* out) {
  text = TrimBlanks(text);
  std::string_view body = text;
  if (!body.empty() && (body.front() == '+' || body.front() == '-')) body.remove_prefix(1);
  if (body.empty()) return ParseOutcome::kMalformed;
  const bool negative = text.front() == '-';
  if (!IsDigit(body.front()) && body.front() != '.') {
    if (EqualsIgnoreCase(body, "nan")) {
      *out = std::numeric_limits<double>::quiet_NaN();
    } else if (EqualsIgnoreCase(body, "inf") || EqualsIgnoreCase(body, "infinity")) {
      *out = negative ? -std::numeric_limits<double>::infinity()
                      : std::numeric_limits<double>::infinity();
    } else {
      return ParseOutcome::kMalformed;
    }
    return ParseOutcome::kOk;
  }
  double value = 0;
  const auto parsed = std::from_chars(body.data(), body.data() + body.size(), value);
  if (parsed.ec == std::errc::invalid_argument || parsed.ptr != body.data() + body.size())
    return ParseOutcome::kMalformed;
  *out = negative ? -value : value;
  return parsed.ec == std::errc() ? ParseOutcome::kOk : ParseOutcome::kOutOfRange;
}

ParseOutcome ParseDecimal(std::string_view text, int precision, int scale, DecimalCell* out) {
  text = TrimBlanks(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const size_t mark = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, mark);
  int64_t exponent = 0;
  if (mark < text.size()) {
    std::string_view digits = text.substr(mark + 1);
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
      return ParseOutcome::kMalformed;
    exponent = std::clamp<int64_t>(exponent, -1'000'000, 1'000'000);
  }
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  // Digits wanted: those up to `kept` places right of the mantissa's point; the next one decides
  // the rounding.
  const int64_t kept = static_cast<int64_t>(point) + exponent + scale;
  unsigned __int128 value = 0;
  const auto limit = static_cast<unsigned __int128>(PowerOfTen(precision));
  int64_t position = 0;
  bool round_up = false, any = false, beyond = false;
  for (size_t i = 0; i < mantissa.size(); ++i) {
    if (i == point) continue;
    if (!IsDigit(mantissa[i])) return ParseOutcome::kMalformed;
    any = true;
    if (position < kept && !beyond) value = value * 10 + static_cast<unsigned>(mantissa[i] - '0');
    if (position == kept) round_up = mantissa[i] >= '5';
    beyond |= value >= limit;
    ++position;
  }
  if (!any) return ParseOutcome::kMalformed;
  for (; position < kept && value != 0 && !beyond; ++position) {
    value *= 10;
    beyond = value >= limit;
  }
  value += round_up;
  if (beyond || value >= limit) return ParseOutcome::kOutOfRange;
  const auto number = static_cast<__int128>(value);
  *out = DecimalCell::Of(negative ? -number : number);
  return ParseOutcome::kOk;
}

}  // namespace velaria::kernels
