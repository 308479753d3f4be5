// Maps key tuples to dense group numbers: the table under GROUP BY, DISTINCT and set operations.
//
// Every key becomes a fixed number of bits, so equality is a comparison of words whatever the
// types: integers, floats (-0 and NaN made one) and decimals as they are; a string of up to 15
// bytes inline with its length, a longer one as the number its text has in the table's interner; a
// dictionary-encoded string as the number of its value; lists, structs and intervals as the text of
// their order key, and of each group's first value a copy. NULL is a value of its own. Fixed-width
// keys share a mask of null bits; a single 8-byte key keeps its NULL group apart.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/large_vector.hpp"
#include "functions/row_store.hpp"

namespace velaria::execution {

/// Distinct strings, numbered in order of arrival.
class Interner {
 public:
  static constexpr uint32_t kMissing = 0xFFFFFFFE;
  static uint64_t Hash(std::string_view text);
  /// `hash` is the text's.
  uint32_t Intern(std::string_view text, uint64_t hash);
  /// The number of a text that was interned, or kMissing.
  uint32_t Find(std::string_view text, uint64_t hash) const;
  std::string_view text(uint32_t id) const { return texts_[id]; }
  size_t size() const { return texts_.size(); }
  int64_t MemoryBytes() const {
    return bytes_ +
           static_cast<int64_t>(slots_.capacity() * 8 + texts_.size() * sizeof(std::string));
  }

 private:
  void Grow();
  std::deque<std::string> texts_;
  std::vector<uint64_t> slots_;  // hash's upper half, then id + 1; 0 = empty
  int64_t bytes_ = 0;
};

/// What a look-up needs beside the table; one per thread.
struct KeyScratch {
  struct CodeMap {
    std::shared_ptr<arrow::ArrayData> dictionary;
    std::vector<uint32_t> ids;
  };
  std::vector<uint64_t> packed;  // keys of one chunk
  std::vector<uint32_t> hashes;
  std::vector<CodeMap> code_maps;  // per key column
};

class KeyTable {
 public:
  static constexpr uint32_t kAbsent = 0xFFFFFFFF;
  explicit KeyTable(std::vector<TypePtr> key_types);

  /// Writes the group of every row to `groups`, adding new groups in row order. Keys are dense or
  /// constant vectors.
  Status FindOrAdd(std::span<const Vector> keys, int64_t row_count, uint32_t* groups);
  /// The same without adding: kAbsent for keys that are not there. Safe from many threads.
  void Find(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
            uint32_t* groups) const;
  /// As FindOrAdd, but every row becomes a group of its own, NULL of a single key excepted: for
  /// rows that are sorted out in another table, by Absorb. Afterwards only Clear lets this one look
  /// up again.
  Status Append(std::span<const Vector> keys, int64_t row_count, uint32_t* groups);
  /// Adds the keys of groups of a table of the same types, and writes their numbers here.
  Status Absorb(const KeyTable& from, std::span<const uint32_t> groups, arrow::MemoryPool* pool,
                uint32_t* numbers);
  /// Forgets all groups, and keeps the room they took.
  void Clear();
  int64_t group_count() const { return group_count_; }
  /// A hash that is the same for equal keys in every table of the same types, whatever was seen
  /// before.
  uint32_t PortableHash(uint32_t group) const;
  /// The keys of the given groups, in the key types as they came.
  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const;
  int64_t MemoryBytes() const;
  /// What its groups take, without the room that is kept for more.
  int64_t LiveBytes() const;
  /// What FindOrAdd of so many rows may take beside that, new texts excepted.
  int64_t GrowthBytes(int64_t row_count) const;

 private:
  enum class Form { kFixed, kText, kDictionary };
  struct Column {
    TypePtr type;
    Physical physical;
    Form form;
    int width;  // bytes in the packed key
    int offset = 0;
    int mask_bit = -1;
  };

