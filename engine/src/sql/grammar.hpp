// The grammar: one method per rule, each starting at the rule's first token and leaving the cursor
// behind its last. A rule that may call itself opens a Level; a rule that builds chains in a loop
// bounds the tree's height.
//
//   parser_statement.cpp    which statement; DROP
//   parser_show.cpp         EXPLAIN, DESCRIBE, SHOW, SET; parser_transaction.cpp: BEGIN, PREPARE,
//   ... parser_create.cpp       CREATE; parser_table.cpp: columns and constraints; parser_alter.cpp
//   parser_change.cpp       INSERT, DELETE, UPDATE; parser_copy.cpp: COPY, TRUNCATE
//   parser_select.cpp       queries; parser_core.cpp: SELECT ... ; parser_group.cpp: GROUP BY;
//                           parser_tail.cpp: ORDER BY, LIMIT, EMIT, WINDOW BY
//   parser_from.cpp         FROM; parser_join.cpp: joins, samples
//   parser_expression.cpp   operators; parser_predicate.cpp: IS, IN, LIKE, BETWEEN, ANY
//   parser_primary.cpp      operands; parser_nested.cpp: arrays, structs, subscripts;
//                           parser_type.cpp: types and typed literals
//   parser_call.cpp         functions; parser_special_call.cpp: EXTRACT, TRIM, ...;
//                           parser_window.cpp: OVER, WINDOW
//   parser_height.cpp       the bound of the tree
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/token_cursor.hpp"

namespace velaria::sql {

constexpr size_t kTablePartsMax = 3;  // catalog.schema.table

class Grammar : private TokenCursor {
 public:
  Grammar(std::string_view text, const ParserLimits& limits, Place all_at = {})
      : TokenCursor(text, limits, all_at) {}

  Result<StatementPtr> ParseOnlyStatement();
  Result<std::vector<StatementPtr>> ParseStatements();

 private:
  // Binding strength of operators, as in PostgreSQL.
  enum Precedence {
    kNoOperator,
    kDisjunction,
    kConjunction,
    kNegation,
    kTest,           // IS
    kComparison,     // < = ...: does not chain
    kMatch,          // BETWEEN, IN, LIKE: does not chain
    kOtherOperator,  // || & | # << >> -> ->> ~, also before its operand
    kSum,
    kProduct,
    kPower,
    kAtTimeZone,
    kCollation,
    kSign,
    kPart,  // :: [] .
  };

  using Assignments = std::vector<std::pair<Name, ExprPtr>>;
  using TablePtr = std::unique_ptr<TableRef>;

  // parser_statement.cpp
  /// Skips semicolons; VEL2006 when nothing follows them.
  Status RefuseEmpty();
  Result<StatementPtr> ParseOne();
  Result<StatementPtr> ParseOneByWord();
  Result<StatementPtr> ParseCounted();
  Result<StatementPtr> ParseSelectStatement();
  /// WITH ... before a query, INSERT, DELETE or UPDATE.
  Result<StatementPtr> ParseWithStatement();
  Result<StatementPtr> ParseDrop();
  /// CASCADE or RESTRICT, when it is there.
  void ParseDropBehaviour(Statement* statement);
  /// Skips to the end of a statement that is known by its first words only.
  Result<StatementPtr> ParseOther(Place place, std::string words);

  // parser_show.cpp
  Result<StatementPtr> ParseExplain();
  bool AtExplainOptions() const;
  Status ParseExplainOptions(Statement* statement);
  Status ParseExplainFormat(Statement* statement);
  Result<StatementPtr> ParseDescribe(StatementKind kind);
  Result<StatementPtr> ParseShow();
  Status ParseShowList(Statement* statement);
  Result<StatementPtr> ParseSet();
  Result<StatementPtr> ParseUse();
  Result<StatementPtr> ParseReset();
  bool AcceptTimeZone(Statement* statement);
  /// Into `text`, with its place.
  Status ParseSettingName(Statement* statement);
  Status ParseTextName(std::string_view what, Statement* statement);

