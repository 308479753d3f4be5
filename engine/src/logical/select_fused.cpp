// Fused comparisons: `column <op> constant`, `column <op> column`, ranges and null tests straight
// on raw values, with the incoming selection, by branch-free compaction. No bitmap is made and
// nothing is gathered.
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include "logical/evaluate_rows.hpp"
#include "logical/in_list.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {
namespace {

enum class Sign { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

std::optional<Sign> SignOf(const BoundExpr& expr) {
  if (expr.kind != BoundKind::kCall || expr.children.size() != 2) return std::nullopt;
  const std::string& name = expr.name;
  if (name == "=") return Sign::kEqual;
  if (name == "<>") return Sign::kNotEqual;
  if (name == "<") return Sign::kLess;
  if (name == "<=") return Sign::kLessEqual;
  if (name == ">") return Sign::kGreater;
  if (name == ">=") return Sign::kGreaterEqual;
  return std::nullopt;
}

Sign Mirrored(Sign sign) {
  switch (sign) {
    case Sign::kLess: return Sign::kGreater;
    case Sign::kLessEqual: return Sign::kGreaterEqual;
    case Sign::kGreater: return Sign::kLess;
    case Sign::kGreaterEqual: return Sign::kLessEqual;
    default: return sign;
  }
}

/// The value as the machine compares it: 16-byte decimals as one wide integer.
template <typename T>
struct Raw {
  using Type = T;
};
template <>
struct Raw<arrow::Decimal128> {
  using Type = __int128;
};

/// The values from `low` to `high`, both included, to which a comparison with a constant comes
/// down.
template <typename V>
struct Interval {
  V low = kLowest;
  V high = kHighest;
  bool is_empty = false;
  bool has_nan = std::is_floating_point_v<V>;  // NaN stands above every number

