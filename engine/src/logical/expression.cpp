#include "logical/expression.hpp"

#include <arrow/compare.h>

#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "logical/null_types.hpp"

namespace velaria::logical {
namespace {

std::shared_ptr<BoundExpr> NewExpr(BoundKind kind, TypePtr type, Place place) {
  auto expr = std::make_shared<BoundExpr>();
  expr->kind = kind;
  expr->type = std::move(type);
  expr->place = place;
  return expr;
}

/// An AND or OR over `children`, which must hold at least one expression that is no neutral
/// literal.
BoundExprPtr Junction(BoundKind kind, std::vector<BoundExprPtr> children) {
  if (children.size() == 1) return children[0];
  auto expr = NewExpr(kind, arrow::boolean(), children[0]->place);
  expr->children = std::move(children);
  return expr;
}

bool IsBooleanLiteral(const BoundExpr& expr, bool value) {
  if (expr.kind != BoundKind::kLiteral || expr.type->id() != arrow::Type::BOOL) return false;
  const auto view = ViewBool(expr.literal);
  return view.IsValid(0) && view[0] == value;
}

Result<BoundExprPtr> MakeJunction(BoundKind kind, std::vector<BoundExprPtr> children) {
  const bool neutral = kind == BoundKind::kAnd;
  std::vector<BoundExprPtr> flat;
  for (auto& child : children) {
    if (child->kind == kind) {
      flat.insert(flat.end(), child->children.begin(), child->children.end());
    } else if (!IsBooleanLiteral(*child, neutral)) {
      flat.push_back(std::move(child));
    }
  }
  if (flat.empty()) return MakeBoolean(neutral);
  return Junction(kind, std::move(flat));
}

bool IsNullLiteral(const BoundExpr& expr) {
  return expr.kind == BoundKind::kLiteral && !ValidityOf(expr.literal).IsValid(0);
}

bool SameVector(const Vector& a, const Vector& b) {
  if (a.data == b.data) return true;
  if (!a.data || !b.data || a.constant != b.constant) return false;
  return a.array()->Equals(*b.array(), arrow::EqualOptions::Defaults().nans_equal(true));
}

/// A copy of `expr` with each child replaced by `change(child)`; `expr` itself when no child
/// changed.
template <typename Change>
BoundExprPtr WithChildren(const BoundExprPtr& expr, Change change) {
  std::shared_ptr<BoundExpr> copy;
  for (size_t i = 0; i < expr->children.size(); ++i) {
    BoundExprPtr child = change(expr->children[i]);
    if (child == expr->children[i]) continue;
    if (!copy) copy = std::make_shared<BoundExpr>(*expr);
    copy->children[i] = std::move(child);
  }
  return copy ? copy : expr;
}

}  // namespace

BoundExprPtr MakeColumn(int index, TypePtr type, std::string name, Place place) {
  auto expr = NewExpr(BoundKind::kColumn, std::move(type), place);
  expr->column = index;
  expr->name = std::move(name);
  return expr;
}

BoundExprPtr MakeLiteral(Vector constant, Place place) {
  auto expr = NewExpr(BoundKind::kLiteral, constant.type(), place);
  expr->literal = std::move(constant);
  return expr;
}

Result<BoundExprPtr> MakeNull(const TypePtr& type, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto vector, MakeNullConstant(type, arrow::default_memory_pool()));
  return MakeLiteral(std::move(vector), place);
}

Result<BoundExprPtr> MakeBoolean(bool value, Place place) {
  VELARIA_ASSIGN_OR_RETURN(auto vector, MakeConstant(std::make_shared<arrow::BooleanScalar>(value),
                                                     arrow::default_memory_pool()));
  return MakeLiteral(std::move(vector), place);
}

bool IsJsonDocument(const BoundExpr& expr) {
  if (expr.kind == BoundKind::kCall) return expr.function->returns_json;
  if (expr.kind == BoundKind::kColumn) return expr.is_document;
  if (expr.kind != BoundKind::kCase) return false;
  bool any = false;
  for (size_t i = 0; i < expr.children.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < expr.children.size();
    if (is_condition || IsNullLiteral(*expr.children[i])) continue;
    if (!IsJsonDocument(*expr.children[i])) return false;
    any = true;
  }
  return any;
}

Result<BoundExprPtr> MakeCall(const std::string& name, std::vector<BoundExprPtr> arguments,
                              Place place) {
  const auto* function = FunctionRegistry::Instance().FindScalar(name);
  if (!function) {
    const auto near = NearestName(name, FunctionRegistry::Instance().Names());
    return FailAt(place, ErrorCode::kUnknownFunction, "unknown function: " + name,
                  near.empty() ? "" : "Did you mean " + near + "?");
  }
  BindArguments described;
  for (const auto& argument : arguments) {
    described.types.push_back(argument->type);
    std::shared_ptr<arrow::Scalar> constant;
    if (argument->kind == BoundKind::kLiteral) {
      VELARIA_ASSIGN_OR_RETURN(constant, ConstantValue(argument->literal));
    }
    described.constants.push_back(std::move(constant));
  }
  auto bound = BindScalar(*function, described);
  if (!bound.ok()) return WithPlace(bound.status(), place);
  auto expr = NewExpr(BoundKind::kCall, bound->type, place);
  expr->name = function->name;
  expr->function = function;
  std::vector<bool> documents;
  for (size_t i = 0; function->returns_json && i < arguments.size(); ++i) {
    if (!IsJsonDocument(*arguments[i])) continue;
    documents.resize(arguments.size());
    documents[i] = true;
  }
  for (size_t i = 0; i < arguments.size() && i < bound->arguments.size(); ++i) {
    if (!bound->arguments[i]) continue;
    VELARIA_ASSIGN_OR_RETURN(
        arguments[i], MakeCast(arguments[i], bound->arguments[i], false, arguments[i]->place));
  }
  expr->binding = *std::move(bound);
  expr->binding.documents = std::move(documents);
  expr->children = std::move(arguments);
  return expr;
}

