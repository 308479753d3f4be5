// What OPTIONS and the arguments of readers say.
#include <algorithm>

#include "base/text.hpp"
#include "functions/date_format.hpp"
#include "io/file_words.hpp"
#include "io/open_file.hpp"

namespace velaria::io {
namespace {

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    std::string part = text.substr(at, comma - at);
    const size_t begin = part.find_first_not_of(" \t");
    if (begin != std::string::npos) {
      out.push_back(part.substr(begin, part.find_last_not_of(" \t") - begin + 1));
    }
    at = comma + 1;
  }
  return out;
}

bool IsCount(const std::string& text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

Result<int64_t> ParseCount(const std::string& key, const std::string& text) {
  if (IsCount(text)) return std::stoll(text);
  return BadOption(key + " is not a number of lines", text, "");
}

Result<int64_t> ParseSampleSize(const std::string& key, const std::string& text) {
  if (text == "-1") return -1;
  if (IsCount(text) && std::stoll(text) > 0) return std::stoll(text);
  return BadOption(key + " is not a number of rows", text, "Use a number above 0, or -1 for all.");
}

Result<std::string> ParseEncoding(const std::string& text) {
  static const std::map<std::string, std::string> kEncodings = {{"utf-8", ""},
                                                                {"utf8", ""},
                                                                {"latin-1", "latin-1"},
                                                                {"latin1", "latin-1"},
                                                                {"iso-8859-1", "latin-1"},
                                                                {"iso_8859_1", "latin-1"},
                                                                {"utf-16", "utf-16"},
                                                                {"utf16", "utf-16"}};
  const auto it = kEncodings.find(ToLower(text));
  if (it != kEncodings.end()) return it->second;
  const std::string near = NearestName(text, {"utf-8", "latin-1", "latin1", "utf-16"});
  return BadOption(
      "unknown encoding", text,
      near.empty() ? "Encodings are utf-8, latin-1 and utf-16." : "Did you mean " + near + "?");
}

/// A format of strftime's letters, by which dates can be read; VEL2008 for another.
Result<std::string> ParseTimeFormat(const std::string& key, const std::string& text) {
  if (text.empty()) return BadOption(key + " is empty", text, "Write '%d.%m.%Y', for example.");
  VELARIA_ASSIGN_OR_RETURN(const auto format, dates::FormatFromLetters(text));
  VELARIA_RETURN_NOT_OK(dates::CheckReadable(format, text));
  return text;
}

/// 'name:index,...'
Result<std::vector<std::pair<std::string, int>>> ParseMappings(const std::string& text) {
  std::vector<std::pair<std::string, int>> out;
  for (const auto& item : SplitList(text)) {
    const size_t colon = item.rfind(':');
    const std::string digits = colon == std::string::npos ? "" : item.substr(colon + 1);
    const bool fits = colon != 0 && !digits.empty() && digits.size() <= 4 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
    if (!fits) {
      return BadOption("a mapping is not name:index", item, "Write mappings: 'host:1,status:3'.");
    }
    out.emplace_back(item.substr(0, colon), std::stoi(digits));
  }
  if (out.empty()) return BadOption("mappings are empty", text, "Write mappings: 'host:1'.");
  return out;
}

/// Options by the meaning of their words.
using Meanings = std::map<std::string, const GivenOption*>;

Status CheckLine(const Meanings& given, FileOptions* out) {
  LineRule& line = out->line;
  const auto has = [&](const char* key) { return given.contains(key); };
  std::string mode = has("mode") ? ToLower(given.at("mode")->Text()) : "";
  if (mode.empty()) mode = has("regex_pattern") ? "regex" : "split";
  if (mode != "split" && mode != "regex") {
    return WithPlace(BadOption("unknown mode of line files", mode,
                               HintOfWords(mode, {"split", "regex"}, "Modes")),
                     given.at("mode")->value_place);
  }
  if (mode == "regex" && line.regex_pattern.empty()) {
    return BadOption("mode regex needs an option", "regex_pattern",
                     "Write regex_pattern: '^(\\S+) (.*)$'.");
  }
  if (mode == "split" && has("regex_pattern")) {
    return WithPlace(BadOption("option does not apply to mode split", "regex_pattern", ""),
                     given.at("regex_pattern")->word_place);
  }
  if (mode == "regex" && has("split_delimiter")) {
    return WithPlace(BadOption("option does not apply to mode regex", "split_delimiter", ""),
                     given.at("split_delimiter")->word_place);
  }
  if (mode == "split" && line.split_delimiter.empty()) {
    return BadOption("mode split needs an option", "split_delimiter",
                     "Write split_delimiter: '|'.");
  }
  return Status::OK();
}

Status SetOption(std::string_view meaning, const std::string& key, const GivenOption& given,
                 unsigned group, FileOptions* out) {
  const std::string value = given.Text();
  if (meaning == "delimiter") return ParseDelimiter(value).Value(&out->delimiter.emplace());
  if (meaning == "header") return ParseBoolean(key, value).Value(&out->header.emplace());
  if (meaning == "null") {
    for (const auto& text : given.values) {
      if (!text.empty()) out->null_texts.push_back(text);
    }
  } else if (meaning == "quote") {
    return ParseMark(key, value, &out->csv.quote);
  } else if (meaning == "escape") {
    return ParseMark(key, value, &out->csv.escape);
  } else if (meaning == "comment") {
    return ParseMark(key, value, &out->csv.comment);
  } else if (meaning == "dateformat") {
    return ParseTimeFormat(key, value).Value(&out->csv.date_format);
  } else if (meaning == "timestampformat") {
    return ParseTimeFormat(key, value).Value(&out->csv.timestamp_format);
  } else if (meaning == "sample_size") {
    return ParseSampleSize(key, value).Value(&out->csv.sample_rows);
  } else if (meaning == "all_varchar") {
    return ParseBoolean(key, value).Value(&out->csv.all_text);
  } else if (meaning == "encoding") {
    return ParseEncoding(value).Value(&out->encoding);
  } else if (meaning == "skip") {
    return ParseCount(key, value).Value(&out->skip_lines);
  } else if (meaning == "ignore_errors") {
    return ParseBoolean(key, value).Value(&out->ignore_errors);
  } else if (meaning == "union_by_name") {
    return ParseBoolean(key, value).Value(&out->union_by_name);
  } else if (meaning == "filename") {
    return ParseBoolean(key, value).Value(&out->filename);
  } else if (meaning == "skip_empty_lines") {
    return ParseBoolean(key, value).Value(&out->line.skip_empty_lines);
  } else if (meaning == "split_delimiter") {
    out->line.split_delimiter = value == "\\t" || EqualsIgnoreCase(value, "tab") ? "\t" : value;
  } else if (meaning == "regex_pattern") {
    out->line.regex_pattern = value;
  } else if (meaning == "mappings") {
    return ParseMappings(value).Value(&out->line.mappings);
  } else if (meaning == "types" ||
             (meaning == "columns" && group != 0 && (group & (kJson | kLine)) == 0)) {
    return BadOption(key + " takes names with their types, not a text", value,
                     "Write " + key + " := {'name': 'INTEGER'} as an argument of a reader.");
  } else if (meaning == "columns") {
    out->selected = SplitList(value);
    if (out->selected.empty()) return BadOption("columns are empty", value, "");
  } else if (meaning == "compression") {
    out->compression = ToLower(value);
    if (out->compression == "auto") out->compression.clear();
    const auto& known = out->compression;
    if (!known.empty() && known != "none" && known != "gzip" && known != "zstd") {
      return BadOption("unknown compression", value,
                       HintOfWords(value, {"none", "gzip", "zstd"}, "Compressions"));
    }
  } else if (meaning == "format") {
    ARROW_ASSIGN_OR_RAISE(const auto* row, FindFormat(value, Direction::kRead));
    if (row->group != kJson) {
      return BadOption("not a format of JSON files", value, "Formats are json_lines, json_array.");
    }
    out->format = row->read;
  }
  return Status::OK();
}

/// What a file's marks are when only some are said, and that they differ.
Status SettleCsv(const Meanings& given, FileOptions* out) {
  CsvForm& csv = out->csv;
  if (!given.contains("escape")) csv.escape = csv.quote;
  if (csv.quote == '\0' && csv.escape != '\0') {
    return WithPlace(BadOption("an escape needs a quote", given.at("escape")->Text(), ""),
                     given.at("escape")->word_place);
  }
  // Which delimiter it is shows by the fields, and their ends by the quotes, which a comment is not
  // looked into for.
  const bool any_mark =
      given.contains("quote") || given.contains("escape") || given.contains("comment");
  if (any_mark && !out->delimiter) {
    out->delimiter = out->format == "tsv" ? '\t' : ',';
  }
  return CheckMarksDiffer(out->delimiter.value_or('\0'), csv);
}

}  // namespace

