#include "storage/segment.hpp"

#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "columnar/join_arrays.hpp"
#include "functions/arrow_call.hpp"

namespace velaria::storage {
namespace {

/// Where an integer or a time stands among all of its type; nullopt for other types. A table of a
/// billion rows asks for it thousands of times a query: a kernel call each would take milliseconds.
std::optional<int64_t> PlaceOf(const arrow::Scalar& value) {
  const auto id = value.type->id();
  const bool is_unsigned = arrow::is_unsigned_integer(id);
  if (!value.is_valid || !(arrow::is_integer(id) || arrow::is_temporal(id))) return std::nullopt;
  const auto bytes = static_cast<const arrow::internal::PrimitiveScalarBase&>(value).view();
  const auto read = [&]<typename T>(T number) {
    std::memcpy(&number, bytes.data(), sizeof(T));
    return static_cast<int64_t>(number);
  };
  switch (bytes.size()) {
    case 1: return is_unsigned ? read(uint8_t{}) : read(int8_t{});
    case 2: return is_unsigned ? read(uint16_t{}) : read(int16_t{});
    case 4: return is_unsigned ? read(uint32_t{}) : read(int32_t{});
    case 8:
      return is_unsigned ? read(int64_t{}) ^ std::numeric_limits<int64_t>::min() : read(int64_t{});
    default: return std::nullopt;
  }
}

/// Calls `use` with a number of the kind that values of an integer or a time are.
template <typename Use>
auto AsNumbers(const arrow::DataType& type, const Use& use) {
  const bool is_unsigned = arrow::is_unsigned_integer(type.id());
  switch (static_cast<const arrow::FixedWidthType&>(type).bit_width()) {
    case 8: return is_unsigned ? use(uint8_t{}) : use(int8_t{});
    case 16: return is_unsigned ? use(uint16_t{}) : use(int16_t{});
    case 32: return is_unsigned ? use(uint32_t{}) : use(int32_t{});
    default: return is_unsigned ? use(uint64_t{}) : use(int64_t{});
  }
}

bool Rises(const arrow::ArrayData& column) {
  if (column.GetNullCount() > 0) return false;
  return AsNumbers(*column.type, [&]<typename T>(T) {
    const T* values = column.GetValues<T>(1);
    return std::is_sorted(values, values + column.length);
  });
}

/// Of a column whose values rise.
RowSpan Found(const arrow::ArrayData& column, const io::SimplePredicate& predicate) {
  const auto value =
      static_cast<const arrow::internal::PrimitiveScalarBase&>(*predicate.value).view();
  return AsNumbers(*column.type, [&]<typename T>(T wanted) -> RowSpan {
    std::memcpy(&wanted, value.data(), sizeof(T));
    const T* const first = column.GetValues<T>(1);
    const T* const last = first + column.length;
    const auto from = [&] { return std::lower_bound(first, last, wanted) - first; };
    const auto behind = [&] { return std::upper_bound(first, last, wanted) - first; };
    switch (predicate.op) {
      case io::Comparison::kEqual: return {from(), behind()};
      case io::Comparison::kLess: return {0, from()};
      case io::Comparison::kLessEqual: return {0, behind()};
      case io::Comparison::kGreater: return {behind(), column.length};
      case io::Comparison::kGreaterEqual: return {from(), column.length};
      default: return {0, column.length};
    }
  });
}

int Sign(int64_t a, int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

/// Three-way comparison of two scalars of one ordered type; nullopt when arrow has no order for it.
std::optional<int> Compare(const std::shared_ptr<arrow::Scalar>& a,
                           const std::shared_ptr<arrow::Scalar>& b) {
  if (a->type->id() != b->type->id() || !a->type->Equals(*b->type)) return std::nullopt;
  auto less = arrow::compute::CallFunction("less", {a, b});
  auto greater = arrow::compute::CallFunction("greater", {a, b});
  if (!less.ok() || !greater.ok()) return std::nullopt;
  const auto& less_value = static_cast<const arrow::BooleanScalar&>(*less->scalar());
  const auto& greater_value = static_cast<const arrow::BooleanScalar&>(*greater->scalar());
  if (!less_value.is_valid || !greater_value.is_valid) return std::nullopt;
  return less_value.value ? -1 : greater_value.value ? 1 : 0;
}

}  // namespace

RowSpan ZoneMaps::RowsFor(const arrow::RecordBatch& batch,
                          const io::SimplePredicate& predicate) const {
  const auto& column = *batch.column_data(predicate.column);
  const auto& type = *column.type;
  const int64_t nulls = column.GetNullCount();
  const RowSpan all = {0, batch.num_rows()};
  if (predicate.op == io::Comparison::kIsNull) return nulls == 0 ? RowSpan{} : all;
  if (nulls == batch.num_rows()) return {};
  if (predicate.op == io::Comparison::kIsNotNull) return all;
  // NaN stands outside min/max, so floats are left to the filter.
  if (IsNested(type) || IsString(type) || IsFloating(type) || IsDictionary(type)) return all;
  const Range range = RangeOf(batch, predicate.column);
  if (Excludes(range, type, predicate)) return {};
  const bool finds =
      range.rises && predicate.value->is_valid && predicate.value->type->Equals(type);
  return finds ? Found(column, predicate) : all;
}

ZoneMaps::Range ZoneMaps::RangeOf(const arrow::RecordBatch& batch, int column) const {
  std::lock_guard lock(mutex_);
  ranges_.resize(static_cast<size_t>(batch.num_columns()));
  auto& held = ranges_[static_cast<size_t>(column)];
  if (held) return *held;
  held = Range{};
  if (!kernels::InitializeArrowCompute().ok()) return *held;
  auto found = arrow::compute::CallFunction("min_max", {batch.column(column)});
  if (!found.ok()) return *held;
  const auto& pair = static_cast<const arrow::StructScalar&>(*found->scalar());
  const auto& [least, greatest] = std::tie(pair.value[0], pair.value[1]);
  const auto low = PlaceOf(*least);
  *held = {
      true, low && Rises(*batch.column_data(column)), least, greatest, low, PlaceOf(*greatest)};
  return *held;
}

bool ZoneMaps::Excludes(const Range& range, const arrow::DataType& type,
                        const io::SimplePredicate& predicate) {
  if (!range.usable) return false;
  std::optional<int> low, high;
  if (range.low && predicate.value->type->Equals(type)) {
    const auto place = PlaceOf(*predicate.value);
    if (!place) return false;
    low = Sign(*place, *range.low);
    high = Sign(*place, *range.high);
  } else {
    low = Compare(predicate.value, range.min);
    high = Compare(predicate.value, range.max);
  }
  if (!low || !high) return false;
  switch (predicate.op) {
    case io::Comparison::kEqual: return *low < 0 || *high > 0;
    case io::Comparison::kLess: return *low <= 0;
    case io::Comparison::kLessEqual: return *low < 0;
    case io::Comparison::kGreater: return *high >= 0;
    case io::Comparison::kGreaterEqual: return *high > 0;
    case io::Comparison::kNotEqual: return *low == 0 && *high == 0;
    default: return false;
  }
}

Result<Segment> Segment::Make(std::shared_ptr<arrow::RecordBatch> batch, int64_t first_position) {
  Segment segment;
  ARROW_ASSIGN_OR_RAISE(segment.byte_count, arrow::util::ReferencedBufferSize(*batch));
  segment.batch = std::move(batch);
  segment.first_position = first_position;
  segment.zones = std::make_shared<ZoneMaps>();
  return segment;
}

int64_t Segment::RowFrom(int64_t position) const {
  if (!positions) return std::clamp<int64_t>(position - first_position, 0, row_count());
  return std::lower_bound(positions->begin(), positions->end(), position) - positions->begin();
}

int64_t Segment::FindRow(int64_t position) const {
  const int64_t row = RowFrom(position);
  return row < row_count() && PositionOf(row) == position ? row : kNoRow;
}

Result<Segment> Compacted(const Segment& segment) {
  std::vector<uint32_t> rows;
  auto positions = std::make_shared<std::vector<int64_t>>();
  for (int64_t row = 0; row < segment.row_count(); ++row) {
    if (segment.IsDeleted(row)) continue;
    rows.push_back(static_cast<uint32_t>(row));
    positions->push_back(segment.PositionOf(row));
  }
  arrow::ArrayVector columns;
  for (const auto& column : segment.batch->columns()) {
    ARROW_ASSIGN_OR_RAISE(auto gathered,
                          Gather(MakeVector(column), rows, arrow::default_memory_pool()));
    columns.push_back(gathered.array());
  }
  const auto count = static_cast<int64_t>(rows.size());
  ARROW_ASSIGN_OR_RAISE(
      Segment out,
      Segment::Make(arrow::RecordBatch::Make(segment.batch->schema(), count, std::move(columns)),
                    positions->front()));
  if (positions->back() - positions->front() + 1 > count) {
    out.positions = std::move(positions);
    out.byte_count += count * int64_t{sizeof(int64_t)};
  }
  return out;
}

Result<Segment> Joined(const Segment& first, const Segment& second) {
  const int64_t count = first.row_count() + second.row_count();
  arrow::ArrayVector columns;
  for (int i = 0; i < first.batch->num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto column, JoinArrays({first.batch->column(i), second.batch->column(i)},
                                                  arrow::default_memory_pool()));
    columns.push_back(std::move(column));
  }
  Segment out;
  out.batch = arrow::RecordBatch::Make(first.batch->schema(), count, std::move(columns));
  out.first_position = first.first_position;
  out.byte_count = first.byte_count + second.byte_count;
  out.zones = std::make_shared<ZoneMaps>();
  if (second.end_position() - first.first_position == count) return out;
  auto positions = std::make_shared<std::vector<int64_t>>();
  positions->reserve(static_cast<size_t>(count));
  for (const auto* half : {&first, &second}) {
    for (int64_t row = 0; row < half->row_count(); ++row)
      positions->push_back(half->PositionOf(row));
    if (!half->positions) out.byte_count += half->row_count() * int64_t{sizeof(int64_t)};
  }
  out.positions = std::move(positions);
  return out;
}

}  // namespace velaria::storage
