// What changes a text between its file and its reader, so that readers know UTF-8 and RFC 4180
// alone: encodings, and quotes, escapes and comments of other kinds. Lines stay where they are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/open_file.hpp"

namespace velaria::io {

/// What is said of bytes that are no text, and of what to do then.
inline constexpr char kNotUtf8[] = "is not UTF-8 text";
inline constexpr char kSayEncoding[] =
    "Say the file's encoding, 'latin-1' or 'utf-16', or convert it to UTF-8.";

/// Takes a text in pieces of any length; not for several threads at once.
class TextFilter {
 public:
  virtual ~TextFilter() = default;
  /// VEL4002, with the line, for bytes that the encoding has no character for.
  virtual Status Append(std::string_view piece, std::string* out) = 0;
  virtual Status Finish(std::string* out) = 0;
};
using TextFilters = std::vector<std::unique_ptr<TextFilter>>;

/// Those that the options ask for, in the order in which they work; none for UTF-8 as RFC 4180 has
/// it.
TextFilters FiltersFor(const std::string& file, const FileOptions& options);
bool NeedsFilters(const FileOptions& options);

}  // namespace velaria::io
