#include "functions/json_document.hpp"

#include <charconv>

#include "functions/utf8.hpp"

namespace velaria::json {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexOf(std::string_view digits) {
  int value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? value : -1;
}

}  // namespace

/// Recursive descent over one text; each method leaves `at_` behind what it read.
class Document::Parser {
 public:
  Parser(std::string_view text, std::vector<Node>* nodes, std::string* error)
      : text_(text), nodes_(nodes), error_(error) {}

  bool Run() {
    if (!Value(0)) return false;
    SkipBlanks();
    return at_ == text_.size() || Refuse("text behind the value");
  }

 private:
  char Current() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  bool Refuse(const char* why) {
    if (error_ != nullptr) *error_ = std::string(why) + " at byte " + std::to_string(at_ + 1);
    return false;
  }
  uint32_t Open(Kind kind, size_t begin) {
    nodes_->push_back({kind, false, static_cast<uint32_t>(begin), 0, 0, 0});
    return static_cast<uint32_t>(nodes_->size() - 1);
  }
  void Close(uint32_t index, size_t end) {
    (*nodes_)[index].end = static_cast<uint32_t>(end);
    (*nodes_)[index].next = static_cast<uint32_t>(nodes_->size());
  }

  bool Value(int depth) {
    SkipBlanks();
    if (depth > kDepthMax) return Refuse("nested too deep");
    switch (Current()) {
      case '{': return Container(Kind::kObject, '}', depth);
      case '[': return Container(Kind::kArray, ']', depth);
      case '"': return String();
      case 't': return Word("true", Kind::kTrue);
      case 'f': return Word("false", Kind::kFalse);
      case 'n': return Word("null", Kind::kNull);
      default: return Number();
    }
  }

  bool Container(Kind kind, char closing, int depth) {
    const uint32_t self = Open(kind, at_++);
    SkipBlanks();
    uint32_t count = 0;
    if (Current() != closing) {
      while (true) {
        if (kind == Kind::kObject) {
          SkipBlanks();
          if (Current() != '"') return Refuse("no key");
          if (!String()) return false;
          SkipBlanks();
          if (Current() != ':') return Refuse("no colon");
          ++at_;
        }
        if (!Value(depth + 1)) return false;
        ++count;
        SkipBlanks();
        if (Current() == closing) break;
        if (Current() != ',') return Refuse("unexpected character");
        ++at_;
      }
    }
    ++at_;
    Close(self, at_);
    (*nodes_)[self].count = count;
    return true;
  }

  bool String() {
    const uint32_t self = Open(Kind::kString, ++at_);
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<uint8_t>(text_[at_]) < 0x20) return Refuse("a control character in a string");
      if (text_[at_++] != '\\') continue;
      (*nodes_)[self].escaped = true;
      const char c = Current();
      ++at_;
      if (c == 'u') {
        if (at_ + 4 > text_.size() || HexOf(text_.substr(at_, 4)) < 0)
          return Refuse("a bad escape");
        at_ += 4;
      } else if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos || c == '\0') {
        return Refuse("a bad escape");
      }
    }
    if (at_ >= text_.size()) return Refuse("an unfinished string");
    Close(self, at_++);
    return true;
  }

  bool Word(std::string_view word, Kind kind) {
    if (text_.substr(at_, word.size()) != word) return Refuse("unexpected character");
    const uint32_t self = Open(kind, at_);
    at_ += word.size();
    Close(self, at_);
    return true;
  }

  bool Digits() {
    const size_t from = at_;
    while (IsDigit(Current())) ++at_;
    return at_ > from;
  }

  bool Number() {
    const size_t begin = at_;
    if (Current() == '-') ++at_;
    const bool zero = Current() == '0';
    const size_t digits = at_;
    if (!Digits()) return Refuse(at_ >= text_.size() ? "unexpected end" : "unexpected character");
    if (zero && at_ - digits > 1) return Refuse("a number with leading zeros");
    if (Current() == '.') {
      ++at_;
      if (!Digits()) return Refuse("a number without digits after its point");
    }
    if (Current() == 'e' || Current() == 'E') {
      ++at_;
      if (Current() == '+' || Current() == '-') ++at_;
      if (!Digits()) return Refuse("a number without digits in its exponent");
    }
    Close(Open(Kind::kNumber, begin), at_);
    return true;
  }

  std::string_view text_;
  std::vector<Node>* nodes_;
  std::string* error_;
  size_t at_ = 0;
};

