// Fused comparisons: `column <op> constant`, `column <op> column`, ranges and null tests straight
// on raw values, with the incoming selection, by branch-free compaction. No bitmap is made and
// nothing is gathered.
#include <cmath>
#include <cstring>
#include <optional>

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

/// NaN equals itself and is greater than every number, so "greater" is written as "not at most".
/// The constant on the right is never NaN.
struct EqualTo {
  template <typename V>
  static bool Test(V a, V b) {
    return a == b;
  }
};
struct NotEqualTo {
  template <typename V>
  static bool Test(V a, V b) {
    return a != b;
  }
};
struct LessThan {
  template <typename V>
  static bool Test(V a, V b) {
    return a < b;
  }
};
struct AtMost {
  template <typename V>
  static bool Test(V a, V b) {
    return a <= b;
  }
};
struct GreaterThan {
  template <typename V>
  static bool Test(V a, V b) {
    return !(a <= b);
  }
};
struct AtLeast {
  template <typename V>
  static bool Test(V a, V b) {
    return !(a < b);
  }
};

template <typename Visit>
void VisitSign(Sign sign, Visit visit) {
  switch (sign) {
    case Sign::kEqual: return visit(EqualTo{});
    case Sign::kNotEqual: return visit(NotEqualTo{});
    case Sign::kLess: return visit(LessThan{});
    case Sign::kLessEqual: return visit(AtMost{});
    case Sign::kGreater: return visit(GreaterThan{});
    case Sign::kGreaterEqual: return visit(AtLeast{});
  }
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

bool SelectConstant(const ConstantComparison& comparison, const Chunk& chunk, const Selection* rows,
                    Selection* out) {
  const auto& vector = chunk.columns[static_cast<size_t>(comparison.column->column)];
  const Validity validity = ValidityOf(vector);
  bool handled = false;
  const auto status = VisitFixed(PhysicalOf(*vector.type()), [&]<typename T>(T) {
    const auto constant = ConstantOf<T>(*comparison.constant);
    if (!constant) return Status::OK();
    handled = true;
    VisitSign(comparison.sign, [&]<typename Op>(Op) {
      const T* values = ValuesOf<T>(vector);
      const auto right = *constant;
      KeepValid(validity, chunk.row_count, rows, out,
                [=](uint32_t row) { return Op::Test(Load(values, row), right); });
    });
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
  const auto& a = chunk.columns[static_cast<size_t>(left.column)];
  const auto& b = chunk.columns[static_cast<size_t>(right.column)];
  const Validity a_valid = ValidityOf(a), b_valid = ValidityOf(b);
  const auto status = VisitFixed(PhysicalOf(*a.type()), [&]<typename T>(T) {
    VisitSign(sign, [&]<typename Op>(Op) {
      const T* x = ValuesOf<T>(a);
      const T* y = ValuesOf<T>(b);
      const auto test = [=](uint32_t row) { return Op::Test(Load(x, row), Load(y, row)); };
      if (b_valid.all_valid()) return KeepValid(a_valid, chunk.row_count, rows, out, test);
      KeepValid(a_valid, chunk.row_count, rows, out,
                [&](uint32_t row) { return test(row) & IsValidAt(b_valid, row); });
    });
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
  const Validity validity = ValidityOf(vector);
  bool handled = false;
  const auto status = VisitFixed(PhysicalOf(*vector.type()), [&]<typename T>(T) {
    const auto a = ConstantOf<T>(*from->constant), b = ConstantOf<T>(*to->constant);
    if (!a || !b) return Status::OK();
    handled = true;
    const T* values = ValuesOf<T>(vector);
    const auto select = [&](auto at_least, auto at_most) {
      using Low = decltype(at_least);
      using High = decltype(at_most);
      const auto low_value = *a, high_value = *b;
      KeepValid(validity, chunk.row_count, rows, out, [=](uint32_t row) {
        const auto value = Load(values, row);
        return Low::Test(value, low_value) & High::Test(value, high_value);
      });
    };
    const bool open_low = from->sign == Sign::kGreater, open_high = to->sign == Sign::kLess;
    if (open_low && open_high)
      select(GreaterThan{}, LessThan{});
    else if (open_low)
      select(GreaterThan{}, AtMost{});
    else if (open_high)
      select(AtLeast{}, LessThan{});
    else
      select(AtLeast{}, AtMost{});
    return Status::OK();
  });
  return handled && status.ok();
}

}  // namespace velaria::logical
