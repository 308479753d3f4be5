#include "execution/key_table.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "execution/key_layout.hpp"

namespace velaria::execution {
namespace {

/// A text of up to kInlineBytes as the two words of its key, by loads that overlap.
std::array<uint64_t, 2> InlineWords(std::string_view text) {
  const char* begin = text.data();
  const size_t size = text.size();
  uint64_t low = 0, high = 0;
  if (size > 8) {
    low = Load<uint64_t>(begin);
    high = Load<uint64_t>(begin + size - 8) >> (8 * (16 - size));
  } else if (size >= 4) {
    low = Load<uint32_t>(begin) | Load<uint32_t>(begin + size - 4) << (8 * (size - 4));
  } else if (size > 0) {
    low = Load<uint8_t>(begin) | Load<uint8_t>(begin + size / 2) << (8 * (size / 2)) |
          Load<uint8_t>(begin + size - 1) << (8 * (size - 1));
  }
  return {low, high | static_cast<uint64_t>(size) << 56};
}

template <typename T>
T Canonical(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (value == T(0)) return T(0);
    if (std::isnan(value)) return std::numeric_limits<T>::quiet_NaN();
  }
  return value;
}

int WidthOf(Physical physical) {
  switch (physical) {
    case Physical::kNull:
    case Physical::kBool: return 1;
    default: return FixedWidthOf(physical);
  }
}

std::vector<TypePtr> NestedTypes(const std::vector<TypePtr>& types) {
  std::vector<TypePtr> nested;
  for (const auto& type : types) {
    if (PhysicalOf(*type) == Physical::kNested) nested.push_back(type);
  }
  return nested;
}

}  // namespace

KeyTable::KeyTable(std::vector<TypePtr> key_types)
    : interners_(key_types.size()), values_(NestedTypes(key_types)) {
  int mask_bits = 0;
  for (const auto& type : key_types) {
    Column column{type, PhysicalOf(*LogicalType(type)), Form::kFixed, 0};
    if (column.physical == Physical::kNested) {
      column.form = Form::kText;
      nested_.push_back(columns_.size());
    }
    if (column.physical == Physical::kString || column.physical == Physical::kBinary) {
      column.form = IsDictionary(*type) ? Form::kDictionary : Form::kText;
    }
    column.width = column.form == Form::kText         ? 16
                   : column.form == Form::kDictionary ? 4
                                                      : WidthOf(column.physical);
    columns_.push_back(column);
  }
  single_word_ = columns_.size() == 1 && columns_[0].form == Form::kFixed && columns_[0].width == 8;
  std::vector<size_t> order(columns_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return columns_[a].width > columns_[b].width; });
  int bytes = 0;
  for (size_t index : order) {
    columns_[index].offset = bytes;
    bytes += columns_[index].width;
    if (columns_[index].form == Form::kFixed && !single_word_)
      columns_[index].mask_bit = mask_bits++;
  }
  for (auto& column : columns_) {
    if (column.mask_bit >= 0) column.mask_bit += bytes * 8;
  }
  words_ = std::max(1, (bytes + (mask_bits + 7) / 8 + 7) / 8);
  for (const auto& column : columns_) {
    hashes_are_portable_ &= column.form != Form::kDictionary;
    if (column.form != Form::kText) continue;
    may_be_long_.resize(static_cast<size_t>(words_));
    may_be_long_[static_cast<size_t>(column.offset / 8 + 1)] = 1;
  }
}

template <typename T>
void KeyTable::EncodeFixed(const Column& column, const Vector& vector, int64_t row_count,
                           KeyScratch* scratch) const {
  const auto view = ViewFixed<T>(vector);
  uint8_t* base = reinterpret_cast<uint8_t*>(scratch->packed.data());
  uint8_t* out = base + column.offset;
  const int64_t step = words_ * 8;
  if (view.validity.all_valid()) {
    for (int64_t i = 0; i < row_count; ++i) {
      const T value = Canonical(view[i]);
      std::memcpy(out + i * step, &value, sizeof(T));
    }
    return;
  }
  uint8_t* mask = column.mask_bit < 0 ? nullptr : base + column.mask_bit / 8;
  for (int64_t i = 0; i < row_count; ++i) {
    if (view.IsValid(i)) {
      const T value = Canonical(view[i]);
      std::memcpy(out + i * step, &value, sizeof(T));
    } else if (mask != nullptr) {
      mask[i * step] = static_cast<uint8_t>(mask[i * step] | (1u << (column.mask_bit % 8)));
    }
  }
}

