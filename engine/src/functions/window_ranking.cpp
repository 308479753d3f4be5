// Functions of a row's place in its partition: row_number, rank, dense_rank, percent_rank,
// cume_dist, ntile.
#include "functions/binding.hpp"
#include "functions/window_frames.hpp"

namespace velaria {
namespace {

template <typename T, typename Value>
Result<Vector> PerRow(const FunctionContext& context, const WindowBinding& binding,
                      const WindowRows& rows, Value value) {
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(binding.type, rows.row_count, context.pool));
  T* out = data->template GetMutableValues<T>(1);
  for (int64_t i = 0; i < rows.row_count; ++i) out[i] = value(i);
  return Vector{std::move(data), false};
}

int64_t RankOf(const WindowRows& rows, int64_t i) {
  return static_cast<int64_t>(rows.peer_start[i]) - rows.partition_start[i] + 1;
}

int64_t RowsOf(const WindowRows& rows, int64_t i) {
  return static_cast<int64_t>(rows.partition_end[i]) - rows.partition_start[i];
}

Result<Vector> RowNumber(const FunctionContext& context, const WindowBinding& binding,
                         const WindowRows& rows) {
  return PerRow<int64_t>(context, binding, rows,
                         [&](int64_t i) { return i - rows.partition_start[i] + 1; });
}

Result<Vector> Rank(const FunctionContext& context, const WindowBinding& binding,
                    const WindowRows& rows) {
  return PerRow<int64_t>(context, binding, rows, [&](int64_t i) { return RankOf(rows, i); });
}

Result<Vector> DenseRank(const FunctionContext& context, const WindowBinding& binding,
                         const WindowRows& rows) {
  return PerRow<int64_t>(context, binding, rows,
                         [&](int64_t i) { return int64_t{rows.peer_number[i]} + 1; });
}

Result<Vector> PercentRank(const FunctionContext& context, const WindowBinding& binding,
                           const WindowRows& rows) {
  return PerRow<double>(context, binding, rows, [&](int64_t i) {
    const int64_t count = RowsOf(rows, i);
    return count < 2 ? 0.0
                     : static_cast<double>(RankOf(rows, i) - 1) / static_cast<double>(count - 1);
  });
}

Result<Vector> CumeDist(const FunctionContext& context, const WindowBinding& binding,
                        const WindowRows& rows) {
  return PerRow<double>(context, binding, rows, [&](int64_t i) {
    const int64_t up_to = static_cast<int64_t>(rows.peer_end[i]) - rows.partition_start[i];
    return static_cast<double>(up_to) / static_cast<double>(RowsOf(rows, i));
  });
}

/// The bucket of row `at` of `count` when they are dealt into `buckets`, the first ones one longer.
int64_t BucketOf(int64_t at, int64_t count, int64_t buckets) {
  const int64_t size = count / buckets, longer = count % buckets;
  const int64_t in_longer = longer * (size + 1);
  return at < in_longer ? at / (size + 1) + 1 : longer + (at - in_longer) / size + 1;
}

/// The number of buckets is the one of the partition's first row, as in PostgreSQL.
Result<Vector> Ntile(const FunctionContext& context, const WindowBinding& binding,
                     const WindowRows& rows) {
  const auto buckets = ViewFixed<int64_t>(rows.arguments[0]);
  ARROW_ASSIGN_OR_RAISE(auto data, AllocateFixed(binding.type, rows.row_count, context.pool));
  auto* out = data->GetMutableValues<int32_t>(1);
  ARROW_ASSIGN_OR_RAISE(auto validity, AllocateBitmap(rows.row_count, true, context.pool));
  int64_t nulls = 0;
  for (int64_t i = 0; i < rows.row_count; ++i) {
    const uint32_t first = rows.partition_start[i];
    if (!buckets.IsValid(first)) {
      arrow::bit_util::ClearBit(validity->mutable_data(), i);
      out[i] = 0;
      ++nulls;
      continue;
    }
    if (buckets[first] <= 0) {
      return Fail(ErrorCode::kBadValue,
                  "argument of ntile must be greater than zero: " + std::to_string(buckets[first]));
    }
    out[i] = static_cast<int32_t>(BucketOf(i - first, RowsOf(rows, i), buckets[first]));
  }
  if (nulls > 0) data->buffers[0] = std::move(validity);
  data->null_count = nulls;
  return Vector{std::move(data), false};
}

template <WindowKernel kKernel, bool kPeers, bool kDouble>
Result<WindowBinding> BindPlace(const BindArguments& arguments) {
  if (!arguments.types.empty()) return binding::WrongArguments();
  WindowBinding bound;
  bound.type = kDouble ? arrow::float64() : arrow::int64();
  bound.kernel = kKernel;
  bound.reads_peers = kPeers;
  return bound;
}

Result<WindowBinding> BindNtile(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  ARROW_RETURN_NOT_OK(binding::TypeFor(arguments, 0, binding::Parameter::kInteger).status());
  WindowBinding bound;
  bound.type = arrow::int32();
  bound.arguments = {arrow::int64()};
  bound.kernel = Ntile;
  return bound;
}

}  // namespace

void RegisterRanking(FunctionRegistry& registry) {
  registry.Add(WindowFunction{"row_number",
                              {},
                              "row_number() -> BIGINT",
                              "The number of the row in its partition, from 1.",
                              "SELECT row_number() OVER (ORDER BY x) FROM (VALUES (7)) AS t(x)",
                              "1",
                              BindPlace<RowNumber, false, false>});
  registry.Add(WindowFunction{
      "rank",
      {},
      "rank() -> BIGINT",
      "The number of the row's first peer in its partition, from 1: with gaps after ties.",
      "SELECT max(r) FROM (SELECT rank() OVER (ORDER BY x) AS r FROM (VALUES (1), (1), (2)) AS "
      "t(x)) AS s",
      "3",
      BindPlace<Rank, true, false>});
  registry.Add(WindowFunction{
      "dense_rank",
      {},
      "dense_rank() -> BIGINT",
      "The number of the row's peer group in its partition, from 1: without gaps.",
      "SELECT max(r) FROM (SELECT dense_rank() OVER (ORDER BY x) AS r FROM (VALUES (1), (1), (2)) "
      "AS t(x)) AS s",
      "2",
      BindPlace<DenseRank, true, false>});
  registry.Add(WindowFunction{
      "percent_rank",
      {},
      "percent_rank() -> DOUBLE",
      "(rank - 1) / (rows of the partition - 1), from 0 to 1; 0 for a single row.",
      "SELECT max(r) FROM (SELECT percent_rank() OVER (ORDER BY x) AS r FROM (VALUES (1), (2), "
      "(2)) AS t(x)) AS s",
      "0.5",
      BindPlace<PercentRank, true, true>});
  registry.Add(WindowFunction{
      "cume_dist",
      {},
      "cume_dist() -> DOUBLE",
      "The part of the partition's rows up to the row's last peer, above 0 up to 1.",
      "SELECT min(r) FROM (SELECT cume_dist() OVER (ORDER BY x) AS r FROM (VALUES (1), (2)) AS "
      "t(x)) AS s",
      "0.5",
      BindPlace<CumeDist, true, true>});
  registry.Add(WindowFunction{
      "ntile",
      {},
      "ntile(buckets BIGINT) -> INTEGER",
      "The bucket, from 1, when the partition is dealt into that many as equal as they can be.",
      "SELECT max(r) FROM (SELECT ntile(2) OVER (ORDER BY x) AS r FROM (VALUES (1), (2), (3)) AS "
      "t(x)) AS s",
      "2",
      BindNtile});
}

}  // namespace velaria
