// range and generate_series as lists, of numbers and of times.
#include "functions/calendar.hpp"

#include <arrow/array/builder_primitive.h>
#include <arrow/buffer_builder.h>
#include "functions/nested.hpp"
#include "functions/operators.hpp"
#include "functions/temporal_text.hpp"

namespace velaria::nested {
namespace {

using binding::Parameter;
using calendar::Interval;

Status TooMany() { return Fail(ErrorCode::kBadValue, "a list may have at most 67108864 elements"); }

/// Appends the rows of an Int64Builder-like `values` as lists of `type`.
template <typename Row>
Result<Vector> BuildLists(const FunctionContext& context, const TypePtr& type,
                          std::span<const Vector> arguments, int64_t row_count, Row&& row) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(type, context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  arrow::Int64Builder values(context.pool);
  arrow::TypedBufferBuilder<int32_t> offsets(context.pool);
  VELARIA_RETURN_NOT_OK(offsets.Append(0));
  std::vector<uint8_t> valid(static_cast<size_t>(extent.rows), 1);
  for (int64_t i = 0; i < extent.rows; ++i) {
    for (const auto& argument : arguments)
      valid[static_cast<size_t>(i)] &= ValidityOf(argument).IsValid(i);
    if (valid[static_cast<size_t>(i)]) VELARIA_RETURN_NOT_OK(row(i, &values));
    if (values.length() > std::numeric_limits<int32_t>::max() / 4) return TooMany();
    VELARIA_RETURN_NOT_OK(offsets.Append(static_cast<int32_t>(values.length())));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, values.Finish());
  VELARIA_ASSIGN_OR_RETURN(auto offset_buffer, offsets.Finish());
  auto child = array->data()->Copy();
  child->type = arrow::internal::checked_cast<const arrow::ListType&>(*type).value_type();
  auto data = arrow::ArrayData::Make(type, extent.rows, {nullptr, std::move(offset_buffer)}, 0);
  data->child_data = {std::move(child)};
  return WithValidity(Vector{std::move(data), extent.constant}, valid, context.pool);
}

/// (stop), (start, stop) or (start, stop, step); `inclusive` counts stop in.
template <bool inclusive>
Result<Vector> RunIntegers(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const size_t count = arguments.size();
  const auto first = ViewFixed<int64_t>(arguments[0]);
  const auto second = count > 1 ? ViewFixed<int64_t>(arguments[1]) : first;
  const auto third = count > 2 ? ViewFixed<int64_t>(arguments[2]) : first;
  return BuildLists(context, binding.type, arguments, row_count,
                    [&](int64_t i, arrow::Int64Builder* values) -> Status {
                      const __int128 start = count > 1 ? first[i] : 0;
                      const __int128 stop = count > 1 ? second[i] : first[i];
                      const __int128 step = count > 2 ? third[i] : 1;
                      if (step == 0)
                        return Fail(ErrorCode::kBadValue, "a step of a range must not be 0");
                      const __int128 span = step > 0 ? stop - start : start - stop;
                      const __int128 width = step > 0 ? step : -step;
                      const __int128 elements = span < 0    ? 0
                                                : inclusive ? span / width + 1
                                                            : (span + width - 1) / width;
                      if (elements > kElementsMax) return TooMany();
                      VELARIA_RETURN_NOT_OK(values->Reserve(static_cast<int64_t>(elements)));
                      for (__int128 k = 0; k < elements; ++k)
                        values->UnsafeAppend(static_cast<int64_t>(start + k * step));
                      return Status::OK();
                    });
}

/// From a timestamp to another by an interval; each step is added to the one before, as PostgreSQL
/// does.
template <bool inclusive>
Result<Vector> RunTimes(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const auto start = ViewFixed<int64_t>(arguments[0]), stop = ViewFixed<int64_t>(arguments[1]);
  const auto step = ViewFixed<Interval>(arguments[2]);
  constexpr int64_t kMicrosPerDay = calendar::kSecondsPerDay * 1'000'000;
  return BuildLists(context, binding.type, arguments, row_count,
                    [&](int64_t i, arrow::Int64Builder* values) -> Status {
                      const Interval& by = step[i];
                      const int64_t micros = by.nanoseconds / 1'000;
                      const bool upward = by.months > 0 || by.days > 0 || micros > 0;
                      const bool downward = by.months < 0 || by.days < 0 || micros < 0;
                      if (upward == downward) {
                        return Fail(ErrorCode::kBadValue,
                                    upward ? "a step of a range must not have parts of both signs"
                                           : "a step of a range must not be 0");
                      }
                      int64_t at = start[i];
                      for (int64_t count = 0;; ++count) {
                        if (upward ? at > stop[i] : at < stop[i]) return Status::OK();
                        if (!inclusive && at == stop[i]) return Status::OK();
                        if (count > kElementsMax) return TooMany();
                        VELARIA_RETURN_NOT_OK(values->Append(at));
                        const int64_t days = calendar::FloorDivide(at, kMicrosPerDay);
                        const __int128 next =
                            static_cast<__int128>(calendar::AddMonths(days, by.months) + by.days) *
                                kMicrosPerDay +
                            calendar::FloorModulo(at, kMicrosPerDay) + micros;
                        if (next != static_cast<int64_t>(next)) return Status::OK();
                        at = static_cast<int64_t>(next);
                      }
                    });
}

template <bool inclusive>
Result<ScalarBinding> BindRange(const BindArguments& arguments) {
  const size_t count = arguments.types.size();
  if (count < 1 || count > 3) return binding::WrongArguments();
  const bool times = count == 3 && std::any_of(arguments.types.begin(), arguments.types.begin() + 2,
                                               [](const auto& type) { return IsTemporal(*type); });
  if (times) {
    for (size_t i = 0; i < 2; ++i)
      VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kTimestamp).status());
    const TypePtr step = LogicalType(arguments.types[2]);
    if (step->id() != arrow::Type::INTERVAL_MONTH_DAY_NANO && !binding::IsTextLiteral(arguments, 2))
      return binding::WrongArguments();
    bool zoned = false;
    for (size_t i = 0; i < 2; ++i) {
      zoned |= arguments.types[i]->id() == arrow::Type::TIMESTAMP &&
               !arrow::internal::checked_cast<const arrow::TimestampType&>(*arguments.types[i])
                    .timezone()
                    .empty();
    }
    const TypePtr type = arrow::timestamp(arrow::TimeUnit::MICRO, zoned ? "UTC" : "");
    return ScalarBinding{arrow::list(type),
                         {type, type, arrow::month_day_nano_interval()},
                         RunTimes<inclusive>,
                         nullptr};
  }
  for (size_t i = 0; i < count; ++i)
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kInteger).status());
  return ScalarBinding{arrow::list(arrow::int64()), std::vector<TypePtr>(count, arrow::int64()),
                       RunIntegers<inclusive>, nullptr};
}

}  // namespace

void RegisterRange(RowAdder& add) {
  add("range", {}, "range([start, ]stop[, step]) -> BIGINT[] or TIMESTAMP[]",
      "The numbers from start, 0 if left out, up to but without stop; times with an INTERVAL as "
      "step.",
      "range(1, 10, 3)", "[1, 4, 7]", BindRange<false>);
  add("generate_series", {}, "generate_series([start, ]stop[, step]) -> BIGINT[] or TIMESTAMP[]",
      "The numbers from start, 0 if left out, up to stop; times with an INTERVAL as step.",
      "generate_series(1, 10, 3)", "[1, 4, 7, 10]", BindRange<true>);
}

}  // namespace velaria::nested
