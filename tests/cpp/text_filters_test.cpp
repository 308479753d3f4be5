// What filters make of a text must not depend on where it is cut into pieces.
#include "io/text_filters.hpp"
#include "check.hpp"

namespace velaria::io {
namespace {

/// The text behind all filters; a failure's message.
std::string Filtered(const FileOptions& options, std::string_view text, size_t piece_bytes) {
  const auto filters = FiltersFor("f.csv", options);
  std::string in(text);
  for (const auto& filter : filters) {
    std::string out;
    for (size_t at = 0; at < in.size(); at += piece_bytes) {
      const Status status = filter->Append(std::string_view(in).substr(at, piece_bytes), &out);
      if (!status.ok()) return ErrorInfoOf(status).message;
    }
    const Status status = filter->Finish(&out);
    if (!status.ok()) return ErrorInfoOf(status).message;
    in = std::move(out);
  }
  return in;
}

void CheckFiltered(const FileOptions& options, std::string_view text, const std::string& expected) {
  for (const size_t piece_bytes : {1, 2, 3, 1000})
    CHECK_EQ(Filtered(options, text, piece_bytes), expected);
}

FileOptions Marks(char quote, char escape, char comment = '\0') {
  FileOptions options;
  options.delimiter = ',';
  options.csv.quote = quote;
  options.csv.escape = escape;
  options.csv.comment = comment;
  return options;
}

std::string_view Bytes(const char16_t* text, size_t count) {
  return {reinterpret_cast<const char*>(text), count * 2};
}

}  // namespace

TEST(utf8_and_rfc_4180_need_no_filter) {
  CHECK(!NeedsFilters({}));
  CHECK_EQ(FiltersFor("f.csv", {}).size(), 0);
}

TEST(another_quote_becomes_a_double_quote) {
  const auto options = Marks('\'', '\'');
  CheckFiltered(options, "a,'b, c'\n'it''s',''\n", "a,\"b, c\"\n\"it's\",\"\"\n");
  CheckFiltered(options, "'say \"hi\"',x\"y", "\"say \"\"hi\"\"\",x\"y");
  // A double quote that is none, at a field's beginning, would open one.
  CheckFiltered(options, "\"a,\"b\"\n", "\"\"\"a\",\"\"\"b\"\"\"\n");
  CheckFiltered(options, "'two\r\nlines'\r\nend", "\"two\r\nlines\"\r\nend");
  CheckFiltered(options, "'a'b,c", "\"a\"b,c");
  CheckFiltered(options, "'not closed", "\"not closed");
}

TEST(without_a_quote_every_character_stands_for_itself) {
  CheckFiltered(Marks('\0', '\0'), "\"a,b\"\n6\",'x'", "\"\"\"a\",b\"\n6\",'x'");
}

TEST(an_escape_works_inside_quotes_before_a_quote_or_itself) {
  const auto options = Marks('"', '\\');
  CheckFiltered(options, R"("a\"b","c\\",d\e)", R"("a""b","c\",d\e)");
  CheckFiltered(options, R"("a\n")", R"("a\n")");
  CheckFiltered(options, R"("a\)", R"("a\)");
}

TEST(a_comment_leaves_its_line_empty) {
  const auto options = Marks('"', '"', '#');
  CheckFiltered(options, "# one\na,b\r\n#two\r\n\"#3\n# inside\",c#d\n#",
                "\na,b\r\n\r\n\"#3\n# inside\",c#d\n");
  CheckFiltered(options, "\xef\xbb\xbf#x\na\n", "\xef\xbb\xbf\na\n");
}

TEST(lines_that_are_left_out_stay_as_they_are) {
  auto options = Marks('\'', '\'');
  options.skip_lines = 1;
  CheckFiltered(options, "'tis a note\nid,w\n1,'a'\n", "'tis a note\nid,w\n1,\"a\"\n");
  CheckFiltered(options, "\xef\xbb\xbf'x\r\n'a'\r\n", "\xef\xbb\xbf'x\r\n\"a\"\r\n");
  options.skip_lines = 3;
  CheckFiltered(options, "'\r\n'\r'\n'a'\n", "'\r\n'\r'\n\"a\"\n");
  CheckFiltered(options, "'a'\n'b'", "'a'\n'b'");
  auto escaped = Marks('"', '\\', '#');
  escaped.skip_lines = 2;
  CheckFiltered(escaped, "\"a\\\"\n#b\n#c\n\"d\\\"\"\n", "\"a\\\"\n#b\n\n\"d\"\"\"\n");
}

TEST(latin_1_becomes_utf_8) {
  FileOptions options;
  options.encoding = "latin-1";
  CheckFiltered(options, "na\xefve,\xa3\n", "na\xc3\xafve,\xc2\xa3\n");
}

TEST(utf_16_becomes_utf_8_by_its_mark) {
  FileOptions options;
  options.encoding = "utf-16";
  const std::string expected = "\xc3\xaf,\xf0\x9f\x98\x80\n";
  CheckFiltered(options, Bytes(u"\ufeff\u00ef,\U0001f600\n", 6), expected);
  CheckFiltered(options, Bytes(u"\u00ef,\U0001f600\n", 5), expected);
  // The other byte order.
  CheckFiltered(options, Bytes(u"\ufffe\uef00\u2c00\u3dd8\u00de\u0a00", 6), expected);
}

TEST(utf_16_of_the_other_byte_order_needs_its_mark) {
  FileOptions options;
  options.encoding = "utf-16";
  CheckFiltered(
      options, std::string_view("\0a\0,\0b\0\n", 8),
      "line 1 of f.csv is not UTF-16 text: its bytes are in big-endian order, and no byte "
      "order mark says so");
}

TEST(damaged_utf_16_is_an_error_with_its_line) {
  FileOptions options;
  options.encoding = "utf-16";
  const char16_t low_alone[] = {u'a', u'\n', 0xdc00}, high_alone[] = {u'a', 0xd83d};
  CheckFiltered(options, Bytes(low_alone, 3),
                "line 2 of f.csv is not UTF-16 text: half of a surrogate pair stands alone");
  CheckFiltered(options, Bytes(high_alone, 2),
                "line 1 of f.csv is not UTF-16 text: the text ends inside a character");
  CheckFiltered(options, "abc",
                "line 1 of f.csv is not UTF-16 text: the text ends inside a character");
}

}  // namespace velaria::io
