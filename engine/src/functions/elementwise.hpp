// Loops over fixed-width values, one template for every kernel that computes row i of its result
// from row i of its arguments. Every row is computed, nulls included, so that the loop has no
// branch; a row that cannot be computed only raises a flag, and the rows are looked at a second
// time, valid ones alone, to find the value for the message.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/function_ref.hpp"
#include "functions/registry.hpp"

namespace velaria::kernels {

/// How many rows a call computes: a single one, broadcast, when every argument is constant.
struct Extent {
  int64_t rows;
  bool constant;
};

inline Extent ExtentOf(std::span<const Vector> arguments, int64_t row_count) {
  for (const auto& argument : arguments) {
    if (!argument.constant) return {row_count, false};
  }
  return row_count == 0 ? Extent{0, false} : Extent{1, true};
}

inline bool IsConstantNull(const Vector& vector) {
  if (vector.type()->id() == arrow::Type::NA) return true;
  return vector.constant && !ValidityOf(vector).IsValid(0);
}

/// With the usual null rule one such argument makes every row null.
inline bool HasConstantNull(std::span<const Vector> arguments) {
  return std::any_of(arguments.begin(), arguments.end(), IsConstantNull);
}

/// A result whose rows are null where an argument is.
Result<Vector> WithArgumentNulls(const FunctionContext& context, ArrayDataPtr data,
                                 std::span<const Vector> arguments, Extent extent);

/// A 16-byte decimal as it lies in a buffer, which promises no more than 8-byte alignment.
struct DecimalCell {
  uint64_t low, high;
  static DecimalCell Of(__int128 value) {
    const auto bits = static_cast<unsigned __int128>(value);
    return {static_cast<uint64_t>(bits), static_cast<uint64_t>(bits >> 64)};
  }
  __int128 value() const {
    return static_cast<__int128>((static_cast<unsigned __int128>(high) << 64) | low);
  }
};

/// Calls `body(row, a, b)` for each row with the constant side, if any, held in a register.
template <typename A, typename B, typename Body>
void ForEachPair(const FixedView<A>& a, const FixedView<B>& b, int64_t rows, Body&& body) {
  if (rows == 0) return;
  if (a.stride != 0 && b.stride != 0) {
    for (int64_t i = 0; i < rows; ++i) body(i, a.values[i], b.values[i]);
  } else if (a.stride != 0) {
    const B right = b.values[0];
    for (int64_t i = 0; i < rows; ++i) body(i, a.values[i], right);
  } else if (b.stride != 0) {
    const A left = a.values[0];
    for (int64_t i = 0; i < rows; ++i) body(i, left, b.values[i]);
  } else {
    for (int64_t i = 0; i < rows; ++i) body(i, a.values[0], b.values[0]);
  }
}

/// The frame around one call's typed loops, compiled once: `compute(rows, out)` fills the values of
/// all rows and says whether one of them has no result; `explain(row)` is then the error of a valid
/// row, or OK where it has a result.
Result<Vector> MapFixed(const FunctionContext& context, const TypePtr& type,
                        std::span<const Vector> arguments, int64_t row_count,
                        FunctionRef<bool(int64_t rows, uint8_t* out)> compute,
                        FunctionRef<Status(int64_t row)> explain);

/// `op(a, &out)` returns a signed integer that is negative when `a` has no result; `fault(a)` is
/// the error then.
template <typename A, typename Out, typename Op, typename Fault>
Result<Vector> MapUnary(const FunctionContext& context, const TypePtr& type, const Vector& argument,
                        int64_t row_count, Op op, Fault fault) {
  const auto compute = [&](int64_t rows, uint8_t* bytes) {
    Out* out = reinterpret_cast<Out*>(bytes);
    const auto a = ViewFixed<A>(argument);
    decltype(op(A{}, out)) flags = 0;
    for (int64_t i = 0; i < rows; ++i) flags |= op(a.values[i], &out[i]);
    return flags < 0;
  };
  const auto explain = [&](int64_t row) -> Status {
    const A a = ViewFixed<A>(argument).values[row];
    Out ignored;
    return op(a, &ignored) < 0 ? fault(a) : Status::OK();
  };
  return MapFixed(context, type, {&argument, 1}, row_count, compute, explain);
}

/// As MapUnary, for two arguments.
template <typename A, typename B, typename Out, typename Op, typename Fault>
Result<Vector> MapBinary(const FunctionContext& context, const TypePtr& type,
                         std::span<const Vector> arguments, int64_t row_count, Op op, Fault fault) {
  const auto compute = [&](int64_t rows, uint8_t* bytes) {
    Out* out = reinterpret_cast<Out*>(bytes);
    decltype(op(A{}, B{}, out)) flags = 0;
    ForEachPair(ViewFixed<A>(arguments[0]), ViewFixed<B>(arguments[1]), rows,
                [&](int64_t i, A x, B y) { flags |= op(x, y, &out[i]); });
    return flags < 0;
  };
  const auto explain = [&](int64_t row) -> Status {
    const A a = ViewFixed<A>(arguments[0])[row];
    const B b = ViewFixed<B>(arguments[1])[row];
    Out ignored;
    return op(a, b, &ignored) < 0 ? fault(a, b) : Status::OK();
  };
  return MapFixed(context, type, arguments, row_count, compute, explain);
}

/// The fault of an operation that has none.
struct NoFault {
  template <typename... Values>
  Status operator()(const Values&...) const {
    return Bug("an operation without faults raised one");
  }
};

/// Packs `rows` booleans, `test(row)` each, into a fresh bitmap buffer of a BOOLEAN result.
template <typename Test>
void PackBits(int64_t rows, uint8_t* bitmap, Test&& test) {
  int64_t row = 0;
  for (; row + 64 <= rows; row += 64) {
    uint8_t bytes[64];
    for (int j = 0; j < 64; ++j) bytes[j] = static_cast<uint8_t>(test(row + j));
    uint64_t word = 0;
    for (int j = 0; j < 8; ++j) {
      uint64_t eight;
      std::memcpy(&eight, bytes + 8 * j, 8);
      // Bytes of 0 or 1 gathered into the top byte, the first byte lowest.
      word |= ((eight * 0x0102040810204080ULL) >> 56) << (8 * j);
    }
    std::memcpy(bitmap + row / 8, &word, 8);
  }
  for (; row < rows; ++row) {
    if (test(row)) arrow::bit_util::SetBit(bitmap, row);
  }
}

/// A BOOLEAN per row, which `pack(rows, bitmap)` sets, with the usual null rule.
Result<Vector> MapToBits(const FunctionContext& context, std::span<const Vector> arguments,
                         Extent extent, FunctionRef<void(int64_t rows, uint8_t* bitmap)> pack);

/// A BOOLEAN per row from `test(row)`, with the usual null rule.
template <typename Test>
Result<Vector> MapToBoolean(const FunctionContext& context, std::span<const Vector> arguments,
                            Extent extent, Test&& test) {
  return MapToBits(context, arguments, extent,
                   [&](int64_t rows, uint8_t* bitmap) { PackBits(rows, bitmap, test); });
}

/// The common fixed-width call: a typed body is chosen by the argument's physical type, once per
/// chunk at most.
#define VELARIA_INTEGER_CASES(X) \
  X(Physical::kInt8, int8_t)     \
  X(Physical::kInt16, int16_t)   \
  X(Physical::kInt32, int32_t)   \
  X(Physical::kInt64, int64_t)   \
  X(Physical::kUInt8, uint8_t)   \
  X(Physical::kUInt16, uint16_t) \
  X(Physical::kUInt32, uint32_t) \
  X(Physical::kUInt64, uint64_t)

#define VELARIA_NUMBER_CASES(X) \
  VELARIA_INTEGER_CASES(X)      \
  X(Physical::kFloat, float)    \
  X(Physical::kDouble, double)

}  // namespace velaria::kernels