  static constexpr V kLowest = [] {
    if constexpr (std::is_floating_point_v<V>) {
      return -std::numeric_limits<V>::infinity();
    } else {
      return static_cast<V>(V(-1) < V(0) ? V(1) << (8 * sizeof(V) - 1) : V(0));
    }
  }();
  static constexpr V kHighest = [] {
    if constexpr (std::is_floating_point_v<V>) {
      return std::numeric_limits<V>::infinity();
    } else {
      return static_cast<V>(~kLowest);
    }
  }();
};

template <typename V>
V Above(V value) {
  if constexpr (std::is_floating_point_v<V>) {
    return std::nextafter(value, Interval<V>::kHighest);
  } else {
    return static_cast<V>(value + 1);
  }
}

template <typename V>
V Below(V value) {
  if constexpr (std::is_floating_point_v<V>) {
    return std::nextafter(value, Interval<V>::kLowest);
  } else {
    return static_cast<V>(value - 1);
  }
}

/// Leaves of the interval what compares so with `constant`, which is no NaN; false for what is no
/// interval: NaN alone is above infinity.
template <typename V>
bool Narrow(Sign sign, V constant, Interval<V>* interval) {
  switch (sign) {
    case Sign::kNotEqual: return false;
    case Sign::kEqual:
      interval->low = interval->high = constant;
      interval->has_nan = false;
      return true;
    case Sign::kGreater:
      if (constant == Interval<V>::kHighest) {
        interval->is_empty = true;
        return !std::is_floating_point_v<V>;
      }
      interval->low = Above(constant);
      return true;
    case Sign::kGreaterEqual: interval->low = constant; return true;
    case Sign::kLess:
      interval->is_empty |= constant == Interval<V>::kLowest;
      interval->high = interval->is_empty ? constant : Below(constant);
      interval->has_nan = false;
      return true;
    case Sign::kLessEqual:
      interval->high = constant;
      interval->has_nan = false;
      return true;
  }
  return false;
}

/// Keeps the rows for which `passes(row)` holds.
template <typename Passes>
void Keep(int64_t row_count, const Selection* rows, Selection* out, Passes passes) {
  const size_t count = rows ? rows->size() : static_cast<size_t>(row_count);
  out->resize(count);
  uint32_t* target = out->data();
  size_t kept = 0;
  if (rows) {
    const uint32_t* source = rows->data();
    for (size_t i = 0; i < count; ++i) {
      const uint32_t row = source[i];
      target[kept] = row;
      kept += passes(row);
    }
  } else {
    for (uint32_t row = 0; row < count; ++row) {
      target[kept] = row;
      kept += passes(row);
    }
  }
  out->resize(kept);
}

bool IsValidAt(const Validity& validity, uint32_t row) {
  return arrow::bit_util::GetBit(validity.bits, validity.offset + row);
}

template <typename Passes>
void KeepValid(const Validity& validity, int64_t row_count, const Selection* rows, Selection* out,
               Passes passes) {
  if (validity.all_valid()) return Keep(row_count, rows, out, passes);
  Keep(row_count, rows, out, [&](uint32_t row) { return passes(row) & IsValidAt(validity, row); });
}

template <typename T>
const T* ValuesOf(const Vector& vector) {
  return reinterpret_cast<const T*>(vector.data->buffers[1]->data()) + vector.data->offset;
}

template <typename T>
typename Raw<T>::Type Load(const T* values, uint32_t row) {
  if constexpr (sizeof(T) == 16) {
    __int128 wide;
    std::memcpy(&wide, values + row, sizeof(wide));
    return wide;
  } else {
    return values[row];
  }
}

template <size_t width>
struct WordOf {
  using Type = std::conditional_t<
      width == 1, uint8_t,
      std::conditional_t<width == 2, uint16_t, std::conditional_t<width == 4, uint32_t, uint64_t>>>;
};
template <>
struct WordOf<16> {
  using Type = unsigned __int128;
};

/// Keeps the rows whose word lies at most `span` above `low`.
template <typename Word>
void KeepWords(const Vector& vector, Word low, Word span, int64_t row_count, const Selection* rows,
               Selection* out) {
  const auto* bytes = vector.data->buffers[1]->data() + vector.data->offset * sizeof(Word);
  KeepValid(ValidityOf(vector), row_count, rows, out, [=](uint32_t row) {
    Word word;
    std::memcpy(&word, bytes + row * sizeof(Word), sizeof(word));
    return static_cast<Word>(word - low) <= span;
  });
}

bool HasFixedValues(const BoundExpr& column, const Chunk& chunk) {
  if (column.kind != BoundKind::kColumn || FixedWidthOf(PhysicalOf(*column.type)) == 0)
    return false;
  const auto& vector = chunk.columns[static_cast<size_t>(column.column)];
  return !vector.constant && vector.data->buffers.size() > 1 && vector.data->buffers[1];
}

/// The constant's value, when it is neither null nor NaN.
template <typename T>
std::optional<typename Raw<T>::Type> ConstantOf(const BoundExpr& literal) {
  if (!ValidityOf(literal.literal).IsValid(0)) return std::nullopt;
  const auto value = Load(ValuesOf<T>(literal.literal), 0);
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return std::nullopt;
  }
  return value;
}

/// `column <op> constant` with the column on the left, whichever way it was written.
struct ConstantComparison {
  const BoundExpr* column = nullptr;
  const BoundExpr* constant = nullptr;
  Sign sign = Sign::kEqual;
};

std::optional<ConstantComparison> AsConstantComparison(const BoundExpr& expr, const Chunk& chunk) {
  const auto sign = SignOf(expr);
  if (!sign) return std::nullopt;
  const auto* left = expr.children[0].get();
  const auto* right = expr.children[1].get();
  const bool swapped = left->kind == BoundKind::kLiteral;
  if (swapped) std::swap(left, right);
  if (right->kind != BoundKind::kLiteral || !HasFixedValues(*left, chunk) ||
      !left->type->Equals(*right->type)) {
    return std::nullopt;
  }
  return ConstantComparison{left, right, swapped ? Mirrored(*sign) : *sign};
}

/// Keeps the rows whose value lies in the interval. Of integers one loop serves a width, signed or
/// not: the distance from `low`, modulo the width, is compared with the interval's.
template <typename T>
void KeepBetween(const Vector& vector, const Interval<typename Raw<T>::Type>& interval,
                 int64_t row_count, const Selection* rows, Selection* out) {
  const Validity validity = ValidityOf(vector);
  const auto low = interval.low, high = interval.high;
  if (interval.is_empty || (high < low && !interval.has_nan)) {
    out->clear();
  } else if constexpr (std::is_floating_point_v<T>) {
    const T* values = ValuesOf<T>(vector);
    if (interval.has_nan) {
      return KeepValid(validity, row_count, rows, out,
                       [=](uint32_t row) { return !(values[row] < low); });
    }
    KeepValid(validity, row_count, rows, out,
              [=](uint32_t row) { return !(values[row] < low) & (values[row] <= high); });
  } else {
    using Word = typename WordOf<sizeof(T)>::Type;
    KeepWords<Word>(vector, static_cast<Word>(low),
                    static_cast<Word>(static_cast<Word>(high) - static_cast<Word>(low)), row_count,
                    rows, out);
  }
}

bool SelectConstant(const ConstantComparison& comparison, const Chunk& chunk, const Selection* rows,
                    Selection* out) {
  const auto& vector = chunk.columns[static_cast<size_t>(comparison.column->column)];
  bool handled = false;
  const auto status = VisitFixed(PhysicalOf(*vector.type()), [&]<typename T>(T) {
    const auto constant = ConstantOf<T>(*comparison.constant);
    if (!constant) return Status::OK();
    handled = true;
    if (comparison.sign == Sign::kNotEqual) {
      const T* values = ValuesOf<T>(vector);
      KeepValid(ValidityOf(vector), chunk.row_count, rows, out,
                [values, right = *constant](uint32_t row) { return Load(values, row) != right; });
      return Status::OK();
    }
    Interval<typename Raw<T>::Type> interval;
    handled = Narrow(comparison.sign, *constant, &interval);
    if (handled) KeepBetween<T>(vector, interval, chunk.row_count, rows, out);
    return Status::OK();
  });
  return handled && status.ok();
}

bool SelectColumns(Sign sign, const BoundExpr& left, const BoundExpr& right, const Chunk& chunk,
                   const Selection* rows, Selection* out) {
  if (!HasFixedValues(left, chunk) || !HasFixedValues(right, chunk) ||
      !left.type->Equals(*right.type) || IsFloating(*left.type)) {
    return false;  // two floats may both be NaN: the function's kernel knows that order
  }
  if (sign == Sign::kGreater || sign == Sign::kGreaterEqual) {
    return SelectColumns(Mirrored(sign), right, left, chunk, rows, out);
  }
  const auto& a = chunk.columns[static_cast<size_t>(left.column)];
  const auto& b = chunk.columns[static_cast<size_t>(right.column)];
  const Validity a_valid = ValidityOf(a), b_valid = ValidityOf(b);
  const auto status = VisitFixed(PhysicalOf(*a.type()), [&]<typename T>(T) {
    const T* x = ValuesOf<T>(a);
    const T* y = ValuesOf<T>(b);
    const auto keep = [&](auto test) {
      if (b_valid.all_valid()) return KeepValid(a_valid, chunk.row_count, rows, out, test);
      KeepValid(a_valid, chunk.row_count, rows, out,
                [&](uint32_t row) { return test(row) & IsValidAt(b_valid, row); });
    };
    if (sign == Sign::kLess) {
      keep([=](uint32_t row) { return Load(x, row) < Load(y, row); });
    } else if (sign == Sign::kLessEqual) {
      keep([=](uint32_t row) { return Load(x, row) <= Load(y, row); });
    } else {
      const bool wants_equal = sign == Sign::kEqual;
      keep([=](uint32_t row) { return (Load(x, row) == Load(y, row)) == wants_equal; });
    }
    return Status::OK();
  });
  return status.ok();
}

bool SelectNullTest(const BoundExpr& expr, const Chunk& chunk, const Selection* rows,
                    Selection* out) {
  if (expr.kind != BoundKind::kCall || expr.children.size() != 1) return false;
  const bool wants_null = expr.name == "is_null";
  if (!wants_null && expr.name != "is_not_null") return false;
  const auto& child = *expr.children[0];
  if (child.kind != BoundKind::kColumn) return false;
  const auto& vector = chunk.columns[static_cast<size_t>(child.column)];
  const Validity validity = ValidityOf(vector);
  if (vector.constant || validity.all_null) return false;
  if (validity.all_valid()) {
    const bool all = !wants_null;
    Keep(all ? chunk.row_count : 0, all ? rows : nullptr, out, [](uint32_t) { return true; });
    return true;
  }
  Keep(chunk.row_count, rows, out,
       [&](uint32_t row) { return IsValidAt(validity, row) != wants_null; });
  return true;
}

}  // namespace

