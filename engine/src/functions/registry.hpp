// The one function registry: every scalar and aggregate function is one row with its types, null
// rule, summary and a runnable example; binding, `sql.functions`, the docs page and the example
// tests read this table.
//
// A call is resolved once, by the binder, to a ScalarBinding or AggregateBinding that holds plain
// function pointers; nothing is looked up by name after that.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.hpp"
#include "columnar/vector.hpp"

namespace velaria {

/// What a kernel may know of the statement that calls it.
struct FunctionContext {
  arrow::MemoryPool* pool = arrow::default_memory_pool();
  int64_t statement_time_us =
      0;  // now(): the same for the whole statement, microseconds since 1970 UTC
};

/// The arguments of a call as the binder sees them. `constants[i]` is null when argument i is not a
/// constant.
struct BindArguments {
  std::vector<TypePtr> types;
  std::vector<std::shared_ptr<arrow::Scalar>> constants;
  bool distinct = false;
};

struct ScalarBinding;
/// Computes `row_count` rows. Each argument is a dense vector of `row_count` rows or a constant.
/// The result may be a constant. Rows are exactly those the statement asks for (a CASE branch sees
/// only its rows), so a kernel may fail on a value (division by zero) without looking further; it
/// must not look at values under nulls.
using ScalarKernel = Result<Vector> (*)(const FunctionContext& context,
                                        const ScalarBinding& binding,
                                        std::span<const Vector> arguments, int64_t row_count);

struct ScalarBinding {
  TypePtr type;  // of the result
  std::vector<TypePtr>
      arguments;  // each argument is cast to this first; a null entry takes it as it comes
  ScalarKernel kernel = nullptr;
  std::shared_ptr<const void> data;  // what the kernel prepared at bind time (a compiled pattern)
  /// By argument of a function that returns JSON, whether its text is a JSON document; empty when
  /// none is. MakeCall sets it.
  std::vector<bool> documents;

  bool is_document(size_t argument) const {
    return argument < documents.size() && documents[argument];
  }
};

enum class Volatility { kImmutable, kStatement, kVolatile };

/// The null rule of most scalar functions: the binder folds such a call to NULL when an argument is
/// the constant NULL.
inline constexpr const char* kNullIfAnyNull = "NULL if any argument is";

struct ScalarFunction {
  std::string name;  // lower case, or the operator's sign
  std::vector<std::string> aliases;
  std::string group;      // "operator", "text", "numeric", "date", "conditional", "hash", ...
  std::string signature;  // "substr(text VARCHAR, start BIGINT[, count BIGINT]) -> VARCHAR"
  std::string summary;
  std::string example;         // "substr('Velaria', 1, 3)"
  std::string example_result;  // "Vel", as text
  Result<ScalarBinding> (*bind)(const BindArguments& arguments) = nullptr;
  std::string null_rule = kNullIfAnyNull;  // what a NULL argument does, in plain words
  Volatility volatility = Volatility::kImmutable;
  bool returns_json = false;  // the text that it returns is a JSON document

