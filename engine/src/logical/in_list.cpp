#include "logical/in_list.hpp"

#include <cmath>
#include <cstring>
#include <unordered_set>

#include "functions/order_key.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {
namespace {

constexpr uint64_t kRangeMax = 65536;  // integers no farther apart are looked up by position

/// A value as the key it is looked up by: floats with one zero and one NaN, all else as it is.
template <typename T>
T Normal(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return std::numeric_limits<T>::quiet_NaN();
    return value == 0 ? T{0} : value;
  }
  return value;
}

template <typename T>
uint64_t HashOf(const T& value) {
  uint64_t low = 0, high = 0;
  std::memcpy(&low, &value, std::min<size_t>(8, sizeof(T)));
  if constexpr (sizeof(T) > 8) std::memcpy(&high, reinterpret_cast<const char*>(&value) + 8, 8);
  uint64_t hash = (low ^ (high * 0x9E3779B97F4A7C15ull)) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 32);
}

template <typename T>
bool SameBits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// Integers of a small range as one byte each; anything else by open addressing over a power of two
/// of slots, at most half full.
template <typename T>
struct FixedSet {
  std::vector<T> slots;
  std::vector<uint8_t> used;
  uint64_t mask = 0;
  std::vector<uint8_t> in_range;  // by value minus `lowest`; empty when the range is too large
  uint64_t lowest = 0;

  explicit FixedSet(const std::vector<T>& items) {
    if (UseRange(items)) return;
    size_t size = 16;
    while (size < items.size() * 2) size *= 2;
    slots.resize(size);
    used.resize(size);
    mask = size - 1;
    for (const T& item : items) {
      uint64_t slot = HashOf(item) & mask;
      while (used[slot] && !SameBits(slots[slot], item)) slot = (slot + 1) & mask;
      used[slot] = 1;
      slots[slot] = item;
    }
  }

  bool UseRange(const std::vector<T>& items) {
    if constexpr (std::is_integral_v<T>) {
      if (items.empty()) return false;
      const auto [low, high] = std::minmax_element(items.begin(), items.end());
      lowest = static_cast<uint64_t>(*low);
      const uint64_t range = static_cast<uint64_t>(*high) - lowest;
      if (range >= kRangeMax) return false;
      in_range.resize(range + 1);
      for (const T& item : items) in_range[static_cast<uint64_t>(item) - lowest] = 1;
      return true;
    }
    return false;
  }

  bool InRange(T value) const {
    const uint64_t at = static_cast<uint64_t>(value) - lowest;
    return (at < in_range.size()) & in_range[std::min<uint64_t>(at, in_range.size() - 1)];
  }

  bool Contains(const T& raw) const {
    const T value = Normal(raw);
    if constexpr (std::is_integral_v<T>) {
      if (!in_range.empty()) return InRange(value);
    }
    uint64_t slot = HashOf(value) & mask;
    while (used[slot]) {
      if (SameBits(slots[slot], value)) return true;
      slot = (slot + 1) & mask;
    }
    return false;
  }
};

struct StringSet {
  std::vector<std::string> storage;
  std::unordered_set<std::string_view> items;
};

template <typename T>
std::shared_ptr<const void> PrepareFixed(const Vector& list) {
  const auto view = ViewFixed<T>(list);
  std::vector<T> values;
  for (int64_t i = 0; i < list.length(); ++i) values.push_back(Normal(view[i]));
  return std::make_shared<FixedSet<T>>(std::move(values));
}

std::shared_ptr<const void> PrepareStrings(const Vector& list) {
  auto set = std::make_shared<StringSet>();
  const StringView view(list);
  for (int64_t i = 0; i < list.length(); ++i) set->storage.emplace_back(view[i]);
  for (const auto& text : set->storage) set->items.insert(text);
  return set;
}

/// One byte a row: 1 when the value is in the list.
Status Lookup(const BoundExpr& expr, const Vector& value, int64_t row_count, uint8_t* found) {
  const Physical physical = PhysicalOf(*value.type());
  if (physical == Physical::kString || physical == Physical::kBinary) {
    const auto& set = *static_cast<const StringSet*>(expr.binding.data.get());
    const StringView view(value);
    for (int64_t i = 0; i < row_count; ++i) found[i] = set.items.contains(view[i]);
    return Status::OK();
  }
  if (physical == Physical::kNested) {
    VELARIA_ASSIGN_OR_RETURN(const Vector keys, MakeOrderKeys(value, arrow::default_memory_pool()));
    const auto& set = *static_cast<const StringSet*>(expr.binding.data.get());
    const StringView view(keys);
    for (int64_t i = 0; i < row_count; ++i) found[i] = set.items.contains(view[i]);
    return Status::OK();
  }
  if (physical == Physical::kBool) {
    const auto list = ViewBool(expr.list);
    bool has[2] = {false, false};
    for (int64_t i = 0; i < expr.list.length(); ++i) has[list[i]] = true;
    const auto view = ViewBool(value);
    for (int64_t i = 0; i < row_count; ++i) found[i] = has[view[i]];
    return Status::OK();
  }
  return VisitFixed(physical, [&]<typename T>(T) {
    const auto& set = *static_cast<const FixedSet<T>*>(expr.binding.data.get());
    const auto view = ViewFixed<T>(value);
    for (int64_t i = 0; i < row_count; ++i) found[i] = set.Contains(view[i]);
    return Status::OK();
  });
}

