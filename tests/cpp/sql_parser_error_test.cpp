#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

TEST(a_text_without_a_statement_says_so) {
  for (const char* text :
       {"", "  \n\t ", "-- nothing", "/* nothing */ ;;", ";;;", "\xEF\xBB\xBF"}) {
    CHECK_EQ(ShowError(text).substr(0, 7), "VEL2006");
    CHECK(!ParseScript(text).ok());
  }
}

TEST(misspelt_keywords_are_recognised) {
  CHECK_EQ(ShowError("SELEC 1"),
           "VEL2001 1:1 syntax error: expected a statement, found: SELEC | Did you mean SELECT?");
  CHECK_EQ(ShowError("CRAETE TABLE t (a INT)"),
           "VEL2001 1:1 syntax error: expected a statement, found: CRAETE | Did you mean CREATE?");
  CHECK_EQ(
      ShowError("CREATE TABEL t (a INT)"),
      "VEL2001 1:8 syntax error: expected TABLE, STREAM, VIEW, SCHEMA or INDEX, found: TABEL | "
      "Did you mean TABLE?");
  CHECK_EQ(ShowError("SELECT a FORM t"),
           "VEL2001 1:10 syntax error: expected a clause, found: form | Did you mean FROM?");
  CHECK_EQ(ShowError("SELECT a\nFROM t WHER a = 1"),
           "VEL2001 2:8 syntax error: expected a clause, found: wher | Did you mean WHERE?");
  CHECK_EQ(ShowError("SELECT a FROM t GRUOP BY a"),
           "VEL2001 1:17 syntax error: expected a clause, found: gruop | Did you mean GROUP?");
  CHECK_EQ(ShowError("INSERT INOT t VALUES (1)"),
           "VEL2001 1:8 syntax error: expected INTO, found: INOT | Did you mean INTO?");
  CHECK_EQ(ShowError("hello world"),
           "VEL2001 1:1 syntax error: expected a statement, found: hello");
}

TEST(a_keyword_that_was_taken_for_a_name_is_recognised) {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"SELECT a FROM t ORDER BY a NULS LAST",
       "1:28 syntax error: expected ASC, DESC or NULLS, found: NULS | Did you mean NULLS?"},
      {"SELECT a FROM t ORDER BY a DSC",
       "1:28 syntax error: expected ASC, DESC or NULLS, found: DSC | Did you mean DESC?"},
      {"ALTER TABLE o ad COLUMN z INT",
       "1:15 syntax error: expected ADD, DROP, RENAME or ALTER, found: ad | Did you mean ADD?"},
      {"ALTER TABLE o DROP colum g",
       "1:20 syntax error: expected COLUMN or CONSTRAINT, found: colum | Did you mean COLUMN?"},
      {"ALTER TABLE o RENAME colum g TO h",
       "1:22 syntax error: expected COLUMN, found: colum | Did you mean COLUMN?"},
      {"ALTER TABLE o ALTER colum g TYPE BIGINT",
       "1:21 syntax error: expected COLUMN, found: colum | Did you mean COLUMN?"},
      {"ALTER TABLE o ALTER columns typ BIGINT",
       "1:29 syntax error: expected SET, DROP or TYPE, found: typ | Did you mean TYPE?"},
      {"SELECT sum(a) OVER (ORDER BY a ROWS betwen 1 PRECEDING AND CURRENT ROW) FROM t",
       "1:37 syntax error: expected BETWEEN, found: betwen | Did you mean BETWEEN?"},
      {"SELECT * FROM t TABLESAMPLE bernouli (10)",
       "1:29 syntax error: expected the size of the sample, found: bernouli | Did you mean "
       "BERNOULLI?"},
      {"SELECT * FROM t tablesampl BERNOULLI (10)",
       "1:17 syntax error: expected a clause, found: tablesampl | Did you mean TABLESAMPLE?"},
      {"SELECT * FROM t TABLESAMPLE BERNOULLI (10) repetable (1)",
       "1:44 syntax error: expected REPEATABLE, found: repetable | Did you mean REPEATABLE?"},
      {"SELECT CASE wen a = 1 THEN 2 END",
       "1:13 syntax error: expected WHEN, found: wen | Did you mean WHEN?"},
      {"SELECT CASE WHEN a THEN 2 esle 3 END",
       "1:27 syntax error: expected WHEN, ELSE or END, found: esle | Did you mean ELSE?"},
      {"UPDATE o st id = 1", "1:10 syntax error: expected SET, found: st | Did you mean SET?"},
      // A name that only looks like a keyword is not blamed for what is missing behind it.
      {"SELECT CASE wen END", "1:17 syntax error: expected WHEN, found: END"},
  };
  for (const auto& [text, error] : cases) {
    CHECK_EQ(ShowError(text), std::string("VEL2001 ") + error);
  }
}

