// The grammar: one method per rule, each starting at the rule's first token and leaving the cursor
// behind its last. A rule that may call itself opens a Level; a rule that builds chains in a loop
// bounds the tree's height.
//
//   parser_statement.cpp   which statement; EXPLAIN, DROP, SET, SHOW, ...
//   parser_create.cpp      CREATE; parser_change.cpp: INSERT, DELETE, UPDATE
//   parser_select.cpp      queries; parser_tail.cpp: ORDER BY, LIMIT, EMIT, WINDOW BY;
//   parser_from.cpp: FROM parser_expression.cpp  operators; parser_predicate.cpp: IS, IN, LIKE,
//   BETWEEN parser_primary.cpp     operands; parser_call.cpp: functions, OVER; parser_type.cpp:
//   types and typed literals
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/token_cursor.hpp"

namespace velaria::sql {

class Grammar : private TokenCursor {
 public:
  Grammar(std::string_view text, const ParserLimits& limits) : TokenCursor(text, limits) {}

  Result<StatementPtr> ParseOnlyStatement();
  Result<std::vector<StatementPtr>> ParseStatements();

 private:
  // Binding strength of operators, as in PostgreSQL.
  enum Precedence {
    kNoOperator,
    kDisjunction,
    kConjunction,
    kNegation,
    kTest,        // IS
    kComparison,  // < = ...: does not chain
    kMatch,       // BETWEEN, IN, LIKE: does not chain
    kOtherOperator,
    kSum,
    kProduct,
    kAtTimeZone,
    kSign,
    kCast,  // ::
  };

  // parser_statement.cpp
  /// Skips semicolons; VEL2006 when nothing follows them.
  Status RefuseEmpty();
  Result<StatementPtr> ParseOne();
  Result<StatementPtr> ParseCounted();
  Result<StatementPtr> ParseSelectStatement();
  Result<StatementPtr> ParseExplain();
  Result<StatementPtr> ParseDrop();
  Result<StatementPtr> ParseSet();
  Result<StatementPtr> ParseReset();
  Result<StatementPtr> ParseShow();
  Result<StatementPtr> ParseDescribe();
  /// Skips to the end of a statement that is known by its first words only.
  Result<StatementPtr> ParseOther(Place place, std::string words);
  Result<std::string> ParseSettingName();

  // parser_create.cpp
  Result<StatementPtr> ParseCreate();
  Status ParseIfNotExists(Statement* statement);
  Result<StatementPtr> ParseCreateTable(StatementPtr statement);
  Result<StatementPtr> ParseCreateStream(StatementPtr statement);
  Result<StatementPtr> ParseCreateView(StatementPtr statement);
  Result<StatementPtr> ParseCreateIndex(StatementPtr statement);
  Status ParseTableElements(Statement* statement);
  Status ParseKeyConstraint(Statement* statement);
  Status ParseWatermark(Statement* statement);
  Result<ColumnDef> ParseColumnDef(Statement* statement);
  Status ParseColumnConstraint(Statement* statement, ColumnDef* column);
  Status ParseOptions(Statement* statement);
  Result<Option> ParseOption();

  // parser_change.cpp
  Result<StatementPtr> ParseInsert();
  Result<StatementPtr> ParseDelete();
  Result<StatementPtr> ParseUpdate();

  // parser_select.cpp
  /// SELECT, WITH or VALUES (: none of them can start an expression.
  bool AtSelectStart() const;
  /// What can follow a parenthesised query and make it the first part of a larger one.
  bool AtSelectContinuation() const;
  Result<SelectPtr> ParseSelect();
  /// Goes on behind a parenthesised query that has been read.
  Result<SelectPtr> ContinueSelect(SelectPtr left);
  Status ParseWith(std::vector<CommonTable>* with);
  Result<CommonTable> ParseCommonTable(bool recursive);
  Result<SelectPtr> ParseSetOperations(SelectPtr left, int floor);
  Result<SelectPtr> ParseSetOperand();
  Result<SelectPtr> ParseSelectCore();
  Result<SelectPtr> ParseValues();
  Result<SelectItem> ParseSelectItem();
  Status ParseGroupBy(Select* select);
  static Result<SelectPtr> Wrapped(SelectPtr inner);
  Result<SelectPtr> Measured(SelectPtr select);