Result<BoundExprPtr> MakeCast(BoundExprPtr expr, const TypePtr& to, bool try_cast, Place place) {
  if (expr->type->Equals(*to)) return expr;
  return CastAnew(std::move(expr), to, try_cast, place);
}

Result<BoundExprPtr> CastAnew(BoundExprPtr expr, const TypePtr& to, bool try_cast, Place place) {
  NullTypes::Note(*expr, to);
  if (!place.known()) place = expr->place;
  auto bound = BindCast(expr->type, to, try_cast);
  if (!bound.ok()) return WithPlace(bound.status(), place);
  auto cast = NewExpr(BoundKind::kCast, to, place);
  cast->try_cast = try_cast;
  cast->binding = *std::move(bound);
  cast->children.push_back(std::move(expr));
  return cast;
}

Result<BoundExprPtr> MakeAnd(std::vector<BoundExprPtr> children) {
  return MakeJunction(BoundKind::kAnd, std::move(children));
}

Result<BoundExprPtr> MakeOr(std::vector<BoundExprPtr> children) {
  return MakeJunction(BoundKind::kOr, std::move(children));
}

bool HasSubquery(const BoundExpr& expr) {
  return expr.kind == BoundKind::kSubquery ||
         std::any_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return HasSubquery(*child); });
}

bool IsConstant(const BoundExpr& expr) {
  if (expr.kind == BoundKind::kColumn || expr.kind == BoundKind::kOuter ||
      expr.kind == BoundKind::kSubquery) {
    return false;
  }
  if (expr.function && expr.function->volatility == Volatility::kVolatile) return false;
  return std::all_of(expr.children.begin(), expr.children.end(),
                     [](const auto& child) { return IsConstant(*child); });
}

bool Equal(const BoundExpr& a, const BoundExpr& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.column != b.column || a.function != b.function ||
      a.negated != b.negated || a.plan != b.plan || a.subquery != b.subquery ||
      a.try_cast != b.try_cast || a.list_has_null != b.list_has_null ||
      a.binding.documents != b.binding.documents || a.children.size() != b.children.size() ||
      !a.type->Equals(*b.type)) {
    return false;
  }
  if (a.function && a.function->volatility == Volatility::kVolatile) return false;
  if (!SameVector(a.literal, b.literal) || !SameVector(a.list, b.list)) return false;
  for (size_t i = 0; i < a.children.size(); ++i) {
    if (!Equal(*a.children[i], *b.children[i])) return false;
  }
  return true;
}

bool Equal(const BoundExprPtr& a, const BoundExprPtr& b) {
  return a == b || (a && b && Equal(*a, *b));
}

bool Equal(const std::vector<BoundExprPtr>& a, const std::vector<BoundExprPtr>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return Equal(x, y); });
}

bool Equal(const std::vector<SortKey>& a, const std::vector<SortKey>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.descending == y.descending && x.nulls_first == y.nulls_first && Equal(x.expr, y.expr);
  });
}

bool Equal(const BoundAggregate& a, const BoundAggregate& b) {
  return a.function == b.function && a.binding.distinct == b.binding.distinct &&
         a.binding.order == b.binding.order && Equal(a.arguments, b.arguments) &&
         Equal(a.filter, b.filter);
}

void CollectColumns(const BoundExpr& expr, std::vector<int>* out) {
  if (expr.kind == BoundKind::kColumn) out->push_back(expr.column);
  for (const auto& child : expr.children) CollectColumns(*child, out);
}

BoundExprPtr RemapColumns(const BoundExprPtr& expr, const std::vector<int>& map) {
  if (expr->kind == BoundKind::kColumn) {
    const int to = map[static_cast<size_t>(expr->column)];
    if (to == expr->column) return expr;
    auto copy = std::make_shared<BoundExpr>(*expr);
    copy->column = to;
    return copy;
  }
  return WithChildren(expr, [&](const BoundExprPtr& child) { return RemapColumns(child, map); });
}

BoundExprPtr SubstituteColumns(const BoundExprPtr& expr, const std::vector<BoundExprPtr>& inputs) {
  if (expr->kind == BoundKind::kColumn) return inputs[static_cast<size_t>(expr->column)];
  return WithChildren(expr,
                      [&](const BoundExprPtr& child) { return SubstituteColumns(child, inputs); });
}

void SplitConjuncts(const BoundExprPtr& expr, std::vector<BoundExprPtr>* out) {
  if (expr->kind != BoundKind::kAnd) {
    out->push_back(expr);
    return;
  }
  for (const auto& child : expr->children) SplitConjuncts(child, out);
}

}  // namespace velaria::logical
