#include "sql/grammar.hpp"

namespace velaria::sql {

/// SELECT list [FROM ...] and so on, or FROM ... [SELECT list] and so on: the latter without a list
/// gives all columns.
Result<SelectPtr> Grammar::ParseSelectCore() {
  auto select = std::make_unique<Select>();
  const Place place = Current().place;
  select->place = place;
  if (Accept(Keyword::kFrom)) {
    VELARIA_ASSIGN_OR_RETURN(select->from, ParseFrom());
    VELARIA_RETURN_NOT_OK(ParseUsingSample(select.get()));
    if (At(Keyword::kSelect)) {
      VELARIA_RETURN_NOT_OK(ParseSelectList(select.get()));
    } else {
      select->items.push_back({MakeExpr(ExprKind::kStar, place), std::nullopt});
    }
  } else {
    VELARIA_RETURN_NOT_OK(ParseSelectList(select.get()));
    if (Accept(Keyword::kFrom)) {
      VELARIA_ASSIGN_OR_RETURN(select->from, ParseFrom());
      VELARIA_RETURN_NOT_OK(ParseUsingSample(select.get()));
    }
  }
  VELARIA_RETURN_NOT_OK(ParseClausesBehindFrom(select.get()));
  return Measured(std::move(select));
}

Status Grammar::ParseSelectList(Select* select) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kSelect));
  if (Accept(Keyword::kDistinct)) {
    select->distinct = true;
    if (Accept(Keyword::kOn)) {
      VELARIA_RETURN_NOT_OK(WithHint(Expect("("), "Write DISTINCT ON (a, b)."));
      VELARIA_ASSIGN_OR_RETURN(select->distinct_on, ParseExpressionList());
      VELARIA_RETURN_NOT_OK(Expect(")"));
    }
  } else {
    Accept(Keyword::kAll);
  }
  if (AtWord("TOP") && Peek(1).kind == TokenKind::kInteger) {
    return WithHint(
        Unexpected("an expression"),
        "Write LIMIT " + std::string(Peek(1).raw.substr(0, 20)) + " at the end of the query.");
  }
  VELARIA_ASSIGN_OR_RETURN(select->items, ParseSelectItems());
  if (At(Keyword::kInto)) return Unsupported(Current(), "SELECT ... INTO");
  return Status::OK();
}

Status Grammar::ParseClausesBehindFrom(Select* select) {
  VELARIA_RETURN_NOT_OK(ParseWindowBy(select));
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(select->where, ParseExpression());
  }
  VELARIA_RETURN_NOT_OK(ParseWindowBy(select));
  if (Accept(Keyword::kGroup)) VELARIA_RETURN_NOT_OK(ParseGroupBy(select));
  if (Accept(Keyword::kHaving)) {
    VELARIA_ASSIGN_OR_RETURN(select->having, ParseExpression());
  }
  VELARIA_RETURN_NOT_OK(ParseWindowsAndQualify(select));
  VELARIA_RETURN_NOT_OK(ParseUsingSample(select));
  if (AtAny({Keyword::kHybrid, Keyword::kKeyword}) && Peek(1).keyword == Keyword::kSearch) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " SEARCH");
  }
  return Status::OK();
}

/// WINDOW and QUALIFY, in either order: PostgreSQL has the one, other databases differ.
Status Grammar::ParseWindowsAndQualify(Select* select) {
  while (true) {
    if (select->windows.empty() && At(Keyword::kWindow) && Peek(2).keyword == Keyword::kAs) {
      VELARIA_RETURN_NOT_OK(ParseWindowClause(select));
    } else if (!select->qualify && Accept(Keyword::kQualify)) {
      VELARIA_ASSIGN_OR_RETURN(select->qualify, ParseExpression());
    } else {
      return Status::OK();
    }
  }
}

/// USING SAMPLE takes from the whole of FROM, before WHERE, wherever it is written.
Status Grammar::ParseUsingSample(Select* select) {
  if (!AtSequence({Keyword::kUsing, Keyword::kSample})) return Status::OK();
  const Token token = Current();
  if (!select->from) return Unsupported(token, "USING SAMPLE without FROM");
  if (select->from->sample) {
    return FailAt(token.place, ErrorCode::kSyntaxError,
                  "syntax error: clause appears twice: USING SAMPLE");
  }
  AcceptSequence({Keyword::kUsing, Keyword::kSample});
  return ParseSample().Value(&select->from->sample);
}

Result<std::vector<SelectItem>> Grammar::ParseSelectItems() {
  std::vector<SelectItem> items;
  bool more = true;
  while (more) {
    VELARIA_ASSIGN_OR_RETURN(SelectItem item, ParseSelectItem());
    items.push_back(std::move(item));
    VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(items.size()));
  }
  return items;
}

Result<SelectItem> Grammar::ParseSelectItem() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  SelectItem item;
  VELARIA_ASSIGN_OR_RETURN(item.expr, ParseOperators(kDisjunction));
  if (item.expr->kind == ExprKind::kStar) {
    VELARIA_RETURN_NOT_OK(ParseStarTail(item.expr.get()));
    VELARIA_ASSIGN_OR_RETURN(item.expr, Measured(std::move(item.expr)));
    return item;
  }
  if (Accept(Keyword::kAs)) {
    VELARIA_ASSIGN_OR_RETURN(item.alias, ExpectAnyName("an alias"));
  } else if (AtBareAlias()) {
    VELARIA_ASSIGN_OR_RETURN(item.alias, ExpectName("an alias"));
    NoteBareAlias(*item.alias);
  }
  return item;
}

/// EXCEPT (a) and EXCEPT (a, b) are lists of names; EXCEPT (SELECT ...) is a set operation.
bool Grammar::AtStarExclusion() const {
  if (At(Keyword::kExclude)) return true;
  const bool list = At(Keyword::kExcept) && IsSymbol(Peek(1), "(") && IsName(Peek(2));
  return list && !IsSymbol(Peek(3), "(");
}

/// * [EXCLUDE|EXCEPT (names)] [REPLACE (expression AS name, ...)]
Status Grammar::ParseStarTail(Expr* star) {
  if (AtStarExclusion()) {
    Advance();
    if (At("(")) {
      VELARIA_ASSIGN_OR_RETURN(star->excluded, ExpectNameList("a column name"));
    } else {
      VELARIA_ASSIGN_OR_RETURN(Name name, ExpectName("a column name"));
      star->excluded.push_back(std::move(name));
    }
  }
  if (Accept(Keyword::kReplace)) VELARIA_RETURN_NOT_OK(ParseReplacements(star));
  return RefuseAny({Keyword::kRename});
}

Status Grammar::ParseReplacements(Expr* star) {
  const bool in_parentheses = Accept("(");
  do {
    SelectItem item;
    VELARIA_ASSIGN_OR_RETURN(item.expr, ParseExpression());
    Accept(Keyword::kAs);
    VELARIA_ASSIGN_OR_RETURN(item.alias, ExpectName("the replaced column's name"));
    star->replaced.push_back(std::move(item));
  } while (in_parentheses && Accept(","));
  return in_parentheses ? Expect(")") : Status::OK();
}

}  // namespace velaria::sql
