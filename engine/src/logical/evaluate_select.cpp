// Predicates as selections: conjunct after conjunct narrows the rows, on raw values where the
// conjunct is simple.
#include <cstring>

#include "logical/evaluate.hpp"
#include "logical/evaluate_rows.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {
namespace {

/// 64 bits of a bitmap from bit `offset` on; at most `count` of them are meant and read.
uint64_t LoadBits(const uint8_t* bits, int64_t offset, int64_t count) {
  const uint8_t* from = bits + offset / 8;
  const int shift = static_cast<int>(offset % 8);
  const int64_t bytes = (shift + count + 7) / 8;
  uint64_t low = 0;
  std::memcpy(&low, from, static_cast<size_t>(std::min<int64_t>(8, bytes)));
  low >>= shift;
  if (bytes > 8) low |= static_cast<uint64_t>(from[8]) << (64 - shift);
  return low;
}

SelectionPtr Share(Selection rows) { return std::make_shared<const Selection>(std::move(rows)); }

Result<SelectionPtr> SelectConjuncts(const std::vector<BoundExprPtr>& conjuncts, const Chunk& chunk,
                                     const FunctionContext& context);

/// The rows that some child passes: each child sees only the rows that none before it passed.
Result<SelectionPtr> SelectAny(const BoundExpr& expr, const Chunk& chunk,
                               const FunctionContext& context) {
  Chunk rest = chunk;
  for (const auto& child : expr.children) {
    VELARIA_ASSIGN_OR_RETURN(auto rows, SelectRows(*child, rest, context));
    if (!rows) return nullptr;  // the rest passes, and with it all rows
    if (rows->empty()) continue;
    rest.selection = Share(RowsWithout(rest, *rows));
    if (rest.empty()) return nullptr;
  }
  if (rest.selected_count() == chunk.selected_count()) return Share({});
  return Share(RowsWithout(chunk, *rest.selection));
}

Result<SelectionPtr> SelectOne(const BoundExpr& expr, const Chunk& chunk,
                               const FunctionContext& context) {
  if (expr.kind == BoundKind::kAnd) return SelectConjuncts(expr.children, chunk, context);
  if (expr.kind == BoundKind::kOr) return SelectAny(expr, chunk, context);
  Selection rows;
  if (!SelectFused(expr, chunk, chunk.selection.get(), &rows)) {
    VELARIA_ASSIGN_OR_RETURN(auto truth, Evaluate(expr, chunk, context));
    rows = TrueRows(truth, chunk.selected_count(), chunk.selection.get());
  }
  if (static_cast<int64_t>(rows.size()) == chunk.selected_count()) return nullptr;
  return Share(std::move(rows));
}

Result<SelectionPtr> SelectConjuncts(const std::vector<BoundExprPtr>& conjuncts, const Chunk& chunk,
                                     const FunctionContext& context) {
  Chunk rest = chunk;
  bool narrowed = false;
  for (size_t i = 0; i < conjuncts.size() && !rest.empty(); ++i) {
    Selection range;
    SelectionPtr rows;
    if (i + 1 < conjuncts.size() &&
        SelectFusedRange(*conjuncts[i], *conjuncts[i + 1], rest, rest.selection.get(), &range)) {
      ++i;
      if (static_cast<int64_t>(range.size()) < rest.selected_count())
        rows = Share(std::move(range));
    } else {
      VELARIA_ASSIGN_OR_RETURN(rows, SelectOne(*conjuncts[i], rest, context));
    }
    if (!rows) continue;
    rest.selection = std::move(rows);
    narrowed = true;
  }
  return narrowed ? rest.selection : nullptr;
}

}  // namespace

Selection RowsWithout(const Chunk& chunk, const Selection& taken) {
  const size_t count = static_cast<size_t>(chunk.selected_count());
  const uint32_t* selected = chunk.selection ? chunk.selection->data() : nullptr;
  std::vector<uint8_t> left(static_cast<size_t>(chunk.row_count), 1);
  for (uint32_t row : taken) left[row] = 0;
  Selection out(count);
  uint32_t* target = out.data();
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = selected ? selected[i] : static_cast<uint32_t>(i);
    target[kept] = row;
    kept += left[row];
  }
  out.resize(kept);
  return out;
}

Selection TrueRows(const Vector& booleans, int64_t row_count, const Selection* rows) {
  Selection out;
  if (booleans.type()->id() == arrow::Type::NA) return out;
  const auto view = ViewBool(booleans);
  if (booleans.constant) {
    if (!view.IsValid(0) || !view[0]) return out;
    if (rows) return *rows;
    out.resize(static_cast<size_t>(row_count));
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint32_t>(i);
    return out;
  }
  out.resize(static_cast<size_t>(row_count));
  size_t count = 0;
  for (int64_t base = 0; base < row_count; base += 64) {
    const int64_t width = std::min<int64_t>(64, row_count - base);
    uint64_t word = LoadBits(view.bits, view.offset + base, width);
    if (view.validity.bits) {
      word &= LoadBits(view.validity.bits, view.validity.offset + base, width);
    }
    if (width < 64) word &= (uint64_t{1} << width) - 1;
    for (; word != 0; word &= word - 1) {
      const int64_t row = base + __builtin_ctzll(word);
      out[count++] = rows ? (*rows)[static_cast<size_t>(row)] : static_cast<uint32_t>(row);
    }
  }
  out.resize(count);
  return out;
}

Result<SelectionPtr> SelectRows(const BoundExpr& predicate, const Chunk& chunk,
                                const FunctionContext& context) {
  if (chunk.empty()) return nullptr;
  return SelectOne(predicate, chunk, context);
}

}  // namespace velaria::logical
