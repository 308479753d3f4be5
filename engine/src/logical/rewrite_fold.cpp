#include "logical/evaluate.hpp"
#include "logical/rewrite.hpp"

namespace velaria::logical {
namespace {

constexpr size_t kFactorBranchesMax = 64;

const char* OppositeOf(const std::string& name) {
  if (name == "=") return "<>";
  if (name == "<>") return "=";
  if (name == "<") return ">=";
  if (name == "<=") return ">";
  if (name == ">") return "<=";
  if (name == ">=") return "<";
  if (name == "is_null") return "is_not_null";
  if (name == "is_not_null") return "is_null";
  if (name == "is_distinct_from") return "is_not_distinct_from";
  if (name == "is_not_distinct_from") return "is_distinct_from";
  return nullptr;
}

enum class Truth { kTrue, kFalse, kUnknown, kOpen };

Truth TruthOf(const BoundExpr& expr) {
  if (expr.kind != BoundKind::kLiteral) return Truth::kOpen;
  if (expr.type->id() == arrow::Type::NA) return Truth::kUnknown;
  if (expr.type->id() != arrow::Type::BOOL) return Truth::kOpen;
  const auto view = ViewBool(expr.literal);
  if (!view.IsValid(0)) return Truth::kUnknown;
  return view[0] ? Truth::kTrue : Truth::kFalse;
}

bool Holds(const std::vector<BoundExprPtr>& conjuncts, const BoundExpr& wanted) {
  return std::any_of(conjuncts.begin(), conjuncts.end(),
                     [&](const auto& conjunct) { return Equal(*conjunct, wanted); });
}

/// A comparison of columns and constants: it never fails, so it may be evaluated before what used
/// to guard it.
bool IsPlainComparison(const BoundExpr& expr) {
  return expr.kind == BoundKind::kCall && expr.children.size() == 2 && OppositeOf(expr.name) &&
         std::all_of(expr.children.begin(), expr.children.end(), [](const auto& child) {
           return child->kind == BoundKind::kColumn || child->kind == BoundKind::kLiteral;
         });
}

/// (x AND a) OR (x AND b) is x AND (a OR b): then x may become a join key or reach a scan.
Result<BoundExprPtr> FactorOr(const std::vector<BoundExprPtr>& children) {
  std::vector<std::vector<BoundExprPtr>> branches(children.size());
  if (children.size() > kFactorBranchesMax) return MakeOr(children);
  for (size_t i = 0; i < children.size(); ++i) SplitConjuncts(children[i], &branches[i]);
  std::vector<BoundExprPtr> common;
  for (const auto& conjunct : branches[0]) {
    const bool shared = IsPlainComparison(*conjunct) && !Holds(common, *conjunct) &&
                        std::all_of(branches.begin(), branches.end(),
                                    [&](const auto& branch) { return Holds(branch, *conjunct); });
    if (shared) common.push_back(conjunct);
  }
  if (common.empty()) return MakeOr(children);
  std::vector<BoundExprPtr> rests;
  for (auto& branch : branches) {
    std::erase_if(branch, [&](const auto& conjunct) { return Holds(common, *conjunct); });
    if (branch.empty()) return MakeAnd(std::move(common));
    VELARIA_ASSIGN_OR_RETURN(auto rest, MakeAnd(std::move(branch)));
    rests.push_back(std::move(rest));
  }
  VELARIA_ASSIGN_OR_RETURN(auto any, MakeOr(std::move(rests)));
  common.push_back(std::move(any));
  return MakeAnd(std::move(common));
}

Result<BoundExprPtr> FoldJunction(const BoundExpr& expr, std::vector<BoundExprPtr> children) {
  const bool is_and = expr.kind == BoundKind::kAnd;
  const Truth deciding = is_and ? Truth::kFalse : Truth::kTrue;
  for (const auto& child : children) {
    if (TruthOf(*child) == deciding) return MakeBoolean(!is_and, expr.place);
  }
  if (is_and) return MakeAnd(std::move(children));
  VELARIA_ASSIGN_OR_RETURN(auto any, MakeOr(std::move(children)));
  return any->kind == BoundKind::kOr ? FactorOr(any->children) : any;
}

/// Branches that are never taken go; a branch that is always taken is the last one.
BoundExprPtr FoldCase(const BoundExpr& expr, const std::vector<BoundExprPtr>& children) {
  std::vector<BoundExprPtr> kept;
  BoundExprPtr otherwise = children.back();
  for (size_t i = 0; i + 1 < children.size(); i += 2) {
    const Truth truth = TruthOf(*children[i]);
    if (truth == Truth::kFalse || truth == Truth::kUnknown) continue;
    if (truth == Truth::kTrue) {
      otherwise = children[i + 1];
      break;
    }
    kept.push_back(children[i]);
    kept.push_back(children[i + 1]);
  }
  if (kept.empty()) return otherwise;
  kept.push_back(std::move(otherwise));
  auto copy = std::make_shared<BoundExpr>(expr);
  copy->children = std::move(kept);
  return copy;
}

/// NOT over a comparison is the opposite comparison: unknown on the same rows, and simple enough to
/// be fused.
Result<BoundExprPtr> FoldNot(const BoundExprPtr& expr) {
  const auto& child = *expr->children[0];
  if (child.kind == BoundKind::kInList) {
    auto copy = std::make_shared<BoundExpr>(child);
    copy->negated = !copy->negated;
    return copy;
  }
  if (child.kind != BoundKind::kCall) return expr;
  if (child.name == "not") return child.children[0];
  if (const char* opposite = OppositeOf(child.name)) {
    return MakeCall(opposite, child.children, expr->place);
  }
  return expr;
}

Result<BoundExprPtr> FoldInList(const BoundExprPtr& expr, const FunctionContext& context) {
  if (expr->list.length() != 1 || expr->list_has_null || expr->negated) return expr;
  VELARIA_ASSIGN_OR_RETURN(auto scalar, expr->list.array()->GetScalar(0));
  VELARIA_ASSIGN_OR_RETURN(auto constant, MakeConstant(scalar, arrow::default_memory_pool()));
  return MakeCall("=", {expr->children[0], MakeLiteral(std::move(constant), expr->place)},
                  expr->place);
}

}  // namespace

Result<BoundExprPtr> FoldExpression(const BoundExprPtr& expr, const FunctionContext& context) {
  if (expr->kind == BoundKind::kColumn || expr->kind == BoundKind::kLiteral) return expr;
  std::vector<BoundExprPtr> children;
  bool all_literal = !IsVolatile(*expr), changed = false;
  for (const auto& child : expr->children) {
    VELARIA_ASSIGN_OR_RETURN(auto folded, FoldExpression(child, context));
    changed |= folded != child;
    all_literal &= folded->kind == BoundKind::kLiteral;
    children.push_back(std::move(folded));
  }
  if (expr->kind == BoundKind::kAnd || expr->kind == BoundKind::kOr) {
    VELARIA_ASSIGN_OR_RETURN(auto junction, FoldJunction(*expr, std::move(children)));
    const bool constant = junction->kind == expr->kind && all_literal;
    return constant ? Fold(junction, context) : junction;
  }
  if (expr->kind == BoundKind::kCase) {
    auto folded = FoldCase(*expr, children);
    return folded;
  }
  BoundExprPtr result = expr;
  if (changed) {
    auto copy = std::make_shared<BoundExpr>(*expr);
    copy->children = std::move(children);
    result = std::move(copy);
  }
  if (all_literal) {
    auto value = Fold(result, context);
    return value.ok() ? *value : result;
  }
  if (result->kind == BoundKind::kInList) return FoldInList(result, context);
  if (result->kind == BoundKind::kCall && result->name == "not") return FoldNot(result);
  return result;
}

Result<LogicalPtr> FoldConstants(const LogicalPtr& node, const FunctionContext& context) {
  if (node->kind == NodeKind::kShared) return node;
  std::vector<LogicalPtr> children;
  for (const auto& child : node->children) {
    VELARIA_ASSIGN_OR_RETURN(auto folded, FoldConstants(child, context));
    children.push_back(std::move(folded));
  }
  auto copy = CopyNode(*node);
  copy->children = std::move(children);
  VELARIA_RETURN_NOT_OK(ChangeExpressions(copy.get(), [&](BoundExprPtr* expr) -> Status {
    VELARIA_ASSIGN_OR_RETURN(*expr, FoldExpression(*expr, context));
    return Status::OK();
  }));
  if (copy->kind == NodeKind::kJoin && copy->residual && TruthOf(*copy->residual) == Truth::kTrue) {
    copy->residual = nullptr;
  }
  if (copy->kind != NodeKind::kFilter) return copy;
  const Truth truth = TruthOf(*copy->predicate);
  if (truth == Truth::kTrue) return copy->children[0];
  if ((truth == Truth::kFalse || truth == Truth::kUnknown) && IsBounded(*copy)) {
    auto nothing = MakeNode(NodeKind::kValues);
    nothing->output = copy->output;
    return nothing;
  }
  return copy;
}

}  // namespace velaria::logical