  bool null_if_any_null() const { return null_rule == kNullIfAnyNull; }
};

/// The running states of one aggregate for many groups: columns indexed by group number. One object
/// belongs to one thread; objects meet by Merge. All calls are per chunk, never per row.
class AggregateStates {
 public:
  virtual ~AggregateStates() = default;
  /// Makes room for groups [0, group_count); new groups start empty.
  virtual Status Resize(int64_t group_count) = 0;
  /// Folds row i of `arguments` into group `groups[i]`. A null `groups` means group 0 for every
  /// row. count(*) has no argument.
  virtual Status Update(std::span<const Vector> arguments, const uint32_t* groups,
                        int64_t row_count) = 0;
  /// Folds the exported states of row i into group `groups[i]`.
  virtual Status Merge(std::span<const Vector> states, const uint32_t* groups,
                       int64_t row_count) = 0;
  /// The states of the given groups as Arrow columns (types: AggregateBinding::state_types):
  /// snapshot, spill and lane.
  virtual Result<std::vector<Vector>> Export(std::span<const uint32_t> groups,
                                             arrow::MemoryPool* pool) const = 0;
  /// The results of the given groups. Errors are per value (an integer sum out of range).
  virtual Result<Vector> Finish(std::span<const uint32_t> groups,
                                arrow::MemoryPool* pool) const = 0;
  virtual int64_t MemoryBytes() const = 0;
};

/// One sort key of an aggregate's ORDER BY; its values are the argument of that number.
struct AggregateOrder {
  size_t argument = 0;
  bool descending = false;
  bool nulls_first = false;
  bool operator==(const AggregateOrder&) const = default;
};

struct AggregateBinding;
struct WindowRows;
/// Computes an aggregate over the frame of every row at once.
using FrameKernel = Result<Vector> (*)(const FunctionContext& context,
                                       const AggregateBinding& binding, const WindowRows& rows);

struct AggregateBinding {
  TypePtr type;
  std::vector<TypePtr> arguments;  // as in ScalarBinding
  std::vector<TypePtr> state_types;
  bool distinct =
      false;  // count(DISTINCT x), sum(DISTINCT x): rows reach Update once per (group, value)
  /// The result depends on the order of the rows: Update gets, behind all other arguments, each
  /// row's place in row order as BIGINT (unique within the query), and Merge may come in any order.
  bool needs_row_order = false;
  /// ORDER BY inside the call or WITHIN GROUP, most significant first; ties go by row order.
  std::vector<AggregateOrder> order;
  std::unique_ptr<AggregateStates> (*make_states)(const AggregateBinding& binding) = nullptr;
  std::shared_ptr<const void> data;
  /// Faster than merged states where values can be taken out again or compared as they lie; null:
  /// the states are merged. It skips rows whose first argument is NULL.
  FrameKernel over_frames = nullptr;
  /// The same aggregate with states that do not depend on the order of the rows; null when these
  /// do not, either. Streams and the lane take it, and a batch under SET float_sum.
  std::shared_ptr<const AggregateBinding> reproducible;
};

struct AggregateFunction {
  std::string name;
  std::vector<std::string> aliases;
  std::string signature;
  std::string summary;
  std::string example;  // a whole SELECT
  std::string example_result;
  Result<AggregateBinding> (*bind)(const BindArguments& arguments) = nullptr;
  /// WITHIN GROUP (ORDER BY x): x is bound as an argument behind those in the parentheses.
  bool ordered_set = false;
  std::string null_rule = "passes over NULLs; NULL when nothing is left";
  /// Returns a JSON document; its last argument comes as to_json writes it.
  bool returns_json = false;
};

enum class WindowExclusion { kNone, kCurrentRow, kGroup, kTies };

/// Rows as a window function sees them: one or more whole partitions, one after another, each in
/// its order. Positions are rows of this run; peers are rows of one partition that are equal under
/// ORDER BY. Every span has one entry a row, or none when the binding does not read it.
struct WindowRows {
  int64_t row_count = 0;
  std::span<const Vector> arguments;                         // row_count rows each, or constants
  std::span<const uint32_t> partition_start, partition_end;  // first row, one past the last
  std::span<const uint32_t> peer_start, peer_end;            // likewise of the peer group
  std::span<const uint32_t> peer_number;  // how many peer groups of the partition come before
  std::span<const uint32_t> frame_start, frame_end;  // frame_start >= frame_end: empty
  WindowExclusion exclusion = WindowExclusion::kNone;
  bool ignore_nulls = false;