void KeyTable::EncodeDictionary(size_t index, const Vector& vector, int64_t row_count,
                                KeyScratch* scratch, Interner* add) const {
  auto& map = scratch->code_maps[index];
  if (map.dictionary != vector.data->dictionary) {
    map.dictionary = vector.data->dictionary;
    const StringView values(Vector{map.dictionary, false});
    map.ids.resize(static_cast<size_t>(map.dictionary->length));
    for (int64_t i = 0; i < map.dictionary->length; ++i) {
      const uint64_t hash = Interner::Hash(values[i]);
      map.ids[i] =
          add != nullptr ? add->Intern(values[i], hash) : interners_[index].Find(values[i], hash);
    }
  }
  const auto view = ViewDictionary(vector);
  uint8_t* out = reinterpret_cast<uint8_t*>(scratch->packed.data()) + columns_[index].offset;
  const int64_t step = words_ * 8;
  for (int64_t i = 0; i < row_count; ++i) {
    const int32_t code = view.codes[vector.constant ? 0 : i];
    const uint32_t id = code < 0 ? kNullCode : map.ids[code];
    std::memcpy(out + i * step, &id, 4);
  }
}

void KeyTable::EncodeText(size_t index, const Vector& vector, int64_t row_count,
                          KeyScratch* scratch, Interner* add) const {
  const StringView view(vector);
  uint8_t* out = reinterpret_cast<uint8_t*>(scratch->packed.data()) + columns_[index].offset;
  const int64_t step = words_ * 8;
  for (int64_t i = 0; i < row_count; ++i) {
    uint8_t* key = out + i * step;
    if (!view.IsValid(i)) {
      key[15] = kNullTag;
      continue;
    }
    PackText(index, view[i], key, add);
  }
}

void KeyTable::EncodeNested(size_t index, const Vector& vector, int64_t row_count,
                            KeyScratch* scratch, Interner* add) const {
  const OrderKeyWriter writer(vector);
  uint8_t* out = reinterpret_cast<uint8_t*>(scratch->packed.data()) + columns_[index].offset;
  const int64_t step = words_ * 8;
  std::string text;
  for (int64_t i = 0; i < row_count; ++i) {
    uint8_t* key = out + i * step;
    if (!writer.IsValid(i)) {
      key[15] = kNullTag;
      continue;
    }
    text.clear();
    writer.Append(i, &text);
    PackText(index, text, key, add);
  }
}

inline void KeyTable::PackText(size_t index, std::string_view text, uint8_t* key,
                               Interner* add) const {
  if (text.size() <= kInlineBytes) {
    const auto words = InlineWords(text);
    std::memcpy(key, words.data(), sizeof words);
    return;
  }
  const uint64_t hash = Interner::Hash(text);
  const uint32_t id = add != nullptr ? add->Intern(text, hash) : interners_[index].Find(text, hash);
  std::memcpy(key, &hash, sizeof hash);
  std::memcpy(key + kLongNumberAt, &id, sizeof id);
  key[15] = kLongTag;
}

