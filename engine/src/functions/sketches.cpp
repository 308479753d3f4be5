#include "functions/sketches.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace velaria {
namespace {

template <typename T>
void Write(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T ReadAt(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

uint64_t StableHash(uint64_t word) {  // splitmix64, Steele, Lea and Flood 2014
  word += 0x9E3779B97F4A7C15u;
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
  return word ^ (word >> 31);
}

uint64_t StableHash(std::string_view bytes) {
  uint64_t hash = StableHash(uint64_t{bytes.size()});
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) hash = StableHash(hash ^ ReadAt<uint64_t>(bytes, at));
  uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return StableHash(hash ^ rest);
}

// ---- DistinctSketch

void DistinctSketch::Count(uint64_t hash) {
  uint8_t& held = registers_[hash >> (64 - kIndexBits)];
  const uint64_t rest = hash << kIndexBits | uint64_t{1} << (kIndexBits - 1);
  held = std::max(held, static_cast<uint8_t>(std::countl_zero(rest) + 1));
}

void DistinctSketch::Spill() {
  registers_.assign(kRegisters, 0);
  for (const uint64_t hash : hashes_) Count(hash);
  hashes_ = {};
}

void DistinctSketch::Add(uint64_t hash) {
  if (!registers_.empty()) return Count(hash);
  const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
  if (at != hashes_.end() && *at == hash) return;
  hashes_.insert(at, hash);
  if (hashes_.size() > kExact) Spill();
}

void DistinctSketch::Add(const DistinctSketch& other) {
  for (const uint64_t hash : other.hashes_) Add(hash);
  if (other.registers_.empty()) return;
  if (registers_.empty()) Spill();
  for (size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
}

int64_t DistinctSketch::Estimate() const {
  if (registers_.empty()) return static_cast<int64_t>(hashes_.size());
  constexpr auto kCount = static_cast<double>(kRegisters);
  double sum = 0;
  size_t zeros = 0;
  for (const uint8_t value : registers_) {
    sum += std::ldexp(1.0, -value);
    zeros += value == 0;
  }
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  const double raw = kAlpha * kCount * kCount / sum;
  // Few values: the share of untouched registers says more.
  const double estimate = raw <= 2.5 * kCount && zeros > 0
                              ? kCount * std::log(kCount / static_cast<double>(zeros))
                              : raw;
  return static_cast<int64_t>(std::llround(estimate));
}

std::string DistinctSketch::Bytes() const {
  if (!registers_.empty()) return {registers_.begin(), registers_.end()};
  std::string bytes;
  for (const uint64_t hash : hashes_) Write(&bytes, hash);
  return bytes;
}

bool DistinctSketch::Read(std::string_view bytes) {
  if (bytes.size() == kRegisters) {
    registers_.assign(bytes.begin(), bytes.end());
    return std::all_of(registers_.begin(), registers_.end(),
                       [](uint8_t value) { return value <= 64; });
  }
  if (bytes.size() % 8 != 0 || bytes.size() / 8 > kExact) return false;
  for (size_t at = 0; at < bytes.size(); at += 8) hashes_.push_back(ReadAt<uint64_t>(bytes, at));
  return std::is_sorted(hashes_.begin(), hashes_.end());
}

// ---- QuantileSketch

void QuantileSketch::Count(uint64_t key, int64_t rows) {
  constexpr size_t kFirstSlots = 16;
  if (4 * (cell_count_ + 1) > 3 * slots_.size())
    Rebuild(std::max(kFirstSlots, 2 * slots_.size()), 0);
  const size_t mask = slots_.size() - 1;
  // The product's upper bits depend on all bits of the key.
  size_t at = (key * 0x9E3779B97F4A7C15u) >> 32 & mask;
  while (slots_[at].rows != 0 && slots_[at].key != key) at = (at + 1) & mask;
  cell_count_ += slots_[at].rows == 0;
  slots_[at].key = key;
  slots_[at].rows += rows;
}

void QuantileSketch::Rebuild(size_t slot_count, int dropped_bits) {
  const auto old = std::exchange(slots_, std::vector<Cell>(slot_count));
  cell_count_ = 0;
  for (const auto& cell : old) {
    if (cell.rows != 0) Count(cell.key >> dropped_bits, cell.rows);
  }
}

void QuantileSketch::Coarsen(int shift) {
  if (shift <= shift_) return;
  Rebuild(slots_.size(), shift - shift_);
  shift_ = shift;
}

void QuantileSketch::CoarsenWhileFull() {
  while (cell_count_ > kCellsMax) Coarsen(shift_ + 1);
}

std::vector<QuantileSketch::Cell> QuantileSketch::SortedCells() const {
  std::vector<Cell> cells;
  cells.reserve(cell_count_);
  for (const auto& cell : slots_) {
    if (cell.rows != 0) cells.push_back(cell);
  }
  std::sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) { return a.key < b.key; });
  return cells;
}

void QuantileSketch::Add(uint64_t key) {
  Count(key >> shift_, 1);
  ++count_;
  CoarsenWhileFull();
}

void QuantileSketch::Add(const QuantileSketch& other) {
  Coarsen(other.shift_);
  for (const auto& cell : other.slots_) {
    if (cell.rows == 0) continue;
    Count(cell.key >> (shift_ - other.shift_), cell.rows);
    CoarsenWhileFull();
  }
  count_ += other.count_;
}

uint64_t QuantileSketch::At(double fraction) const {
  const double place = std::max(1.0, std::ceil(fraction * static_cast<double>(count_)));
  auto left = static_cast<int64_t>(place);
  const auto cells = SortedCells();
  for (const auto& [key, rows] : cells) {
    if (left > rows) {
      left -= rows;
      continue;
    }
    const uint64_t low = key << shift_;
    if (shift_ == 0) return low;
    // As if the rows of a cell lay evenly in it.
    const double share = (static_cast<double>(left) - 0.5) / static_cast<double>(rows);
    return low + static_cast<uint64_t>(share * std::ldexp(1.0, shift_));
  }
  return cells.back().key << shift_;
}

std::string QuantileSketch::Bytes() const {
  std::string bytes;
  Write(&bytes, static_cast<int64_t>(shift_));
  for (const auto& [key, rows] : SortedCells()) {
    Write(&bytes, key);
    Write(&bytes, rows);
  }
  return bytes;
}

bool QuantileSketch::Read(std::string_view bytes) {
  if (bytes.size() % 16 != 8 || bytes.size() / 16 > kCellsMax) return false;
  const auto shift = ReadAt<int64_t>(bytes, 0);
  if (shift < 0 || shift > 63) return false;
  shift_ = static_cast<int>(shift);
  for (size_t at = 8; at < bytes.size(); at += 16) {
    const auto rows = ReadAt<int64_t>(bytes, at + 8);
    if (rows <= 0) return false;
    Count(ReadAt<uint64_t>(bytes, at), rows);
    count_ += rows;
  }
  return true;
}

}  // namespace velaria
