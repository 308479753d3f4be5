// Where the values of a JSON file begin and end. A file is lines of one value each, or values one
// after another over any number of lines, or one array of values.
#pragma once

#include <cstdint>
#include <string_view>

namespace velaria::io {

enum class JsonShape { kLines, kValues, kArray };

/// The shape by the beginning of the text, and where its first value may begin.
JsonShape FindJsonShape(std::string_view head, int64_t* data_offset);

/// The values of a text that begins between two of them.
class JsonValueScanner {
 public:
  /// `first`: no value stands before the text.
  JsonValueScanner(std::string_view text, JsonShape shape, bool first)
      : text_(text), shape_(shape), first_(first) {}

  /// The next value that is whole; false at the end of them. A value is a range of the text up to
  /// where it ends if it is JSON at all; a line may be no value. `more_follows`: the text does not
  /// end with the file, so that a number at its end may go on.
  bool Next(std::string_view* value, bool more_follows);

  int64_t position() const { return at_; }      // behind the last value
  bool closed() const { return closed_; }       // the array has ended
  const char* fault() const { return fault_; }  // null: none

 private:
  bool NextLine(std::string_view* value, bool more_follows);
  /// Behind the value that begins at `from`; -1 when the text ends before it does.
  int64_t ValueEnd(int64_t from, bool more_follows) const;

  std::string_view text_;
  JsonShape shape_;
  bool first_;
  int64_t at_ = 0;
  bool closed_ = false;
  const char* fault_ = nullptr;
};

}  // namespace velaria::io