void KeyTable::Encode(size_t index, const Vector& vector, int64_t row_count, KeyScratch* scratch,
                      Interner* add) const {
  const Column& column = columns_[index];
  const int64_t step = words_ * 8;
  uint8_t* base = reinterpret_cast<uint8_t*>(scratch->packed.data());
  if (column.form == Form::kDictionary)
    return EncodeDictionary(index, vector, row_count, scratch, add);
  if (column.physical == Physical::kNested)
    return EncodeNested(index, vector, row_count, scratch, add);
  if (column.form == Form::kText) return EncodeText(index, vector, row_count, scratch, add);
  auto set_null = [&](int64_t row) {
    uint8_t& mask = base[row * step + column.mask_bit / 8];
    mask = static_cast<uint8_t>(mask | (1u << (column.mask_bit % 8)));
  };
  switch (column.physical) {
    case Physical::kNull:
      for (int64_t i = 0; i < row_count; ++i) set_null(i);
      return;
    case Physical::kBool: {
      const BoolView view = ViewBool(vector);
      for (int64_t i = 0; i < row_count; ++i) {
        if (view.IsValid(i)) {
          base[i * step + column.offset] = view[i];
        } else {
          set_null(i);
        }
      }
      return;
    }
    case Physical::kFloat: return EncodeFixed<float>(column, vector, row_count, scratch);
    case Physical::kDouble: return EncodeFixed<double>(column, vector, row_count, scratch);
    case Physical::kDecimal: return EncodeFixed<Bits128>(column, vector, row_count, scratch);
    default: break;
  }
  switch (column.width) {
    case 1: return EncodeFixed<uint8_t>(column, vector, row_count, scratch);
    case 2: return EncodeFixed<uint16_t>(column, vector, row_count, scratch);
    case 4: return EncodeFixed<uint32_t>(column, vector, row_count, scratch);
    default: return EncodeFixed<uint64_t>(column, vector, row_count, scratch);
  }
}

void KeyTable::EncodeAll(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
                         std::vector<Interner>* add) const {
  scratch->packed.assign(static_cast<size_t>(row_count * words_), 0);
  scratch->code_maps.resize(columns_.size());
  for (size_t i = 0; i < keys.size(); ++i)
    Encode(i, keys[i], row_count, scratch, add != nullptr ? &(*add)[i] : nullptr);
  HashChunk(row_count, scratch);
}

void KeyTable::HashChunk(int64_t row_count, KeyScratch* scratch) const {
  scratch->hashes.resize(static_cast<size_t>(row_count));
  const uint64_t* packed = scratch->packed.data();
  if (may_be_long_.empty()) {
    for (int64_t i = 0; i < row_count; ++i) {
      uint64_t hash = 0;
      for (int w = 0; w < words_; ++w) hash = MixIn(hash, *packed++);
      scratch->hashes[i] = static_cast<uint32_t>(FinishHash(hash));
    }
    return;
  }
  for (int64_t i = 0; i < row_count; ++i) {
    uint64_t hash = 0;
    for (size_t w = 0; w < may_be_long_.size(); ++w) {
      uint64_t word = *packed++;
      // The number of a long text is this table's own; the text's hash went before it.
      if (may_be_long_[w] && word >> 56 == kLongTag) word = kLongTag;
      hash = MixIn(hash, word);
    }
    scratch->hashes[i] = static_cast<uint32_t>(FinishHash(hash));
  }
}

void KeyTable::GrowSlots(int64_t group_count) {
  size_t size = std::max<size_t>(1024, slots_.size());
  while (static_cast<size_t>(group_count) * 2 > size) size *= 2;
  has_slots_ = true;
  if (size == slots_.size()) return;
  slots_.assign(size, 0);
  const size_t mask = slots_.size() - 1;
  for (int64_t group = 0; group < group_count_; ++group) {
    if (group + kSlotAhead < group_count_)
      __builtin_prefetch(&slots_[hashes_[group + kSlotAhead] & mask], 1);
    if (group == null_group_) continue;
    size_t at = hashes_[group] & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = (static_cast<uint64_t>(hashes_[group]) << 32) | static_cast<uint64_t>(group + 1);
  }
}

uint32_t KeyTable::NullGroup() {
  if (null_group_ < 0) {
    null_group_ = group_count_++;
    keys_.push_back(0);
    hashes_.push_back(0);
  }
  return static_cast<uint32_t>(null_group_);
}