bool SelectFused(const BoundExpr& conjunct, const Chunk& chunk, const Selection* rows,
                 Selection* out) {
  if (const auto comparison = AsConstantComparison(conjunct, chunk)) {
    return SelectConstant(*comparison, chunk, rows, out);
  }
  if (const auto sign = SignOf(conjunct)) {
    return SelectColumns(*sign, *conjunct.children[0], *conjunct.children[1], chunk, rows, out);
  }
  return SelectInList(conjunct, chunk, rows, out) || SelectNullTest(conjunct, chunk, rows, out);
}

bool SelectFusedRange(const BoundExpr& low, const BoundExpr& high, const Chunk& chunk,
                      const Selection* rows, Selection* out) {
  auto from = AsConstantComparison(low, chunk), to = AsConstantComparison(high, chunk);
  if (!from || !to || from->column->column != to->column->column) return false;
  const auto is_lower = [](Sign s) { return s == Sign::kGreater || s == Sign::kGreaterEqual; };
  const auto is_upper = [](Sign s) { return s == Sign::kLess || s == Sign::kLessEqual; };
  if (is_upper(from->sign) && is_lower(to->sign)) std::swap(from, to);
  if (!is_lower(from->sign) || !is_upper(to->sign)) return false;
  const auto& vector = chunk.columns[static_cast<size_t>(from->column->column)];
  bool handled = false;
  const auto status = VisitFixed(PhysicalOf(*vector.type()), [&]<typename T>(T) {
    const auto a = ConstantOf<T>(*from->constant), b = ConstantOf<T>(*to->constant);
    Interval<typename Raw<T>::Type> interval;
    handled = a && b && Narrow(from->sign, *a, &interval) && Narrow(to->sign, *b, &interval);
    if (handled) KeepBetween<T>(vector, interval, chunk.row_count, rows, out);
    return Status::OK();
  });
  return handled && status.ok();
}

}  // namespace velaria::logical
