#include "sql/grammar.hpp"

namespace velaria::sql {

/// ARRAY[a, b] or ARRAY(SELECT ...).
Result<ExprPtr> Grammar::ParseArray() {
  const Place place = Take().place;
  if (At("[")) return ParseArrayList();
  VELARIA_RETURN_NOT_OK(Expect("("));
  ExprPtr array = MakeExpr(ExprKind::kArraySubquery, place);
  VELARIA_ASSIGN_OR_RETURN(array->select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return Measured(std::move(array));
}

/// [a, b], the same as behind ARRAY.
Result<ExprPtr> Grammar::ParseArrayList() {
  ExprPtr array = MakeExpr(ExprKind::kArray, Current().place);
  VELARIA_RETURN_NOT_OK(Expect("["));
  if (!At("]")) {
    VELARIA_RETURN_NOT_OK(ParseData(&array->children));
  }
  VELARIA_RETURN_NOT_OK(Expect("]"));
  return Measured(std::move(array));
}

/// {'a': 1, b: 2}: a key is a string or a name, and stands for itself.
Result<ExprPtr> Grammar::ParseStruct() {
  ExprPtr expr = MakeExpr(ExprKind::kStruct, Current().place);
  VELARIA_RETURN_NOT_OK(Expect("{"));
  bool more = true;
  while (more) {
    if (At(TokenKind::kString)) {
      const Token key = Take();
      expr->argument_names.push_back({key.value, true, key.place});
    } else {
      VELARIA_ASSIGN_OR_RETURN(Name key, ExpectAnyName("a key like 'a'"));
      expr->argument_names.push_back(std::move(key));
    }
    VELARIA_RETURN_NOT_OK(Expect(":"));
    VELARIA_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    expr->children.push_back(std::move(value));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(expr->children.size()));
  }
  VELARIA_RETURN_NOT_OK(Expect("}"));
  return Measured(std::move(expr));
}

/// left[index] and left[from:to], where either bound may be left out.
Result<ExprPtr> Grammar::ParseSubscript(ExprPtr left) {
  ExprPtr part = MakeExpr(ExprKind::kIndex, Current().place);
  VELARIA_RETURN_NOT_OK(Expect("["));
  ExprPtr from, to;
  if (!At(":")) {
    VELARIA_ASSIGN_OR_RETURN(from, ParseExpression());
  }
  part->children.push_back(std::move(left));
  part->children.push_back(std::move(from));
  if (Accept(":")) {
    part->kind = ExprKind::kSlice;
    if (!At("]") && !At(":")) {
      VELARIA_ASSIGN_OR_RETURN(to, ParseExpression());
    }
    if (At(":")) return Unsupported(Current(), "slice with a step");
    part->children.push_back(std::move(to));
  }
  VELARIA_RETURN_NOT_OK(Expect("]"));
  return Measured(std::move(part));
}

/// (left).field; behind a plain column name the point belongs to the name instead.
Result<ExprPtr> Grammar::ParseField(ExprPtr left) {
  ExprPtr field = MakeExpr(ExprKind::kField, Current().place);
  VELARIA_RETURN_NOT_OK(Expect("."));
  if (At("*")) return Unsupported(Current(), "(...).*");
  VELARIA_ASSIGN_OR_RETURN(Name name, ExpectAnyName("a field"));
  field->names.push_back(std::move(name));
  field->children.push_back(std::move(left));
  return Measured(std::move(field));
}

}  // namespace velaria::sql
