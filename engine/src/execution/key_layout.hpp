// How a key lies in its packed words and is hashed: what KeyTable writes and what its export reads.
#pragma once

#include <cstdint>
#include <cstring>

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

// The hash of a key: MixIn each of its words, then FinishHash.
inline uint64_t MixIn(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 32);
}

inline uint64_t FinishHash(uint64_t hash) {
  hash *= 0xD6E8FEB86659FD93ull;
  return hash ^ (hash >> 29);
}

template <typename T>
inline uint64_t Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace velaria::execution
