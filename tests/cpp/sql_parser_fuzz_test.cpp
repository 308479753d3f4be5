// Damaged statements: every one parses or fails with a code of the 2xxx range and a place inside
// the text. Seeds are fixed, so a failure repeats. VELARIA_FUZZ_ROUNDS in the environment asks for
// more rounds than the default.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "base/text.hpp"
#include "check.hpp"
#include "sql/parser.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

/// Statements that together reach every rule of the grammar.
const std::vector<std::string>& Corpus() {
  static const std::vector<std::string> corpus = {
      "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 9), b AS "
      "MATERIALIZED "
      "(VALUES (1, 'ä'), (2, $$q$$)) SELECT DISTINCT ON (x) x AS y, t.*, count(*) FILTER (WHERE x "
      "> 1) n, "
      "sum(DISTINCT -x) FROM a, s.t AS u(p, q) LEFT JOIN b ON a.x = b.x OR NOT b.x IS NULL NATURAL "
      "JOIN "
      "(c CROSS JOIN d) JOIN 'f/*.csv' f USING (k, \"L\") WHERE x BETWEEN 1 AND 2 + 3 AND y NOT "
      "LIKE 'a%' "
      "ESCAPE '!' GROUP BY 1, x HAVING max(x) >= 1e-5 ORDER BY 1 DESC NULLS FIRST, x LIMIT 10 "
      "OFFSET 5;",
      "SELECT CASE x WHEN 1 THEN 'a' ELSE NULL END, CASE WHEN true THEN 1.5 END, CAST(a AS "
      "DECIMAL(10, "
      "2)), TRY_CAST('1' AS DOUBLE PRECISION), b::timestamp(3) with time zone[], DATE '2024-01-01' "
      "- "
      "INTERVAL '5' DAY, TIMESTAMPTZ 'x' AT TIME ZONE 'UTC', E'\\u00e9\\x41\\n', 0xFF + 1_000 % .5",
      "SELECT (1, 2) = ROW(3, 4), a IN (1, 2), a NOT IN (SELECT 1), a IN ((SELECT 1) UNION SELECT "
      "2), "
      "EXISTS (SELECT 1), NOT EXISTS (VALUES (1)), ((SELECT 1) EXCEPT SELECT 2 LIMIT 1), a IS NOT "
      "DISTINCT FROM b, a IS UNKNOWN, a ISNULL, a || b != c",
      "SELECT EXTRACT(YEAR FROM d), SUBSTRING(a FROM 1 FOR 2), TRIM(BOTH ' ' FROM a), POSITION('a' "
      "IN b), "
      "left(a, 1), current_date, rank() OVER (w PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED "
      "PRECEDING AND 1 FOLLOWING EXCLUDE TIES), sum(a) OVER w FROM generate_series(1, ?) g(i)",
      "SELECT w, count(*) FROM bids WHERE a WINDOW BY ts EVERY 10000 SLIDE 5000 AS w GROUP BY w "
      "EMIT ON "
      "WINDOW CLOSE",
      "(SELECT 1 UNION SELECT 2 INTERSECT ALL (SELECT 3 LIMIT 1) ORDER BY 1) FETCH FIRST 2 ROWS "
      "ONLY",
      "EXPLAIN ANALYZE SELECT * FROM (SELECT $1, $2) x, ((SELECT 1) UNION (SELECT 2)) y EMIT "
      "CHANGES",
      "CREATE OR REPLACE TEMP TABLE IF NOT EXISTS s.t (a INT NOT NULL PRIMARY KEY, b VARCHAR(9) "
      "DEFAULT "
      "'x' UNIQUE, UNIQUE (a))",
      "CREATE SOURCE TABLE t (a INT) USING csv OPTIONS(path: 'a', header: true, skip: -1)",
      "CREATE STREAM s (ts TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)",
      "CREATE VIEW v(a) AS SELECT 1; CREATE SCHEMA s; CREATE UNIQUE INDEX i ON t USING btree (a "
      "DESC, b)",
      "INSERT INTO t (a, b) VALUES (1, 2), (?, ?); INSERT INTO t DEFAULT VALUES; INSERT INTO t "
      "(SELECT 1)",
      "DELETE FROM t WHERE a = 1; UPDATE t SET a = a + 1, b = 'x' WHERE c; DROP VIEW IF EXISTS a, "
      "b.c",
      "SET a.b = 'x'; SET TIME ZONE UTC; RESET ALL; SHOW TABLES; DESCRIBE s.t; COPY t TO 'x' "
      "(FORMAT csv)",
      "SELECT * EXCLUDE (a, b) REPLACE (1 AS c), t.* EXCEPT (d) FROM t USING SAMPLE 10 PERCENT "
      "(bernoulli, 7) WHERE a[1:2] = ANY (ARRAY[1, 2]) AND (b).c NOT LIKE ALL (SELECT 'x') GROUP "
      "BY "
      "(a, b), ROLLUP (a, (b, c)), CUBE (d), GROUPING SETS ((), e) HAVING x WINDOW w AS (PARTITION "
      "BY a ORDER BY b GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE GROUP), v AS (w) QUALIFY "
      "f() OVER w = 1 ORDER BY ALL DESC NULLS LAST FETCH FIRST 3 ROWS WITH TIES",
      "SELECT agg(DISTINCT a, b ORDER BY c) FILTER (WHERE d) IGNORE NULLS OVER (w), p(0.5) WITHIN "
      "GROUP (ORDER BY a), f(1, x => 2, \"Y\" := 3), {'a': 1, b: [1, 2]}, ARRAY(FROM t), ~ a ^ 2 # "
      "3 "
      "-> 'x' ->> 1 !~~* 'y', X'0aFF', U&'d!0061' UESCAPE '!', OVERLAY(a PLACING b FROM 1 FOR 2), "
      "a "
      "COLLATE \"C\" SIMILAR TO 'x', TIMESTAMP(3) '2024-01-01'",
      "FROM a ASOF LEFT JOIN b ON x SEMI JOIN c USING (k) LEFT ANTI JOIN d ON y, LATERAL f(1, z => "
      "2) WITH ORDINALITY AS g(i, n) TABLESAMPLE SYSTEM (1) REPEATABLE (2), (e NATURAL JOIN h) AS "
      "j(k) "
      "SELECT 1 UNION ALL BY NAME TABLE s.t EXCEPT ALL VALUES (1)",
      "WITH a AS NOT MATERIALIZED (SELECT 1) INSERT INTO s.t AS u (a, b) VALUES (DEFAULT, 1) ON "
      "CONFLICT (a) DO UPDATE SET (a, b) = (DEFAULT, 2), c = 3 WHERE d RETURNING *, a AS b; INSERT "
      "OR "
      "IGNORE INTO t TABLE u; REPLACE INTO t SELECT 1",
      "WITH a AS (SELECT 1) DELETE FROM t u USING a, b WHERE c RETURNING 1; UPDATE t AS u SET (a, "
      "b) "
      "= ROW(1, DEFAULT), c = DEFAULT FROM a WHERE d RETURNING u.*; TRUNCATE TABLE t CASCADE",
      "CREATE TEMP TABLE t (a INT CONSTRAINT c CHECK (a > 0) DEFAULT 1 + 1 COLLATE \"C\", "
      "CONSTRAINT k "
      "PRIMARY KEY (a, b), CHECK (a < b), UNIQUE (c)); CREATE TABLE t(a, b) AS FROM u WITH NO "
      "DATA; "
      "DROP TABLE IF EXISTS a, b CASCADE",
      "ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS a INT DEFAULT 1 NOT NULL; ALTER TABLE t "
      "DROP "
      "COLUMN IF EXISTS a RESTRICT; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME TO u; ALTER "
      "TABLE t ALTER a SET DATA TYPE BIGINT USING a::BIGINT; ALTER TABLE t ALTER COLUMN a DROP NOT "
      "NULL; ALTER TABLE t ADD CONSTRAINT c CHECK (a); ALTER TABLE t DROP CONSTRAINT c",
      "COPY (SELECT 1) TO 'x' (FORMAT parquet, PARTITION_BY (a, b), HEADER, FORCE_QUOTE *); COPY t "
      "(a) "
      "FROM 'x' WITH CSV HEADER DELIMITER AS ';' NULL ''",
      "BEGIN TRANSACTION; SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a; COMMIT WORK; START "
      "TRANSACTION; ABORT; PREPARE p (INT, TEXT) AS SELECT $1, $2; EXECUTE p(1, 'x'); DEALLOCATE "
      "PREPARE ALL; USE s; SHOW COLUMNS FROM t; SUMMARIZE FROM t; EXPLAIN (FORMAT JSON, ANALYZE "
      "off) "
      "TABLE t",
  };
  return corpus;
}