  // parser_transaction.cpp
  Result<StatementPtr> ParseBegin();
  Status ParseTransactionMode(Statement* statement);
  Result<StatementPtr> ParseCommit();
  Result<StatementPtr> ParseRollback();
  Result<StatementPtr> ParseSavepoint(StatementKind kind);
  Result<StatementPtr> ParsePrepare();
  Result<StatementPtr> ParseExecute();
  Result<StatementPtr> ParseDeallocate();

  // parser_create.cpp
  Result<StatementPtr> ParseCreate();
  Status ParseIfNotExists(Statement* statement);
  Result<StatementPtr> ParseCreateTable(StatementPtr statement);
  Status ParseCreateTableAs(Statement* statement);
  Result<StatementPtr> ParseCreateStream(StatementPtr statement);
  Result<StatementPtr> ParseCreateView(StatementPtr statement);
  Result<StatementPtr> ParseCreateIndex(StatementPtr statement);

  // parser_table.cpp
  Status ParseTableElements(Statement* statement);
  bool AtTableConstraint() const;
  Status ParseTableConstraint(Statement* statement);
  Result<std::string> ParseConstraintName();
  Status ParseCheck(Statement* statement, std::string name);
  Status ParseWatermark(Statement* statement);
  /// A column without a type is one of CREATE TABLE t (a, b) AS.
  Result<ColumnDef> ParseColumnDef(Statement* statement, bool with_type);
  Status ParseColumnConstraint(Statement* statement, ColumnDef* column);
  /// The value behind DEFAULT, above AND, OR and NOT, and its text as written.
  Status ParseDefault(ExprPtr* value, std::string* text);
  Status ParseOptions(Statement* statement);
  Result<Option> ParseOption();

  // parser_alter.cpp
  Result<StatementPtr> ParseAlter();
  Status ParseAlterAction(Statement* statement);
  Status ParseAlterAdd(Statement* statement);
  Status ParseAlterDrop(Statement* statement);
  Status ParseAlterRename(Statement* statement);
  Status ParseAlterColumn(Statement* statement);
  Status ParseAlterType(Statement* statement);

  // parser_change.cpp
  Result<StatementPtr> ParseInsert(std::vector<CommonTable> with);
  Status ParseInsertTarget(Statement* statement);
  Status ParseInsertSource(Statement* statement, std::vector<CommonTable> with);
  Status ParseOnConflict(Statement* statement);
  Result<StatementPtr> ParseDelete(std::vector<CommonTable> with);
  Result<StatementPtr> ParseUpdate(std::vector<CommonTable> with);
  Status ParseChangedTable(Statement* statement);
  Status ParseAssignments(Assignments* assignments);
  Status ParseAssignmentOfSeveral(Assignments* assignments);
  Status ParseReturning(Statement* statement);
  /// An expression, or DEFAULT.
  Result<ExprPtr> ParseValue();

  // parser_copy.cpp
  Result<StatementPtr> ParseCopy();
  Status ParseCopyOptions(Statement* statement);
  Status ParseCopyWords(Statement* statement);
  Result<std::string> ParseCopyValue();
  Result<StatementPtr> ParseTruncate();

  // parser_select.cpp
  /// SELECT, WITH, FROM, TABLE or VALUES (: none of them can start an expression.
  bool AtSelectStart() const;
  /// What can follow a parenthesised query and make it the first part of a larger one.
  bool AtSelectContinuation() const;
  Result<SelectPtr> ParseSelect();
  /// Goes on behind a parenthesised query, or behind a WITH clause, that has been read.
  Result<SelectPtr> ContinueSelect(SelectPtr left, std::vector<CommonTable> with);
  Status ParseWith(std::vector<CommonTable>* with);
  Result<CommonTable> ParseCommonTable(bool recursive);
  Result<SelectPtr> ParseSetOperations(SelectPtr left, int floor);
  Result<SelectPtr> ParseSetOperand();
  Result<SelectPtr> ParseValues();
  Result<SelectPtr> ParseTableQuery();
  static Result<SelectPtr> Wrapped(SelectPtr inner);
  static SelectPtr SelectAllFrom(TablePtr table);