inline void KeyTable::Prefetch(const std::vector<uint32_t>& hashes, int64_t row, int64_t row_count,
                               int words) const {
  const size_t mask = slots_.size() - 1;
  if (row + kSlotAhead < row_count) __builtin_prefetch(&slots_[hashes[row + kSlotAhead] & mask]);
  if (row + kKeyAhead >= row_count) return;
  const uint64_t slot = slots_[hashes[row + kKeyAhead] & mask];
  if (slot != 0) __builtin_prefetch(&keys_[(static_cast<uint32_t>(slot) - 1) * size_t(words)]);
}

template <int kWords, typename SingleNull>
void KeyTable::Lookup(int64_t row_count, SingleNull single_null, uint32_t* groups) {
  const int words = kWords > 0 ? kWords : words_;
  const auto& hashes = scratch_.hashes;
  GrowSlots(group_count_ + row_count);
  const size_t mask = slots_.size() - 1;
  const bool far = slots_.size() > kFarSlots;
  for (int64_t i = 0; i < row_count; ++i) {
    if (far) Prefetch(hashes, i, row_count, words);
    if (single_null(i)) {
      groups[i] = NullGroup();
      continue;
    }
    const uint64_t* key = &scratch_.packed[i * words];
    const uint32_t hash = hashes[i];
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const uint64_t slot = slots_[at];
      if (slot == 0) {
        const auto group = static_cast<uint32_t>(group_count_++);
        keys_.append(key, static_cast<size_t>(words));
        hashes_.push_back(hash);
        slots_[at] = (static_cast<uint64_t>(hash) << 32) | (group + 1);
        groups[i] = group;
        break;
      }
      if (static_cast<uint32_t>(slot >> 32) != hash) continue;
      const auto group = static_cast<uint32_t>(slot) - 1;
      const uint64_t* held = &keys_[static_cast<size_t>(group) * words];
      bool same = true;
      for (int w = 0; w < words; ++w) same &= held[w] == key[w];
      if (same) {
        groups[i] = group;
        break;
      }
    }
  }
}

template <typename SingleNull>
void KeyTable::LookupAll(int64_t row_count, SingleNull single_null, uint32_t* groups) {
  const auto never = [](int64_t) { return false; };
  switch (words_) {
    case 1: return Lookup<1>(row_count, single_null, groups);
    case 2: return Lookup<2>(row_count, never, groups);
    case 3: return Lookup<3>(row_count, never, groups);
    case 4: return Lookup<4>(row_count, never, groups);
    default: return Lookup<0>(row_count, never, groups);
  }
}

template <int kWords>
void KeyTable::LookupOnly(int64_t row_count, const Validity& single_nulls,
                          const KeyScratch& scratch, uint32_t* groups) const {
  const int words = kWords > 0 ? kWords : words_;
  const size_t mask = slots_.size() - 1;
  const bool far = slots_.size() > kFarSlots;
  for (int64_t i = 0; i < row_count; ++i) {
    if (far) Prefetch(scratch.hashes, i, row_count, words);
    groups[i] = kAbsent;
    if (!single_nulls.all_valid() && !single_nulls.IsValid(i)) {
      if (null_group_ >= 0) groups[i] = static_cast<uint32_t>(null_group_);
      continue;
    }
    const uint64_t* key = &scratch.packed[i * words];
    const uint32_t hash = scratch.hashes[i];
    for (size_t at = hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
      if (static_cast<uint32_t>(slots_[at] >> 32) != hash) continue;
      const auto group = static_cast<uint32_t>(slots_[at]) - 1;
      const uint64_t* held = &keys_[static_cast<size_t>(group) * words];
      bool same = true;
      for (int w = 0; w < words; ++w) same &= held[w] == key[w];
      if (same) {
        groups[i] = group;
        break;
      }
    }
  }
}

/// A table numbers its groups, and their hashes leave room for one number more.
Status CheckRoom(int64_t group_count) {
  if (group_count < std::numeric_limits<uint32_t>::max()) return Status::OK();
  return Fail(ErrorCode::kOutOfMemory,
              "too many groups in one table: " + std::to_string(group_count));
}

