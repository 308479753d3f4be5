// Summaries of many values in little room. Both are functions of the multiset of values alone:
// however the values are split and in whatever order the parts are merged, the state is the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace velaria {

/// How many distinct values there are (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", 2007) with
/// 4096 registers: a standard error of 1.6 %. Up to 64 values are kept as they are and counted
/// exactly.
class DistinctSketch {
 public:
  void Add(uint64_t hash);
  void Add(const DistinctSketch& other);
  int64_t Estimate() const;
  std::string Bytes() const;
  /// False for bytes that are no sketch.
  bool Read(std::string_view bytes);
  int64_t MemoryBytes() const {
    return static_cast<int64_t>(hashes_.capacity() * 8 + registers_.capacity());
  }

 private:
  static constexpr int kIndexBits = 12;
  static constexpr size_t kRegisters = size_t{1} << kIndexBits;
  static constexpr size_t kExact = 64;

  void Count(uint64_t hash);
  void Spill();

  std::vector<uint64_t> hashes_;    // sorted, while there are few
  std::vector<uint8_t> registers_;  // empty while there are few
};

/// A hash that never changes: states travel between processes and versions.
uint64_t StableHash(uint64_t word);
uint64_t StableHash(std::string_view bytes);

/// Where values lie: counts by the upper bits of their order-preserving 64-bit keys, with as many
/// bits as keep it below 4096 cells. Up to so many distinct values the answers are exact; beyond,
/// an answer is off by at most the width of its cell, which follows the scale of the values around
/// it as floating point does.
class QuantileSketch {
 public:
  void Add(uint64_t key);
  void Add(const QuantileSketch& other);
  int64_t count() const { return count_; }
  /// The key at the fraction of the rows; the sketch is not empty.
  uint64_t At(double fraction) const;
  std::string Bytes() const;
  bool Read(std::string_view bytes);
  int64_t MemoryBytes() const { return static_cast<int64_t>(slots_.capacity() * sizeof(Cell)); }

 private:
  static constexpr size_t kCellsMax = 4096;
  struct Cell {
    uint64_t key = 0;  // of the values, without the low bits
    int64_t rows = 0;  // 0: an empty slot
  };

  void Count(uint64_t key, int64_t rows);
  void Rebuild(size_t slot_count, int dropped_bits);
  void Coarsen(int shift);
  void CoarsenWhileFull();
  std::vector<Cell> SortedCells() const;

  int shift_ = 0;  // low bits that are dropped
  int64_t count_ = 0;
  std::vector<Cell> slots_;  // a power of two of them, at most three quarters of them taken
  size_t cell_count_ = 0;
};

}  // namespace velaria
