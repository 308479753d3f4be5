// How a key lies in its packed words: what KeyTable writes and what its export reads.
#pragma once

#include <cstdint>

namespace velaria::execution {

// A text key has 16 bytes; the last one is the length of an inline text, or one of the tags. A long
// text has its hash in the first eight bytes, then its number in the table's interner.
inline constexpr uint8_t kInlineBytes = 15;
inline constexpr uint8_t kNullTag = 0xFE;
inline constexpr uint8_t kLongTag = 0xFF;
inline constexpr int kLongNumberAt = 8;
// A dictionary key has 4 bytes: the number of its value.
inline constexpr uint32_t kNullCode = 0xFFFFFFFF;

struct Bits128 {
  uint64_t words[2];
};

}  // namespace velaria::execution
