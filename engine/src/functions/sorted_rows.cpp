#include "functions/sorted_rows.hpp"

#include <algorithm>

#include "functions/compare_values.hpp"
#include "functions/order_key.hpp"

namespace velaria {
namespace {

template <typename T, typename View>
Result<SortedRows> Sort(const View& view, const Validity& validity, int64_t row_count,
                        arrow::MemoryPool* pool) {
  struct Entry {
    T value;
    uint32_t row;
  };
  int64_t count = 0;
  for (int64_t i = 0; i < row_count; ++i) count += validity.IsValid(i);
  ARROW_ASSIGN_OR_RAISE(auto entries, PoolArray<Entry>::Make(count, pool));
  for (int64_t i = 0, at = 0; i < row_count; ++i) {
    if (validity.IsValid(i)) entries[at++] = {view[i], static_cast<uint32_t>(i)};
  }
  std::sort(entries.data(), entries.data() + count, [](const Entry& a, const Entry& b) {
    if (kernels::ValueLess<T>(a.value, b.value)) return true;
    return !kernels::ValueLess<T>(b.value, a.value) && a.row < b.row;
  });
  SortedRows sorted;
  ARROW_ASSIGN_OR_RAISE(sorted.row, PoolArray<uint32_t>::Make(count, pool));
  ARROW_ASSIGN_OR_RAISE(sorted.number, PoolArray<uint32_t>::Make(count, pool));
  for (int64_t i = 0; i < count; ++i) {
    const bool is_new = i == 0 || kernels::ValueLess<T>(entries[i - 1].value, entries[i].value);
    sorted.distinct_count += is_new;
    sorted.row[i] = entries[i].row;
    sorted.number[i] = sorted.distinct_count - 1;
  }
  return sorted;
}

}  // namespace

Result<SortedRows> SortedRows::Make(const Vector& values, int64_t row_count,
                                    arrow::MemoryPool* pool) {
  const Validity validity = ValidityOf(values);
  const auto fixed = [&](auto zero) {
    using T = decltype(zero);
    return Sort<T>(ViewFixed<T>(values), validity, row_count, pool);
  };
  switch (PhysicalOf(*values.type())) {
    case Physical::kNull: return Sort<bool>(std::vector<bool>(), validity, row_count, pool);
    case Physical::kBool: return Sort<bool>(ViewBool(values), validity, row_count, pool);
    case Physical::kInt8: return fixed(int8_t{});
    case Physical::kInt16: return fixed(int16_t{});
    case Physical::kInt32: return fixed(int32_t{});
    case Physical::kInt64: return fixed(int64_t{});
    case Physical::kUInt8: return fixed(uint8_t{});
    case Physical::kUInt16: return fixed(uint16_t{});
    case Physical::kUInt32: return fixed(uint32_t{});
    case Physical::kUInt64: return fixed(uint64_t{});
    case Physical::kFloat: return fixed(float{});
    case Physical::kDouble: return fixed(double{});
    case Physical::kDecimal: return fixed(kernels::DecimalCell{});
    case Physical::kString:
    case Physical::kBinary:
      return Sort<std::string_view>(StringView(values), validity, row_count, pool);
    case Physical::kNested: {
      ARROW_ASSIGN_OR_RAISE(const Vector keys, MakeOrderKeys(values, pool));
      return Sort<std::string_view>(StringView(keys), validity, row_count, pool);
    }
  }
  return Bug("values of an unknown physical type");
}

}  // namespace velaria
