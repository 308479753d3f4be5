// The words for files: formats, and the options of readers and of COPY ... TO. One table of each.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"

namespace velaria::io {

/// Formats that share options.
enum FormatGroup : unsigned {
  kCsv = 1,
  kLine = 2,
  kJson = 4,
  kParquet = 8,
  kArrow = 16,
  kText = kCsv | kLine | kJson,
  kAllFormats = kText | kParquet | kArrow
};

enum class Direction { kRead, kWrite };

struct FormatRow {
  std::string_view word;  // of USING, a reader or FORMAT; when written also a path's ending
  std::string_view read;
  std::string_view written;  // empty: it is read only
  unsigned group;
};

struct OptionRow {
  std::string_view word;
  std::string_view meaning;  // the word it is another one for, or itself
  unsigned reads, writes;    // the formats it says something about
};

/// Null when there is none.
const FormatRow* FormatOfWord(std::string_view word, Direction direction);
/// VEL4004, with the nearest word, when there is none.
Result<const FormatRow*> FindFormat(const std::string& word, Direction direction);
/// The same for an option; `group` is that of the format, 0 for one that is not known yet. VEL4004
/// also for one that is not the format's.
Result<const OptionRow*> FindOption(const std::string& word, Direction direction, unsigned group,
                                    std::string_view format);
/// The one format of text that an option belongs to: csv or line; empty when more than one has it.
std::string_view FormatOfOption(std::string_view meaning);

}  // namespace velaria::io
