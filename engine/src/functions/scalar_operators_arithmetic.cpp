// + - * / % and unary minus over integers and floats. Results follow PostgreSQL: integers stay
// integers of the wider side and fail on overflow, integer division truncates toward zero, any
// float makes the result DOUBLE, and a float result that leaves the finite numbers is an overflow
// too.
#include <arrow/scalar.h>

#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/operators.hpp"

namespace velaria::operators {
namespace {

using binding::IsTextLiteral;
using kernels::MapBinary;
using kernels::MapUnary;
using kernels::NumberText;

/// The integer type in which a sum of two T does not overflow, for T under 64 bits.
template <typename T>
using Wide = std::conditional_t<(sizeof(T) < 4), int32_t, int64_t>;

// Each operation returns its flag as a signed integer: negative on a fault (see elementwise.hpp).

struct Add {
  static constexpr char kSign = '+';
  template <typename T>
  static auto Apply(T a, T b, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      *out = a + b;
      return -static_cast<int64_t>(!(std::abs(*out) <= std::numeric_limits<T>::max()));
    } else if constexpr (std::is_same_v<T, int64_t>) {
      const int64_t sum = static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
      *out = sum;
      return (a ^ sum) & (b ^ sum);
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      *out = a + b;
      return -static_cast<int64_t>(*out < a);
    } else {
      const auto wide = static_cast<Wide<T>>(a) + static_cast<Wide<T>>(b);
      *out = static_cast<T>(wide);
      return -static_cast<Wide<T>>(wide != static_cast<Wide<T>>(*out));
    }
  }
};

struct Subtract {
  static constexpr char kSign = '-';
  template <typename T>
  static auto Apply(T a, T b, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      *out = a - b;
      return -static_cast<int64_t>(!(std::abs(*out) <= std::numeric_limits<T>::max()));
    } else if constexpr (std::is_same_v<T, int64_t>) {
      const int64_t difference =
          static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
      *out = difference;
      return (a ^ b) & (a ^ difference);
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      *out = a - b;
      return -static_cast<int64_t>(a < b);
    } else {
      const auto wide = static_cast<Wide<T>>(a) - static_cast<Wide<T>>(b);
      *out = static_cast<T>(wide);
      return -static_cast<Wide<T>>(wide != static_cast<Wide<T>>(*out));
    }
  }
};

struct Multiply {
  static constexpr char kSign = '*';
  template <typename T>
  static auto Apply(T a, T b, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      *out = a * b;
      return -static_cast<int64_t>(!(std::abs(*out) <= std::numeric_limits<T>::max()));
    } else if constexpr (sizeof(T) == 8) {
      return -static_cast<int64_t>(__builtin_mul_overflow(a, b, out));
    } else {
      // A product of two 32-bit values, signed or not, fits into 64 bits of the same signedness.
      using Product = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
      const Product wide = static_cast<Product>(a) * static_cast<Product>(b);
      *out = static_cast<T>(wide);
      return -static_cast<int64_t>(wide != static_cast<Product>(*out));
    }
  }
};

/// Whether a / b leaves the type: the one quotient of two's complement that has no value.
template <typename T>
bool QuotientOverflows(T a, T b) {
  if constexpr (std::is_signed_v<T>) {
    return b == static_cast<T>(-1) && a == std::numeric_limits<T>::min();
  } else {
    return false;
  }
}

struct Divide {
  static constexpr char kSign = '/';
  template <typename T>
  static int64_t Apply(T a, T b, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      *out = a / b;
      return -static_cast<int64_t>(!(std::abs(*out) <= std::numeric_limits<T>::max()) || b == 0);
    } else {
      const bool fault = b == 0 || QuotientOverflows(a, b);
      *out = static_cast<T>(a / (fault ? static_cast<T>(1) : b));
      return -static_cast<int64_t>(fault);
    }
  }
};

struct Modulo {
  static constexpr char kSign = '%';
  template <typename T>
  static int64_t Apply(T a, T b, T* out) {
    if constexpr (std::is_floating_point_v<T>) {
      *out = std::fmod(a, b);
      return -static_cast<int64_t>(b == 0);
    } else {
      const T divisor = b == 0 || QuotientOverflows(a, b) ? static_cast<T>(1) : b;
      *out = static_cast<T>(a % divisor);
      return -static_cast<int64_t>(b == 0);
    }
  }
};