Status ParseMark(const std::string& key, const std::string& text, char* out) {
  const bool is_one = text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80 &&
                      text[0] != '\n' && text[0] != '\r' && text[0] != '\0';
  if (!is_one && !text.empty()) {
    return BadOption(key + " is not one character", text, "Use a single ASCII character.");
  }
  *out = text.empty() ? '\0' : text[0];
  return Status::OK();
}

Status CheckMarksDiffer(char delimiter, const CsvForm& csv) {
  const auto same = [](char a, char b) { return a != '\0' && a == b; };
  if (same(delimiter, csv.quote) || same(delimiter, csv.escape) || same(delimiter, csv.comment) ||
      same(csv.quote, csv.comment)) {
    return BadOption("two marks of a csv file are the same character",
                     std::string(1, same(csv.quote, csv.comment) ? csv.quote : delimiter),
                     "delimiter, quote, escape and comment differ; escape may be the quote.");
  }
  return Status::OK();
}

std::string WrittenOption(OptionForm form, const std::string& name, const std::string& value) {
  if (form == OptionForm::kCopy) return "(" + ToUpper(name) + " " + value + ")";
  if (form == OptionForm::kOptions) return "OPTIONS(" + name + ": " + value + ")";
  return (name == "null" ? "nullstr" : name) + " := " + value;
}

