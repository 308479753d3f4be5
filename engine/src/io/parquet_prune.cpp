#include "io/parquet_prune.hpp"

#include <arrow/compute/api.h>
#include <parquet/arrow/reader.h>
#include <parquet/statistics.h>

namespace velaria::io {
namespace {

/// Whether `a op b`; false when it cannot be said.
bool Holds(const char* op, const arrow::Scalar& a, const arrow::Scalar& b) {
  auto result = arrow::compute::CallFunction(
      op, {arrow::Datum(a.GetSharedPtr()), arrow::Datum(b.GetSharedPtr())});
  if (!result.ok() || !result->is_scalar() || !result->scalar()->is_valid) return false;
  return static_cast<const arrow::BooleanScalar&>(*result->scalar()).value;
}

std::shared_ptr<arrow::Scalar> OfType(std::shared_ptr<arrow::Scalar> scalar,
                                      const arrow::DataType& type) {
  if (!scalar || !scalar->is_valid) return nullptr;
  if (scalar->type->Equals(type)) return scalar;
  auto cast = arrow::compute::Cast(arrow::Datum(scalar), type.GetSharedPtr());
  return cast.ok() ? cast->scalar() : nullptr;
}

bool RangeMayHold(const arrow::Scalar& low, const arrow::Scalar& high, Comparison op,
                  const arrow::Scalar& value, bool is_float) {
  switch (op) {
    case Comparison::kEqual: return !Holds("less", value, low) && !Holds("greater", value, high);
    case Comparison::kLess: return !Holds("greater_equal", low, value);
    case Comparison::kLessEqual: return !Holds("greater", low, value);
    // NaN sorts above all numbers and is missing from the statistics.
    case Comparison::kGreater: return is_float || !Holds("less_equal", high, value);
    case Comparison::kGreaterEqual: return is_float || !Holds("less", high, value);
    // The bounds of texts may be cut, so they need not be values that occur.
    case Comparison::kNotEqual:
    case Comparison::kIsNull:
    case Comparison::kIsNotNull: return true;
  }
  return true;
}

}  // namespace

bool MayHold(const parquet::ColumnChunkMetaData& chunk, const arrow::DataType& type,
             const SimplePredicate& predicate) {
  if (!chunk.is_stats_set()) return true;
  const auto statistics = chunk.statistics();
  if (!statistics) return true;
  if (statistics->HasNullCount()) {
    const bool has_nulls = statistics->null_count() > 0;
    const bool all_null = statistics->null_count() >= chunk.num_values();
    if (predicate.op == Comparison::kIsNull) return has_nulls;
    if (all_null) return false;
  }
  if (predicate.op == Comparison::kIsNull || predicate.op == Comparison::kIsNotNull) return true;
  if (!statistics->HasMinMax() || !predicate.value || !predicate.value->is_valid) return true;
  std::shared_ptr<arrow::Scalar> low, high;
  if (!parquet::arrow::StatisticsAsScalars(*statistics, &low, &high).ok()) return true;
  const auto logical = LogicalType(type.GetSharedPtr());
  low = OfType(std::move(low), *logical);
  high = OfType(std::move(high), *logical);
  const auto value = OfType(predicate.value, *logical);
  if (!low || !high || !value) return true;
  if (IsFloating(*logical) && !Holds("equal", *value, *value)) return true;  // NaN
  return RangeMayHold(*low, *high, predicate.op, *value, IsFloating(*logical));
}

}  // namespace velaria::io
