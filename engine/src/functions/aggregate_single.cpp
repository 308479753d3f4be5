// single_value: what a subquery used as a value is computed with.
#include <arrow/array/concatenate.h>

#include "functions/aggregate_states.hpp"
#include "functions/binding.hpp"
#include "functions/pooled_states.hpp"

namespace velaria {
namespace {

Status TooManyRows() {
  return Fail(ErrorCode::kTooManyRows, "a subquery used as a value gave more than one row",
              "Add LIMIT 1, or take an aggregate such as min or max.");
}

/// One value of any type per group.
class SingleStates final : public AggregateStates, public PooledStates {
 public:
  explicit SingleStates(TypePtr type) : type_(std::move(type)) {}

  Status Resize(int64_t group_count) override {
    rows_.resize(static_cast<size_t>(group_count), kNone);
    return Status::OK();
  }

  Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                int64_t row_count) override {
    return Take(arguments[0], nullptr, groups, row_count);
  }

  Status Merge(std::span<const Vector> states, const uint32_t* groups, int64_t row_count) override {
    const auto counts = ViewFixed<int64_t>(states[1]);
    return Take(states[0], &counts, groups, row_count);
  }

  Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                     arrow::MemoryPool* pool) const override {
    ARROW_ASSIGN_OR_RAISE(auto values, Finish(groups, pool));
    ARROW_ASSIGN_OR_RAISE(auto counts,
                          FinishFixed<int64_t>(
                              arrow::int64(), groups, pool, [](uint32_t) { return true; },
                              [this](uint32_t group) { return rows_[group] == kNone ? 0 : 1; }));
    return std::vector<Vector>{std::move(values), std::move(counts)};
  }

  Result<Vector> Finish(std::span<const uint32_t> groups, arrow::MemoryPool* pool) const override {
    if (pieces_.empty()) {
      ARROW_ASSIGN_OR_RAISE(
          auto none, arrow::MakeArrayOfNull(type_, static_cast<int64_t>(groups.size()), pool));
      return MakeVector(none);
    }
    ARROW_ASSIGN_OR_RAISE(auto all, arrow::Concatenate(pieces_, pool));
    std::vector<int32_t> positions;
    for (uint32_t group : groups) positions.push_back(rows_[group]);
    return GatherOrNull(MakeVector(all), positions, pool);
  }

  int64_t MemoryBytes() const override {
    return static_cast<int64_t>(rows_.capacity() * sizeof(int32_t) +
                                pieces_.capacity() * sizeof(pieces_[0]));
  }

  void UsePool(arrow::MemoryPool* pool) override { pool_ = pool; }

 private:
  static constexpr int32_t kNone = -1;

  Status Take(const Vector& values, const FixedView<int64_t>* counts, const uint32_t* groups,
              int64_t row_count) {
    std::vector<uint32_t> taken;
    for (int64_t i = 0; i < row_count; ++i) {
      if (counts != nullptr && (*counts)[i] == 0) continue;
      int32_t& held = rows_[groups == nullptr ? 0 : groups[i]];
      if (held != kNone) return TooManyRows();
      held = static_cast<int32_t>(kept_ + taken.size());
      taken.push_back(static_cast<uint32_t>(values.constant ? 0 : i));
    }
    if (taken.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto piece, Gather(values, taken, pool_));
    ARROW_ASSIGN_OR_RAISE(piece, Decode(piece, pool_));
    ARROW_ASSIGN_OR_RAISE(piece, Expand(piece, static_cast<int64_t>(taken.size()), pool_));
    pieces_.push_back(piece.array());
    kept_ += taken.size();
    return Status::OK();
  }

  const TypePtr type_;
  std::vector<int32_t> rows_;  // per group: position among the pieces, or kNone
  arrow::ArrayVector pieces_;
  size_t kept_ = 0;
  arrow::MemoryPool* pool_ = arrow::default_memory_pool();
};

Result<AggregateBinding> BindSingle(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding binding;
  binding.type = LogicalType(arguments.types[0]);
  binding.arguments = {nullptr};
  binding.distinct = arguments.distinct;
  binding.state_types = {binding.type, arrow::int64()};
  binding.make_states = [](const AggregateBinding& b) -> std::unique_ptr<AggregateStates> {
    return std::make_unique<SingleStates>(b.type);
  };
  return binding;
}

}  // namespace

void RegisterSingle(FunctionRegistry& registry) {
  registry.Add(AggregateFunction{"single_value",
                                 {},
                                 "single_value(value ANY) -> ANY",
                                 "The value of the only row, NULL for none, an error for more.",
                                 "SELECT single_value(x) FROM (VALUES (7)) AS t(x)",
                                 "7",
                                 BindSingle,
                                 false,
                                 "a NULL is a value; NULL for no rows"});
}

}  // namespace velaria
