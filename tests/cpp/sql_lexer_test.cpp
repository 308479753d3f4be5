#include <string>
#include <vector>

#include "check.hpp"
#include "sql/lexer.hpp"
#include "sql/text_check.hpp"
#include "sql_tree.hpp"

namespace velaria::sql {
namespace {

/// "kind:value" of each token, joined by blanks; the code of the fault at the end when there is
/// one.
std::string Tokens(std::string_view text) {
  static constexpr const char* kKinds[] = {"end", "error", "w", "q", "s", "x",
                                           "i",   "d",     "f", "p", ""};
  Lexer lexer(text, 64);
  std::string out;
  while (true) {
    const Token token = lexer.Next();
    if (token.kind == TokenKind::kEnd) return out;
    if (!out.empty()) out += " ";
    if (token.kind == TokenKind::kError) return out + CodeText(ErrorInfoOf(lexer.status()).code);
    const bool raw = token.kind == TokenKind::kWord || token.kind == TokenKind::kSymbol;
    out += std::string(kKinds[static_cast<int>(token.kind)]) + ":" +
           (raw ? std::string(token.raw) : token.value);
  }
}

TEST(words_symbols_and_comments_are_told_apart) {
  CHECK_EQ(Tokens("a_1+b$c"), "w:a_1 :+ w:b$c");
  CHECK_EQ(Tokens("a--b\nc"), "w:a w:c");
  CHECK_EQ(Tokens("a--b"), "w:a");
  CHECK_EQ(Tokens("a--b\rc--d\r\ne"), "w:a w:c w:e");
  CHECK_EQ(Tokens("a - -b"), "w:a :- :- w:b");
  CHECK_EQ(Tokens("a/*b/*c*/d*/e"), "w:a w:e");
  CHECK_EQ(Tokens("a/b*c"), "w:a :/ w:b :* w:c");
  CHECK_EQ(Tokens("a::b:c"), "w:a ::: w:b :: w:c");
  CHECK_EQ(Tokens("a<=b<>c!=d||e"), "w:a :<= w:b :<> w:c :!= w:d :|| w:e");
  CHECK_EQ(Tokens("größe \xE6\x97\xA5"), "w:größe w:\xE6\x97\xA5");
  CHECK_EQ(Tokens("\xEF\xBB\xBFSELECT"), "w:SELECT");
}

TEST(numbers_keep_their_digits) {
  CHECK_EQ(Tokens("0 007 1_000_000"), "i:0 i:007 i:1000000");
  CHECK_EQ(Tokens("1.50 .5 5. 1_0.2_5"), "d:1.50 d:0.5 d:5.0 d:10.25");
  CHECK_EQ(Tokens("1e5 1.5E-3 .5e+2"), "f:1e5 f:1.5e-3 f:0.5e2");
  CHECK_EQ(Tokens("0xFF 0b101 0o17 0xff_ff"), "i:255 i:5 i:15 i:65535");
  CHECK_EQ(Tokens("0xFFFFFFFFFFFFFFFF"), "i:18446744073709551615");
  CHECK_EQ(Tokens("99999999999999999999999"), "i:99999999999999999999999");
  CHECK_EQ(Tokens("0x10000000000000000"), "VEL2007");
  for (const char* wrong : {"1a", "1_", "1__0", "0x", "0xZ", "0b2", "0o8", "1e", "1.5x", "1e5e"}) {
    CHECK_EQ(Tokens(wrong), "VEL2001");
  }
}

TEST(strings_mean_what_their_quotes_say) {
  CHECK_EQ(Tokens("'it''s'"), "s:it's");
  CHECK_EQ(Tokens("''"), "s:");
  CHECK_EQ(Tokens("'a\\n'"), "s:a\\n");
  CHECK_EQ(Tokens("E'a\\n\\t\\\\\\'\\x41\\101\\u00e9\\U0001F600'"),
           "s:a\n\t\\'AA\xC3\xA9\xF0\x9F\x98\x80");
  CHECK_EQ(Tokens("e'\\xC3\\xA9 it''s'"), "s:\xC3\xA9 it's");
  CHECK_EQ(Tokens("$$it's$$ $q$a$$b$q$"), "s:it's s:a$$b");
  CHECK_EQ(Tokens("\"a\"\"b\" \"Größe\""), "q:a\"b q:Größe");
  CHECK_EQ(Tokens("? $1 $12"), "p: p:1 p:12");
  for (const char* wrong :
       {"E'\\xFF'", "E'\\u12'", "E'\\ud800'", "E'\\U00110000'", "E'\\000'", "E'\\u0000'"}) {
    CHECK_EQ(Tokens(wrong), "VEL2007");
  }
  for (const char* open : {"'a", "'a''", "E'a\\'", "E'a\\", "\"a", "\"\"", "$$a$", "$q$a$$", "$",
                           "/*", "/*/", "/* /* */", "$a"}) {
    CHECK_EQ(Tokens(open), "VEL2001");
  }
}

TEST(strings_on_lines_of_their_own_are_one) {
  CHECK_EQ(Tokens("'a'\n'b' \r\n\t'c'"), "s:abc");
  CHECK_EQ(Tokens("'a' -- one\n -- two\n'''b'''"), "s:a'b'");
  CHECK_EQ(Tokens("'a'--'x'\n'b'"), "s:ab");
  CHECK_EQ(Tokens("'a'\r'b' -- one\r'c'"), "s:abc");
  CHECK_EQ(Tokens("E'a\\t'\n'b\\n' X'41'\n'42' U&'\\0061'\n'\\0062!' UESCAPE '!'\n'c'"),
           "s:a\tb\n x:AB VEL2007");
  CHECK_EQ(Tokens("U&'!0061'\n'!0062' UESCAPE '!'"), "s:ab");
  // Each of these stands apart: no line between, a comment of the other kind, another kind of text.
  CHECK_EQ(Tokens("'a' 'b'"), "s:a s:b");
  CHECK_EQ(Tokens("'a' /*\n*/ 'b' /**/\n'c'"), "s:a s:b s:c");
  CHECK_EQ(Tokens("'a'\nE'b'\n$$c$$\n'd'"), "s:a s:b s:c s:d");
  CHECK_EQ(Tokens("'a'\n\"b\"\n\"c\""), "s:a q:b q:c");
  CHECK_EQ(Tokens("'a' -- no end"), "s:a");
  CHECK_EQ(Tokens("'a'\n'b"), "VEL2001");
  CHECK_EQ(ShowError("SELECT 'a' 'b'"),
           "VEL2001 1:12 syntax error: expected end of statement, found: 'b' | Strings are put "
           "together by ||; only strings on lines of their own make one.");
  CHECK_EQ(ShowError("SELECT E'a'\n'\\uZ'").substr(0, 11), "VEL2007 2:2");
}

TEST(bytes_are_written_in_hexadecimal) {
  CHECK_EQ(Tokens("X'4142' x''"), "x:AB x:");
  CHECK_EQ(Tokens("xy 'a'"), "w:xy s:a");
  for (const char* wrong : {"X'4'", "X'4G'", "X'41 42'"}) CHECK_EQ(Tokens(wrong), "VEL2007");
  CHECK_EQ(Tokens("X'41"), "VEL2001");
  CHECK_EQ(ShowError("SELECT X'41zz'").substr(0, 12), "VEL2007 1:12");
}

TEST(code_points_can_be_written_in_unicode_strings) {
  CHECK_EQ(Tokens("U&'d\\0061t\\+000061 \\\\'"), "s:data \\");
  CHECK_EQ(Tokens("u&'\\D83D\\DE00'"), "s:\xF0\x9F\x98\x80");
  CHECK_EQ(Tokens("U&'d!0061t!+000061' UESCAPE '!'"), "s:data");
  CHECK_EQ(Tokens("U&\"d\\0061ta\" x"), "q:data w:x");
  CHECK_EQ(Tokens("u & 'a'"), "w:u :& s:a");
  for (const char* wrong : {"U&'\\006'", "U&'\\00zz'", "U&'\\+00006'", "U&'\\D83D'", "U&'\\D83Dx'",
                            "U&'\\DE00'", "U&'\\0000'", "U&'\\D83D\\0061'"}) {
    CHECK_EQ(Tokens(wrong), "VEL2007");
  }
  for (const char* wrong : {"U&'a", "U&\"a", "U&'a' UESCAPE", "U&'a' UESCAPE '+'",
                            "U&'a' UESCAPE '!!'", "U&'a' UESCAPE x", "U&'a' /*"}) {
    CHECK_EQ(Tokens(wrong), "VEL2001");
  }
  CHECK_EQ(Tokens("U&\"" + std::string(65, 'x') + "\""), "VEL2005");
}

TEST(the_longest_operator_wins) {
  CHECK_EQ(Tokens("a!~~*b!~~c~~*d~~e!~*f!~g~*h~i"),
           "w:a :!~~* w:b :!~~ w:c :~~* w:d :~~ w:e :!~* w:f :!~ w:g :~* w:h :~ w:i");
  CHECK_EQ(Tokens("a->>'b'->'c'#d^e<<f>>g&h|i"),
           "w:a :->> s:b :-> s:c :# w:d :^ w:e :<< w:f :>> w:g :& w:h :| w:i");
  CHECK_EQ(Tokens("a[1:2]"), "w:a :[ i:1 :: i:2 :]");
  CHECK_EQ(Tokens("{'a':1}"), ":{ s:a :: i:1 :}");
}

TEST(deceptive_characters_are_refused_outside_quotes) {
  CHECK_EQ(ShowError("SELECT a\xC2\xA0"
                     "FROM t"),
           "VEL2001 1:9 character is not allowed outside quotes: U+00A0");
  CHECK_EQ(
      ShowError("SELECT \xE2\x80\x98x\xE2\x80\x99"),
      "VEL2001 1:8 character is not allowed outside quotes: U+2018 | Use the plain quotes ' and "
      "\".");
  CHECK_EQ(ShowError("SELECT a\xE2\x80\xAE"),
           "VEL2001 1:9 character is not allowed outside quotes: U+202E");
  CHECK_EQ(ShowExpr("'\xE2\x80\xAE'"), "'\xE2\x80\xAE'");
  CHECK_EQ(ShowError("SELECT \x01"), "VEL2001 1:8 character is not allowed outside quotes: U+0001");
}

TEST(an_identifier_is_never_cut) {
  CHECK_EQ(Tokens(std::string(64, 'x')), "w:" + std::string(64, 'x'));
  CHECK_EQ(Tokens(std::string(65, 'x')), "VEL2005");
  CHECK_EQ(Tokens("\"" + std::string(64, 'x') + "\""), "q:" + std::string(64, 'x'));
  CHECK_EQ(Tokens("\"" + std::string(65, 'x') + "\""), "VEL2005");
}

TEST(places_count_characters_and_lines) {
  Lexer lexer("ö 'ä\n' \xF0\x9F\x98\x80x\r\n  y", 64);
  const std::vector<std::pair<int, int>> expected = {{1, 1}, {1, 3}, {2, 3}, {3, 3}, {3, 4}};
  for (const auto& [line, column] : expected) {
    const Token token = lexer.Next();
    CHECK_EQ(token.place.line, line);
    CHECK_EQ(token.place.column, column);
  }
}

TEST(text_that_is_not_utf8_stops_at_the_door) {
  CHECK_OK(CheckText("plain text of more than eight bytes, ä, \xF0\x9F\x98\x80"));
  for (const char* wrong : {"\xFF", "\xC0\x80", "\xC3", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5", "\x80"}) {
    CHECK(!CheckText(wrong).ok());
    CHECK(!CheckText("12345678" + std::string(wrong)).ok());
  }
  CHECK_EQ(ShowError("SELECT 'ä\n\xC3('"), "VEL2001 2:1 text is not valid UTF-8 at byte: 0xC3");
  CHECK_EQ(ShowError(std::string("SELECT 1 \0 + 1", 14)),
           "VEL2001 1:10 text holds a NUL byte at offset: 9");
}

TEST(keywords_are_found_in_any_case) {
  CHECK(FindKeyword("select") == Keyword::kSelect);
  CHECK(FindKeyword("TrY_cAsT") == Keyword::kTryCast);
  CHECK(FindKeyword("selec") == Keyword::kNone);
  CHECK(FindKeyword(std::string(500, 'a')) == Keyword::kNone);
  CHECK_EQ(KeywordText(Keyword::kCurrentTimestamp), "CURRENT_TIMESTAMP");
  CHECK(IsReserved(Keyword::kWhere) && !IsReserved(Keyword::kWindow) &&
        !IsReserved(Keyword::kNone));
}

}  // namespace
}  // namespace velaria::sql