Status BadOption(const std::string& what, const std::string& value, std::string hint) {
  return Fail(ErrorCode::kBadOption, what + ": " + value, std::move(hint));
}

Result<char> ParseDelimiter(const std::string& text) {
  if (text == "\\t" || EqualsIgnoreCase(text, "tab")) return '\t';
  const bool fits = text.size() == 1 && text[0] != '"' && text[0] != '\n' && text[0] != '\r' &&
                    static_cast<unsigned char>(text[0]) < 0x80 && text[0] != '\0';
  if (fits) return text[0];
  return BadOption("delimiter is not one character", text,
                   "Use a single ASCII character other than a quote, or 'tab'.");
}

Result<bool> ParseBoolean(const std::string& key, const std::string& text) {
  if (EqualsIgnoreCase(text, "true")) return true;
  if (EqualsIgnoreCase(text, "false")) return false;
  return BadOption(key + " is not true or false", text,
                   "Write " + key + ": true or " + key + ": false.");
}

std::string CompressionOf(const std::string& path, const std::string& option) {
  if (!option.empty()) return option;
  const std::string lower = ToLower(path);
  if (lower.ends_with(".gz")) return "gzip";
  return lower.ends_with(".zst") ? "zstd" : "none";
}

std::string UncompressedName(const std::string& path) {
  std::string lower = ToLower(path);
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (lower.ends_with(ending)) lower.erase(lower.size() - ending.size());
  }
  return lower;
}

Result<FileOptions> ParseFileOptions(const std::string& format, const GivenOptions& options,
                                     SchemaPtr declared) {
  FileOptions out;
  unsigned group = 0;
  if (!format.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto* row, FindFormat(format, Direction::kRead));
    out.format = row->read;
    group = row->group;
  }
  out.declared = std::move(declared);
  Meanings given;
  for (const auto& [written_key, value] : options) {
    const std::string key = ToLower(written_key);
    ARROW_ASSIGN_OR_RAISE(
        const auto* row,
        WithPlaceIfFailed(FindOption(written_key, Direction::kRead, group, out.format),
                          value.word_place));
    if (row->meaning == "path") continue;
    if (!given.emplace(std::string(row->meaning), &value).second) {
      return WithPlace(BadOption("option is given twice", written_key, ""), value.word_place);
    }
    VELARIA_RETURN_NOT_OK(
        WithPlaceIfFailed(SetOption(row->meaning, key, value, group, &out), value.value_place));
  }
  if (group == 0) {
    // An option that one format alone has names the format.
    for (const auto& [meaning, value] : given) {
      const std::string_view of_one = FormatOfOption(meaning);
      if (!of_one.empty()) out.format = of_one;
    }
    if (out.format == "line") group = kLine;
  }
  VELARIA_RETURN_NOT_OK(SettleCsv(given, &out));
  if (group == kLine) VELARIA_RETURN_NOT_OK(CheckLine(given, &out));
  return out;
}

}  // namespace velaria::io
