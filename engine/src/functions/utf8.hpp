// Characters of valid UTF-8 text. A character is a code point.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace velaria::utf8 {

inline bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

/// The bytes of the character that begins at `at`.
inline size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && IsContinuation(text[end])) ++end;
  return end - at;
}

/// The byte position `count` characters after `from`, at most the end.
inline size_t Skip(std::string_view text, size_t from, int64_t count) {
  while (count > 0 && from < text.size()) {
    from += CharacterBytes(text, from);
    --count;
  }
  return from;
}

inline uint32_t CodePointAt(std::string_view text, size_t at) {
  const auto first = static_cast<uint8_t>(text[at]);
  if (first < 0x80) return first;
  uint32_t code = first < 0xE0 ? first & 0x1F : first < 0xF0 ? first & 0x0F : first & 0x07;
  const size_t bytes = CharacterBytes(text, at);
  for (size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3F);
  return code;
}

inline bool IsCodePoint(int64_t code) {
  return code >= 0 && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
}

/// Whether bytes that did not come through the door are well-formed UTF-8.
inline bool IsValid(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<uint8_t>(text[at]);
    const size_t bytes = first < 0x80   ? 1
                         : first < 0xC2 ? 0
                         : first < 0xE0 ? 2
                         : first < 0xF0 ? 3
                                        : 4;
    if (bytes == 0 || first > 0xF4 || at + bytes > text.size()) return false;
    for (size_t k = 1; k < bytes; ++k) {
      if (!IsContinuation(text[at + k])) return false;
    }
    if (bytes > 2 && (!IsCodePoint(CodePointAt(text.substr(at, bytes), 0)) ||
                      CodePointAt(text.substr(at, bytes), 0) < (bytes == 3 ? 0x800u : 0x10000u)))
      return false;
    at += bytes;
  }
  return true;
}

inline void Append(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | code >> 6));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | code >> 12));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | code >> 18));
    out->push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

}  // namespace velaria::utf8
