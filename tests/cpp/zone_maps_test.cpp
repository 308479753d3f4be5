// Which rows of a segment a predicate may be true of: never one too few.
#include <arrow/builder.h>
#include <arrow/compute/api.h>

#include "check.hpp"
#include "storage/segment.hpp"

namespace velaria::storage {
namespace {

using io::Comparison;

std::shared_ptr<arrow::Array> Numbers(const TypePtr& type,
                                      const std::vector<std::optional<int64_t>>& values) {
  arrow::Int64Builder builder;
  for (const auto& value : values) {
    CHECK_OK(value ? builder.Append(*value) : builder.AppendNull());
  }
  const auto numbers = builder.Finish().ValueOrDie();
  // Times are cast from integers of their own width alone.
  const auto narrow = type->id() == arrow::Type::DATE32 ? arrow::int32() : type;
  const auto fit = arrow::compute::Cast(*numbers, narrow).ValueOrDie();
  return arrow::compute::Cast(*fit, type).ValueOrDie();
}

bool Holds(int64_t value, Comparison op, int64_t wanted) {
  switch (op) {
    case Comparison::kEqual: return value == wanted;
    case Comparison::kNotEqual: return value != wanted;
    case Comparison::kLess: return value < wanted;
    case Comparison::kLessEqual: return value <= wanted;
    case Comparison::kGreater: return value > wanted;
    case Comparison::kGreaterEqual: return value >= wanted;
    default: return false;
  }
}

constexpr Comparison kOps[] = {Comparison::kEqual,   Comparison::kNotEqual,
                               Comparison::kLess,    Comparison::kLessEqual,
                               Comparison::kGreater, Comparison::kGreaterEqual};

/// For each value and comparison: the span of a column.
template <typename Look>
void ForEachSpan(const std::shared_ptr<arrow::Array>& column, int64_t from, int64_t to,
                 const Look& look) {
  const auto schema = arrow::schema({arrow::field("n", column->type())});
  const auto batch = arrow::RecordBatch::Make(schema, column->length(), {column});
  const ZoneMaps zones;
  for (int64_t wanted = from; wanted <= to; ++wanted) {
    const auto value = Numbers(column->type(), {wanted})->GetScalar(0).ValueOrDie();
    for (const Comparison op : kOps) look(op, wanted, zones.RowsFor(*batch, {0, op, value}));
  }
}

TEST(of_rising_values_just_the_rows_that_hold_are_left) {
  const std::vector<std::optional<int64_t>> values = {3, 3, 4, 7, 7, 7, 9, 12};
  for (const auto& type : {arrow::int8(), arrow::int16(), arrow::int32(), arrow::int64(),
                           arrow::uint8(), arrow::uint16(), arrow::uint32(), arrow::uint64(),
                           arrow::timestamp(arrow::TimeUnit::MICRO), arrow::date32()}) {
    // As a slice: the values do not start where their buffer does.
    const auto column = Numbers(type, values)->Slice(1);
    ForEachSpan(column, 1, 14, [&](Comparison op, int64_t wanted, RowSpan span) {
      int64_t holding = 0;
      for (int64_t row = 0; row < column->length(); ++row) {
        const bool holds = Holds(*values[static_cast<size_t>(row) + 1], op, wanted);
        holding += holds ? 1 : 0;
        CHECK(!holds || (span.begin <= row && row < span.end));
      }
      if (op != Comparison::kNotEqual) {
        CHECK_EQ(std::max(int64_t{0}, span.end - span.begin), holding);
      }
    });
  }
}

TEST(of_unsigned_values_the_greatest_are_behind_the_others) {
  arrow::UInt64Builder builder;
  CHECK_OK(builder.AppendValues({1, 2, uint64_t{1} << 63}));
  const auto column = builder.Finish().ValueOrDie();
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::uint64())}), 3, {column});
  const auto greatest = std::make_shared<arrow::UInt64Scalar>(uint64_t{1} << 63);
  const RowSpan span = ZoneMaps().RowsFor(*batch, {0, Comparison::kEqual, greatest});
  CHECK_EQ(span.begin, 2);
  CHECK_EQ(span.end, 3);
}

TEST(values_that_do_not_rise_leave_all_rows_within_their_range) {
  for (const auto& values : {std::vector<std::optional<int64_t>>{3, 9, 4},
                             std::vector<std::optional<int64_t>>{3, std::nullopt, 9}}) {
    ForEachSpan(Numbers(arrow::int64(), values), 1, 11,
                [](Comparison op, int64_t wanted, RowSpan span) {
                  const bool may = op == Comparison::kEqual          ? wanted >= 3 && wanted <= 9
                                   : op == Comparison::kLess         ? wanted > 3
                                   : op == Comparison::kLessEqual    ? wanted >= 3
                                   : op == Comparison::kGreater      ? wanted < 9
                                   : op == Comparison::kGreaterEqual ? wanted <= 9
                                                                     : true;
                  CHECK_EQ(span.begin, 0);
                  CHECK_EQ(span.end, may ? 3 : 0);
                });
  }
}

}  // namespace
}  // namespace velaria::storage