TEST(cut_statements_end_where_their_last_token_ends) {
  CHECK_EQ(ShowError("SELECT a FROM  -- more\n"),
           "VEL2001 1:14 syntax error: expected a table name, found: end of statement");
  CHECK_EQ(ShowError("SELECT 1 FROM t WHERE"),
           "VEL2001 1:22 syntax error: expected an expression, found: end of statement");
  CHECK_EQ(ShowError("SELECT (1))"),
           "VEL2001 1:11 syntax error: expected end of statement, found: )");
}

TEST(a_long_token_is_shown_short_and_on_one_line) {
  CHECK_EQ(ShowError("SELECT 1 FROM t LIMIT 1 'a\nb'"),
           "VEL2001 1:25 syntax error: expected end of statement, found: 'a b'");
  const std::string error = ShowError("SELECT 1 FROM t LIMIT 1 '" + std::string(500, 'x') + "'");
  CHECK(error.size() < 150);
}

TEST(the_caret_stands_under_the_fault) {
  CHECK_EQ(CaretText("SELECT 1\nFROM\tt WHER", {2, 8}), "FROM t WHER\n       ^");
  CHECK_EQ(CaretText("größe ?", {1, 7}), "größe ?\n      ^");
  CHECK_EQ(CaretText("abc\r\ndef", {1, 4}), "abc\n   ^");
  CHECK_EQ(CaretText("abc", {1, 99}), "abc\n   ^");
  CHECK_EQ(CaretText("a\xFF"
                     "b",
                     {1, 2}),
           "a?b\n ^");
  CHECK_EQ(CaretText("abc", {0, 0}), "");
  CHECK_EQ(CaretText("abc", {7, 1}), "\n^");
}

TEST(the_caret_of_a_long_line_stands_under_its_character) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += static_cast<char>('a' + i % 26);
  for (int column = 1; column <= 3000; column += 7) {
    const std::string caret = CaretText(text, {1, column});
    const size_t newline = caret.find('\n');
    CHECK_EQ(caret[caret.size() - newline - 2], text[static_cast<size_t>(column) - 1]);
    CHECK_EQ(caret.starts_with("..."), column > 47);
    CHECK_EQ(caret.substr(0, newline).ends_with("..."), column < 2954);
  }
  CHECK(CaretText(text, {1, 5000}).ends_with('^'));
}

TEST(the_caret_line_is_cut_to_100_columns) {
  std::string text(301, 'a');  // not joined by +, of which g++ 12 warns where nothing is wrong
  text[150] = '!';
  text.replace(151, 150, 150, 'b');
  for (const int column : {1, 50, 151, 260, 301, 302}) {
    const std::string caret = CaretText(text, {1, column});
    const size_t newline = caret.find('\n');
    CHECK(newline <= 100);
    CHECK(caret.size() - newline - 1 <= 100);
    if (column <= 301) {
      const size_t under = caret.size() - newline - 2;
      CHECK_EQ(caret[under], text[static_cast<size_t>(column) - 1]);
    }
  }
}

}  // namespace
}  // namespace velaria::sql