const std::vector<std::string>& Fragments() {
  static const std::vector<std::string> fragments = [] {
    std::vector<std::string> all = {"(",
                                    ")",
                                    ",",
                                    ";",
                                    ".",
                                    "::",
                                    "*",
                                    "=",
                                    "<",
                                    "-",
                                    "||",
                                    "[",
                                    "{",
                                    "?",
                                    "$1",
                                    "'",
                                    "\"",
                                    "$$",
                                    "/*",
                                    "*/",
                                    "--",
                                    "E'",
                                    "\\",
                                    "\n",
                                    "1",
                                    "1e",
                                    ".",
                                    "0x",
                                    "'a'",
                                    "x",
                                    "\"q\"",
                                    "ä",
                                    "\xC2\xA0",
                                    "\xFF",
                                    "@",
                                    "=>",
                                    "((",
                                    "))",
                                    "1_",
                                    "t.*",
                                    "f(",
                                    " ",
                                    ":",
                                    "!~*",
                                    "\xE2\x80",
                                    "->",
                                    "^",
                                    "~",
                                    "]",
                                    "}",
                                    "U&'",
                                    "X'",
                                    "~~",
                                    "DEFAULT)",
                                    "{'a':",
                                    "a[",
                                    "ANY (",
                                    "OVER (",
                                    "GROUPING SETS (",
                                    "RETURNING *",
                                    "UESCAPE"};
#define VELARIA_KEYWORD(enumerator, text, reserved) all.emplace_back(text);
#include "base/keywords.def"
#undef VELARIA_KEYWORD
    return all;
  }();
  return fragments;
}