  // parser_core.cpp
  /// SELECT ... [FROM ...], FROM ... [SELECT ...].
  Result<SelectPtr> ParseSelectCore();
  Status ParseSelectList(Select* select);
  Status ParseClausesBehindFrom(Select* select);
  Result<std::vector<SelectItem>> ParseSelectItems();
  Result<SelectItem> ParseSelectItem();
  bool AtStarExclusion() const;
  Status ParseStarTail(Expr* star);
  Status ParseReplacements(Expr* star);
  Status ParseWindowsAndQualify(Select* select);
  Status ParseUsingSample(Select* select);

  // parser_group.cpp
  struct Grouping;
  using GroupingSets = std::vector<std::vector<int>>;
  Status ParseGroupBy(Select* select);
  Result<GroupingSets> ParseGroupingElement(Grouping* grouping);
  Result<std::vector<GroupingSets>> ParseGroupingElements(Grouping* grouping);
  Result<std::vector<int>> ParseGroupingExpression(Grouping* grouping);
  Result<GroupingSets> ParseCube(Grouping* grouping, Place place);
  Result<GroupingSets> ParseRollup(Grouping* grouping, Place place);
  std::vector<int> MergeEqual(Grouping* grouping) const;
  std::vector<std::string> KeysOf(std::string_view text, size_t count) const;

  // parser_tail.cpp
  Status ParseWindowBy(Select* select);
  Result<int64_t> ParseWindowLength(std::string_view what);
  bool AtTail() const;
  Status ParseTail(Select* select);
  Status RefuseOffsetFirst(std::string_view offset) const;
  Status ParseOrderBy(Select* select);
  Result<std::vector<OrderItem>> ParseOrderItems();
  Status ParseOrderDirection(bool* descending, std::optional<bool>* nulls_first);
  Status ParseFetch(Select* select);
  Status ParseEmit(Select* select);

  // parser_from.cpp
  Result<TablePtr> ParseFrom();
  Result<TablePtr> ParseTable();
  Result<TablePtr> ParseTableSource();
  Result<TablePtr> ParseNamedTable();
  Result<TablePtr> ParseParenthesisedTable();
  Status RefuseTableWord() const;
  Status ParseTableAlias(TableRef* table);
  bool AtBareAlias() const;

  // parser_join.cpp
  Result<TablePtr> ParseJoins(TablePtr left);
  /// The join that starts here, or false.
  Result<bool> ParseJoinWords(TableRef* join);
  Status ParseJoinCondition(TableRef* join);
  static Status RefusePositional(const TableRef& join);
  Status ParseTableSample(TableRef* table);
  /// Behind TABLESAMPLE or USING SAMPLE.
  Result<TableSample> ParseSample();
  Status ParseSampleSize(bool rows_by_default, TableSample* sample);

  // parser_expression.cpp
  Result<ExprPtr> ParseExpression();
  Result<std::vector<ExprPtr>> ParseExpressionList();
  /// Likewise, without a limit of items: what stands behind IN and in ARRAY.
  Status ParseData(std::vector<ExprPtr>* list);
  /// Operators that bind at least as strongly as `floor`; a star alone may come back.
  Result<ExprPtr> ParseOperators(int floor);
  /// The same for a rule that stands in for an expression: one level deeper, without a star.
  Result<ExprPtr> ParseOperand(int floor);
  Result<ExprPtr> ParsePrefix();
  int InfixPrecedence() const;
  int WordPrecedence() const;
  Result<ExprPtr> ParseInfix(ExprPtr left, int precedence);
  Result<ExprPtr> ParseChain(ExprPtr left, int precedence);
  Result<ExprPtr> ParseBinary(ExprPtr left, int precedence);
  Result<ExprPtr> ParseAtTimeZone(ExprPtr left);
  Result<ExprPtr> ParsePart(ExprPtr left);
  Status ParseCollation();
  Status RefuseChain(int precedence) const;
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
  bool AtQuantifier() const;
  Result<ExprPtr> ParseQuantified(ExprPtr left, Place place, std::string comparison);
  /// Reads a query into `select`, or else the first expression of a list into `first`: a query in
  /// its own parentheses is the one or the other, by what follows it.
  Status ParseQueryOrFirst(SelectPtr* select, ExprPtr* first);

