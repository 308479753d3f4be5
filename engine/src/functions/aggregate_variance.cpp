// Variance, standard deviation, covariance, correlation and linear regression.
//
// The fast states keep means and centred sums (Welford 1962; merged as in Chan, Golub and LeVeque
// 1979), which do not cancel. The reproducible states keep exact sums of x, y, x*x, x*y and y*y and
// subtract them with 113 bits: nine digits are right while the mean is below 1e12 deviations. Rules
// for few rows and for constant values are PostgreSQL's.
#include <algorithm>
#include <cmath>

#include "functions/binding.hpp"
#include "functions/exact_number.hpp"
#include "functions/packed_states.hpp"

namespace velaria {
namespace {

enum class Statistic {
  kVarPop,
  kVarSamp,
  kStddevPop,
  kStddevSamp,
  kCovarPop,
  kCovarSamp,
  kCorr,
  kSlope,
  kIntercept,
  kCount,
  kR2,
  kAvgX,
  kAvgY,
  kSxx,
  kSyy,
  kSxy,
};

/// The centred sums of a group: enough for every statistic here.
struct Centred {
  int64_t n = 0;
  double mean_x = 0, mean_y = 0, sxx = 0, syy = 0, sxy = 0;

  std::optional<double> Answer(Statistic statistic) const {
    const auto count = static_cast<double>(n);
    if (statistic == Statistic::kCount) return count;
    if (n == 0) return std::nullopt;
    switch (statistic) {
      case Statistic::kVarPop: return sxx / count;
      case Statistic::kStddevPop: return std::sqrt(sxx / count);
      case Statistic::kCovarPop: return sxy / count;
      case Statistic::kAvgX: return mean_x;
      case Statistic::kAvgY: return mean_y;
      case Statistic::kSxx: return sxx;
      case Statistic::kSyy: return syy;
      case Statistic::kSxy: return sxy;
      case Statistic::kVarSamp:
      case Statistic::kStddevSamp:
      case Statistic::kCovarSamp: return OfSample(statistic);
      default: return OfLine(statistic);
    }
  }

 private:
  std::optional<double> OfSample(Statistic statistic) const {
    if (n < 2) return std::nullopt;
    const auto freedom = static_cast<double>(n - 1);
    if (statistic == Statistic::kCovarSamp) return sxy / freedom;
    return statistic == Statistic::kVarSamp ? sxx / freedom : std::sqrt(sxx / freedom);
  }

  std::optional<double> OfLine(Statistic statistic) const {
    if (sxx == 0 || (statistic == Statistic::kCorr && syy == 0)) return std::nullopt;
    switch (statistic) {
      case Statistic::kSlope: return sxy / sxx;
      case Statistic::kIntercept: return mean_y - mean_x * (sxy / sxx);
      case Statistic::kR2: return syy == 0 ? 1.0 : (sxy * sxy) / (sxx * syy);
      default: {
        const double both = sxx * syy;
        const bool in_range = both > 0 && std::isfinite(both);
        const double root = in_range ? std::sqrt(both) : std::sqrt(sxx) * std::sqrt(syy);
        return std::clamp(sxy / root, -1.0, 1.0);
      }
    }
  }
};

/// Sums over one variable. Values are taken relative to the first of them, so that a mean that is
/// large beside the spread costs no digits.
struct Spread {
  int64_t n = 0;
  double origin = 0, mean = 0, sxx = 0;

  void Add(double value) {
    if (n == 0) origin = value;
    const double x = value - origin, delta = x - mean;
    mean += delta / static_cast<double>(++n);
    sxx += delta * (x - mean);
  }

  void Add(const Spread& other) {
    if (other.n == 0) return;
    if (n == 0) {
      *this = other;
      return;
    }
    const auto a = static_cast<double>(n), b = static_cast<double>(other.n);
    const double delta = (other.origin - origin) + (other.mean - mean);
    n += other.n;
    mean += delta * (b / (a + b));
    sxx += other.sxx + delta * delta * (a * b / (a + b));
  }

  std::optional<double> Answer(Statistic statistic) const {
    return Centred{n, origin + mean, 0, sxx, 0, 0}.Answer(statistic);
  }
};

/// Sums over two variables, likewise; the dependent one, y, is the first argument.
struct Pairs {
  Centred sums;  // its means are relative to the origins
  double origin_x = 0, origin_y = 0;

  void Add(double y_value, double x_value) {
    if (sums.n == 0) {
      origin_x = x_value;
      origin_y = y_value;
    }
    const double x = x_value - origin_x, y = y_value - origin_y;
    const auto count = static_cast<double>(++sums.n);
    const double dx = x - sums.mean_x, dy = y - sums.mean_y;
    sums.mean_x += dx / count;
    sums.mean_y += dy / count;
    sums.sxx += dx * (x - sums.mean_x);
    sums.syy += dy * (y - sums.mean_y);
    sums.sxy += dx * (y - sums.mean_y);
  }

