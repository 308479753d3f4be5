#include "execution/key_layout.hpp"
#include "execution/key_table.hpp"

namespace velaria::execution {

uint64_t Interner::Hash(std::string_view text) {
  uint64_t hash = text.size();
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) hash = MixIn(hash, Load<uint64_t>(text.data() + i));
  uint64_t tail = 0;
  std::memcpy(&tail, text.data() + i, text.size() - i);
  return FinishHash(MixIn(hash, tail));
}

uint32_t Interner::Intern(std::string_view text, uint64_t hash) {
  if ((texts_.size() + 1) * 2 > slots_.size()) Grow();
  const uint64_t tag = hash & 0xFFFFFFFF00000000ull;
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots_[at];
    if (slot == 0) {
      texts_.emplace_back(text);
      bytes_ += static_cast<int64_t>(text.size());
      slots_[at] = tag | texts_.size();
      return static_cast<uint32_t>(texts_.size() - 1);
    }
    if ((slot & 0xFFFFFFFF00000000ull) == tag) {
      const uint32_t id = static_cast<uint32_t>(slot & 0xFFFFFFFF) - 1;
      if (texts_[id] == text) return id;
    }
  }
}

uint32_t Interner::Find(std::string_view text, uint64_t hash) const {
  if (slots_.empty()) return kMissing;
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
    if ((slots_[at] >> 32) != (hash >> 32)) continue;
    const uint32_t id = static_cast<uint32_t>(slots_[at] & 0xFFFFFFFF) - 1;
    if (texts_[id] == text) return id;
  }
  return kMissing;
}

void Interner::Grow() {
  slots_.assign(std::max<size_t>(64, slots_.size() * 2), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t id = 0; id < texts_.size(); ++id) {
    const uint64_t hash = Hash(texts_[id]);
    size_t at = hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = (hash & 0xFFFFFFFF00000000ull) | (id + 1);
  }
}

}  // namespace velaria::execution