  // parser_tail.cpp
  Status ParseWindowBy(Select* select);
  Result<int64_t> ParseWindowLength(std::string_view what);
  bool AtTail() const;
  Status ParseTail(Select* select);
  Result<std::vector<OrderItem>> ParseOrderItems();
  Status ParseFetch(Select* select);
  Status ParseEmit(Select* select);

  // parser_from.cpp
  using TablePtr = std::unique_ptr<TableRef>;
  Result<TablePtr> ParseFrom();
  Result<TablePtr> ParseJoins(TablePtr left);
  /// The join that starts here, or false.
  Result<bool> ParseJoinWords(TableRef* join);
  Result<TablePtr> ParseTable();
  Result<TablePtr> ParseTableSource();
  Result<TablePtr> ParseParenthesisedTable();
  Status ParseTableAlias(TableRef* table);
  bool AtBareAlias() const;
  Result<TablePtr> Measured(TablePtr table);

  // parser_expression.cpp
  Result<ExprPtr> ParseExpression();
  Result<std::vector<ExprPtr>> ParseExpressionList();
  /// Operators that bind at least as strongly as `floor`; a star alone may come back.
  Result<ExprPtr> ParseOperators(int floor);
  Result<ExprPtr> ParsePrefix();
  int InfixPrecedence() const;
  Result<ExprPtr> ParseInfix(ExprPtr left, int precedence);
  Result<ExprPtr> ParseChain(ExprPtr left, int precedence);
  Result<ExprPtr> ParseBinary(ExprPtr left, int precedence);
  Result<ExprPtr> ParseAtTimeZone(ExprPtr left);
  Result<ExprPtr> ParseCastOperator(ExprPtr left);
  Status RefuseChain(int precedence) const;
  /// Ends the making of a node with children: bounds its height, refuses a star below it.
  Result<ExprPtr> Measured(ExprPtr expr);
  static ExprPtr MakeExpr(ExprKind kind, Place place) {
    return std::make_unique<Expr>(kind, place);
  }
  static Status RefuseStar(const Expr& expr);

  // parser_predicate.cpp
  Result<ExprPtr> ParseTest(ExprPtr left);
  Result<ExprPtr> ParseMatch(ExprPtr left);
  Result<ExprPtr> ParseIn(ExprPtr left, Place place, bool negated);
  Result<ExprPtr> ParseBetween(ExprPtr left, Place place, bool negated);
  Result<ExprPtr> ParseLike(ExprPtr left, Place place, bool negated);

  // parser_primary.cpp
  Result<ExprPtr> ParsePrimary();
  Result<ExprPtr> ParseWordPrimary();
  Result<ExprPtr> ParseParenthesised();
  Result<ExprPtr> ParseColumnOrCall();
  Result<ExprPtr> ParseCase();
  Result<ExprPtr> ParseCast(bool try_cast);
  Result<ExprPtr> ParseExists();
  Result<ExprPtr> ParseRow();
  Result<ExprPtr> ParseParameter();
  static ExprPtr MakeSubquery(SelectPtr select, Place place);

  // parser_call.cpp
  /// At the opening parenthesis behind the function's name.
  Result<ExprPtr> ParseCall(std::vector<Name> names);
  Status ParseArguments(Expr* call);
  Status ParseSubstringRest(Expr* call);
  Result<ExprPtr> ParseExtract();
  Result<ExprPtr> ParseTrim();
  Result<ExprPtr> ParsePosition();
  Result<ExprPtr> ParseCallTail(ExprPtr call);
  Status SkipWindow();
  Status SkipFrame();
  Status SkipFrameBound();
  static ExprPtr MakeCall(std::string function, Place place);

  // parser_type.cpp
  Result<TypeName> ParseType();
  Status ParseZone(TypeName* type);
  /// DATE '...' and its like start here.
  bool AtTypedLiteral() const;
  Result<ExprPtr> ParseTypedLiteral();
  bool AtInterval() const;
  Result<ExprPtr> ParseInterval();

  // Parameters of the statement being read: ? counts up, $n names its number, a statement uses one
  // of the two.
  int question_marks_ = 0;
  int dollar_max_ = 0;
};

}  // namespace velaria::sql
