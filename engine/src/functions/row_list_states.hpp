// States of the aggregates that need all rows of a group at their end (quantiles, mode, lists), and
// of those that need one row of it (first, last, arg_min). Both carry their rows in snapshots, so
// that rows may be split and merged in any way.
#pragma once

#include "functions/pooled_states.hpp"
#include "functions/row_store.hpp"

namespace velaria {

/// Which arguments are kept, as columns of a RowStore, and in which order their rows count.
struct RowSpec {
  std::vector<size_t> arguments;  // column i is this argument
  std::vector<TypePtr> types;     // kept types of the columns
  std::vector<size_t> required;   // columns: a row with a NULL in one of them does not count
  RowOrder order;

  /// Columns of a binding: the arguments `kept`, then its sort keys, then the place if it has one.
  /// BindKept or the binder has named the kept type of every argument.
  static RowSpec Of(const AggregateBinding& binding, const std::vector<size_t>& kept,
                    std::vector<size_t> required);
};

class RowListStates : public AggregateStates, public PooledStates {
 public:
  explicit RowListStates(RowSpec spec) : spec_(std::move(spec)), store_(spec_.types) {}

  Status Resize(int64_t group_count) override;
  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override;
  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override;
  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override;
  int64_t MemoryBytes() const override;
  void UsePool(arrow::MemoryPool* pool) override { store_.UsePool(pool); }

  /// The types of the exported columns: a list of each kept column.
  static std::vector<TypePtr> StateTypes(const RowSpec& spec);

 protected:
  const std::vector<uint32_t>& rows(uint32_t group) const { return rows_[group]; }
  /// The rows of a group by RowSpec::order.
  std::vector<uint32_t> Ordered(uint32_t group) const;
  /// The same behind those of `rows`.
  void AppendOrdered(uint32_t group, std::vector<int64_t>* rows) const;
  const RowStore& store() const { return store_; }
  const RowSpec& spec() const { return spec_; }

 private:
  /// The order of two rows of one group.
  auto Less() const {
    return [this](uint32_t a, uint32_t b) { return spec_.order.Less(store_, a, b); };
  }
  void Add(uint32_t group, uint32_t row) {
    constexpr size_t kFirstRows = 6;  // the least that an allocation holds anyway
    auto& held = rows_[group];
    if (held.capacity() == 0) held.reserve(kFirstRows);
    held.push_back(row);
  }

  const RowSpec spec_;
  RowStore store_;
  std::vector<std::vector<uint32_t>> rows_;  // by group, as they came
};

/// Keeps of each group the row that comes first by RowSpec::order, or last; the result is its first
/// column.
class RowPickStates final : public AggregateStates, public PooledStates {
 public:
  RowPickStates(RowSpec spec, bool last)
      : spec_(std::move(spec)), last_(last), store_(spec_.types) {}

  Status Resize(int64_t group_count) override;
  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override;
  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override;
  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override;
  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override;
  int64_t MemoryBytes() const override;
  void UsePool(arrow::MemoryPool* pool) override { store_.UsePool(pool); }

 private:
  Status Take(std::span<const Vector> columns, std::span<const uint32_t> rows,
              const uint32_t* groups);
  /// Drops the rows that were beaten once they are the greater part.
  Status Prune();

  const RowSpec spec_;
  const bool last_;
  RowStore store_;
  std::vector<int64_t> held_;  // by group: its row, or RowStore::kNoRow
};

/// Adds a sort key to a binding that needs the order of its rows. A key behind the arguments is an
/// argument of its own, of the kept type `type`, and is carried in snapshots.
void AddOrder(AggregateBinding* binding, AggregateOrder key, const TypePtr& type);

/// A column of lists with one list per count, over the values put together.
Result<Vector> MakeLists(const TypePtr& list_type, std::span<const int64_t> counts,
                         const Vector& values, arrow::MemoryPool* pool);

}  // namespace velaria