template <typename Op, typename T>
Result<Vector> RunBinary(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  // A float flag also rises for infinite or NaN operands, which have a result; the second look
  // sorts them out.
  auto apply = [](T a, T b, T* out) { return Op::template Apply<T>(a, b, out); };
  auto fault = [&binding](T a, T b) -> Status {
    if ((Op::kSign == '/' || Op::kSign == '%') && b == 0) {
      return Fail(ErrorCode::kDivisionByZero,
                  "division by zero: " + NumberText(a) + " " + Op::kSign + " " + NumberText(b));
    }
    return Fail(ErrorCode::kOverflow, SqlName(*binding.type) + " out of range: " + NumberText(a) +
                                          " " + Op::kSign + " " + NumberText(b));
  };
  if constexpr (std::is_floating_point_v<T>) {
    VELARIA_ASSIGN_OR_RETURN(Vector result,
                             (MapBinary<T, T, T>(
                                 context, binding.type, arguments, row_count,
                                 [&](T a, T b, T* out) {
                                   int64_t flag = apply(a, b, out);
                                   if (__builtin_expect(flag < 0, 0)) {
                                     const bool finite = std::isfinite(a) && std::isfinite(b);
                                     const bool by_zero = (Op::kSign == '/' || Op::kSign == '%') &&
                                                          b == 0 && !std::isnan(a);
                                     flag = -static_cast<int64_t>(finite || by_zero);
                                   }
                                   return flag;
                                 },
                                 fault)));
    return result;
  } else {
    return MapBinary<T, T, T>(context, binding.type, arguments, row_count, apply, fault);
  }
}

template <typename T>
Result<Vector> RunNegate(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<T, T>(
      context, binding.type, arguments[0], row_count,
      [](T a, T* out) -> int64_t {
        if constexpr (std::is_floating_point_v<T>) {
          *out = -a;
          return 0;
        } else {
          return Subtract::Apply<T>(0, a, out);
        }
      },
      [&binding](T a) {
        return Fail(ErrorCode::kOverflow,
                    SqlName(*binding.type) + " out of range: -(" + NumberText(a) + ")");
      });
}

Result<Vector> RunIdentity(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return arguments[0];
}

template <typename Op>
ScalarKernel BinaryKernel(const arrow::DataType& type) {
  switch (PhysicalOf(type)) {
#define X(physical, T) \
  case physical: return RunBinary<Op, T>;
    VELARIA_NUMBER_CASES(X)
#undef X
    default: return nullptr;
  }
}

ScalarKernel NegateKernel(const arrow::DataType& type) {
  switch (PhysicalOf(type)) {
#define X(physical, T) \
  case physical: return RunNegate<T>;
    VELARIA_NUMBER_CASES(X)
#undef X
    default: return nullptr;
  }
}

bool IsNonNegativeConstant(const std::shared_ptr<arrow::Scalar>& constant) {
  if (!constant || !constant->is_valid || !IsInteger(*constant->type)) return false;
  const auto wide = constant->CastTo(arrow::int64());
  return wide.ok() && arrow::internal::checked_cast<const arrow::Int64Scalar&>(**wide).value >= 0;
}

/// A literal beside a UBIGINT stays in its range instead of making both DECIMAL.
TypePtr IntegerResult(const BindArguments& arguments, const TypePtr& a, const TypePtr& b) {
  if (a->id() == arrow::Type::UINT64 && IsNonNegativeConstant(binding::ConstantAt(arguments, 1)))
    return a;
  if (b->id() == arrow::Type::UINT64 && IsNonNegativeConstant(binding::ConstantAt(arguments, 0)))
    return b;
  return CommonType(a, b).ValueOr(nullptr);
}

/// The operands' logical types with literals and NULLs given the other side's type.
std::pair<TypePtr, TypePtr> OperandTypes(const BindArguments& arguments) {
  TypePtr a = LogicalType(arguments.types[0]), b = LogicalType(arguments.types[1]);
  const bool a_open = a->id() == arrow::Type::NA || IsTextLiteral(arguments, 0);
  const bool b_open = b->id() == arrow::Type::NA || IsTextLiteral(arguments, 1);
  if (a_open && b_open) return {arrow::int32(), arrow::int32()};
  if (a_open && IsNumeric(*b)) return {b, b};
  if (b_open && IsNumeric(*a)) return {a, a};
  return {a, b};
}

