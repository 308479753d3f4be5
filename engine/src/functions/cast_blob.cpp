// Casts between VARCHAR and BLOB, in PostgreSQL's spelling of bytes: \x and two hexadecimal digits
// a byte. Going in, the escape format is read too: \ooo, \\ and any other character for itself.
// (PostgreSQL 8.4.)
#include "functions/cast.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::casts {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// False for an odd number of digits or anything but digits and blanks between the bytes.
bool ReadHex(std::string_view digits, std::string* out) {
  for (size_t at = 0; at < digits.size(); ++at) {
    if (digits[at] == ' ') continue;
    const int high = DigitOf(digits[at]);
    const int low = at + 1 < digits.size() ? DigitOf(digits[at + 1]) : -1;
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high * 16 + low));
    ++at;
  }
  return true;
}

/// The byte of the escape at `*at`, which moves to its last character; -1 for none.
int ReadEscape(std::string_view text, size_t* at) {
  const auto rest = text.substr(*at + 1);
  if (rest.starts_with('\\')) {
    *at += 1;
    return '\\';
  }
  if (rest.size() < 3 || rest[0] < '0' || rest[0] > '3') return -1;
  int byte = 0;
  for (const char c : rest.substr(0, 3)) {
    if (c < '0' || c > '7') return -1;
    byte = byte * 8 + (c - '0');
  }
  *at += 3;
  return byte;
}

bool ReadBytes(std::string_view text, std::string* out) {
  if (text.starts_with("\\x")) return ReadHex(text.substr(2), out);
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out->push_back(text[at]);
      continue;
    }
    const int byte = ReadEscape(text, &at);
    if (byte < 0) return false;
    out->push_back(static_cast<char>(byte));
  }
  return true;
}

/// To the plan's own layout.
Result<Vector> InLayout(const FunctionContext& context, const CastPlan& plan, const Vector& plain,
                        int64_t row_count) {
  if (plain.type()->Equals(*plan.to)) return plain;
  VELARIA_ASSIGN_OR_RETURN(const auto layout, BindCast(plain.type(), plan.to, plan.try_cast));
  return layout.kernel(context, layout, {&plain, 1}, row_count);
}

Result<Vector> RunToBlob(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const CastPlan& plan = PlanOf(binding);
  const StringView view(arguments[0]);
  VELARIA_ASSIGN_OR_RETURN(const Vector plain,
                           kernels::MapToBlob(context, arguments, row_count,
                                              [&](int64_t i, std::string* out) -> Result<bool> {
                                                if (ReadBytes(view[i], out)) return true;
                                                if (plan.try_cast) return false;
                                                return CannotCast(*plan.to, view[i]);
                                              }));
  return InLayout(context, plan, plain, row_count);
}

Result<Vector> RunToText(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const StringView view(arguments[0]);
  VELARIA_ASSIGN_OR_RETURN(
      const Vector plain,
      kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
        *out += "\\x";
        for (const char c : view[i]) {
          const auto byte = static_cast<uint8_t>(c);
          out->push_back(kDigits[byte >> 4]);
          out->push_back(kDigits[byte & 15]);
        }
      }));
  return InLayout(context, PlanOf(binding), plain, row_count);
}

}  // namespace

ScalarKernel FindBlobCast(const arrow::DataType& from, const arrow::DataType& to) {
  const bool from_blob = PhysicalOf(from) == Physical::kBinary;
  const bool to_blob = PhysicalOf(to) == Physical::kBinary;
  if (IsString(from) && to_blob) return RunToBlob;
  return from_blob && IsString(to) ? RunToText : nullptr;
}

}  // namespace velaria::casts
