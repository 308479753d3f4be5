// The words for files: formats, and the options of readers and of COPY ... TO. One table of each.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/types.hpp"

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

/// What the values of an option are, where they have types: in the arguments of readers.
enum class OptionTakes { kText, kTexts, kBoolean, kNumber, kTypes };

struct OptionRow {
  std::string_view word;
  std::string_view meaning;  // the word it is another one for, or itself
  unsigned reads, writes;    // the formats it says something about
  OptionTakes takes;
};

/// An option's value, or values where it takes several, and where both stand in the statement, if
/// they stand in one.
struct GivenOption {
  GivenOption(std::string value) : values{std::move(value)} {}  // NOLINT: stands for its text
  GivenOption(const char* value) : values{value} {}             // NOLINT
  GivenOption(std::vector<std::string> all, Place of_word, Place of_value)
      : values(std::move(all)), word_place(of_word), value_place(of_value) {}

  /// The values joined by commas.
  std::string Text() const;

  std::vector<std::string> values;
  Place word_place, value_place;
};
using GivenOptions = std::map<std::string, GivenOption>;  // by word

/// Null when there is none.
const FormatRow* FormatOfWord(std::string_view word, Direction direction);
/// VEL4004, with the nearest word, when there is none.
Result<const FormatRow*> FindFormat(const std::string& word, Direction direction);
/// The same for an option; `group` is that of the format, 0 for one that is not known yet. VEL4004
/// also for one that is not the format's.
Result<const OptionRow*> FindOption(const std::string& word, Direction direction, unsigned group,
                                    std::string_view format);
/// VEL4004 for a value of a type that the option does not take.
Status CheckOptionType(const OptionRow& option, const std::string& word, unsigned group,
                       const arrow::DataType& type);
/// "Did you mean x?" for a word near one of those that there are, else all of them: "What are a,
/// b."
std::string HintOfWords(const std::string& word, const std::vector<std::string>& words,
                        const std::string& what);
/// The one format of text that an option belongs to: csv or line; empty when more than one has it.
std::string_view FormatOfOption(std::string_view meaning);

}  // namespace velaria::io
