#include <utility>

#include "base/text.hpp"
#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

constexpr int kUnionStrength = 1;
constexpr int kIntersectStrength = 2;

bool HasTail(const Select& select) {
  return !select.with.empty() || !select.order_by.empty() || select.order_by_all || select.limit ||
         select.offset || select.emit != EmitKind::kDefault;
}

}  // namespace

bool Grammar::AtSelectStart() const {
  return AtAny({Keyword::kSelect, Keyword::kWith, Keyword::kFrom, Keyword::kTable}) ||
         (At(Keyword::kValues) && IsSymbol(Peek(1), "("));
}

bool Grammar::AtSelectContinuation() const {
  return AtAny({Keyword::kUnion, Keyword::kIntersect, Keyword::kExcept}) || AtTail();
}

Result<SelectPtr> Grammar::ParseSelect() { return ContinueSelect(nullptr, {}); }

Result<SelectPtr> Grammar::ContinueSelect(SelectPtr left, std::vector<CommonTable> with) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  if (!left && with.empty() && At(Keyword::kWith)) {
    VELARIA_RETURN_NOT_OK(ParseWith(&with));
    if (AtAny({Keyword::kInsert, Keyword::kUpdate, Keyword::kDelete})) {
      return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " in a query");
    }
  }
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
  if (Accept(Keyword::kNot)) {
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kMaterialized));
    table.materialized = false;
  } else if (Accept(Keyword::kMaterialized)) {
    table.materialized = true;
  }
  VELARIA_RETURN_NOT_OK(Expect("("));
  if (AtAny({Keyword::kInsert, Keyword::kUpdate, Keyword::kDelete})) {
    return Unsupported(Current(), std::string(KeywordText(Current().keyword)) + " in WITH");
  }
  VELARIA_ASSIGN_OR_RETURN(table.select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  if (At(Keyword::kSearch) || AtWord("CYCLE")) {
    return Unsupported(Current(), ToUpper(Current().raw) + " in WITH");
  }
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
    const bool by_name = AtSequence({Keyword::kBy, Keyword::kName});
    if (by_name && token.keyword != Keyword::kUnion) {
      return Unsupported(Current(), std::string(KeywordText(token.keyword)) + " BY NAME");
    }
    if (by_name) AcceptSequence({Keyword::kBy, Keyword::kName});
    auto operation = std::make_unique<Select>();
    operation->place = token.place;
    operation->by_name = by_name;
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
  if (AtAny({Keyword::kSelect, Keyword::kFrom})) return ParseSelectCore();
  if (At(Keyword::kValues)) return ParseValues();
  if (At(Keyword::kTable)) return ParseTableQuery();
  if (!At("(")) {
    return Unexpected("SELECT, VALUES or a query in parentheses", {"SELECT", "VALUES", "WITH"});
  }
  Advance();
  VELARIA_ASSIGN_OR_RETURN(SelectPtr select, ParseSelect());
  VELARIA_RETURN_NOT_OK(Expect(")"));
  return select;
}

Result<SelectPtr> Grammar::ParseValues() {
  const bool take_default = std::exchange(values_take_default_, false);
  auto select = std::make_unique<Select>();
  select->place = Current().place;
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kValues));
  do {
    VELARIA_RETURN_NOT_OK(Expect("("));
    std::vector<ExprPtr> row;
    bool more = true;
    while (more) {
      VELARIA_ASSIGN_OR_RETURN(ExprPtr value, take_default ? ParseValue() : ParseExpression());
      row.push_back(std::move(value));
      VELARIA_ASSIGN_OR_RETURN(more, AcceptMore(row.size()));
    }
    select->values.push_back(std::move(row));
    VELARIA_RETURN_NOT_OK(Expect(")"));
  } while (Accept(","));
  return Measured(std::move(select));
}

/// TABLE name: SELECT * FROM name.
Result<SelectPtr> Grammar::ParseTableQuery() {
  VELARIA_RETURN_NOT_OK(Expect(Keyword::kTable));
  auto table = std::make_unique<TableRef>(TableKind::kNamed, Current().place);
  VELARIA_ASSIGN_OR_RETURN(table->names, ExpectQualifiedName("a table name", kTablePartsMax));
  return Measured(SelectAllFrom(std::move(table)));
}

SelectPtr Grammar::SelectAllFrom(TablePtr table) {
  auto select = std::make_unique<Select>();
  select->place = table->place;
  select->items.push_back({MakeExpr(ExprKind::kStar, table->place), std::nullopt});
  select->from = std::move(table);
  return select;
}

/// SELECT * FROM (inner): gives a query that already has its own ORDER BY, LIMIT or WITH room for
/// another.
Result<SelectPtr> Grammar::Wrapped(SelectPtr inner) {
  auto table = std::make_unique<TableRef>(TableKind::kSubquery, inner->place);
  table->height = inner->height + 1;
  table->select = std::move(inner);
  return SelectAllFrom(std::move(table));
}

}  // namespace velaria::sql