template <typename SingleNull>
void KeyTable::AppendAll(int64_t row_count, SingleNull single_null, uint32_t* groups) {
  for (int64_t i = 0; i < row_count;) {
    int64_t end = i;
    while (end < row_count && !single_null(end)) ++end;
    keys_.append(&scratch_.packed[i * words_], static_cast<size_t>((end - i) * words_));
    hashes_.append(&scratch_.hashes[i], static_cast<size_t>(end - i));
    std::iota(groups + i, groups + end, static_cast<uint32_t>(group_count_));
    group_count_ += end - i;
    for (i = end; i < row_count && single_null(i); ++i) groups[i] = NullGroup();
  }
}

template <typename Number>
Status KeyTable::AddRows(std::span<const Vector> keys, int64_t row_count, uint32_t* groups,
                         Number number) {
  ARROW_RETURN_NOT_OK(CheckRoom(group_count_ + row_count));
  const int64_t first_new = group_count_;
  EncodeAll(keys, row_count, &scratch_, &interners_);
  const Validity single_nulls = single_word_ ? ValidityOf(keys[0]) : Validity{};
  if (single_nulls.all_valid()) {
    number([](int64_t) { return false; });
  } else {
    number([&](int64_t row) { return !single_nulls.IsValid(row); });
  }
  return nested_.empty() ? Status::OK() : KeepNested(keys, row_count, first_new, groups);
}

Status KeyTable::FindOrAdd(std::span<const Vector> keys, int64_t row_count, uint32_t* groups) {
  return AddRows(keys, row_count, groups,
                 [&](auto single_null) { LookupAll(row_count, single_null, groups); });
}

Status KeyTable::Append(std::span<const Vector> keys, int64_t row_count, uint32_t* groups) {
  return AddRows(keys, row_count, groups,
                 [&](auto single_null) { AppendAll(row_count, single_null, groups); });
}

Status KeyTable::Absorb(const KeyTable& from, std::span<const uint32_t> groups,
                        arrow::MemoryPool* pool, uint32_t* numbers) {
  const auto count = static_cast<int64_t>(groups.size());
  if (!nested_.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto keys, from.Export(groups, pool));
    return FindOrAdd(keys, count, numbers);
  }
  ARROW_RETURN_NOT_OK(CheckRoom(group_count_ + count));
  GrowSlots(group_count_ + count);
  std::vector<std::vector<uint32_t>> id_maps(columns_.size());
  for (int64_t begin = 0; begin < count; begin += kChunkRows) {
    const auto piece = groups.subspan(static_cast<size_t>(begin),
                                      static_cast<size_t>(std::min(kChunkRows, count - begin)));
    TakeOver(from, piece, &id_maps);
    LookupAll(
        static_cast<int64_t>(piece.size()),
        [&](int64_t row) { return piece[static_cast<size_t>(row)] == from.null_group_; },
        numbers + begin);
  }
  return Status::OK();
}

void KeyTable::TakeOver(const KeyTable& from, std::span<const uint32_t> groups,
                        std::vector<std::vector<uint32_t>>* id_maps) {
  const auto words = static_cast<size_t>(words_);
  scratch_.packed.resize(groups.size() * words);
  scratch_.hashes.resize(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    std::memcpy(&scratch_.packed[i * words], from.KeyBytes(groups[i]), words * 8);
    scratch_.hashes[i] = from.hashes_[groups[i]];
  }
  // Numbers of interned values are each table's own.
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const Interner& theirs = from.interners_[c];
    if (column.form == Form::kFixed || theirs.size() == 0) continue;
    auto& ids = (*id_maps)[c];
    ids.resize(theirs.size(), Interner::kMissing);
    uint8_t* key = reinterpret_cast<uint8_t*>(scratch_.packed.data()) + column.offset;
    for (size_t i = 0; i < groups.size(); ++i, key += words * 8) {
      const bool text = column.form == Form::kText;
      if (text ? key[15] != kLongTag : from.IsNull(column, groups[i])) continue;
      uint8_t* at = text ? key + kLongNumberAt : key;
      uint32_t id;
      std::memcpy(&id, at, sizeof id);
      uint32_t& known = ids[id];
      if (known == Interner::kMissing) {
        const std::string_view value = theirs.text(id);
        known = interners_[c].Intern(value, Interner::Hash(value));
      }
      std::memcpy(at, &known, sizeof known);
    }
  }
  if (!hashes_are_portable_) HashChunk(static_cast<int64_t>(groups.size()), &scratch_);
}

