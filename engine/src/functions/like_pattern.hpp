// A compiled LIKE pattern: the parts between the `%` signs, matched first to last without
// backtracking, so the cost of a match is at most text length times pattern length.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hpp"

namespace velaria::kernels {

class LikePattern {
 public:
  /// `escape` is one character, or empty for none. VEL3004 for a pattern that ends in its escape
  /// character.
  static Result<LikePattern> Compile(std::string_view pattern, std::string_view escape);

  bool Matches(std::string_view text) const;

 private:
  /// A literal of zero or more bytes, or any one character.
  struct Piece {
    bool any = false;
    std::string literal;
  };
  using Part = std::vector<Piece>;

  static constexpr size_t kNone = std::string_view::npos;
  static size_t MatchForward(const Part& part, std::string_view text, size_t at);
  static size_t MatchBackward(const Part& part, std::string_view text, size_t end);
  static size_t FindEnd(const Part& part, std::string_view text, size_t from);
  bool MatchesParts(std::string_view text) const;

  enum class Shape { kExact, kPrefix, kSuffix, kContains, kParts };
  Shape shape_ = Shape::kParts;
  std::string literal_;  // of the four plain shapes
  std::vector<Part>
      parts_;  // n percent signs part n + 1 parts; the first and the last may be empty
};

}  // namespace velaria::kernels