template <typename Op>
Result<ScalarBinding> BindBinary(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  const auto [a, b] = OperandTypes(arguments);
  if (!IsNumeric(*a) || !IsNumeric(*b)) {
    auto temporal = BindTemporalArithmetic(Op::kSign, arguments);
    return binding::IsWrongArguments(temporal.status())
               ? DoesNotApply(std::string(1, Op::kSign), arguments)
               : temporal;
  }
  TypePtr type;
  if (IsInteger(*a) && IsInteger(*b)) {
    type = IntegerResult(arguments, a, b);
  } else if (IsFloating(*a) || IsFloating(*b)) {
    VELARIA_ASSIGN_OR_RETURN(type, CommonType(a, b));
  }
  if (type == nullptr || IsDecimal(*type)) {
    BindArguments typed = arguments;
    typed.types = {a, b};
    return BindDecimalArithmetic(Op::kSign, typed);
  }
  return ScalarBinding{type, {type, type}, BinaryKernel<Op>(*type), nullptr};
}

Result<ScalarBinding> BindSign(const BindArguments& arguments, bool negate) {
  TypePtr type = LogicalType(arguments.types[0]);
  if (type->id() == arrow::Type::NA) type = arrow::int32();
  if (IsTextLiteral(arguments, 0)) type = arrow::float64();
  if (!IsNumeric(*type)) {
    if (!negate || type->id() != arrow::Type::INTERVAL_MONTH_DAY_NANO)
      return DoesNotApply(negate ? "-" : "+", arguments);
    return BindTemporalArithmetic('-', arguments);
  }
  if (!negate) return ScalarBinding{type, {type}, RunIdentity, nullptr};
  if (IsDecimal(*type)) return BindDecimalNegation(arguments);
  // The negative of an unsigned value needs the next wider signed type.
  if (IsInteger(*type) && !arrow::is_signed_integer(type->id())) {
    VELARIA_ASSIGN_OR_RETURN(type, CommonType(type, arrow::int8()));
    if (IsDecimal(*type)) return BindDecimalNegation({{type}, {nullptr}, false});
  }
  return ScalarBinding{type, {type}, NegateKernel(*type), nullptr};
}

Result<ScalarBinding> BindPlus(const BindArguments& arguments) {
  return arguments.types.size() == 1 ? BindSign(arguments, false) : BindBinary<Add>(arguments);
}

Result<ScalarBinding> BindMinus(const BindArguments& arguments) {
  return arguments.types.size() == 1 ? BindSign(arguments, true) : BindBinary<Subtract>(arguments);
}

}  // namespace

void RegisterArithmetic(FunctionRegistry& registry) {
  auto add = [&registry](const char* sign, const char* signature, const char* summary,
                         const char* example, const char* result,
                         Result<ScalarBinding> (*bind)(const BindArguments&)) {
    registry.Add(ScalarFunction{sign, {}, "operator", signature, summary, example, result, bind});
  };
  add("+", "a + b",
      "Sum; integers fail on overflow, a date plus an integer is a date so many days later.",
      "1 + 2", "3", BindPlus);
  add("-", "a - b, -a", "Difference; two dates give the days between them.", "5 - 7", "-2",
      BindMinus);
  add("*", "a * b", "Product; decimals keep every digit.", "1.5 * 1.5", "2.25",
      BindBinary<Multiply>);
  add("/", "a / b", "Quotient; of integers it truncates toward zero, of decimals it is a DOUBLE.",
      "7 / 2", "3", BindBinary<Divide>);
  add("%", "a % b", "Remainder with the sign of a.", "-7 % 3", "-1", BindBinary<Modulo>);
  registry.Add(ScalarFunction{"mod",
                              {},
                              "numeric",
                              "mod(a, b)",
                              "Remainder with the sign of a, as a % b.",
                              "mod(7, 3)",
                              "1",
                              BindBinary<Modulo>});
}

}  // namespace velaria::operators
