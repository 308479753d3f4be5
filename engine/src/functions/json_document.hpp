// JSON text read once into a flat list of nodes (RFC 8259), and paths into it. Nothing is copied: a
// node is a range of the text, which must outlive the document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace velaria::json {

enum class Kind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

/// Nodes stand in the order of the text. An array's elements follow it; an object's members follow
/// it as key, value, key, value.
struct Node {
  Kind kind;
  bool escaped = false;  // a string with a backslash in it
  uint32_t begin, end;   // bytes of the text; of a string without its quotes
  uint32_t next = 0;     // the node behind this one and all it holds
  uint32_t count = 0;    // elements, or members
};

inline constexpr int kDepthMax = 500;

class Document {
 public:
  /// False for text that is no JSON; `error` then says why and where.
  bool TryParse(std::string_view text, std::string* error);
  /// VEL3004 for text that is no JSON.
  Status Parse(std::string_view text);

  const Node& node(uint32_t index) const { return nodes_[index]; }
  std::string_view raw(uint32_t index) const {
    return text_.substr(nodes_[index].begin, nodes_[index].end - nodes_[index].begin);
  }
  /// A string's characters, escapes resolved.
  void AppendCharacters(uint32_t index, std::string* out) const;
  /// The node as JSON without blanks.
  void AppendJson(uint32_t index, std::string* out) const;
  /// The node as JSON, one member or element a line, four blanks a level.
  void AppendPretty(uint32_t index, int level, std::string* out) const;
  bool KeyIs(uint32_t key, std::string_view name) const;

 private:
  class Parser;
  std::string_view text_;
  std::vector<Node> nodes_;
};

void AppendQuoted(std::string_view characters, std::string* out);

/// '$.a[0]."b c"', '/a/0' (RFC 6901), or a plain key.
class Path {
 public:
  /// VEL2008 for a path that is none.
  static Result<Path> Parse(std::string_view text);
  static Path Key(std::string key);
  static Path Index(int64_t index);
  void Append(const Path& rest);
  /// The node it leads to from node 0; false when there is none.
  bool Find(const Document& document, uint32_t* found) const;

 private:
  struct Step {
    std::string key;
    int64_t index = 0;
    bool is_index = false, is_either = false;  // either: a pointer's "0" is a key or an index
  };
  std::vector<Step> steps_;
};

}  // namespace velaria::json