/// Parses, walks and destroys; the error's code, place and message must be fit to be shown.
void CheckSurvives(const std::string& text) {
  Result<std::vector<StatementPtr>> script = ParseScript(text);
  const Result<StatementPtr> statement = ParseStatement(text);
  if (statement.ok() && (*statement)->select) Show(*(*statement)->select);
  if (statement.ok() && (*statement)->kind == StatementKind::kUpdate) ShowChange(**statement);
  for (const Status& status : {script.status(), statement.status()}) {
    if (status.ok()) continue;
    const ErrorInfo info = ErrorInfoOf(status);
    const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
    const bool fit = static_cast<int>(info.code) / 1000 == 2 && info.place.known() &&
                     info.place.column >= 1 && info.place.line <= lines &&
                     info.message.find('\n') == std::string::npos && info.message.size() < 300 &&
                     !CaretText(text, info.place).empty();
    if (!fit) {
      std::cout << "text: " << text << "\nerror: " << ShowError(text) << "\n";
      CHECK(fit);
    }
  }
}

int Rounds() {
  const char* wanted = std::getenv("VELARIA_FUZZ_ROUNDS");
  return wanted != nullptr ? std::atoi(wanted) : 5000;
}

TEST(the_corpus_itself_parses) {
  for (const std::string& text : Corpus()) CHECK_OK(ParseScript(text));
}

TEST(statements_cut_at_any_byte_survive) {
  for (const std::string& text : Corpus()) {
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      CheckSurvives(text.substr(0, cut));
      CheckSurvives(text.substr(cut));
    }
  }
}

TEST(a_fault_of_the_lexer_at_any_byte_survives) {
  for (const std::string& text : Corpus()) {
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      for (const char* fault : {" /*", " '", " 1x", " \xE2\x80\xAE"}) {
        CheckSurvives(text.substr(0, cut) + fault + text.substr(cut));
      }
    }
  }
}

TEST(statements_with_one_byte_changed_survive) {
  std::mt19937 random(20130101);
  for (int round = 0; round < Rounds(); ++round) {
    std::string text = Corpus()[random() % Corpus().size()];
    text[random() % text.size()] = static_cast<char>(random() % 256);
    CheckSurvives(text);
  }
}

TEST(statements_with_fragments_moved_about_survive) {
  std::mt19937 random(336776);
  for (int round = 0; round < Rounds(); ++round) {
    std::string text = Corpus()[random() % Corpus().size()];
    for (unsigned change = random() % 6; change <= 6; ++change) {
      const size_t at = random() % (text.size() + 1);
      const size_t length = random() % 20;
      switch (random() % 4) {
        case 0: text.insert(at, " " + Fragments()[random() % Fragments().size()] + " "); break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(at, text.substr(random() % (text.size() + 1), length * 4)); break;
        default: {
          const std::string& other = Corpus()[random() % Corpus().size()];
          text = text.substr(0, at) + other.substr(random() % other.size());
        }
      }
    }
    CheckSurvives(text);
  }
}

TEST(random_fragments_survive) {
  std::mt19937 random(4711);
  for (int round = 0; round < Rounds(); ++round) {
    std::string text = random() % 2 == 0 ? "SELECT " : "";
    for (unsigned i = random() % 40; i > 0; --i) {
      text += Fragments()[random() % Fragments().size()] + (random() % 3 == 0 ? "" : " ");
    }
    CheckSurvives(text);
  }
}

}  // namespace
}  // namespace velaria::sql