  /// Calls visit(begin, end) for each run of rows that the frame of `row` holds, in order.
  template <typename Visit>
  void ForEachRange(int64_t row, Visit visit) const {
    const uint32_t start = frame_start[row], end = frame_end[row];
    const auto part = [&](uint32_t from, uint32_t to) {
      from = from < start ? start : from;
      to = to < end ? to : end;
      if (from < to) visit(from, to);
    };
    const auto self = static_cast<uint32_t>(row);
    switch (exclusion) {
      case WindowExclusion::kNone: part(start, end); break;
      case WindowExclusion::kCurrentRow:
        part(start, self);
        part(self + 1, end);
        break;
      case WindowExclusion::kGroup:
        part(start, peer_start[row]);
        part(peer_end[row], end);
        break;
      case WindowExclusion::kTies:
        part(start, peer_start[row]);
        part(self, self + 1);
        part(peer_end[row], end);
        break;
    }
  }
};

struct WindowBinding;
/// Computes one result per row.
using WindowKernel = Result<Vector> (*)(const FunctionContext& context,
                                        const WindowBinding& binding, const WindowRows& rows);

struct WindowBinding {
  TypePtr type;
  std::vector<TypePtr> arguments;  // as in ScalarBinding
  WindowKernel kernel = nullptr;
  bool reads_peers = false;
  bool reads_frame = false;  // first_value, last_value, nth_value; others see the whole partition
  bool skips_nulls = false;  // IGNORE NULLS may be said
  std::shared_ptr<const void> data;
};

/// A function that only stands with OVER: row_number, rank, lag, first_value, ...
struct WindowFunction {
  std::string name;
  std::vector<std::string> aliases;
  std::string signature;
  std::string summary;
  std::string example;  // a whole SELECT
  std::string example_result;
  Result<WindowBinding> (*bind)(const BindArguments& arguments) = nullptr;
  std::string null_rule = "counts rows, NULL or not";
};

class FunctionRegistry {
 public:
  /// All functions of this build; made once, immutable.
  static const FunctionRegistry& Instance();

  const ScalarFunction* FindScalar(std::string_view name) const;  // lower case; aliases included
  const AggregateFunction* FindAggregate(std::string_view name) const;
  const WindowFunction* FindWindow(std::string_view name) const;
  std::vector<std::string> Names() const;  // for suggestions
  const std::vector<ScalarFunction>& scalars() const { return scalars_; }
  const std::vector<AggregateFunction>& aggregates() const { return aggregates_; }
  const std::vector<WindowFunction>& windows() const { return windows_; }

  void Add(ScalarFunction function);
  void Add(AggregateFunction function);
  void Add(WindowFunction function);

 private:
  FunctionRegistry();
  std::vector<ScalarFunction> scalars_;
  std::vector<AggregateFunction> aggregates_;
  std::vector<WindowFunction> windows_;
  std::unordered_map<std::string, size_t> scalar_index_, aggregate_index_, window_index_;
};

/// Binds a call and reports wrong arity or types as VEL2015 with the signature as its hint.
Result<ScalarBinding> BindScalar(const ScalarFunction& function, const BindArguments& arguments);
Result<AggregateBinding> BindAggregate(const AggregateFunction& function,
                                       const BindArguments& arguments);

Result<WindowBinding> BindWindow(const WindowFunction& function, const BindArguments& arguments);

/// A cast as a binding; VEL2016 when the two types do not convert. `try_cast` gives NULL for values
/// that do not fit.
Result<ScalarBinding> BindCast(const TypePtr& from, const TypePtr& to, bool try_cast);

// One function per scalar_*.cpp and aggregate_*.cpp file; the registry's constructor calls them in
// order.
void RegisterOperators(
    FunctionRegistry& registry);  // + - * / % || = <> < <= > >= not, is_null, like, ...
void RegisterNumeric(FunctionRegistry& registry);
void RegisterText(FunctionRegistry& registry);
void RegisterDate(FunctionRegistry& registry);
void RegisterConditional(FunctionRegistry& registry);
void RegisterHash(FunctionRegistry& registry);
void RegisterRegex(FunctionRegistry& registry);   // regexp_*, ~, SIMILAR TO
void RegisterJson(FunctionRegistry& registry);    // json_extract, ->, ->>, ...
void RegisterNested(FunctionRegistry& registry);  // lists and structs
void RegisterSystem(FunctionRegistry& registry);  // version, current_user, error
void RegisterAggregates(FunctionRegistry& registry);
void RegisterWindows(FunctionRegistry& registry);

}  // namespace velaria