  // parser_primary.cpp
  Result<ExprPtr> ParsePrimary();
  Result<ExprPtr> ParseWordPrimary();
  Result<ExprPtr> ParseCallLikeWord();
  Result<ExprPtr> ParseParenthesised();
  Result<ExprPtr> ParseColumnOrCall();
  Result<ExprPtr> ParseCase();
  Result<ExprPtr> ParseCast(bool try_cast);
  Result<ExprPtr> ParseExists();
  Result<ExprPtr> ParseRow();
  Result<ExprPtr> ParseParameter();
  static ExprPtr MakeSubquery(SelectPtr select, Place place);

  // parser_nested.cpp
  Result<ExprPtr> ParseArray();
  Result<ExprPtr> ParseArrayList();
  Result<ExprPtr> ParseStruct();
  Result<ExprPtr> ParseSubscript(ExprPtr left);
  Result<ExprPtr> ParseField(ExprPtr left);

  // parser_call.cpp
  /// At the opening parenthesis behind the function's name.
  Result<ExprPtr> ParseCall(std::vector<Name> names);
  Status ParseArguments(Expr* call);
  bool AtArgumentName() const;
  /// Takes `name =>` when it is there and appends the name, or an empty one once names are in use.
  Status ParseArgumentName(size_t position, std::vector<Name>* names);
  Status ParseNullTreatment(Expr* call);
  Result<ExprPtr> ParseCallTail(ExprPtr call);
  Status ParseWithinGroup(Expr* call);
  static ExprPtr MakeCall(std::string function, Place place);

  // parser_special_call.cpp
  Result<bool> ParseWordedArguments(Expr* call);
  Status ParseSubstringRest(Expr* call);
  Status ParseOverlayRest(Expr* call);
  Result<ExprPtr> ParseExtract();
  Result<ExprPtr> ParseTrim();
  Result<ExprPtr> ParsePosition();

  // parser_window.cpp
  Result<std::unique_ptr<WindowSpec>> ParseOver();
  /// At the opening parenthesis.
  Status ParseWindowSpec(WindowSpec* window);
  Status ParseFrame(WindowSpec* window);
  Status ParseFrameBound(FrameBound* bound);
  Status ParseFrameExclusion(WindowSpec* window);
  Status ParseWindowClause(Select* select);

  // parser_type.cpp
  Result<TypeName> ParseType();
  Status ParseInnerTypes(TypeName* type);
  Status ParseArraySizes(size_t most, TypeName* type);
  Status ParseZone(TypeName* type);
  /// DATE '...' and its like start here.
  bool AtTypedLiteral() const;
  Result<ExprPtr> ParseTypedLiteral();
  bool AtInterval() const;
  Result<ExprPtr> ParseInterval();

  // parser_height.cpp
  // Each ends the making of a node with others below it: computes its height and bounds it.
  Result<ExprPtr> Measured(ExprPtr expr);  // refuses a star below it, too
  Result<SelectPtr> Measured(SelectPtr select);
  Result<TablePtr> Measured(TablePtr table);

  // Parameters of the statement being read: ? counts up, $n names its number, a statement uses one
  // of the two.
  int question_marks_ = 0;
  int dollar_max_ = 0;
  std::vector<Place> parameter_places_;
  // The next VALUES list is the one an INSERT asks for: DEFAULT may stand in it.
  bool values_take_default_ = false;
};

}  // namespace velaria::sql
