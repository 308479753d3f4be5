#include "io/text_filters.hpp"

#include <cstdint>

#include "functions/utf8.hpp"

namespace velaria::io {
namespace {

/// ISO 8859-1: a byte is its own code point.
class FromLatin1 final : public TextFilter {
 public:
  Status Append(std::string_view piece, std::string* out) override {
    for (const char c : piece) utf8::Append(static_cast<unsigned char>(c), out);
    return Status::OK();
  }
  Status Finish(std::string*) override { return Status::OK(); }
};

/// The byte order is the mark's, or little-endian without one.
class FromUtf16 final : public TextFilter {
 public:
  explicit FromUtf16(std::string file) : file_(std::move(file)) {}

  Status Append(std::string_view piece, std::string* out) override {
    for (const char c : piece) {
      const auto byte = static_cast<unsigned char>(c);
      if (!half_) {
        first_ = byte;
        half_ = true;
        continue;
      }
      half_ = false;
      const auto unit =
          static_cast<uint32_t>(big_endian_ ? first_ << 8 | byte : byte << 8 | first_);
      if (at_begin_ && unit == 0xfffe) big_endian_ = !big_endian_;
      const bool is_mark = at_begin_ && (unit == 0xfffe || unit == 0xfeff);
      has_mark_ = has_mark_ || is_mark;
      at_begin_ = false;
      if (!is_mark) VELARIA_RETURN_NOT_OK(AppendUnit(unit, out));
    }
    return Status::OK();
  }

  Status Finish(std::string*) override {
    return half_ || high_ != 0 ? Damaged("the text ends inside a character") : Status::OK();
  }

 private:
  Status AppendUnit(uint32_t unit, std::string* out) {
    // A line end with its bytes turned round; Unicode has no such character.
    if (unit == 0x0a00 && !has_mark_) {
      return Damaged("its bytes are in big-endian order, and no byte order mark says so",
                     "Put a byte order mark at its beginning, or convert it to UTF-8.");
    }
    const bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    if (is_low != (high_ != 0)) return Damaged("half of a surrogate pair stands alone");
    if (is_low) {
      utf8::Append(0x10000 + ((high_ - 0xd800) << 10) + (unit - 0xdc00), out);
      high_ = 0;
      return Status::OK();
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
      high_ = unit;
      return Status::OK();
    }
    if (unit == '\n') ++line_;
    utf8::Append(unit, out);
    return Status::OK();
  }

  Status Damaged(
      const std::string& what,
      const std::string& hint = "Say the file's encoding: 'utf-8', 'latin-1' or 'utf-16'.") const {
    return Fail(ErrorCode::kFileFormat,
                "line " + std::to_string(line_) + " of " + file_ + " is not UTF-16 text: " + what,
                hint);
  }

  const std::string file_;
  bool half_ = false, big_endian_ = false, at_begin_ = true, has_mark_ = false;
  unsigned first_ = 0;
  uint32_t high_ = 0;  // of a pair, until its other half comes
  int64_t line_ = 1;
};

/// Quotes, escapes and comments of a file become those of RFC 4180. Inside quotes an escape stands
/// before a quote or an escape, as in PostgreSQL. A comment leaves its line empty, which is no
/// record. Lines that are left out at the beginning are no records either, and stay as they are.
class ToRfc4180 final : public TextFilter {
 public:
  ToRfc4180(const FileOptions& options, std::string delimiters)
      : form_(options.csv), delimiters_(std::move(delimiters)), skip_lines_(options.skip_lines) {}

  Status Append(std::string_view piece, std::string* out) override {
    for (const char c : piece) {
      if (skip_lines_ > 0) {
        Skip(c, out);
      } else {
        Take(c, out);
      }
    }
    return Status::OK();
  }

  Status Finish(std::string* out) override {
    if (state_ == State::kEscaped) PutQuoted(form_.escape, out);
    if (state_ == State::kBehindQuote || state_ == State::kWrapped) out->push_back('"');
    return Status::OK();
  }