Status LookupDictionary(const BoundExpr& expr, const Vector& value, std::vector<uint8_t>* found) {
  const auto view = ViewDictionary(value);
  std::vector<uint8_t> of_code(static_cast<size_t>(view.values.length()));
  VELARIA_RETURN_NOT_OK(Lookup(expr, view.values, view.values.length(), of_code.data()));
  for (size_t i = 0; i < found->size(); ++i) {
    (*found)[i] = view.codes[i] >= 0 && of_code[static_cast<size_t>(view.codes[i])];
  }
  return Status::OK();
}

}  // namespace

Result<BoundExprPtr> MakeInList(BoundExprPtr value, const std::vector<Vector>& constants,
                                bool negated, Place place) {
  auto expr = std::make_shared<BoundExpr>();
  expr->kind = BoundKind::kInList;
  expr->type = arrow::boolean();
  expr->place = place;
  expr->negated = negated;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const auto& constant : constants) {
    if (!ValidityOf(constant).IsValid(0)) {
      expr->list_has_null = true;
    } else {
      arrays.push_back(constant.array());
    }
  }
  TypePtr type = LogicalType(value->type);
  std::shared_ptr<arrow::Array> list;
  if (arrays.empty()) {
    VELARIA_ASSIGN_OR_RETURN(list, arrow::MakeEmptyArray(type));
  } else {
    VELARIA_ASSIGN_OR_RETURN(list, arrow::Concatenate(arrays));
  }
  expr->list = MakeVector(list);
  const Physical physical = PhysicalOf(*type);
  if (physical == Physical::kString || physical == Physical::kBinary) {
    expr->binding.data = PrepareStrings(expr->list);
  } else if (physical == Physical::kNested) {
    VELARIA_ASSIGN_OR_RETURN(const Vector keys,
                             MakeOrderKeys(expr->list, arrow::default_memory_pool()));
    expr->binding.data = PrepareStrings(keys);
  } else if (physical != Physical::kBool && physical != Physical::kNull) {
    VELARIA_RETURN_NOT_OK(VisitFixed(physical, [&]<typename T>(T) {
      expr->binding.data = PrepareFixed<T>(expr->list);
      return Status::OK();
    }));
  }
  expr->children.push_back(std::move(value));
  return expr;
}

Result<Vector> EvaluateInList(const BoundExpr& expr, const Vector& value, int64_t row_count,
                              const FunctionContext& context) {
  if (PhysicalOf(*value.type()) == Physical::kNull) {
    return MakeNullConstant(arrow::boolean(), context.pool);
  }
  const int64_t rows = value.constant ? 1 : row_count;
  std::vector<uint8_t> found(static_cast<size_t>(rows));
  if (IsDictionary(*value.type())) {
    VELARIA_RETURN_NOT_OK(LookupDictionary(expr, value, &found));
  } else {
    VELARIA_RETURN_NOT_OK(Lookup(expr, value, rows, found.data()));
  }
  // Not found beside a NULL in the list is unknown; a null value is unknown unless the list is
  // empty.
  const Validity validity = ValidityOf(value);
  std::vector<uint8_t> states(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) {
    const bool known = validity.IsValid(i) && (found[i] || !expr.list_has_null);
    states[i] = known ? static_cast<uint8_t>(found[i] != expr.negated) : kUnknown;
  }
  VELARIA_ASSIGN_OR_RETURN(auto result, FromStates(states, context.pool));
  result.constant = value.constant;
  return result;
}

bool SelectInList(const BoundExpr& expr, const Chunk& chunk, const Selection* rows,
                  Selection* out) {
  if (expr.kind != BoundKind::kInList || expr.children[0]->kind != BoundKind::kColumn) return false;
  const auto& vector = chunk.columns[static_cast<size_t>(expr.children[0]->column)];
  const Physical physical = PhysicalOf(*vector.type());
  if (vector.constant || FixedWidthOf(physical) == 0 || IsDictionary(*vector.type())) return false;
  out->clear();
  if (expr.negated && expr.list_has_null) return true;  // never known to be absent
  const Validity validity = ValidityOf(vector);
  const auto status = VisitFixed(physical, [&]<typename T>(T) {
    const auto& set = *static_cast<const FixedSet<T>*>(expr.binding.data.get());
    const auto view = ViewFixed<T>(vector);
    const size_t count = rows ? rows->size() : static_cast<size_t>(chunk.row_count);
    out->resize(count);
    size_t kept = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t row = rows ? (*rows)[i] : static_cast<uint32_t>(i);
      (*out)[kept] = row;
      kept += (set.Contains(view[row]) != expr.negated) & validity.IsValid(row);
    }
    out->resize(kept);
    return Status::OK();
  });
  return status.ok();
}

}  // namespace velaria::logical
