// Takes a block of lines apart into columns of text.
#pragma once

#include <arrow/array.h>

#include <memory>
#include <string>
#include <vector>

#include "io/open_file.hpp"
#include "io/text_blocks.hpp"

namespace velaria::io {

struct LineColumns {
  std::vector<std::shared_ptr<arrow::StringArray>> columns;
  std::vector<int64_t> positions;  // of the rows' lines in the block
  std::vector<int64_t> rejected;   // positions of the lines that did not match
};

class LineSplitter {
 public:
  /// VEL2008 for a pattern that does not compile; VEL4004 for a group that it has not.
  static Result<std::shared_ptr<const LineSplitter>> Make(const FileOptions& options);

  /// Names of the columns when they do not depend on the file: by mappings, names or groups.
  const std::vector<std::string>& names() const { return names_; }
  /// Whether every part of a line is a column: then their number is found in the file.
  bool takes_every_part() const { return names_.empty(); }
  /// The most parts of a line of the block.
  size_t MostParts(std::string_view block) const;
  /// The columns' texts, of the first `column_count` parts when it takes every part.
  Result<LineColumns> Split(std::string_view block, size_t column_count,
                            arrow::MemoryPool* pool) const;

 private:
  explicit LineSplitter(LineRule rule) : rule_(std::move(rule)) {}
  Result<LineColumns> SplitByDelimiter(std::string_view block, size_t column_count,
                                       arrow::MemoryPool* pool) const;
  Result<LineColumns> SplitByRegex(std::string_view block, arrow::MemoryPool* pool) const;

  const LineRule rule_;
  std::vector<std::string> names_;
  std::vector<int> indexes_;  // of names_: a part, or a group
};

}  // namespace velaria::io
