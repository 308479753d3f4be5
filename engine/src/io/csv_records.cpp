#include "io/csv_records.hpp"

#include <algorithm>
#include <cstring>

namespace velaria::io {

std::string CsvField::Text() const {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    out += raw[i];
    if (quoted && raw[i] == '"' && i + 1 < raw.size() && raw[i + 1] == '"') ++i;
  }
  return out;
}

void CsvRecordScanner::SkipLineEnd() {
  const int64_t size = static_cast<int64_t>(text_.size());
  if (text_[at_] == '\r' && at_ + 1 < size && text_[at_ + 1] == '\n') ++at_;
  ++at_;
  ++line_;
}

CsvField CsvRecordScanner::NextField() {
  const int64_t size = static_cast<int64_t>(text_.size());
  CsvField field;
  int64_t begin = at_;
  if (at_ < size && text_[at_] == '"') {
    field.quoted = true;
    begin = ++at_;
    open_quote_ = true;
    for (; at_ < size; ++at_) {
      const char c = text_[at_];
      if (c == '\n' || (c == '\r' && (at_ + 1 == size || text_[at_ + 1] != '\n'))) ++line_;
      if (c != '"') continue;
      if (at_ + 1 < size && text_[at_ + 1] == '"') {
        ++at_;
        continue;
      }
      open_quote_ = false;
      break;
    }
    field.raw = text_.substr(begin, at_ - begin);
    if (at_ < size) ++at_;
  }
  const int64_t rest = at_;
  while (at_ < size && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
  if (!field.quoted) field.raw = text_.substr(begin, at_ - begin);
  if (field.quoted && at_ > rest) {
    // The field as it stands, for whoever says what is wrong with it.
    field.raw = text_.substr(begin - 1, at_ - begin + 1);
    field.quoted = false;
    text_behind_quote_ = true;
  }
  return field;
}

bool CsvRecordScanner::Next(std::vector<CsvField>* fields) {
  const int64_t size = static_cast<int64_t>(text_.size());
  fields->clear();
  text_behind_quote_ = false;
  while (!empty_lines_are_rows_ && at_ < size && (text_[at_] == '\n' || text_[at_] == '\r')) {
    SkipLineEnd();
  }
  if (at_ >= size) return false;
  begin_ = at_;
  record_line_ = line_;
  while (true) {
    fields->push_back(NextField());
    terminated_ = at_ < size && text_[at_] != delimiter_;
    if (at_ >= size) return true;
    if (terminated_) {
      SkipLineEnd();
      return true;
    }
    ++at_;  // the delimiter; a field follows, be it an empty one at the end of the text
  }
}

int64_t LastRecordEnd(std::string_view block, char delimiter) {
  if (std::memchr(block.data(), '"', block.size()) == nullptr) {
    const void* end = ::memrchr(block.data(), '\n', block.size());
    if (end != nullptr) return static_cast<const char*>(end) - block.data() + 1;
  }
  int64_t last = 0;
  bool field_begins = true;
  const char* const data = block.data();
  const int64_t size = static_cast<int64_t>(block.size());
  for (int64_t i = 0; i < size; ++i) {
    const char c = data[i];
    if (field_begins && c == '"') {
      // To the closing quote: the next one that is not doubled.
      for (++i; i < size; ++i) {
        const void* quote = std::memchr(data + i, '"', size - i);
        if (quote == nullptr) return last;
        i = static_cast<const char*>(quote) - data;
        if (i + 1 >= size || data[i + 1] != '"') break;
        ++i;
      }
      field_begins = false;
      continue;
    }
    field_begins = c == delimiter || c == '\n' || c == '\r';
    if (c == '\n') last = i + 1;
    // A CR at the block's end may be half of a line end.
    if (c == '\r' && i + 1 < size && data[i + 1] != '\n') last = i + 1;
  }
  return last;
}

bool HasTextBehindQuote(std::string_view block, char delimiter) {
  const auto ends_field = [&](size_t at) {
    return at >= block.size() || block[at] == delimiter || block[at] == '\n' || block[at] == '\r';
  };
  for (size_t at = block.find('"'); at != std::string_view::npos; at = block.find('"', at)) {
    const bool opens = at == 0 || ends_field(at - 1);
    ++at;
    if (!opens) continue;  // a letter like others
    // To the closing quote: the next one that is not doubled.
    for (at = block.find('"', at); at != std::string_view::npos; at = block.find('"', at + 2)) {
      if (at + 1 >= block.size() || block[at + 1] != '"') break;
    }
    if (at == std::string_view::npos) return false;
    if (!ends_field(++at)) return true;
  }
  return false;
}

int64_t CountLineEnds(std::string_view text) {
  int64_t count = std::count(text.begin(), text.end(), '\n');
  if (text.find('\r') == std::string_view::npos) return count;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) ++count;
  }
  return count;
}

}  // namespace velaria::io
