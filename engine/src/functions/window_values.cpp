// Functions that give another row's value: lag and lead by distance in the partition, first_value,
// last_value and nth_value by place in the frame. Each finds the row; the values are gathered once.
#include <arrow/array/concatenate.h>

#include "functions/binding.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

/// The rows with a value, in order, and how many come before each row.
struct ValidRows {
  ValidCounts before;
  std::vector<uint32_t> rows;  // empty when every row counts

  static Result<ValidRows> Make(const Vector& vector, const WindowRows& rows,
                                const FunctionContext& context) {
    ValidRows out;
    if (!rows.ignore_nulls) return out;
    ARROW_ASSIGN_OR_RAISE(const auto decoded, Decode(vector, context.pool));
    const Validity validity = ValidityOf(decoded);
    if (validity.all_valid()) return out;
    ARROW_ASSIGN_OR_RAISE(out.before, ValidCounts::Make(validity, rows.row_count, context.pool));
    for (int64_t i = 0; i < rows.row_count; ++i) {
      if (validity.IsValid(i)) out.rows.push_back(static_cast<uint32_t>(i));
    }
    out.all_ = false;
    return out;
  }
  uint32_t Between(uint32_t begin, uint32_t end) const { return before.Between(begin, end); }
  /// The row with `number` such rows before it.
  uint32_t At(uint32_t number) const { return all_ ? number : rows[number]; }

 private:
  bool all_ = true;
};

/// The row `distance` before `row` (behind it when negative), or -1 outside the partition.
int64_t RowAtDistance(const WindowRows& rows, const ValidRows& valid, int64_t row,
                      int64_t distance) {
  const auto start = rows.partition_start[row], end = rows.partition_end[row];
  if (distance == 0) return row;
  const auto self = static_cast<uint32_t>(row);
  if (distance > 0) {
    if (distance > valid.Between(start, self)) return -1;
    return valid.At(static_cast<uint32_t>(valid.before.Before(self) - distance));
  }
  if (distance < -int64_t{valid.Between(self + 1, end)}) return -1;
  return valid.At(static_cast<uint32_t>(valid.before.Before(self + 1) - distance - 1));
}

/// `sign` 1: lag, -1: lead. A row outside the partition gives the default of the row itself.
template <int kSign>
Result<Vector> Shift(const FunctionContext& context, const WindowBinding& binding,
                     const WindowRows& rows) {
  Vector values = rows.arguments[0];
  ARROW_ASSIGN_OR_RAISE(values, Expand(values, rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(const auto valid, ValidRows::Make(values, rows, context));
  const bool has_default = rows.arguments.size() > 2;
  const bool one_default = has_default && rows.arguments[2].constant;
  std::optional<FixedView<int64_t>> offsets;
  if (rows.arguments.size() > 1) offsets = ViewFixed<int64_t>(rows.arguments[1]);
  ARROW_ASSIGN_OR_RAISE(auto from, PoolArray<int32_t>::Make(rows.row_count, context.pool));
  const auto count = static_cast<int32_t>(rows.row_count);
  constexpr int64_t kFar = std::numeric_limits<int32_t>::max();
  for (int64_t i = 0; i < rows.row_count; ++i) {
    from[i] = -1;
    if (offsets && !offsets->IsValid(i)) continue;  // an unknown distance: NULL
    const int64_t offset = offsets ? std::clamp<int64_t>((*offsets)[i], -kFar, kFar) : 1;
    const int64_t row = RowAtDistance(rows, valid, i, kSign * offset);
    if (row >= 0) {
      from[i] = static_cast<int32_t>(row);
    } else if (has_default) {
      from[i] = one_default ? count : count + static_cast<int32_t>(i);
    }
  }
  if (has_default) {
    // One array to gather from: the values, then the defaults.
    ARROW_ASSIGN_OR_RAISE(values, Decode(values, context.pool));
    ARROW_ASSIGN_OR_RAISE(const auto defaults, Decode(rows.arguments[2], context.pool));
    ARROW_ASSIGN_OR_RAISE(const auto joined,
                          arrow::Concatenate({values.array(), defaults.array()}, context.pool));
    values = MakeVector(joined);
  }
  return GatherOrNull(values, {from.data(), static_cast<size_t>(rows.row_count)}, context.pool);
}

/// The n-th row (from 1) of the row's frame that counts, or -1; from its end when `from_end`.
int64_t NthOfFrame(const WindowRows& rows, const ValidRows& valid, int64_t row, int64_t n,
                   bool from_end) {
  int64_t found = -1, left = n;
  rows.ForEachRange(row, [&](uint32_t begin, uint32_t end) {
    const int64_t here = valid.Between(begin, end);
    if (here == 0) return;
    if (from_end) {
      found = valid.At(valid.before.Before(end) - 1);
    } else if (left > 0 && left <= here) {
      found = valid.At(static_cast<uint32_t>(valid.before.Before(begin) + left - 1));
    }
    left -= here;
  });
  return found;
}

enum class Pick { kFirst, kLast, kNth };

template <Pick kPick>
Result<Vector> FrameValue(const FunctionContext& context, const WindowBinding& binding,
                          const WindowRows& rows) {
  ARROW_ASSIGN_OR_RAISE(const auto values, Expand(rows.arguments[0], rows.row_count, context.pool));
  ARROW_ASSIGN_OR_RAISE(const auto valid, ValidRows::Make(values, rows, context));
  std::optional<FixedView<int64_t>> numbers;
  if (kPick == Pick::kNth) numbers = ViewFixed<int64_t>(rows.arguments[1]);
  ARROW_ASSIGN_OR_RAISE(auto from, PoolArray<int32_t>::Make(rows.row_count, context.pool));
  for (int64_t i = 0; i < rows.row_count; ++i) {
    int64_t n = 1;
    from[i] = -1;
    if (numbers) {
      if (!numbers->IsValid(i)) continue;
      n = (*numbers)[i];
      if (n <= 0) {
        return Fail(ErrorCode::kBadValue,
                    "argument of nth_value must be greater than zero: " + std::to_string(n));
      }
    }
    from[i] = static_cast<int32_t>(NthOfFrame(rows, valid, i, n, kPick == Pick::kLast));
  }
  return GatherOrNull(values, {from.data(), static_cast<size_t>(rows.row_count)}, context.pool);
}

/// A default that is a string literal takes the value's type; else both meet in one type.
Result<TypePtr> ShiftType(const BindArguments& arguments) {
  const TypePtr value = arguments.types[0];
  if (arguments.types.size() < 3) return value;
  const TypePtr plain = LogicalType(value);
  if (binding::IsTextLiteral(arguments, 2) && value->id() != arrow::Type::NA) return plain;
  return CommonType(plain, LogicalType(arguments.types[2]));
}

template <int kSign>
Result<WindowBinding> BindShift(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 1 || count > 3) return binding::WrongArguments();
  WindowBinding bound;
  ARROW_ASSIGN_OR_RAISE(bound.type, ShiftType(arguments));
  bound.arguments = {count == 3 ? bound.type : nullptr};
  if (count > 1) {
    ARROW_RETURN_NOT_OK(binding::TypeFor(arguments, 1, binding::Parameter::kInteger).status());
    bound.arguments.push_back(arrow::int64());
  }
  if (count > 2) bound.arguments.push_back(bound.type);
  bound.kernel = Shift<kSign>;
  bound.skips_nulls = true;
  return bound;
}

template <Pick kPick>
Result<WindowBinding> BindFrameValue(const BindArguments& arguments) {
  if (arguments.types.size() != (kPick == Pick::kNth ? 2u : 1u)) return binding::WrongArguments();
  WindowBinding bound;
  bound.type = arguments.types[0];
  bound.arguments = {nullptr};
  if (kPick == Pick::kNth) {
    ARROW_RETURN_NOT_OK(binding::TypeFor(arguments, 1, binding::Parameter::kInteger).status());
    bound.arguments.push_back(arrow::int64());
  }
  bound.kernel = FrameValue<kPick>;
  bound.reads_frame = true;
  bound.skips_nulls = true;
  return bound;
}

constexpr const char* kValueRule = "a NULL is a value; passed over with IGNORE NULLS";

}  // namespace