 private:
  enum class State {
    kLineBegin,    // the first byte of a record, or the byte order mark before it
    kFieldBegin,   // behind a delimiter
    kPlain,        // in a field without quotes
    kWrapped,      // in one that begins with a '"' that is no quote here, and is put into quotes
    kQuoted,       // inside quotes
    kEscaped,      // inside quotes, behind an escape
    kBehindQuote,  // behind what may be the closing quote
    kComment
  };

  bool EndsLine(char c) const { return c == '\n' || c == '\r'; }
  bool EndsField(char c) const { return EndsLine(c) || delimiters_.find(c) != std::string::npos; }
  void PutQuoted(char c, std::string* out) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  void EndField(char c, std::string* out) {
    out->push_back(c);
    state_ = EndsLine(c) ? State::kLineBegin : State::kFieldBegin;
  }

  void Skip(char c, std::string* out) {
    const bool is_second_half = c == '\n' && skipped_ == '\r';
    if (EndsLine(c) && !is_second_half) --skip_lines_;
    skipped_ = c;
    bytes_seen_ = 3;
    out->push_back(c);
  }

  void Take(char c, std::string* out) {
    switch (state_) {
      case State::kLineBegin:
        if (bytes_seen_ < 3 && c == "\xef\xbb\xbf"[bytes_seen_]) {
          ++bytes_seen_;
          return out->push_back(c);
        }
        bytes_seen_ = 3;
        if (form_.comment != '\0' && c == form_.comment) {
          state_ = State::kComment;
          return;
        }
        return BeginField(c, out);
      case State::kFieldBegin: return BeginField(c, out);
      case State::kPlain:
        if (EndsField(c)) return EndField(c, out);
        return out->push_back(c);
      case State::kWrapped:
        if (!EndsField(c)) return PutQuoted(c, out);
        out->push_back('"');
        return EndField(c, out);
      case State::kQuoted:
        if (c == form_.quote) {
          state_ = State::kBehindQuote;
        } else if (c == form_.escape) {
          state_ = State::kEscaped;
        } else {
          PutQuoted(c, out);
        }
        return;
      case State::kEscaped:
        state_ = State::kQuoted;
        if (c == form_.quote || c == form_.escape) return PutQuoted(c, out);
        PutQuoted(form_.escape, out);
        return Take(c, out);
      case State::kBehindQuote:
        if (c == form_.quote && form_.escape == form_.quote) {
          state_ = State::kQuoted;
          return PutQuoted(c, out);
        }
        out->push_back('"');
        if (EndsField(c)) return EndField(c, out);
        state_ = State::kPlain;
        return out->push_back(c);
      case State::kComment:
        if (EndsLine(c)) EndField(c, out);
        return;
    }
  }

  void BeginField(char c, std::string* out) {
    if (EndsField(c)) return EndField(c, out);
    if (form_.quote != '\0' && c == form_.quote) {
      out->push_back('"');
      state_ = State::kQuoted;
    } else if (c == '"') {
      *out += "\"\"\"";
      state_ = State::kWrapped;
    } else {
      out->push_back(c);
      state_ = State::kPlain;
    }
  }

  const CsvForm form_;
  const std::string delimiters_;  // more than one when it has yet to be found
  State state_ = State::kLineBegin;
  size_t bytes_seen_ = 0;  // of a byte order mark
  int64_t skip_lines_;     // that are still to come
  char skipped_ = '\0';    // the last byte of them
};

}  // namespace

bool NeedsFilters(const FileOptions& options) {
  return !options.encoding.empty() || options.csv.rewrites_text();
}

TextFilters FiltersFor(const std::string& file, const FileOptions& options) {
  TextFilters filters;
  if (options.encoding == "latin-1") filters.push_back(std::make_unique<FromLatin1>());
  if (options.encoding == "utf-16") filters.push_back(std::make_unique<FromUtf16>(file));
  if (options.csv.rewrites_text()) {
    const std::string delimiters =
        options.delimiter ? std::string(1, *options.delimiter) : kCsvDelimiters;
    filters.push_back(std::make_unique<ToRfc4180>(options, delimiters));
  }
  return filters;
}

}  // namespace velaria::io