bool Document::TryParse(std::string_view text, std::string* error) {
  text_ = text;
  nodes_.clear();
  return Parser(text, &nodes_, error).Run();
}

Status Document::Parse(std::string_view text) {
  std::string why;
  if (TryParse(text, &why)) return Status::OK();
  constexpr size_t kShownBytes = 100;
  std::string shown(text.substr(0, utf8::Skip(text, 0, kShownBytes)));
  std::replace(shown.begin(), shown.end(), '\n', ' ');
  return Fail(ErrorCode::kBadValue, "malformed JSON, " + why + ": " + shown);
}

void Document::AppendCharacters(uint32_t index, std::string* out) const {
  const std::string_view text = raw(index);
  if (!nodes_[index].escaped) {
    out->append(text);
    return;
  }
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out->push_back(text[at]);
      continue;
    }
    const char c = text[++at];
    if (c != 'u') {
      constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
      const size_t known = kLetters.find(c);
      out->push_back(known == std::string_view::npos ? c : kMeant[known]);
      continue;
    }
    int64_t code = HexOf(text.substr(at + 1, 4));
    at += 4;
    const bool pair = code >= 0xD800 && code < 0xDC00 && text.substr(at + 1, 2) == "\\u";
    if (pair) {
      const int64_t low = HexOf(text.substr(at + 3, 4));
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
      }
    }
    utf8::Append(utf8::IsCodePoint(code) ? static_cast<uint32_t>(code) : 0xFFFD, out);
  }
}

