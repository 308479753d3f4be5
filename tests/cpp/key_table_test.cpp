// What a table of keys takes, filled and cleared.
#include "execution/key_table.hpp"

#include <numeric>

#include "check.hpp"

namespace velaria {
namespace {

using execution::KeyTable;

void Add(KeyTable* table, int64_t first, int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  const std::vector<Vector> keys = {Vector{
      arrow::ArrayData::Make(arrow::int64(), count, {nullptr, arrow::Buffer::Wrap(numbers)}, 0),
      false}};
  std::vector<uint32_t> groups(numbers.size());
  CHECK_OK(table->FindOrAdd(keys, count, groups.data()));
}

}  // namespace

TEST(a_table_of_keys_that_was_cleared_keeps_room_but_nothing_live) {
  KeyTable table({arrow::int64()});
  constexpr int64_t kCount = 100'000;
  Add(&table, 0, kCount);
  const int64_t live = table.LiveBytes(), taken = table.MemoryBytes();
  CHECK(live >= kCount * 8);
  CHECK(live <= taken);
  table.Clear();
  CHECK_EQ(table.MemoryBytes(), taken);
  CHECK_EQ(table.LiveBytes(), 0);
  Add(&table, kCount, 1000);
  CHECK_EQ(table.group_count(), 1000);
  CHECK_EQ(table.LiveBytes(), live / 100);
  CHECK_EQ(table.MemoryBytes(), taken);
}

}  // namespace velaria