void KeyTable::Clear() {
  group_count_ = 0;
  null_group_ = -1;
  keys_.clear();
  hashes_.clear();
  if (has_slots_) slots_.assign(slots_.size(), 0);
  has_slots_ = false;
  scratch_.code_maps.clear();
  for (auto& interner : interners_) interner = {};
  std::vector<TypePtr> nested;
  for (const size_t column : nested_) nested.push_back(columns_[column].type);
  values_ = RowStore(nested);
}

Status KeyTable::KeepNested(std::span<const Vector> keys, int64_t row_count, int64_t first_new,
                            const uint32_t* groups) {
  std::vector<uint32_t> rows;  // new groups are numbered in the order of their first rows
  for (int64_t i = 0, next = first_new; i < row_count && next < group_count_; ++i) {
    if (groups[i] != next) continue;
    rows.push_back(static_cast<uint32_t>(i));
    ++next;
  }
  std::vector<Vector> nested;
  for (const size_t column : nested_) nested.push_back(keys[column]);
  return values_.Append(nested, rows);
}

void KeyTable::Find(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
                    uint32_t* groups) const {
  if (slots_.empty() && null_group_ < 0) {
    std::fill(groups, groups + row_count, kAbsent);
    return;
  }
  EncodeAll(keys, row_count, scratch, nullptr);
  const Validity single_nulls = single_word_ ? ValidityOf(keys[0]) : Validity{};
  switch (words_) {
    case 1: LookupOnly<1>(row_count, single_nulls, *scratch, groups); break;
    case 2: LookupOnly<2>(row_count, single_nulls, *scratch, groups); break;
    case 3: LookupOnly<3>(row_count, single_nulls, *scratch, groups); break;
    case 4: LookupOnly<4>(row_count, single_nulls, *scratch, groups); break;
    default: LookupOnly<0>(row_count, single_nulls, *scratch, groups); break;
  }
}

bool KeyTable::IsNull(const Column& column, uint32_t group) const {
  if (single_word_) return group == null_group_;
  const uint8_t* key = KeyBytes(group);
  if (column.form == Form::kText) return key[column.offset + 15] == kNullTag;
  if (column.form == Form::kDictionary) {
    uint32_t id;
    std::memcpy(&id, key + column.offset, 4);
    return id == kNullCode;
  }
  return (key[column.mask_bit / 8] >> (column.mask_bit % 8)) & 1;
}

uint32_t KeyTable::PortableHash(uint32_t group) const {
  if (hashes_are_portable_) return hashes_[group];
  uint64_t hash = 0;
  const uint8_t* key = KeyBytes(group);
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    if (IsNull(column, group)) {
      hash = MixIn(hash, 0x5CA1AB1E);
      continue;
    }
    if (column.form == Form::kDictionary) {
      hash = MixIn(hash, Interner::Hash(interners_[i].text(static_cast<uint32_t>(
                             Load<uint32_t>(reinterpret_cast<const char*>(key) + column.offset)))));
      continue;
    }
    const bool is_long = column.form == Form::kText && key[column.offset + 15] == kLongTag;
    const int width = is_long ? kLongNumberAt : column.width;
    for (int at = 0; at < width; at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, key + column.offset + at, static_cast<size_t>(std::min(8, width - at)));
      hash = MixIn(hash, word);
    }
  }
  return static_cast<uint32_t>(FinishHash(hash));
}

}  // namespace velaria::execution
