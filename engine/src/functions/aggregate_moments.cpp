// skewness, kurtosis (the definitions are DuckDB's), product and geometric mean.
//
// Moments are kept centred and merged by Pébay's formulas ("Formulas for robust, one-pass parallel
// computation of covariances and arbitrary-order statistical moments", 2008); they are stable, and
// their last bits depend on the order of the rows, as those of a product do.
#include <cmath>
#include <numbers>

#include "functions/binding.hpp"
#include "functions/packed_states.hpp"
#include "functions/reproducible_sum.hpp"

namespace velaria {
namespace {

enum class Moment { kSkewness, kKurtosis, kKurtosisPop, kProduct, kGeometricMean };

struct Moments {
  int64_t n = 0;
  double mean = 0, m2 = 0, m3 = 0, m4 = 0;

  void Add(double x) { Add(Moments{1, x, 0, 0, 0}); }

  void Add(const Moments& o) {
    if (o.n == 0) return;
    if (n == 0) {
      *this = o;
      return;
    }
    const auto a = static_cast<double>(n), b = static_cast<double>(o.n), all = a + b;
    const double delta = o.mean - mean, d = delta / all, d2 = d * d;
    m4 += o.m4 + delta * d * d2 * a * b * (a * a - a * b + b * b) +
          6 * d2 * (a * a * o.m2 + b * b * m2) + 4 * d * (a * o.m3 - b * m3);
    m3 += o.m3 + delta * d2 * a * b * (a - b) + 3 * d * (a * o.m2 - b * m2);
    m2 += o.m2 + delta * d * a * b;
    mean += d * b;
    n += o.n;
  }

  std::optional<double> Answer(Moment moment) const {
    const auto count = static_cast<double>(n);
    if (moment == Moment::kSkewness) {
      if (n < 3 || m2 == 0) return std::nullopt;
      return std::sqrt(count * (count - 1)) / (count - 2) * (m3 / count) /
             std::pow(m2 / count, 1.5);
    }
    if (n < (moment == Moment::kKurtosis ? 4 : 2) || m2 == 0) return std::nullopt;
    const double ratio = count * m4 / (m2 * m2);
    if (moment == Moment::kKurtosisPop) return ratio - 3;
    return (count - 1) * ((count + 1) * ratio - 3 * (count - 1)) / ((count - 2) * (count - 3));
  }
};

struct Product {
  double value = 1;
  int64_t n = 0;

  void Add(double x) {
    value *= x;
    ++n;
  }
  void Add(const Product& other) {
    value *= other.value;
    n += other.n;
  }
  std::optional<double> Answer(Moment) const {
    return n == 0 ? std::nullopt : std::optional<double>(value);
  }
};

/// The logarithms are added exactly, whatever the order.
struct Logarithms {
  ReproducibleSum sum;
  int64_t n = 0;
  int64_t unused = 0;  // keeps every byte of the state defined

  void Add(double x) {
    sum.Add(std::log(x));
    ++n;
  }
  void Add(const Logarithms& other) {
    sum.Add(other.sum);
    n += other.n;
  }
  std::optional<double> Answer(Moment) const {
    if (n == 0) return std::nullopt;
    return std::exp(sum.Value() / static_cast<double>(n));
  }
};

template <Moment kMoment, typename Sums>
Result<AggregateBinding> BindMoment(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  AggregateBinding bound;
  ARROW_ASSIGN_OR_RAISE(auto type, binding::TypeFor(arguments, 0, binding::Parameter::kDouble));
  bound.arguments = {std::move(type)};
  bound.type = arrow::float64();
  bound.distinct = arguments.distinct;
  bound.data = std::make_shared<Moment>(kMoment);
  UsePackedStates<Sums, Moment>(&bound);
  return bound;
}

}  // namespace

void RegisterMoments(FunctionRegistry& registry) {
  registry.Add(
      AggregateFunction{"skewness",
                        {},
                        "skewness([DISTINCT] value NUMBER) -> DOUBLE",
                        "The sample skewness; NULL for fewer than three values and for equal ones.",
                        "SELECT skewness(x) FROM (VALUES (1), (2), (3)) AS t(x)",
                        "0",
                        BindMoment<Moment::kSkewness, Moments>});
  registry.Add(AggregateFunction{
      "kurtosis",
      {},
      "kurtosis([DISTINCT] value NUMBER) -> DOUBLE",
      "The sample excess kurtosis; NULL for fewer than four values and for equal ones.",
      "SELECT round(kurtosis(x), 6) FROM (VALUES (1), (2), (3), (4)) AS t(x)",
      "-1.2",
      BindMoment<Moment::kKurtosis, Moments>});
  registry.Add(
      AggregateFunction{"kurtosis_pop",
                        {},
                        "kurtosis_pop([DISTINCT] value NUMBER) -> DOUBLE",
                        "The excess kurtosis of the values as the whole population.",
                        "SELECT round(kurtosis_pop(x), 6) FROM (VALUES (1), (2), (3), (4)) AS t(x)",
                        "-1.36",
                        BindMoment<Moment::kKurtosisPop, Moments>});
  registry.Add(AggregateFunction{"product",
                                 {},
                                 "product([DISTINCT] value NUMBER) -> DOUBLE",
                                 "The product of the values that are not NULL.",
                                 "SELECT product(x) FROM (VALUES (2), (3), (4)) AS t(x)",
                                 "24",
                                 BindMoment<Moment::kProduct, Product>});
  registry.Add(AggregateFunction{"geomean",
                                 {"geometric_mean"},
                                 "geomean([DISTINCT] value NUMBER) -> DOUBLE",
                                 "The geometric mean: the n-th root of the product of n values.",
                                 "SELECT round(geomean(x), 6) FROM (VALUES (2), (8)) AS t(x)",
                                 "4",
                                 BindMoment<Moment::kGeometricMean, Logarithms>});
}

}  // namespace velaria
