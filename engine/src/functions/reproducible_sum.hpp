// A sum of doubles that does not depend on the order or the grouping of its terms: the binned sum
// of Demmel, Ahrens and Nguyen ("Efficient Reproducible Floating Point Summation and BLAS", 2015),
// with integer digits instead of floating-point bins.
//
// Every finite double is an integer multiple of 2^-1075 and is cut, exactly, into digits of 32 bits
// at fixed positions. A sum keeps the four digits below the highest position it has met; what lies
// lower is dropped. Which digits count depends on the largest term alone, and integer additions
// commute, so the state is a function of the multiset of terms. What is dropped is at most 2^-32 of
// a unit in the last place of the largest term, for each term.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace velaria {

class ReproducibleSum {
 public:
  void Add(double value) {
    const uint64_t bits = std::bit_cast<uint64_t>(value);
    const int exponent = static_cast<int>((bits >> 52) & 0x7FF);
    if (exponent == 0x7FF) [[unlikely]] {
      special_ += value;
      return;
    }
    const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
    // Subnormal numbers have the scale of exponent 1 and no hidden bit.
    const int scale = exponent == 0 ? 1 : exponent;
    const uint64_t mantissa = exponent == 0 ? fraction : fraction | (uint64_t{1} << 52);
    if (mantissa == 0) return;
    const auto wide = static_cast<unsigned __int128>(mantissa) << (scale % kDigitBits);
    const int top = scale / kDigitBits + 2;  // a shifted mantissa has 84 bits: three digits
    if (top > top_) Raise(top);
    const Digit sign = static_cast<int64_t>(bits) < 0 ? -1 : 1;
    const int place = static_cast<int>(top_) - top;  // of the value's highest digit
    for (int digit = 0; digit < 3 && place + digit < kDigits; ++digit) {
      const auto part = static_cast<uint32_t>(wide >> (kDigitBits * (2 - digit)));
      digits_[static_cast<size_t>(place + digit)] += sign * static_cast<Digit>(part);
    }
  }

  void Add(const ReproducibleSum& other) {
    special_ += other.special_;
    if (other.top_ > top_) Raise(static_cast<int>(other.top_));
    const int place = static_cast<int>(top_ - other.top_);
    for (int digit = 0; place + digit < kDigits; ++digit) {
      digits_[static_cast<size_t>(place + digit)] += other.digits_[static_cast<size_t>(digit)];
    }
  }

  /// Whether all terms were finite: an infinite value then means a sum out of range.
  bool is_finite() const { return special_ == 0; }

  double Value() const {
    // Infinities and NaN: the payload of a NaN may depend on the order, NaN itself does not.
    if (special_ != 0) return std::isnan(special_) ? std::nan("") : special_;
    std::array<Digit, kDigits> digits = digits_;
    for (size_t digit = kDigits - 1; digit > 0; --digit) {
      const Digit carry = digits[digit] >> kDigitBits;
      digits[digit] -= carry << kDigitBits;
      digits[digit - 1] += carry;
    }
    // The sum is the head, a signed integer of any length, and three digits of 32 bits below it.
    const int scale =
        kDigitBits * (static_cast<int>(top_) - kDigits + 1) - kBias;  // of the lowest digit
    const Digit head = digits[0];
    constexpr Digit kRoom = Digit{1} << 60;
    if (head >= kRoom || head < -kRoom) {
      return std::ldexp(static_cast<double>(head), scale + 3 * kDigitBits);
    }
    const Digit value = (head << (2 * kDigitBits)) + (digits[1] << kDigitBits) + digits[2];
    constexpr Digit kShort = Digit{1} << 90;
    if (value < kShort && value >= -kShort) {
      return std::ldexp(static_cast<double>((value << kDigitBits) + digits[3]), scale);
    }
    // Longer than a mantissa: the lowest digit decides only how a tie is rounded.
    return std::ldexp(static_cast<double>(digits[3] != 0 ? value | 1 : value), scale + kDigitBits);
  }

 private:
  using Digit = __int128;
  static constexpr int kDigitBits = 32;
  static constexpr int kDigits = 4;
  static constexpr int kBias = 1075;  // a double is mantissa * 2^(exponent - 1075)

  void Raise(int top) {
    const int by = top - static_cast<int>(top_);
    for (int digit = kDigits - 1; digit >= 0; --digit) {
      digits_[static_cast<size_t>(digit)] =
          digit >= by ? digits_[static_cast<size_t>(digit - by)] : Digit{0};
    }
    top_ = top;
  }

  std::array<Digit, kDigits> digits_{};  // highest first
  double special_ = 0;                   // the sum of the infinities and NaNs
  int64_t top_ = 0;                      // position of digits_[0]; 0: nothing yet
};
static_assert(sizeof(ReproducibleSum) == 80);

}  // namespace velaria
