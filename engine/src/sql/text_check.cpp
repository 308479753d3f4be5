#include "sql/text_check.hpp"

#include <cstring>

#include "base/text.hpp"

namespace velaria::sql {
namespace {

bool IsContinuation(std::string_view text, size_t offset) {
  return offset < text.size() && (static_cast<uint8_t>(text[offset]) & 0xC0) == 0x80;
}

/// Skips whole words of eight plain ASCII bytes without a NUL.
size_t SkipAscii(std::string_view text, size_t offset) {
  while (offset + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + offset, 8);
    const uint64_t zero = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;
    if (zero != 0 || (word & 0x8080808080808080ULL) != 0) break;
    offset += 8;
  }
  return offset;
}

std::string HexByte(uint8_t byte) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

size_t CharacterLength(std::string_view text, size_t offset) {
  if (offset >= text.size()) return 0;
  const auto lead = static_cast<uint8_t>(text[offset]);
  if (lead < 0x80) return 1;
  const uint8_t second = offset + 1 < text.size() ? static_cast<uint8_t>(text[offset + 1]) : 0;
  if (lead >= 0xC2 && lead <= 0xDF) return IsContinuation(text, offset + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0 && second < 0xA0) return 0;  // overlong
    if (lead == 0xED && second > 0x9F) return 0;  // surrogate
    return IsContinuation(text, offset + 1) && IsContinuation(text, offset + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0 && second < 0x90) return 0;  // overlong
    if (lead == 0xF4 && second > 0x8F) return 0;  // past U+10FFFF
    const bool whole = IsContinuation(text, offset + 1) && IsContinuation(text, offset + 2) &&
                       IsContinuation(text, offset + 3);
    return whole ? 4 : 0;
  }
  return 0;
}

uint32_t CodePointAt(std::string_view text, size_t offset) {
  const size_t length = CharacterLength(text, offset);
  const auto lead = static_cast<uint8_t>(text[offset]);
  if (length <= 1) return lead;
  uint32_t code_point = lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    code_point = (code_point << 6) | (static_cast<uint8_t>(text[offset + i]) & 0x3Fu);
  }
  return code_point;
}

bool AppendCodePoint(uint32_t code_point, std::string* out) {
  const auto tail = [&](int shift) {
    return static_cast<char>(0x80u | ((code_point >> shift) & 0x3Fu));
  };
  if (code_point < 0x80) {
    out->push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out->append({static_cast<char>(0xC0u | (code_point >> 6)), tail(0)});
  } else if (code_point < 0x10000) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) return false;
    out->append({static_cast<char>(0xE0u | (code_point >> 12)), tail(6), tail(0)});
  } else if (code_point <= 0x10FFFF) {
    out->append({static_cast<char>(0xF0u | (code_point >> 18)), tail(12), tail(6), tail(0)});
  } else {
    return false;
  }
  return true;
}

Place PlaceOf(std::string_view text, size_t offset) {
  Place place{1, 1};
  size_t line_start = 0;
  for (size_t i = 0; i < offset; ++i) {
    if (text[i] != '\n') continue;
    ++place.line;
    line_start = i + 1;
  }
  place.column += static_cast<int>(CountCharacters(text.substr(line_start, offset - line_start)));
  return place;
}

Status CheckText(std::string_view text) {
  size_t offset = 0;
  while (true) {
    offset = SkipAscii(text, offset);
    if (offset >= text.size()) return Status::OK();
    const size_t length = CharacterLength(text, offset);
    if (length == 0) {
      return FailAt(
          PlaceOf(text, offset), ErrorCode::kSyntaxError,
          "text is not valid UTF-8 at byte: " + HexByte(static_cast<uint8_t>(text[offset])));
    }
    if (text[offset] == '\0') {
      return FailAt(PlaceOf(text, offset), ErrorCode::kSyntaxError,
                    "text holds a NUL byte at offset: " + std::to_string(offset));
    }
    offset += length;
  }
}

}  // namespace velaria::sql
