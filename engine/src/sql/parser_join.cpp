#include <charconv>

#include "sql/grammar.hpp"

namespace velaria::sql {

Result<Grammar::TablePtr> Grammar::ParseJoins(TablePtr left) {
  Level level(this);
  VELARIA_RETURN_NOT_OK(CheckDepth());
  while (true) {
    auto join = std::make_unique<TableRef>(TableKind::kJoin, Current().place);
    VELARIA_ASSIGN_OR_RETURN(bool at_join, ParseJoinWords(join.get()));
    if (!at_join) return left;
    join->left = std::move(left);
    VELARIA_ASSIGN_OR_RETURN(join->right, ParseTable());
    if (join->join != JoinKind::kCross && !join->natural) {
      if (!AtAny({Keyword::kOn, Keyword::kUsing})) {  // a JOIN b JOIN c ON ... ON ...
        VELARIA_ASSIGN_OR_RETURN(join->right, ParseJoins(std::move(join->right)));
      }
      if (!AtAny({Keyword::kOn, Keyword::kUsing})) VELARIA_RETURN_NOT_OK(RefusePositional(*join));
      VELARIA_RETURN_NOT_OK(ParseJoinCondition(join.get()));
    }
    VELARIA_ASSIGN_OR_RETURN(left, Measured(std::move(join)));
  }
}

/// a POSITIONAL JOIN b: the word was read as an alias, and has no condition behind it.
Status Grammar::RefusePositional(const TableRef& join) {
  const auto& alias = join.left->alias;
  if (!alias || alias->quoted || alias->text != "positional") return Status::OK();
  Token word;
  word.place = alias->place;
  return Unsupported(word, "POSITIONAL JOIN",
                     "Number the rows of both by row_number() OVER (), and join on the numbers.");
}

Status Grammar::ParseJoinCondition(TableRef* join) {
  if (Accept(Keyword::kOn)) return ParseExpression().Value(&join->on);
  if (!Accept(Keyword::kUsing)) return Unexpected("ON or USING", {"ON", "USING"});
  VELARIA_ASSIGN_OR_RETURN(join->using_columns, ExpectNameList("a column name"));
  return At(Keyword::kAs) ? Unsupported(Current(), "JOIN ... USING (...) AS") : Status::OK();
}

/// [NATURAL] [INNER | LEFT|RIGHT|FULL [OUTER] | [LEFT] SEMI|ANTI] JOIN, CROSS JOIN,
/// ASOF [LEFT [OUTER]] JOIN; before another word ASOF is an alias.
Result<bool> Grammar::ParseJoinWords(TableRef* join) {
  if (AtAny({Keyword::kAsof, Keyword::kSemi, Keyword::kAnti}) && AtBareAlias()) return false;
  join->asof = Accept(Keyword::kAsof);
  join->natural = !join->asof && Accept(Keyword::kNatural);
  const bool needs_join = join->asof || join->natural;
  if (!needs_join && Accept(Keyword::kCross)) {
    join->join = JoinKind::kCross;
    VELARIA_RETURN_NOT_OK(Expect(Keyword::kJoin));
    return true;
  }
  const Token kind = Current();
  bool plain = false;
  switch (kind.keyword) {
    case Keyword::kInner: join->join = JoinKind::kInner; break;
    case Keyword::kLeft: join->join = JoinKind::kLeft; break;
    case Keyword::kRight: join->join = JoinKind::kRight; break;
    case Keyword::kFull: join->join = JoinKind::kFull; break;
    case Keyword::kSemi: join->join = JoinKind::kSemi; break;
    case Keyword::kAnti: join->join = JoinKind::kAnti; break;
    case Keyword::kJoin: plain = true; break;
    default:
      if (!needs_join) return false;
      return Unexpected("JOIN", {"JOIN", "LEFT"});
  }
  if (!plain) Advance();
  if (kind.keyword == Keyword::kLeft && !join->asof && AtAny({Keyword::kSemi, Keyword::kAnti})) {
    join->join = Take().keyword == Keyword::kSemi ? JoinKind::kSemi : JoinKind::kAnti;
  } else if (kind.keyword == Keyword::kLeft || kind.keyword == Keyword::kRight ||
             kind.keyword == Keyword::kFull) {
    Accept(Keyword::kOuter);
    VELARIA_RETURN_NOT_OK(RefuseAny({Keyword::kSemi, Keyword::kAnti, Keyword::kAsof}));
  }
  if (!Accept(Keyword::kJoin)) return Unexpected("JOIN", {"JOIN", "SEMI", "ANTI", "OUTER"});
  return true;
}

Status Grammar::ParseTableSample(TableRef* table) {
  if (!At(Keyword::kTablesample)) return Status::OK();
  if (table->sample) {
    return FailAt(Current().place, ErrorCode::kSyntaxError,
                  "syntax error: clause appears twice: TABLESAMPLE");
  }
  Advance();
  return ParseSample().Value(&table->sample);
}

/// [BERNOULLI|SYSTEM|RESERVOIR] (size) [REPEATABLE (seed)], size, or size (method[, seed]). A bare
/// number is percent behind BERNOULLI and SYSTEM, as in PostgreSQL, and rows otherwise, as in
/// DuckDB.
Result<TableSample> Grammar::ParseSample() {
  const auto at_method = [&] {
    return AtAny({Keyword::kBernoulli, Keyword::kSystem, Keyword::kReservoir});
  };
  TableSample sample;
  sample.place = Current().place;
  bool by_rows = true;
  const bool has_method = at_method();
  if (has_method) by_rows = Take().keyword == Keyword::kReservoir;
  if (has_method || At("(")) {
    VELARIA_RETURN_NOT_OK(Expect("("));
    VELARIA_RETURN_NOT_OK(ParseSampleSize(by_rows, &sample));
    VELARIA_RETURN_NOT_OK(Expect(")"));
  } else {
    VELARIA_RETURN_NOT_OK(ParseSampleSize(by_rows, &sample));
    if (Accept("(")) {
      if (!at_method()) {
        return Unexpected("BERNOULLI, SYSTEM or RESERVOIR", {"BERNOULLI", "SYSTEM", "RESERVOIR"});
      }
      Advance();
      if (Accept(",")) {
        VELARIA_ASSIGN_OR_RETURN(sample.seed, ExpectInteger("a seed"));
      }
      VELARIA_RETURN_NOT_OK(Expect(")"));
    }
  }
  if (!sample.seed && Accept(Keyword::kRepeatable)) {
    VELARIA_RETURN_NOT_OK(Expect("("));
    VELARIA_ASSIGN_OR_RETURN(sample.seed, ExpectInteger("a seed"));
    VELARIA_RETURN_NOT_OK(Expect(")"));
    return sample;
  }
  // An alias has names in parentheses behind it, never a number.
  const bool has_number = IsSymbol(Peek(1), "(") && Peek(2).kind == TokenKind::kInteger;
  if (has_number && Current().keyword == Keyword::kNone && IsName(Current())) {
    return Unexpected("REPEATABLE", {"REPEATABLE"});
  }
  return sample;
}

/// number [PERCENT | % | ROWS]
Status Grammar::ParseSampleSize(bool rows_by_default, TableSample* sample) {
  if (!At(TokenKind::kInteger) && !At(TokenKind::kDecimal) && !At(TokenKind::kFloat)) {
    return Unexpected("the size of the sample", {"BERNOULLI", "SYSTEM", "RESERVOIR"});
  }
  const Token number = Take();
  const char* end = number.value.data() + number.value.size();
  const bool read = std::from_chars(number.value.data(), end, sample->amount).ec == std::errc();
  if (Accept(Keyword::kPercent) || Accept("%")) {
    sample->by_rows = false;
  } else {
    sample->by_rows = Accept(Keyword::kRows) || rows_by_default;
  }
  const bool whole = number.kind == TokenKind::kInteger;
  if (read && (sample->by_rows ? whole : sample->amount <= 100)) return Status::OK();
  return FailAt(number.place, ErrorCode::kBadLiteral,
                std::string(sample->by_rows ? "sample is no whole number of rows: "
                                            : "sample is no percentage from 0 to 100: ") +
                    std::string(number.raw.substr(0, 40)));
}

}  // namespace velaria::sql