  void Add(const Pairs& other) {
    const Centred& o = other.sums;
    if (o.n == 0) return;
    if (sums.n == 0) {
      *this = other;
      return;
    }
    const auto a = static_cast<double>(sums.n), b = static_cast<double>(o.n);
    const double dx = (other.origin_x - origin_x) + (o.mean_x - sums.mean_x);
    const double dy = (other.origin_y - origin_y) + (o.mean_y - sums.mean_y);
    const double weight = a * b / (a + b);
    sums.n += o.n;
    sums.mean_x += dx * (b / (a + b));
    sums.mean_y += dy * (b / (a + b));
    sums.sxx += o.sxx + dx * dx * weight;
    sums.syy += o.syy + dy * dy * weight;
    sums.sxy += o.sxy + dx * dy * weight;
  }

  std::optional<double> Answer(Statistic statistic) const {
    Centred moved = sums;
    moved.mean_x += origin_x;
    moved.mean_y += origin_y;
    return moved.Answer(statistic);
  }
};

/// Exact sums over one variable, and its range: rounding must not make constants vary.
struct ExactMoments {
  ReproducibleSum sum, squares;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();

  void Add(double x) {
    sum.Add(x);
    AddProduct(x, x, &squares);
    least = std::min(least, x);
    greatest = std::max(greatest, x);
  }

  void Add(const ExactMoments& other) {
    sum.Add(other.sum);
    squares.Add(other.squares);
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }

  bool is_constant() const { return least == greatest; }
  double Centred(int64_t n) const {
    if (is_constant() && std::isfinite(least)) return 0;
    // Times n, so that no quotient is rounded before the subtraction.
    const WideFloat total = WideValue(sum);
    const auto centred = static_cast<double>((n * WideValue(squares) - total * total) / n);
    return centred < 0 ? 0 : centred;
  }
};

struct ExactSpread {
  int64_t n = 0;
  int64_t unused = 0;  // keeps every byte of the state defined
  ExactMoments x;

  void Add(double value) {
    ++n;
    x.Add(value);
  }

  void Add(const ExactSpread& other) {
    n += other.n;
    x.Add(other.x);
  }

  std::optional<double> Answer(Statistic statistic) const {
    if (n == 0) return std::nullopt;
    return Centred{n, 0, 0, x.Centred(n), 0, 0}.Answer(statistic);
  }
};

struct ExactPairs {
  int64_t n = 0;
  int64_t unused = 0;
  ExactMoments x, y;
  ReproducibleSum products;

  void Add(double y_value, double x_value) {
    ++n;
    x.Add(x_value);
    y.Add(y_value);
    AddProduct(x_value, y_value, &products);
  }

  void Add(const ExactPairs& other) {
    n += other.n;
    x.Add(other.x);
    y.Add(other.y);
    products.Add(other.products);
  }