void RegisterFrameValues(FunctionRegistry& registry) {
  registry.Add(WindowFunction{
      "lag",
      {},
      "lag(value ANY[, distance BIGINT[, default ANY]]) [IGNORE NULLS] -> same type",
      "The value of the row `distance` (1) before this one in its partition, or the default.",
      "SELECT max(v) FROM (SELECT lag(x) OVER (ORDER BY x) AS v FROM (VALUES (1), (2)) AS t(x)) AS "
      "s",
      "1",
      BindShift<1>,
      kValueRule});
  registry.Add(WindowFunction{
      "lead",
      {},
      "lead(value ANY[, distance BIGINT[, default ANY]]) [IGNORE NULLS] -> same type",
      "The value of the row `distance` (1) behind this one in its partition, or the default.",
      "SELECT max(v) FROM (SELECT lead(x, 1, 9) OVER (ORDER BY x) AS v FROM (VALUES (1), (2)) AS "
      "t(x)) AS s",
      "9",
      BindShift<-1>,
      kValueRule});
  registry.Add(WindowFunction{
      "first_value",
      {},
      "first_value(value ANY) [IGNORE NULLS] -> same type",
      "The value of the first row of the frame.",
      "SELECT max(v) FROM (SELECT first_value(x) OVER (ORDER BY x) AS v FROM (VALUES (1), (2)) AS "
      "t(x)) AS s",
      "1",
      BindFrameValue<Pick::kFirst>,
      kValueRule});
  registry.Add(WindowFunction{
      "last_value",
      {},
      "last_value(value ANY) [IGNORE NULLS] -> same type",
      "The value of the last row of the frame, which ends with the row's last peer unless said "
      "otherwise.",
      "SELECT max(v) FROM (SELECT last_value(x) OVER (ORDER BY x) AS v FROM (VALUES (1), (2)) AS "
      "t(x)) AS s",
      "2",
      BindFrameValue<Pick::kLast>,
      kValueRule});
  registry.Add(WindowFunction{
      "nth_value",
      {},
      "nth_value(value ANY, n BIGINT) [IGNORE NULLS] -> same type",
      "The value of the n-th row (from 1) of the frame; NULL when it has fewer.",
      "SELECT max(v) FROM (SELECT nth_value(x, 2) OVER (ORDER BY x) AS v FROM (VALUES (1), (5)) AS "
      "t(x)) AS s",
      "5",
      BindFrameValue<Pick::kNth>,
      kValueRule});
}

}  // namespace velaria
