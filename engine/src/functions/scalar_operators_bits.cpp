// & | # ~ << >> on integers, and ^ as power. `~` between texts is the match of a regular
// expression.
#include "functions/binding.hpp"
#include "functions/elementwise.hpp"
#include "functions/number_text.hpp"
#include "functions/operators.hpp"
#include "functions/regex.hpp"

namespace velaria::operators {
namespace {

using kernels::MapBinary;
using kernels::MapUnary;
using kernels::NumberText;

struct BitAnd {
  static constexpr const char* kSign = "&";
  template <typename T>
  static bool Compute(T a, T b, T* out) {
    *out = a & b;
    return true;
  }
};
struct BitOr {
  static constexpr const char* kSign = "|";
  template <typename T>
  static bool Compute(T a, T b, T* out) {
    *out = a | b;
    return true;
  }
};
struct BitXor {
  static constexpr const char* kSign = "#";
  template <typename T>
  static bool Compute(T a, T b, T* out) {
    *out = a ^ b;
    return true;
  }
};
/// Fails when a bit, or the sign, is shifted out.
struct ShiftLeft {
  static constexpr const char* kSign = "<<";
  template <typename T>
  static bool Compute(T a, T b, T* out) {
    constexpr T kBits = sizeof(T) * 8;
    *out = 0;
    if (b < 0 || a < 0) return false;
    if (b >= kBits) return a == 0;
    const auto wide = static_cast<unsigned __int128>(a) << b;
    *out = static_cast<T>(wide);
    return wide <= static_cast<unsigned __int128>(std::numeric_limits<T>::max());
  }
};
struct ShiftRight {
  static constexpr const char* kSign = ">>";
  template <typename T>
  static bool Compute(T a, T b, T* out) {
    constexpr T kBits = sizeof(T) * 8;
    *out = b < 0 || b >= kBits ? static_cast<T>(a < 0 ? -1 : 0) : static_cast<T>(a >> b);
    return b >= 0;
  }
};

template <typename Op, typename T>
Result<Vector> RunBits(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  return MapBinary<T, T, T>(
      context, binding.type, arguments, row_count,
      [](T a, T b, T* out) { return -static_cast<int64_t>(!Op::Compute(a, b, out)); },
      [&](T a, T b) {
        return Fail(ErrorCode::kOverflow, SqlName(*binding.type) +
                                              " out of range: " + NumberText(a) + " " + Op::kSign +
                                              " " + NumberText(b));
      });
}

/// INTEGER when every argument fits one, else BIGINT; null when one is no integer.
TypePtr IntegerTypeOf(const BindArguments& arguments) {
  bool narrow = true;
  for (const auto& argument : arguments.types) {
    const TypePtr type = LogicalType(argument);
    if (type->id() == arrow::Type::NA) continue;
    if (!IsInteger(*type)) return nullptr;
    narrow &= ImplicitlyCastable(*type, *arrow::int32());
  }
  return narrow ? arrow::int32() : arrow::int64();
}

template <typename Op>
Result<ScalarBinding> BindBits(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  const TypePtr type = IntegerTypeOf(arguments);
  if (!type) return DoesNotApply(Op::kSign, arguments);
  const bool narrow = type->id() == arrow::Type::INT32;
  return ScalarBinding{
      type, {type, type}, narrow ? RunBits<Op, int32_t> : RunBits<Op, int64_t>, nullptr};
}

template <typename T>
Result<Vector> RunComplement(const FunctionContext& context, const ScalarBinding& binding,
                             std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<T, T>(
      context, binding.type, arguments[0], row_count,
      [](T a, T* out) {
        *out = static_cast<T>(~a);
        return 0;
      },
      kernels::NoFault());
}

Result<ScalarBinding> BindTilde(const BindArguments& arguments) {
  if (arguments.types.size() == 2) return regex::BindMatchOperator(arguments);
  if (arguments.types.size() != 1) return binding::WrongArguments();
  const TypePtr type = IntegerTypeOf(arguments);
  if (!type) return DoesNotApply("~", arguments);
  const bool narrow = type->id() == arrow::Type::INT32;
  return ScalarBinding{
      type, {type}, narrow ? RunComplement<int32_t> : RunComplement<int64_t>, nullptr};
}

template <typename T>
Result<Vector> RunBitCount(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  return MapUnary<T, int64_t>(
      context, arrow::int64(), arguments[0], row_count,
      [](T a, int64_t* out) {
        *out = __builtin_popcountll(static_cast<std::make_unsigned_t<T>>(a));
        return 0;
      },
      kernels::NoFault());
}

Result<ScalarBinding> BindBitCount(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  const TypePtr type = IntegerTypeOf(arguments);
  if (!type) return binding::WrongArguments();
  const bool narrow = type->id() == arrow::Type::INT32;
  return ScalarBinding{
      arrow::int64(), {type}, narrow ? RunBitCount<int32_t> : RunBitCount<int64_t>, nullptr};
}

}  // namespace

void RegisterBits(FunctionRegistry& registry) {
  auto add = [&registry](const char* sign, const char* group, const char* signature,
                         const char* summary, const char* example, const char* result,
                         Result<ScalarBinding> (*bind)(const BindArguments&)) {
    registry.Add(ScalarFunction{sign, {}, group, signature, summary, example, result, bind});
  };
  add("&", "operator", "a & b", "The bits that both integers have.", "6 & 3", "2",
      BindBits<BitAnd>);
  add("|", "operator", "a | b", "The bits that either integer has.", "6 | 3", "7", BindBits<BitOr>);
  add("#", "operator", "a # b", "The bits that one of the integers has and the other has not.",
      "6 # 3", "5", BindBits<BitXor>);
  add("<<", "operator", "a << count", "The bits moved left; none may be lost.", "1 << 10", "1024",
      BindBits<ShiftLeft>);
  add(">>", "operator", "a >> count", "The bits moved right; the sign stays.", "-16 >> 2", "-4",
      BindBits<ShiftRight>);
  add("~", "operator", "~a, text ~ pattern",
      "The complement of an integer's bits; between texts, whether the regular expression matches.",
      "'Velaria' ~ '^V.*a$'", "true", BindTilde);
  add("xor", "numeric", "xor(a, b)",
      "The bits that one of the integers has and the other has not, as a # b.", "xor(6, 3)", "5",
      BindBits<BitXor>);
  add("bit_count", "numeric", "bit_count(a) -> BIGINT", "The number of bits that are set.",
      "bit_count(31)", "5", BindBitCount);
}

}  // namespace velaria::operators
