// What OPTIONS and the arguments of readers say.
#include <algorithm>

#include "base/text.hpp"
#include "io/open_file.hpp"

namespace velaria::io {
namespace {

constexpr unsigned kCsv = 1, kLine = 2, kJson = 4, kParquet = 8, kArrow = 16;
constexpr unsigned kText = kCsv | kLine | kJson, kAll = kText | kParquet | kArrow;

struct FormatRow {
  std::string_view word;
  std::string_view format;
  unsigned group;
};

constexpr FormatRow kFormats[] = {
    {"csv", "csv", kCsv},
    {"tsv", "tsv", kCsv},
    {"line", "line", kLine},
    {"json", "json", kJson},
    {"json_lines", "json_lines", kJson},
    {"ndjson", "json_lines", kJson},
    {"jsonl", "json_lines", kJson},
    {"json_array", "json_array", kJson},
    {"parquet", "parquet", kParquet},
    {"arrow", "arrow", kArrow},
};

struct OptionRow {
  std::string_view key;
  std::string_view meaning;  // the key it is another word for, or itself
  unsigned groups;
};

constexpr OptionRow kOptions[] = {
    {"path", "path", kAll},
    {"delimiter", "delimiter", kCsv},
    {"delim", "delimiter", kCsv},
    {"sep", "delimiter", kCsv},
    {"header", "header", kCsv},
    {"null", "null", kCsv},
    {"nullstr", "null", kCsv},
    {"skip", "skip", kCsv},
    {"ignore_errors", "ignore_errors", kCsv | kJson},
    {"compression", "compression", kText},
    {"format", "format", kJson},
    {"columns", "columns", kJson | kLine},
    {"mode", "mode", kLine},
    {"split_delimiter", "split_delimiter", kLine},
    {"regex_pattern", "regex_pattern", kLine},
    {"mappings", "mappings", kLine},
    {"skip_empty_lines", "skip_empty_lines", kLine},
    {"union_by_name", "union_by_name", kAll},
    {"filename", "filename", kAll},
};

Result<const FormatRow*> FindFormat(const std::string& text) {
  for (const auto& row : kFormats) {
    if (EqualsIgnoreCase(row.word, text)) return &row;
  }
  std::vector<std::string> words;
  for (const auto& row : kFormats) words.emplace_back(row.word);
  const std::string near = NearestName(text, words);
  return BadOption("unknown file format", text,
                   near.empty() ? "Formats are csv, tsv, line, json, json_lines, json_array, "
                                  "parquet and arrow."
                                : "Did you mean " + near + "?");
}

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

Result<int64_t> ParseCount(const std::string& key, const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 9 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (digits) return std::stoll(text);
  return BadOption(key + " is not a number of lines", text, "");
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

Status CheckLine(const std::map<std::string, std::string>& given, FileOptions* out) {
  LineRule& line = out->line;
  const auto has = [&](const char* key) { return given.contains(key); };
  std::string mode = has("mode") ? ToLower(given.at("mode")) : "";
  if (mode.empty()) mode = has("regex_pattern") ? "regex" : "split";
  if (mode != "split" && mode != "regex") {
    return BadOption("unknown mode of line files", mode, "Modes are split and regex.");
  }
  if (mode == "regex" && line.regex_pattern.empty()) {
    return BadOption("mode regex needs an option", "regex_pattern",
                     "Write regex_pattern: '^(\\S+) (.*)$'.");
  }
  if (mode == "split" && has("regex_pattern")) {
    return BadOption("option does not apply to mode split", "regex_pattern", "");
  }
  if (mode == "regex" && has("split_delimiter")) {
    return BadOption("option does not apply to mode regex", "split_delimiter", "");
  }
  if (mode == "split" && line.split_delimiter.empty()) {
    return BadOption("mode split needs an option", "split_delimiter",
                     "Write split_delimiter: '|'.");
  }
  return Status::OK();
}

Status SetOption(std::string_view meaning, const std::string& key, const std::string& value,
                 FileOptions* out) {
  if (meaning == "delimiter") return ParseDelimiter(value).Value(&out->delimiter.emplace());
  if (meaning == "header") return ParseBoolean(key, value).Value(&out->header.emplace());
  if (meaning == "null") {
    out->null_text = value;
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
  } else if (meaning == "columns") {
    out->selected = SplitList(value);
    if (out->selected.empty()) return BadOption("columns are empty", value, "");
  } else if (meaning == "compression") {
    out->compression = ToLower(value);
    if (out->compression == "auto") out->compression.clear();
    const auto& known = out->compression;
    if (!known.empty() && known != "none" && known != "gzip" && known != "zstd") {
      return BadOption("unknown compression", value, "Compressions are none, gzip and zstd.");
    }
  } else if (meaning == "format") {
    ARROW_ASSIGN_OR_RAISE(const auto* row, FindFormat(value));
    if (row->group != kJson) {
      return BadOption("not a format of JSON files", value, "Formats are json_lines, json_array.");
    }
    out->format = row->format;
  }
  return Status::OK();
}

}  // namespace

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

Result<FileOptions> ParseFileOptions(const std::string& format,
                                     const std::map<std::string, std::string>& options,
                                     SchemaPtr declared) {
  FileOptions out;
  unsigned group = 0;
  if (!format.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto* row, FindFormat(format));
    out.format = row->format;
    group = row->group;
  }
  out.declared = std::move(declared);
  std::map<std::string, std::string> given;
  for (const auto& [written_key, value] : options) {
    const std::string key = ToLower(written_key);
    const auto* row = std::find_if(std::begin(kOptions), std::end(kOptions),
                                   [&](const auto& option) { return option.key == key; });
    if (row == std::end(kOptions)) {
      std::vector<std::string> words;
      for (const auto& option : kOptions) {
        if (group == 0 || (option.groups & group) != 0) words.emplace_back(option.key);
      }
      const std::string near = NearestName(key, words);
      return BadOption(
          "unknown option", written_key,
          near.empty() ? "Options are " + Join(words, ", ") + "." : "Did you mean " + near + "?");
    }
    if (group != 0 && (row->groups & group) == 0) {
      return BadOption("option does not apply to " + out.format, written_key, "");
    }
    if (row->meaning == "path") continue;
    if (!given.emplace(std::string(row->meaning), value).second) {
      return BadOption("option is given twice", written_key, "");
    }
    VELARIA_RETURN_NOT_OK(SetOption(row->meaning, key, value, &out));
  }
  if (group == 0) {
    // An option that one format alone has names the format.
    for (const auto& row : kOptions) {
      if (!given.contains(std::string(row.meaning))) continue;
      if (row.groups == kCsv) group = kCsv, out.format = "csv";
      if (row.groups == kLine) group = kLine, out.format = "line";
    }
  }
  if (group == kLine) VELARIA_RETURN_NOT_OK(CheckLine(given, &out));
  return out;
}

}  // namespace velaria::io