void AppendQuoted(std::string_view characters, std::string* out) {
  out->push_back('"');
  for (const char c : characters) {
    constexpr std::string_view kMeant = "\b\f\n\r\t\"\\", kLetters = "bfnrt\"\\";
    const size_t known = kMeant.find(c);
    if (known != std::string_view::npos) {
      out->push_back('\\');
      out->push_back(kLetters[known]);
    } else if (static_cast<uint8_t>(c) < 0x20) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      *out += "\\u00";
      out->push_back(kDigits[c >> 4]);
      out->push_back(kDigits[c & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void Document::AppendJson(uint32_t index, std::string* out) const {
  const Node& node = nodes_[index];
  if (node.kind == Kind::kString) {
    std::string characters;
    AppendCharacters(index, &characters);
    AppendQuoted(characters, out);
    return;
  }
  if (node.kind != Kind::kArray && node.kind != Kind::kObject) {
    out->append(raw(index));
    return;
  }
  const bool object = node.kind == Kind::kObject;
  out->push_back(object ? '{' : '[');
  uint32_t child = index + 1;
  for (uint32_t i = 0; i < node.count; ++i) {
    if (i > 0) out->push_back(',');
    if (object) {
      AppendJson(child, out);
      out->push_back(':');
      child = nodes_[child].next;
    }
    AppendJson(child, out);
    child = nodes_[child].next;
  }
  out->push_back(object ? '}' : ']');
}

void Document::AppendPretty(uint32_t index, int level, std::string* out) const {
  const Node& node = nodes_[index];
  const bool object = node.kind == Kind::kObject;
  if ((!object && node.kind != Kind::kArray) || node.count == 0) {
    AppendJson(index, out);
    return;
  }
  const auto line = [&](int depth) {
    out->push_back('\n');
    out->append(static_cast<size_t>(depth) * 4, ' ');
  };
  out->push_back(object ? '{' : '[');
  uint32_t child = index + 1;
  for (uint32_t i = 0; i < node.count; ++i) {
    if (i > 0) out->push_back(',');
    line(level + 1);
    if (object) {
      AppendJson(child, out);
      *out += ": ";
      child = nodes_[child].next;
    }
    AppendPretty(child, level + 1, out);
    child = nodes_[child].next;
  }
  line(level);
  out->push_back(object ? '}' : ']');
}

bool Document::KeyIs(uint32_t key, std::string_view name) const {
  if (!nodes_[key].escaped) return raw(key) == name;
  std::string characters;
  AppendCharacters(key, &characters);
  return characters == name;
}

Path Path::Key(std::string key) {
  Path path;
  path.steps_.push_back({std::move(key), 0, false, false});
  return path;
}

Path Path::Index(int64_t index) {
  Path path;
  path.steps_.push_back({"", index, true, false});
  return path;
}

void Path::Append(const Path& rest) {
  steps_.insert(steps_.end(), rest.steps_.begin(), rest.steps_.end());
}

Result<Path> Path::Parse(std::string_view text) {
  const auto refuse = [&] {
    return Fail(ErrorCode::kBadPattern, "not a path into JSON: " + std::string(text),
                "Write '$.key[0]', '/key/0' or a key.");
  };
  Path path;
  if (text.starts_with('/')) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('/', at + 1), text.size());
      std::string token;
      for (size_t k = at + 1; k < end; ++k) {
        const bool escape =
            text[k] == '~' && k + 1 < end && (text[k + 1] == '0' || text[k + 1] == '1');
        token.push_back(escape ? (text[++k] == '0' ? '~' : '/') : text[k]);
      }
      int64_t number = 0;
      const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), number);
      const bool numeric =
          error == std::errc() && stop == token.data() + token.size() && number >= 0;
      path.steps_.push_back({std::move(token), number, false, numeric});
      at = end;
    }
    return path;
  }
  if (!text.starts_with('$')) return Key(std::string(text));
  for (size_t at = 1; at < text.size();) {
    if (text[at] == '.') {
      const bool quoted = at + 1 < text.size() && text[at + 1] == '"';
      const size_t begin = at + (quoted ? 2 : 1);
      const size_t end =
          quoted ? text.find('"', begin) : std::min(text.find_first_of(".[", begin), text.size());
      if (end == std::string_view::npos || (end == begin && !quoted)) return refuse();
      const std::string_view key = text.substr(begin, end - begin);
      if (!quoted && key == "*") return refuse();
      path.Append(Key(std::string(key)));
      at = end + (quoted ? 1 : 0);
    } else if (text[at] == '[') {
      const size_t end = text.find(']', at);
      if (end == std::string_view::npos) return refuse();
      std::string_view digits = text.substr(at + 1, end - at - 1);
      const bool from_end = digits.starts_with('#');
      if (from_end) digits.remove_prefix(1);
      int64_t index = 0;
      const auto [stop, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (error != std::errc() || stop != digits.data() + digits.size() || (from_end && index >= 0))
        return refuse();
      path.Append(Index(index));
      at = end + 1;
    } else {
      return refuse();
    }
  }
  return path;
}

bool Path::Find(const Document& document, uint32_t* found) const {
  uint32_t at = 0;
  for (const Step& step : steps_) {
    const Node& node = document.node(at);
    uint32_t child = at + 1;
    if (node.kind == Kind::kObject && !step.is_index) {
      uint32_t member = 0;
      while (member < node.count && !document.KeyIs(child, step.key)) {
        child = document.node(document.node(child).next).next;
        ++member;
      }
      if (member == node.count) return false;
      at = document.node(child).next;
    } else if (node.kind == Kind::kArray && (step.is_index || step.is_either)) {
      const int64_t index = step.index < 0 ? node.count + step.index : step.index;
      if (index < 0 || index >= node.count) return false;
      for (int64_t i = 0; i < index; ++i) child = document.node(child).next;
      at = child;
    } else {
      return false;
    }
  }
  *found = at;
  return true;
}

}  // namespace velaria::json
