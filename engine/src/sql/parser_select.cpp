#include <algorithm>

#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr int kUnionStrength = 1;
constexpr int kIntersectStrength = 2;

bool HasTail(const Select& select) {
  return !select.with.empty() || !select.order_by.empty() || select.limit || select.offset ||
         select.emit != EmitKind::kDefault;
}

int HeightOf(const std::vector<ExprPtr>& list) {
  int height = 0;
  for (const ExprPtr& expr : list) height = std::max(height, expr->height);
  return height;
}

}  // namespace

bool Grammar::AtSelectStart() const {
  return AtAny({Keyword::kSelect, Keyword::kWith}) ||
         (At(Keyword::kValues) && IsSymbol(Peek(1), "("));
}

bool Grammar::AtSelectContinuation() const {
  return AtAny({Keyword::kUnion, Keyword::kIntersect, Keyword::kExcept}) || AtTail();
}

Result<SelectPtr> Grammar::ParseSelect() { return ContinueSelect(nullptr); }

Result<SelectPtr> Grammar::ContinueSelect(SelectPtr left) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  std::vector<CommonTable> with;
  if (!left && At(Keyword::kWith)) VELARIA_RETURN_NOT_OK(ParseWith(&with));
  VELARIA_ASSIGN_OR_RETURN(SelectPtr select, ParseSetOperations(std::move(left), kUnionStrength));
  if (HasTail(*select) && (!with.empty() || AtTail())) {
    VELARIA_ASSIGN_OR_RETURN(select, Wrapped(std::move(select)));
  }
  if (!with.empty()) select->with = std::move(with);
  VELARIA_RETURN_NOT_OK(ParseTail(select.get()));
  return Measured(std::move(select));
}

Status Grammar::ParseWith(std::vector<CommonTable>* with) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kWith));
  const bool recursive = At(Keyword::kRecursive) && Peek(1).keyword != Keyword::kAs;
  if (recursive) Advance();
  do {
    VELARIA_ASSIGN_OR_RETURN(CommonTable table, ParseCommonTable(recursive));
    with->push_back(std::move(table));
  } while (Accept(","));
  if (AtAny({Keyword::kInsert, Keyword::kUpdate, Keyword::kDelete})) {
    return Unsupported(Current(), "WITH before " + std::string(KeywordText(Current().keyword)));
  }
  return Status::OK();
}

Result<CommonTable> Grammar::ParseCommonTable(bool recursive) {
  CommonTable table;
  table.recursive = recursive;
  VELARIA_ASSIGN_OR_RETURN(table.name, ExpectName("a table name"));
  if (At("(")) {
    VELARIA_ASSIGN_OR_RETURN(table.columns, ExpectNameList("a column name"));
  }
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kAs));
  // A hint how to run the query; the planner decides that itself.
  if (!Accept(Keyword::kMaterialized)) AcceptSequence({Keyword::kNot, Keyword::kMaterialized});
  VELARIA_RETURN_NOT_OK(Expect("("));
  VELARIA_ASSIGN_OR_RETURN(table.select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return table;
}

Result<SelectPtr> Grammar::ParseSetOperations(SelectPtr left, int floor) {
  if (!left) {
    VELARIA_ASSIGN_OR_RETURN(left, ParseSetOperand());
  }
  while (AtAny({Keyword::kUnion, Keyword::kIntersect, Keyword::kExcept})) {
    const int strength = At(Keyword::kIntersect) ? kIntersectStrength : kUnionStrength;
    if (strength < floor) break;
    const Token token = Take();
    const bool all = Accept(Keyword::kAll);
    if (!all) Accept(Keyword::kDistinct);
    if (AtSequence({Keyword::kBy})) return Unsupported(Current(), "set operation BY NAME");
    auto operation = std::make_unique<Select>();
    operation->place = token.place;
    operation->set_op = token.keyword == Keyword::kUnion ? (all ? SetOp::kUnionAll : SetOp::kUnion)
                        : token.keyword == Keyword::kIntersect
                            ? (all ? SetOp::kIntersectAll : SetOp::kIntersect)
                            : (all ? SetOp::kExceptAll : SetOp::kExcept);
    operation->set_left = std::move(left);
    VELARIA_ASSIGN_OR_RETURN(operation->set_right, ParseSetOperations(nullptr, strength + 1));
    VELARIA_ASSIGN_OR_RETURN(left, Measured(std::move(operation)));
  }
  return left;
}

Result<SelectPtr> Grammar::ParseSetOperand() {
  if (At(Keyword::kSelect)) return ParseSelectCore();
  if (At(Keyword::kValues)) return ParseValues();
  if (!At("(")) {
    return Unexpected("SELECT, VALUES or a query in parentheses", {"SELECT", "VALUES", "WITH"});
  }
  Advance();
  VELARIA_ASSIGN_OR_RETURN(SelectPtr select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return select;
}

Result<SelectPtr> Grammar::ParseValues() {
  auto select = std::make_unique<Select>();
  select->place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kValues));
  do {
    VELARIA_RETURN_NOT_OK(Expect("("));
    VELARIA_ASSIGN_OR_RETURN(std::vector<ExprPtr> row, ParseExpressionList());
    select->values.push_back(std::move(row));
    VELARIA_RETURN_NOT_OK(Expect(")"));
  } while (Accept(","));
  return Measured(std::move(select));
}

