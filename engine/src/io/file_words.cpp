#include "io/file_words.hpp"

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "io/open_file.hpp"

namespace velaria::io {
namespace {

constexpr FormatRow kFormats[] = {
    {"csv", "csv", "csv", kCsv},
    {"tsv", "tsv", "tsv", kCsv},
    {"line", "line", "", kLine},
    {"json", "json", "json_lines", kJson},
    {"json_lines", "json_lines", "json_lines", kJson},
    {"ndjson", "json_lines", "json_lines", kJson},
    {"jsonl", "json_lines", "json_lines", kJson},
    {"json_array", "json_array", "json_array", kJson},
    {"parquet", "parquet", "parquet", kParquet},
    {"arrow", "arrow", "arrow", kArrow},
};

constexpr unsigned kWritten = kAllFormats & ~kLine;

constexpr OptionRow kOptions[] = {
    {"path", "path", kAllFormats, 0},
    {"format", "format", kJson, kWritten},
    {"delimiter", "delimiter", kCsv, kCsv},
    {"delim", "delimiter", kCsv, kCsv},
    {"sep", "delimiter", kCsv, kCsv},
    {"header", "header", kCsv, kCsv},
    {"null", "null", kCsv, kCsv},
    {"nullstr", "null", kCsv, kCsv},
    {"quote", "quote", kCsv, kCsv},
    {"escape", "escape", kCsv, kCsv},
    {"comment", "comment", kCsv, 0},
    {"skip", "skip", kCsv, 0},
    {"dateformat", "dateformat", kCsv, 0},
    {"date_format", "dateformat", kCsv, 0},
    {"timestampformat", "timestampformat", kCsv, 0},
    {"timestamp_format", "timestampformat", kCsv, 0},
    {"sample_size", "sample_size", kCsv, 0},
    {"all_varchar", "all_varchar", kCsv, 0},
    {"ignore_errors", "ignore_errors", kCsv | kJson, 0},
    {"encoding", "encoding", kText, 0},
    {"compression", "compression", kText, kWritten},
    {"codec", "compression", 0, kWritten},
    {"array", "array", 0, kJson},
    {"columns", "columns", kJson | kLine, 0},
    {"mode", "mode", kLine, 0},
    {"split_delimiter", "split_delimiter", kLine, 0},
    {"regex_pattern", "regex_pattern", kLine, 0},
    {"mappings", "mappings", kLine, 0},
    {"skip_empty_lines", "skip_empty_lines", kLine, 0},
    {"union_by_name", "union_by_name", kAllFormats, 0},
    {"filename", "filename", kAllFormats, 0},
};

unsigned GroupsOf(const OptionRow& row, Direction direction) {
  return direction == Direction::kRead ? row.reads : row.writes;
}

std::string OneOf(const std::string& word, const std::vector<std::string>& words,
                  const std::string& what) {
  const std::string near = NearestName(word, words);
  return near.empty() ? what + " are " + Join(words, ", ") + "." : "Did you mean " + near + "?";
}

}  // namespace

const FormatRow* FormatOfWord(std::string_view word, Direction direction) {
  for (const auto& row : kFormats) {
    const bool has = direction == Direction::kRead || !row.written.empty();
    if (has && EqualsIgnoreCase(row.word, word)) return &row;
  }
  return nullptr;
}

Result<const FormatRow*> FindFormat(const std::string& word, Direction direction) {
  if (const auto* row = FormatOfWord(word, direction)) return row;
  std::vector<std::string> words;
  for (const auto& row : kFormats) {
    if (FormatOfWord(row.word, direction)) words.emplace_back(row.word);
  }
  return BadOption("unknown file format", word, OneOf(word, words, "Formats"));
}

Result<const OptionRow*> FindOption(const std::string& word, Direction direction, unsigned group,
                                    std::string_view format) {
  const auto* row = std::find_if(std::begin(kOptions), std::end(kOptions), [&](const auto& option) {
    return EqualsIgnoreCase(option.word, word);
  });
  if (row == std::end(kOptions)) {
    std::vector<std::string> words;
    for (const auto& option : kOptions) {
      const unsigned groups = GroupsOf(option, direction);
      if ((groups & (group == 0 ? kAllFormats : group)) != 0) words.emplace_back(option.word);
    }
    return BadOption("unknown option", word, OneOf(word, words, "Options"));
  }
  const unsigned groups = GroupsOf(*row, direction);
  if (groups == 0) {
    const bool reads = direction == Direction::kRead;
    return BadOption(reads ? "option is for writing only" : "option is for reading only", word, "");
  }
  if (group != 0 && (groups & group) == 0) {
    return BadOption("option does not apply to " + std::string(format), word, "");
  }
  return row;
}

std::string_view FormatOfOption(std::string_view meaning) {
  for (const auto& row : kOptions) {
    if (row.meaning != meaning) continue;
    if (row.reads == kCsv) return "csv";
    if (row.reads == kLine) return "line";
  }
  return "";
}

}  // namespace velaria::io
