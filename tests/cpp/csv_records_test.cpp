// Our cutting of CSV text draws the same lines as arrow::csv, which parses what was cut: on random
// texts of the characters that matter.
#include <arrow/csv/parser.h>

#include <iostream>
#include <random>

#include "check.hpp"
#include "io/csv_records.hpp"

namespace velaria::io {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr int kFieldCount = 2;
constexpr uint32_t kSeed = 20;

/// The rows as arrow::csv sees them; nothing when it refuses the text.
std::optional<Rows> ParsedByArrow(std::string_view text) {
  auto options = arrow::csv::ParseOptions::Defaults();
  options.newlines_in_values = true;
  arrow::csv::BlockParser parser(options, kFieldCount);
  uint32_t parsed = 0;
  if (!parser.ParseFinal(text, &parsed).ok() || parsed != text.size()) return std::nullopt;
  Rows rows(parser.num_rows());
  for (int column = 0; column < kFieldCount; ++column) {
    size_t row = 0;
    const auto visit = [&](const uint8_t* data, uint32_t size, bool, bool) {
      rows[row++].emplace_back(reinterpret_cast<const char*>(data), size);
      return arrow::Status::OK();
    };
    CHECK_OK(parser.VisitColumn(column, visit));
  }
  return rows;
}

struct Scanned {
  Rows rows;
  bool has_open_quote = false;
  bool is_even = true;  // every record has kFieldCount fields
};

Scanned ScannedByUs(std::string_view text) {
  Scanned out;
  CsvRecordScanner scanner(text, ',');
  std::vector<CsvField> fields;
  while (scanner.Next(&fields)) {
    out.rows.emplace_back();
    for (const auto& field : fields) out.rows.back().push_back(field.Text());
    out.is_even &= fields.size() == kFieldCount;
  }
  out.has_open_quote = scanner.open_quote();
  return out;
}

/// Mostly rows of two fields, some of them quoted, with line ends of all kinds.
std::string RandomText(std::mt19937& random) {
  const auto pick = [&](const std::vector<std::string>& choices) {
    return choices[random() % choices.size()];
  };
  const std::vector<std::string> fields = {"a",          "",        "b c",      "\"\"",
                                           "\"x\"\"y\"", "\"p,q\"", "\"1\n2\"", "5\" tall",
                                           "\"\r\n\"",   "\"\"\"\""};
  std::string text;
  for (size_t row = random() % 6; row > 0; --row) {
    text += pick(fields) + "," + pick(fields) + pick({"\n", "\n", "\r\n", "\r", "\n\n"});
  }
  if (random() % 3 == 0) text += pick(fields) + "," + pick(fields);
  return text;
}

TEST(records_and_fields_are_those_that_arrow_parses) {
  std::mt19937 random(kSeed);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomText(random);
    const auto parsed = ParsedByArrow(text);
    const Scanned scanned = ScannedByUs(text);
    if (!parsed) continue;
    ++compared;
    if (*parsed == scanned.rows) continue;
    std::cout << "seed " << kSeed << ", text " << i << ": " << text << "\n";
    CHECK(*parsed == scanned.rows);
  }
  CHECK(compared > 15000);
}

TEST(a_cut_at_the_end_of_a_record_changes_no_row) {
  std::mt19937 random(kSeed + 1);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomText(random);
    const Scanned whole = ScannedByUs(text);
    if (!whole.is_even || whole.has_open_quote) continue;
    const std::string_view view = text;
    const int64_t cut = LastRecordEnd(view.substr(0, random() % (text.size() + 1)), ',');
    Rows rows = ScannedByUs(view.substr(0, cut)).rows;
    for (auto& row : ScannedByUs(view.substr(cut)).rows) rows.push_back(std::move(row));
    if (rows == whole.rows) continue;
    std::cout << "seed " << kSeed + 1 << ", text " << i << ", cut " << cut << ": " << text << "\n";
    CHECK(rows == whole.rows);
  }
}

TEST(an_empty_line_is_a_record_where_there_is_one_column) {
  CsvRecordScanner scanner("a\r\n\r\n\"\"\n\n", ',', true);
  std::vector<CsvField> fields;
  std::string seen;
  while (scanner.Next(&fields)) {
    CHECK_EQ(fields.size(), 1U);
    seen += fields[0].Text() + (fields[0].quoted ? " in quotes" : "") + " on line " +
            std::to_string(scanner.line()) + ";";
  }
  CHECK_EQ(seen, "a on line 1; on line 2; in quotes on line 3; on line 4;");
}

TEST(text_behind_a_closing_quote_is_found) {
  const std::vector<std::string> pieces = {"\"", "\"", ",", "\n", "\r\n", "x"};
  std::mt19937 random(kSeed + 2);
  int found = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t length = random() % 12; length > 0; --length) {
      text += pieces[random() % pieces.size()];
    }
    CsvRecordScanner scanner(text, ',');
    std::vector<CsvField> fields;
    bool is_there = false;
    while (scanner.Next(&fields)) is_there |= scanner.text_behind_quote();
    found += is_there ? 1 : 0;
    if (HasTextBehindQuote(text, ',') == is_there) continue;
    std::cout << "seed " << kSeed + 2 << ", text " << i << ": " << text << "\n";
    CHECK_EQ(HasTextBehindQuote(text, ','), is_there);
  }
  CHECK(found > 1000);
}

TEST(lines_are_counted_by_any_line_end) {
  CHECK_EQ(CountLineEnds("a\nb\r\nc\rd"), 3);
  CHECK_EQ(CountLineEnds(""), 0);
}

}  // namespace
}  // namespace velaria::io