  std::optional<double> Answer(Statistic statistic) const {
    Centred sums{n, 0, 0, 0, 0, 0};
    if (n > 0) {
      const WideFloat sum_x = WideValue(x.sum), sum_y = WideValue(y.sum);
      sums.mean_x = static_cast<double>(sum_x / n);
      sums.mean_y = static_cast<double>(sum_y / n);
      sums.sxx = x.Centred(n);
      sums.syy = y.Centred(n);
      sums.sxy = sums.sxx == 0 || sums.syy == 0
                     ? 0
                     : static_cast<double>((n * WideValue(products) - sum_x * sum_y) / n);
    }
    return sums.Answer(statistic);
  }
};

template <Statistic kStatistic, typename Fast, typename Exact>
Result<AggregateBinding> BindStatistic(const BindArguments& arguments) {
  constexpr size_t kArguments = std::is_same_v<Fast, Spread> ? 1 : 2;
  if (arguments.types.size() != kArguments) return binding::WrongArguments();
  AggregateBinding bound;
  for (size_t i = 0; i < kArguments; ++i) {
    ARROW_ASSIGN_OR_RAISE(auto type, binding::TypeFor(arguments, i, binding::Parameter::kDouble));
    bound.arguments.push_back(std::move(type));
  }
  bound.type = kStatistic == Statistic::kCount ? arrow::int64() : arrow::float64();
  bound.distinct = arguments.distinct;
  bound.data = std::make_shared<Statistic>(kStatistic);
  UsePackedStates<Fast, Statistic>(&bound);
  auto reproducible = std::make_shared<AggregateBinding>(bound);
  UsePackedStates<Exact, Statistic>(reproducible.get());
  bound.reproducible = std::move(reproducible);
  return bound;
}

template <Statistic kStatistic>
constexpr auto kOfOne = BindStatistic<kStatistic, Spread, ExactSpread>;
template <Statistic kStatistic>
constexpr auto kOfTwo = BindStatistic<kStatistic, Pairs, ExactPairs>;

struct Row {
  const char* name;
  std::vector<std::string> aliases;
  const char* summary;
  const char* result;  // of the example
  Result<AggregateBinding> (*bind)(const BindArguments& arguments);
};

void AddOfOne(FunctionRegistry& registry, Row row) {
  const std::string name = row.name;
  registry.Add(AggregateFunction{
      name, std::move(row.aliases), name + "([DISTINCT] value NUMBER) -> DOUBLE", row.summary,
      "SELECT " + name + "(x) FROM (VALUES (1), (3), (NULL)) AS t(x)", row.result, row.bind});
}

void AddOfTwo(FunctionRegistry& registry, Row row) {
  const std::string name = row.name;
  const bool counts = name == "regr_count";
  registry.Add(AggregateFunction{
      name, std::move(row.aliases),
      name + "([DISTINCT] y NUMBER, x NUMBER) -> " + (counts ? "BIGINT" : "DOUBLE"), row.summary,
      "SELECT " + name + "(y, x) FROM (VALUES (1, 0), (5, 2), (9, 4), (NULL, 7)) AS t(y, x)",
      row.result, row.bind, false,
      std::string("passes over rows with a NULL in either; ") + (counts ? "0" : "NULL") +
          " when nothing is left"});
}

}  // namespace

void RegisterVariances(FunctionRegistry& registry) {
  AddOfOne(registry, {"var_samp",
                      {"variance"},
                      "The sample variance; NULL for fewer than two values.",
                      "2",
                      kOfOne<Statistic::kVarSamp>});
  AddOfOne(registry, {"var_pop",
                      {},
                      "The variance of the values as the whole population.",
                      "1",
                      kOfOne<Statistic::kVarPop>});
  AddOfOne(registry, {"stddev_samp",
                      {"stddev"},
                      "The root of the sample variance; NULL for fewer than two values.",
                      "1.4142135623730951",
                      kOfOne<Statistic::kStddevSamp>});
  AddOfOne(registry, {"stddev_pop",
                      {},
                      "The root of the population variance.",
                      "1",
                      kOfOne<Statistic::kStddevPop>});
  AddOfTwo(registry, {"covar_samp",
                      {},
                      "The sample covariance; NULL for fewer than two pairs.",
                      "8",
                      kOfTwo<Statistic::kCovarSamp>});
  AddOfTwo(registry, {"covar_pop",
                      {},
                      "The covariance of the pairs as the whole population.",
                      "5.333333333333333",
                      kOfTwo<Statistic::kCovarPop>});
  AddOfTwo(registry, {"corr",
                      {},
                      "The correlation; NULL when a side is constant.",
                      "1",
                      kOfTwo<Statistic::kCorr>});
  AddOfTwo(registry, {"regr_slope",
                      {},
                      "The slope of the line of least squares through the pairs.",
                      "2",
                      kOfTwo<Statistic::kSlope>});
  AddOfTwo(registry, {"regr_intercept",
                      {},
                      "Where the line of least squares meets x = 0.",
                      "1",
                      kOfTwo<Statistic::kIntercept>});
  AddOfTwo(registry,
           {"regr_count", {}, "The number of pairs without NULL.", "3", kOfTwo<Statistic::kCount>});
  AddOfTwo(registry, {"regr_r2",
                      {},
                      "The square of the correlation; 1 when y is constant.",
                      "1",
                      kOfTwo<Statistic::kR2>});
  AddOfTwo(registry, {"regr_avgx",
                      {},
                      "The mean of x over the pairs without NULL.",
                      "2",
                      kOfTwo<Statistic::kAvgX>});
  AddOfTwo(registry, {"regr_avgy",
                      {},
                      "The mean of y over the pairs without NULL.",
                      "5",
                      kOfTwo<Statistic::kAvgY>});
  AddOfTwo(
      registry,
      {"regr_sxx", {}, "The sum of squares of x around its mean.", "8", kOfTwo<Statistic::kSxx>});
  AddOfTwo(
      registry,
      {"regr_syy", {}, "The sum of squares of y around its mean.", "32", kOfTwo<Statistic::kSyy>});
  AddOfTwo(registry, {"regr_sxy",
                      {},
                      "The sum of products of x and y around their means.",
                      "16",
                      kOfTwo<Statistic::kSxy>});
}

}  // namespace velaria
