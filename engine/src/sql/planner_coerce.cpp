#include "sql/planner_coerce.hpp"

#include <arrow/scalar.h>

#include "logical/evaluate.hpp"
#include "sql/planner_literal.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::BoundKind;

namespace {

std::string TextOf(const logical::BoundExpr& literal) {
  return std::string(StringView(literal.literal)[0]);
}

bool SameValue(const logical::BoundExpr& a, const logical::BoundExpr& b) {
  return a.literal.array()->Equals(*b.literal.array());
}

/// Whether a constant of type `from` may be tried as a value of `to` for a comparison.
bool MayFit(const arrow::DataType& from, const arrow::DataType& to) {
  if (IsNumeric(from) && IsNumeric(to)) return true;
  if (!IsTemporal(from) || !IsTemporal(to)) return false;
  if (from.id() == arrow::Type::TIMESTAMP && to.id() == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(from).timezone() ==
           static_cast<const arrow::TimestampType&>(to).timezone();
  }
  if (from.id() == arrow::Type::TIMESTAMP) {
    return static_cast<const arrow::TimestampType&>(from).timezone().empty();
  }
  return true;
}

}  // namespace

BoundExprPtr MakeUntyped(Vector constant, Place place) {
  auto literal =
      std::make_shared<logical::BoundExpr>(*logical::MakeLiteral(std::move(constant), place));
  literal->name = kUntypedName;
  return literal;
}

bool IsUntyped(const logical::BoundExpr& expr) {
  return expr.kind == BoundKind::kLiteral && expr.name == kUntypedName;
}

Result<BoundExprPtr> CastTo(const BoundExprPtr& expr, const TypePtr& to,
                            const FunctionContext& context) {
  VELARIA_ASSIGN_OR_RETURN(auto cast, logical::MakeCast(expr, to, false, expr->place));
  if (cast == expr || expr->kind != BoundKind::kLiteral) return cast;
  return logical::Fold(cast, context);
}

Result<BoundExprPtr> Adopt(const BoundExprPtr& expr, const TypePtr& to,
                           const FunctionContext& context) {
  if (!IsUntyped(*expr) || to->id() == arrow::Type::NA || IsString(*to)) return expr;
  const std::string text = TextOf(*expr);
  // A decimal column does not round the constant it is compared with.
  if (IsDecimal(*to)) {
    if (auto number = ParseNumber(text, expr->place); number.ok()) return number;
  }
  auto cast = CastTo(expr, LogicalType(to), context);
  if (cast.ok() || ErrorInfoOf(cast.status()).code == ErrorCode::kTypeMismatch) return cast;
  return FailAt(expr->place, ErrorCode::kBadLiteral,
                "literal is not a value of type " + SqlName(*to) + ": '" + text + "'");
}

BoundExprPtr TryFold(const BoundExprPtr& expr, const FunctionContext& context) {
  if (expr->kind == BoundKind::kLiteral || !logical::IsConstant(*expr)) return expr;
  auto folded = logical::Fold(expr, context);
  return folded.ok() ? *folded : expr;
}

BoundExprPtr ExactFit(const BoundExprPtr& constant, const TypePtr& type,
                      const FunctionContext& context) {
  if (constant->kind != BoundKind::kLiteral || !MayFit(*constant->type, *type)) return nullptr;
  auto there = CastTo(constant, type, context);
  if (!there.ok()) return nullptr;
  auto back = CastTo(*there, constant->type, context);
  if (!back.ok() || !SameValue(**back, *constant)) return nullptr;
  return *there;
}

bool FitConstant(BoundExprPtr* left, BoundExprPtr* right, const FunctionContext& context) {
  if (auto fit = ExactFit(*right, (*left)->type, context)) {
    *right = std::move(fit);
    return true;
  }
  auto fit = ExactFit(*left, (*right)->type, context);
  if (!fit) return false;
  *left = std::move(fit);
  return true;
}

static bool HasCodesOfValues(const arrow::DataType& type) {
  return IsDictionary(type) && !IsString(type);
}

Result<BoundExprPtr> PlainValues(BoundExprPtr expr) {
  if (!HasCodesOfValues(*expr->type)) return expr;
  const TypePtr plain = LogicalType(expr->type);
  return logical::MakeCast(std::move(expr), plain, false);
}

BoundExprPtr AsStored(BoundExprPtr expr) {
  if (expr->kind != BoundKind::kCast || expr->children[0]->kind != BoundKind::kColumn) return expr;
  const auto& column = expr->children[0];
  return HasCodesOfValues(*column->type) && LogicalType(column->type)->Equals(*expr->type) ? column
                                                                                           : expr;
}