  // `add` null: strings are looked up, not interned.
  void EncodeAll(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
                 std::vector<Interner>* add) const;
  void Encode(size_t column, const Vector& vector, int64_t row_count, KeyScratch* scratch,
              Interner* add) const;
  void EncodeText(size_t column, const Vector& vector, int64_t row_count, KeyScratch* scratch,
                  Interner* add) const;
  void EncodeNested(size_t column, const Vector& vector, int64_t row_count, KeyScratch* scratch,
                    Interner* add) const;
  /// `text` as the packed key at `key`.
  void PackText(size_t column, std::string_view text, uint8_t* key, Interner* add) const;
  /// Copies the nested keys of the groups from `first_new` on.
  Status KeepNested(std::span<const Vector> keys, int64_t row_count, int64_t first_new,
                    const uint32_t* groups);
  void EncodeDictionary(size_t column, const Vector& vector, int64_t row_count, KeyScratch* scratch,
                        Interner* add) const;
  template <typename T>
  void EncodeFixed(const Column& column, const Vector& vector, int64_t row_count,
                   KeyScratch* scratch) const;
  void HashChunk(int64_t row_count, KeyScratch* scratch) const;
  /// Lookup, with the number of words of the table. `single_null(row)`: the row's one key is NULL.
  template <typename SingleNull>
  void LookupAll(int64_t row_count, SingleNull single_null, uint32_t* groups);
  template <int kWords, typename SingleNull>
  void Lookup(int64_t row_count, SingleNull single_null, uint32_t* groups);
  /// Appends the rows that `scratch_` holds.
  template <typename SingleNull>
  void AppendAll(int64_t row_count, SingleNull single_null, uint32_t* groups);
  /// Packs the rows, has `number(single_null)` give them groups and keeps new groups' nested keys.
  template <typename Number>
  Status AddRows(std::span<const Vector> keys, int64_t row_count, uint32_t* groups, Number number);
  /// The packed keys and hashes of another table's groups, as this table has them.
  void TakeOver(const KeyTable& from, std::span<const uint32_t> groups,
                std::vector<std::vector<uint32_t>>* id_maps);
  template <int kWords>
  void LookupOnly(int64_t row_count, const Validity& single_nulls, const KeyScratch& scratch,
                  uint32_t* groups) const;
  /// Asks for the slot of a row to come and, by the slot of a nearer one that has come meanwhile,
  /// for its key: both are cache misses in a large table.
  void Prefetch(const std::vector<uint32_t>& hashes, int64_t row, int64_t row_count,
                int words) const;
  /// Texts and nested values, which Clear lets go.
  int64_t KeptBytes() const;
  void GrowSlots(int64_t group_count);
  uint32_t NullGroup();
  const uint8_t* KeyBytes(uint32_t group) const {
    return reinterpret_cast<const uint8_t*>(keys_.data() + group * words_);
  }
  bool IsNull(const Column& column, uint32_t group) const;
  template <typename T>
  Result<Vector> ExportFixed(const Column& column, std::span<const uint32_t> groups,
                             arrow::MemoryPool* pool) const;
  Result<Vector> ExportPlainText(size_t index, std::span<const uint32_t> groups,
                                 arrow::MemoryPool* pool) const;
  /// The text of a packed key that is not NULL.
  std::string_view TextAt(size_t index, const uint8_t* key) const;
  Result<Vector> ExportText(size_t index, std::span<const uint32_t> groups,
                            arrow::MemoryPool* pool) const;
  Result<Vector> ExportNested(size_t index, std::span<const uint32_t> groups,
                              arrow::MemoryPool* pool) const;
  Result<Vector> ExportDictionary(size_t index, std::span<const uint32_t> groups,
                                  arrow::MemoryPool* pool) const;

  static constexpr int64_t kSlotAhead = 16, kKeyAhead = 8;  // rows
  static constexpr size_t kFarSlots = size_t{1} << 15;      // beyond, slots are not near at hand

  std::vector<Column> columns_;
  int words_ = 1;
  bool hashes_are_portable_ = true;   // no number of an interned value goes into them
  std::vector<uint8_t> may_be_long_;  // per word: it may be the second one of a long text
  bool single_word_ = false;          // one key of 8 bytes: NULL lives in null_group_
  int64_t null_group_ = -1;
  int64_t group_count_ = 0;
  LargeVector<uint64_t> keys_;    // words_ per group
  LargeVector<uint32_t> hashes_;  // per group
  LargeVector<uint64_t> slots_;   // hash, then group + 1
  bool has_slots_ = false;        // some of them may be filled
  KeyScratch scratch_;
  std::vector<Interner> interners_;  // per column; used by text and dictionary forms
  std::vector<size_t> nested_;       // the columns whose values `values_` keeps, a row per group
  RowStore values_;
};

}  // namespace velaria::execution
