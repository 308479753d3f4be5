#include "io/json_records.hpp"

#include <cstring>

#include "functions/json_document.hpp"
#include "io/csv_sniff.hpp"

namespace velaria::io {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int64_t SkipBlanks(std::string_view text, int64_t at) {
  const auto size = static_cast<int64_t>(text.size());
  while (at < size && IsBlank(text[static_cast<size_t>(at)])) ++at;
  return at;
}

}  // namespace

JsonShape FindJsonShape(std::string_view head, int64_t* data_offset) {
  const int64_t begin = SkipBlanks(head, ByteOrderMarkBytes(head));
  *data_offset = begin;
  const std::string_view text = head.substr(static_cast<size_t>(begin));
  if (text.starts_with('[')) {
    ++*data_offset;
    return JsonShape::kArray;
  }
  const size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos) return JsonShape::kLines;
  json::Document document;
  return document.TryParse(text.substr(0, line_end), nullptr) ? JsonShape::kLines
                                                              : JsonShape::kValues;
}

bool JsonValueScanner::NextLine(std::string_view* value, bool more_follows) {
  while (true) {
    const int64_t begin = SkipBlanks(text_, at_);
    if (begin >= static_cast<int64_t>(text_.size())) {
      if (!more_follows) at_ = begin;
      return false;
    }
    const size_t end = text_.find('\n', static_cast<size_t>(begin));
    if (end == std::string_view::npos && more_follows) return false;
    std::string_view line = text_.substr(static_cast<size_t>(begin), end - begin);
    while (!line.empty() && IsBlank(line.back())) line.remove_suffix(1);
    at_ = end == std::string_view::npos ? static_cast<int64_t>(text_.size())
                                        : static_cast<int64_t>(end) + 1;
    *value = line;
    return true;
  }
}

int64_t JsonValueScanner::ValueEnd(int64_t from, bool more_follows) const {
  const auto size = static_cast<int64_t>(text_.size());
  const char* const data = text_.data();
  int64_t depth = 0;
  for (int64_t at = from; at < size; ++at) {
    switch (data[at]) {
      case '"':
        for (++at; at < size && data[at] != '"'; ++at) {
          if (data[at] == '\\') ++at;
        }
        if (at >= size) return -1;
        if (depth == 0) return at + 1;
        break;
      case '{':
      case '[': ++depth; break;
      case '}':
      case ']':
        if (depth == 0) return at;  // a number or word ended before it
        if (--depth == 0) return at + 1;
        break;
      case ',':
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        if (depth == 0) return at;
        break;
      default: break;
    }
  }
  return depth == 0 && !more_follows ? size : -1;
}

bool JsonValueScanner::Next(std::string_view* value, bool more_follows) {
  if (shape_ == JsonShape::kLines) return NextLine(value, more_follows);
  if (fault_ != nullptr) return false;
  const auto size = static_cast<int64_t>(text_.size());
  int64_t at = SkipBlanks(text_, at_);
  if (closed_) {
    if (at < size) fault_ = "there is text behind the array";
    at_ = at;
    return false;
  }
  if (at >= size) return false;
  if (shape_ == JsonShape::kArray) {
    if (text_[static_cast<size_t>(at)] == ']') {
      closed_ = true;
      at_ = at + 1;
      return Next(value, more_follows);
    }
    if (!first_) {
      if (text_[static_cast<size_t>(at)] != ',') {
        fault_ = "there is no comma between two values";
        return false;
      }
      at = SkipBlanks(text_, at + 1);
      if (at >= size) return false;
      const char c = text_[static_cast<size_t>(at)];
      if (c == ']' || c == ',') {
        fault_ = "there is no value behind a comma";
        return false;
      }
    }
  }
  const int64_t end = ValueEnd(at, more_follows);
  if (end < 0) return false;
  if (end == at) {
    fault_ = "there is no value where one should stand";
    return false;
  }
  *value = text_.substr(static_cast<size_t>(at), static_cast<size_t>(end - at));
  at_ = end;
  first_ = false;
  return true;
}

}  // namespace velaria::io