Status CoerceComparison(BoundExprPtr* left, BoundExprPtr* right, Place place,
                        const FunctionContext& context) {
  for (auto* side : {left, right}) {
    VELARIA_ASSIGN_OR_RETURN(*side, PlainValues(*side));
  }
  VELARIA_RETURN_NOT_OK(CheckComparable(**left, "a comparison"));
  VELARIA_RETURN_NOT_OK(CheckComparable(**right, "a comparison"));
  if (!IsUntyped(**left)) {
    VELARIA_ASSIGN_OR_RETURN(*right, Adopt(*right, (*left)->type, context));
  }
  if (!IsUntyped(**right)) {
    VELARIA_ASSIGN_OR_RETURN(*left, Adopt(*left, (*right)->type, context));
  }
  if ((*left)->type->Equals(*(*right)->type)) return Status::OK();
  if (IsString(*(*left)->type) && IsString(*(*right)->type)) return Status::OK();
  *left = TryFold(*left, context);
  *right = TryFold(*right, context);
  if (FitConstant(left, right, context)) return Status::OK();
  auto common = CommonType((*left)->type, (*right)->type);
  if (!common.ok()) {
    return FailAt(place, ErrorCode::kTypeMismatch,
                  "these types do not compare: " + SqlName(*(*left)->type) + " and " +
                      SqlName(*(*right)->type),
                  "Write a CAST on one side.");
  }
  VELARIA_ASSIGN_OR_RETURN(*left, CastTo(*left, *common, context));
  VELARIA_ASSIGN_OR_RETURN(*right, CastTo(*right, *common, context));
  return Status::OK();
}

Result<TypePtr> Unify(std::vector<BoundExprPtr>* exprs, Place place,
                      const FunctionContext& context) {
  TypePtr common = arrow::null();
  bool any_untyped = false;
  for (const auto& expr : *exprs) {
    if (IsUntyped(*expr)) {
      any_untyped = true;
      continue;
    }
    auto wider = CommonType(common, expr->type);
    if (!wider.ok()) return WithPlace(wider.status(), expr->place.known() ? expr->place : place);
    common = *wider;
  }
  if (any_untyped) {
    if (common->id() == arrow::Type::NA) common = arrow::utf8();
    common = LogicalType(common);
  }
  if (any_untyped && IsDecimal(*common)) {
    for (auto& expr : *exprs) {
      VELARIA_ASSIGN_OR_RETURN(expr, Adopt(expr, common, context));
      VELARIA_ASSIGN_OR_RETURN(common, CommonType(common, expr->type));
    }
  }
  for (auto& expr : *exprs) {
    VELARIA_ASSIGN_OR_RETURN(expr, Adopt(expr, common, context));
    VELARIA_ASSIGN_OR_RETURN(expr, CastTo(expr, common, context));
  }
  return common;
}

Result<BoundExprPtr> ExpectBoolean(BoundExprPtr expr, const std::string& what,
                                   const FunctionContext& context) {
  if (expr->type->id() == arrow::Type::BOOL) return expr;
  if (IsUntyped(*expr) || expr->type->id() == arrow::Type::NA) {
    VELARIA_ASSIGN_OR_RETURN(expr, Adopt(expr, arrow::boolean(), context));
    return CastTo(expr, arrow::boolean(), context);
  }
  return FailAt(expr->place, ErrorCode::kTypeMismatch,
                what + " must be BOOLEAN, not: " + SqlName(*expr->type),
                "Write a comparison, such as " + logical::ToText(*expr) + " <> 0.");
}

static bool HoldsCodes(const arrow::DataType& type) {
  return HasCodesOfValues(type) ||
         std::any_of(type.fields().begin(), type.fields().end(),
                     [](const auto& field) { return HoldsCodes(*field->type()); });
}

Status CheckComparable(const logical::BoundExpr& expr, const std::string& what) {
  if (IsComparable(*expr.type)) return Status::OK();
  const std::string type = SqlName(*expr.type);
  const bool coded = HoldsCodes(*expr.type);
  return FailAt(expr.place, ErrorCode::kTypeMismatch,
                "values of this type cannot stand in " + what + ": " + type +
                    (coded ? ", dictionary-encoded inside" : ""),
                coded ? "Cast it to " + type + ", which takes the encoding off." : "");
}

}  // namespace velaria::sql
