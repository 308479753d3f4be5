// CASE: each branch is evaluated on its own rows only, then the branches' values are put in row
// order.
#include <numeric>

#include "columnar/join_arrays.hpp"
#include "logical/evaluate_rows.hpp"
#include "logical/physical_dispatch.hpp"

namespace velaria::logical {
namespace {

struct Branch {
  Selection rows;
  Vector values;  // dense over `rows`, or constant, or a column of the chunk when `by_row`
  bool by_row = false;
  bool is_rest = false;  // the ELSE of columns and constants: `rows` is left empty, all rows not
                         // taken by another branch
};

Selection AllRows(const Chunk& chunk) {
  if (chunk.selection) return *chunk.selection;
  Selection rows(static_cast<size_t>(chunk.row_count));
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

bool IsFixedCopy(const BoundExpr& expr) {
  return (expr.kind == BoundKind::kColumn || expr.kind == BoundKind::kLiteral) &&
         FixedWidthOf(PhysicalOf(*expr.type)) > 0;
}

template <typename T>
void ScatterValues(const Branch& branch, int64_t row_count, T* target, uint8_t* valid) {
  const auto view = ViewFixed<T>(branch.values);
  const bool all_valid = view.validity.all_valid();
  if (branch.is_rest) {
    for (int64_t row = 0; row < row_count; ++row) target[row] = view[row];
    for (int64_t row = 0; valid && row < row_count; ++row) valid[row] = view.IsValid(row);
    return;
  }
  for (size_t i = 0; i < branch.rows.size(); ++i) {
    const uint32_t row = branch.rows[i];
    const int64_t from = branch.by_row ? row : static_cast<int64_t>(i);
    target[row] = view[from];
    if (valid) valid[row] = all_valid || view.IsValid(from);
  }
}

/// The rest is written first, over all rows; the other branches then write their rows.
Result<Vector> ScatterFixed(const TypePtr& type, const std::vector<Branch>& branches,
                            int64_t row_count, arrow::MemoryPool* pool) {
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(type, row_count, pool));
  const bool any_null = std::any_of(branches.begin(), branches.end(), [](const Branch& branch) {
    return branch.values.MayHaveNulls();
  });
  std::vector<uint8_t> valid(any_null ? static_cast<size_t>(row_count) : 0, 1);
  uint8_t* valid_bytes = any_null ? valid.data() : nullptr;
  VELARIA_RETURN_NOT_OK(VisitFixed(PhysicalOf(*type), [&]<typename T>(T) {
    T* target = reinterpret_cast<T*>(data->buffers[1]->mutable_data());
    for (auto branch = branches.rbegin(); branch != branches.rend(); ++branch) {
      ScatterValues(*branch, row_count, target, valid_bytes);
    }
    return Status::OK();
  }));
  if (any_null) {
    // As states, 1 is true and valid; the value bits of the result are its validity bitmap.
    VELARIA_ASSIGN_OR_RETURN(auto bits, FromStates(valid, pool));
    data->buffers[0] = bits.data->buffers[1];
    data->null_count = arrow::kUnknownNullCount;
  }
  return Vector{std::move(data), false};
}

Result<Vector> ScatterBooleans(const std::vector<Branch>& branches, int64_t row_count,
                               arrow::MemoryPool* pool) {
  std::vector<uint8_t> states(static_cast<size_t>(row_count), kUnknown);
  for (const auto& branch : branches) {
    const auto branch_states = ToStates(branch.values, static_cast<int64_t>(branch.rows.size()));
    for (size_t i = 0; i < branch.rows.size(); ++i) states[branch.rows[i]] = branch_states[i];
  }
  return FromStates(states, pool);
}

/// Any type: the branches one after the other, then the rows picked in order.
Result<Vector> ScatterByGather(const TypePtr& type, const std::vector<Branch>& branches,
                               int64_t row_count, arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::Array>> pieces;
  Selection position(static_cast<size_t>(row_count));
  uint32_t base = 0;
  for (const auto& branch : branches) {
    pieces.push_back(branch.values.array());
    for (size_t i = 0; i < branch.rows.size(); ++i) {
      position[branch.rows[i]] = base + (branch.values.constant ? 0 : static_cast<uint32_t>(i));
    }
    base += static_cast<uint32_t>(branch.values.length());
  }
  VELARIA_ASSIGN_OR_RETURN(auto all, JoinWide(pieces, pool));
  return Gather(MakeVector(all), position, pool);
}

}  // namespace

Result<Vector> EvaluateCase(const BoundExpr& expr, const Chunk& chunk,
                            const FunctionContext& context) {
  std::vector<Branch> branches;
  Chunk rest = chunk;
  for (size_t i = 0; i < expr.children.size() && !rest.empty(); i += 2) {
    const bool is_else = i + 1 == expr.children.size();
    const auto& result = *expr.children[is_else ? i : i + 1];
    Branch branch;
    Chunk taken = rest;
    if (is_else) {
      branch.is_rest = IsFixedCopy(result);
      if (!branch.is_rest) branch.rows = AllRows(rest);
    } else {
      VELARIA_ASSIGN_OR_RETURN(auto passing, SelectRows(*expr.children[i], rest, context));
      if (passing && passing->empty()) continue;
      branch.rows = passing ? *passing : AllRows(rest);
      if (passing) taken.selection = passing;
      const bool rest_is_cheap =
          i + 3 == expr.children.size() && IsFixedCopy(*expr.children.back());
      if (!passing) {
        rest.selection = std::make_shared<Selection>();
      } else if (!rest_is_cheap) {
        rest.selection = std::make_shared<Selection>(RowsWithout(rest, *passing));
      }
    }
    if (IsFixedCopy(result)) {
      branch.by_row = true;
      VELARIA_ASSIGN_OR_RETURN(branch.values, EvaluateDense(result, chunk, context));
    } else {
      VELARIA_ASSIGN_OR_RETURN(branch.values, Evaluate(result, taken, context));
    }
    branches.push_back(std::move(branch));
  }
  if (branches.size() == 1) return branches[0].values;
  const Physical physical = PhysicalOf(*expr.type);
  if (physical == Physical::kBool) return ScatterBooleans(branches, chunk.row_count, context.pool);
  if (FixedWidthOf(physical) > 0) {
    return ScatterFixed(expr.type, branches, chunk.row_count, context.pool);
  }
  return ScatterByGather(expr.type, branches, chunk.row_count, context.pool);
}

}  // namespace velaria::logical