Result<SelectPtr> Grammar::ParseSelectCore() {
  auto select = std::make_unique<Select>();
  select->place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kSelect));
  if (Accept(Keyword::kDistinct)) {
    select->distinct = true;
    if (Accept(Keyword::kOn)) {
      VELARIA_RETURN_NOT_OK(Expect("("));
      VELARIA_ASSIGN_OR_RETURN(select->distinct_on, ParseExpressionList());
      VELARIA_RETURN_NOT_OK(Expect(")"));
    }
  } else {
    Accept(Keyword::kAll);
  }
  do {
    VELARIA_ASSIGN_OR_RETURN(SelectItem item, ParseSelectItem());
    select->items.push_back(std::move(item));
  } while (Accept(","));
  if (Accept(Keyword::kFrom)) {
    VELARIA_ASSIGN_OR_RETURN(select->from, ParseFrom());
  }
  VELARIA_RETURN_NOT_OK(ParseWindowBy(select.get()));
  if (Accept(Keyword::kWhere)) {
    VELARIA_ASSIGN_OR_RETURN(select->where, ParseExpression());
  }
  VELARIA_RETURN_NOT_OK(ParseWindowBy(select.get()));
  if (Accept(Keyword::kGroup)) VELARIA_RETURN_NOT_OK(ParseGroupBy(select.get()));
  if (Accept(Keyword::kHaving)) {
    VELARIA_ASSIGN_OR_RETURN(select->having, ParseExpression());
  }
  if (At(Keyword::kWindow) && Peek(2).keyword == Keyword::kAs) {
    return Unsupported(Current(), "WINDOW clause");
  }
  if (AtAny({Keyword::kHybrid, Keyword::kKeyword}) && Peek(1).keyword == Keyword::kSearch) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " SEARCH");
  }
  return Measured(std::move(select));
}

Result<SelectItem> Grammar::ParseSelectItem() {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  SelectItem item;
  VELARIA_ASSIGN_OR_RETURN(item.expr, ParseOperators(kDisjunction));
  if (item.expr->kind == ExprKind::kStar) {
    if (AtAny({Keyword::kExclude, Keyword::kReplace}) && IsSymbol(Peek(1), "(")) {
      return Unsupported(Current(), "* " + std::string(KeywordText(Current().keyword)));
    }
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

Status Grammar::ParseGroupBy(Select* select) {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kBy));
  do {
    if (At(Keyword::kAll)) return Unsupported(Current(), "GROUP BY ALL");
    const bool called = IsSymbol(Peek(1), "(");
    if ((AtAny({Keyword::kCube, Keyword::kRollup}) && called) ||
        AtSequence({Keyword::kGrouping, Keyword::kSets})) {
      return Unsupported(Current(), "GROUP BY with grouping sets");
    }
    VELARIA_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpression());
    select->group_by.push_back(std::move(expr));
  } while (Accept(","));
  return Status::OK();
}

/// SELECT * FROM (inner): gives a query that already has its own ORDER BY, LIMIT or WITH room for
/// another.
Result<SelectPtr> Grammar::Wrapped(SelectPtr inner) {
  auto outer = std::make_unique<Select>();
  outer->place = inner->place;
  outer->items.push_back({MakeExpr(ExprKind::kStar, inner->place), std::nullopt});
  outer->from = std::make_unique<TableRef>(TableKind::kSubquery, inner->place);
  outer->from->height = inner->height + 1;
  outer->from->select = std::move(inner);
  return outer;
}

Result<SelectPtr> Grammar::Measured(SelectPtr select) {
  int below = std::max(HeightOf(select->distinct_on), HeightOf(select->group_by));
  for (const SelectItem& item : select->items) below = std::max(below, item.expr->height);
  for (const auto& row : select->values) below = std::max(below, HeightOf(row));
  for (const OrderItem& item : select->order_by) below = std::max(below, item.expr->height);
  for (const CommonTable& table : select->with) below = std::max(below, table.select->height);
  for (const ExprPtr* expr : {&select->where, &select->having, &select->limit, &select->offset}) {
    if (*expr) below = std::max(below, (*expr)->height);
  }
  if (select->window_by) below = std::max(below, select->window_by->time->height);
  if (select->from) below = std::max(below, select->from->height);
  if (select->is_set_operation()) {
    below = std::max({below, select->set_left->height + 1, select->set_right->height + 1});
  }
  select->height = below + 1;
  VELARIA_RETURN_NOT_OK(CheckHeight(select->height, select->place));
  return select;
}

}  // namespace velaria::sql
