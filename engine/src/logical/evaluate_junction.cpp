// AND and OR with three-valued logic: a later child sees only the rows that the earlier ones left
// undecided.
#include "logical/evaluate_rows.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {

Result<Vector> FromStates(const std::vector<uint8_t>& states, arrow::MemoryPool* pool) {
  const int64_t rows = static_cast<int64_t>(states.size());
  VELARIA_ASSIGN_OR_RETURN(auto values, AllocateBitmap(rows, false, pool));
  VELARIA_ASSIGN_OR_RETURN(auto validity, AllocateBitmap(rows, false, pool));
  uint8_t* value_bytes = values->mutable_data();
  uint8_t* validity_bytes = validity->mutable_data();
  int64_t null_count = 0;
  for (int64_t base = 0; base < rows; base += 8) {
    const int64_t count = std::min<int64_t>(8, rows - base);
    unsigned value = 0, valid = 0;
    for (int64_t i = 0; i < count; ++i) {
      const uint8_t state = states[static_cast<size_t>(base + i)];
      value |= static_cast<unsigned>(state == kTrue) << i;
      valid |= static_cast<unsigned>(state != kUnknown) << i;
    }
    value_bytes[base / 8] = static_cast<uint8_t>(value);
    validity_bytes[base / 8] = static_cast<uint8_t>(valid);
    null_count += count - __builtin_popcount(valid);
  }
  if (null_count == 0) validity = nullptr;
  return Vector{arrow::ArrayData::Make(arrow::boolean(), rows, {validity, values}, null_count),
                false};
}

std::vector<uint8_t> ToStates(const Vector& booleans, int64_t row_count) {
  std::vector<uint8_t> states(static_cast<size_t>(row_count), kUnknown);
  if (booleans.type()->id() == arrow::Type::NA) return states;
  const auto view = ViewBool(booleans);
  const auto state_at = [&](int64_t row) {
    return view.IsValid(row) ? static_cast<uint8_t>(view[row]) : kUnknown;
  };
  if (booleans.constant) {
    std::fill(states.begin(), states.end(), state_at(0));
    return states;
  }
  for (int64_t i = 0; i < row_count; ++i) states[static_cast<size_t>(i)] = state_at(i);
  return states;
}

Result<Vector> EvaluateJunction(const BoundExpr& expr, const Chunk& chunk,
                                const FunctionContext& context) {
  // The deciding value settles a row: FALSE for AND, TRUE for OR.
  const uint8_t deciding = expr.kind == BoundKind::kAnd ? kFalse : kTrue;
  std::vector<uint8_t> states(static_cast<size_t>(chunk.row_count),
                              static_cast<uint8_t>(1 - deciding));
  Chunk rest = chunk;
  for (const auto& child : expr.children) {
    VELARIA_ASSIGN_OR_RETURN(auto value, Evaluate(*child, rest, context));
    const auto child_states = ToStates(value, rest.selected_count());
    auto undecided = std::make_shared<Selection>(child_states.size());
    size_t count = 0;
    for (size_t i = 0; i < child_states.size(); ++i) {
      const uint32_t row = rest.row_at(static_cast<int64_t>(i));
      const uint8_t state = child_states[i];
      states[row] = state == deciding || state == kUnknown ? state : states[row];
      (*undecided)[count] = row;
      count += state != deciding;
    }
    undecided->resize(count);
    if (undecided->empty()) break;
    if (static_cast<int64_t>(undecided->size()) < rest.selected_count()) {
      rest.selection = std::move(undecided);
    }
  }
  return FromStates(states, context.pool);
}

}  // namespace velaria::logical
