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
    {"path", "path", kAllFormats, 0, OptionTakes::kTexts},
    {"format", "format", kJson, kWritten, OptionTakes::kText},
    {"delimiter", "delimiter", kCsv, kCsv, OptionTakes::kText},
    {"delim", "delimiter", kCsv, kCsv, OptionTakes::kText},
    {"sep", "delimiter", kCsv, kCsv, OptionTakes::kText},
    {"header", "header", kCsv, kCsv, OptionTakes::kBoolean},
    {"null", "null", kCsv, kCsv, OptionTakes::kTexts},
    {"nullstr", "null", kCsv, kCsv, OptionTakes::kTexts},
    {"quote", "quote", kCsv, kCsv, OptionTakes::kText},
    {"escape", "escape", kCsv, kCsv, OptionTakes::kText},
    {"comment", "comment", kCsv, 0, OptionTakes::kText},
    {"skip", "skip", kCsv, 0, OptionTakes::kNumber},
    {"dateformat", "dateformat", kCsv, 0, OptionTakes::kText},
    {"date_format", "dateformat", kCsv, 0, OptionTakes::kText},
    {"timestampformat", "timestampformat", kCsv, 0, OptionTakes::kText},
    {"timestamp_format", "timestampformat", kCsv, 0, OptionTakes::kText},
    {"sample_size", "sample_size", kCsv, 0, OptionTakes::kNumber},
    {"all_varchar", "all_varchar", kCsv, 0, OptionTakes::kBoolean},
    {"ignore_errors", "ignore_errors", kCsv | kJson, 0, OptionTakes::kBoolean},
    {"encoding", "encoding", kText, 0, OptionTakes::kText},
    {"compression", "compression", kText, kWritten, OptionTakes::kText},
    {"codec", "compression", 0, kWritten, OptionTakes::kText},
    {"array", "array", 0, kJson, OptionTakes::kBoolean},
    {"columns", "columns", kAllFormats, 0, OptionTakes::kTexts},
    {"types", "types", kText, 0, OptionTakes::kTypes},
    {"dtypes", "types", kText, 0, OptionTakes::kTypes},
    {"mode", "mode", kLine, 0, OptionTakes::kText},
    {"split_delimiter", "split_delimiter", kLine, 0, OptionTakes::kText},
    {"regex_pattern", "regex_pattern", kLine, 0, OptionTakes::kText},
    {"mappings", "mappings", kLine, 0, OptionTakes::kTexts},
    {"skip_empty_lines", "skip_empty_lines", kLine, 0, OptionTakes::kBoolean},
    {"union_by_name", "union_by_name", kAllFormats, 0, OptionTakes::kBoolean},
    {"filename", "filename", kAllFormats, 0, OptionTakes::kBoolean},
};

unsigned GroupsOf(const OptionRow& row, Direction direction) {
  return direction == Direction::kRead ? row.reads : row.writes;
}

}  // namespace

std::string GivenOption::Text() const { return Join(values, ","); }

std::string HintOfWords(const std::string& word, const std::vector<std::string>& words,
                        const std::string& what) {
  const std::string near = NearestName(word, words);
  return near.empty() ? what + " are " + Join(words, ", ") + "." : "Did you mean " + near + "?";
}

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
  return BadOption("unknown file format", word, HintOfWords(word, words, "Formats"));
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
    return BadOption("unknown option", word, HintOfWords(word, words, "Options"));
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

Status CheckOptionType(const OptionRow& option, const std::string& word, unsigned group,
                       const arrow::DataType& type) {
  const bool is_text = IsString(type);
  const bool is_list = arrow::is_list_like(type.id());
  const bool of_types = option.takes == OptionTakes::kTypes ||
                        (option.meaning == "columns" && (group & (kJson | kLine)) == 0);
  std::string takes = "a text";
  std::string hint;
  if (of_types) {
    takes = "names with their types";
    hint = "Write " + word + " := {'name': 'INTEGER'}.";
  } else if (option.takes == OptionTakes::kTexts) {
    if (is_text || (is_list && IsString(*type.field(0)->type()))) return Status::OK();
    takes = "a text or a list of texts";
  } else if (option.takes == OptionTakes::kBoolean) {
    if (is_text || type.id() == arrow::Type::BOOL) return Status::OK();
    takes = "true or false";
  } else if (option.takes == OptionTakes::kNumber) {
    if (is_text || IsInteger(type)) return Status::OK();
    takes = "a number";
  } else if (is_text) {
    return Status::OK();
  }
  return BadOption(word + " takes " + takes + ", not a value of type", SqlName(type),
                   std::move(hint));
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
