// Values of JSON as values of a column's type.
#pragma once

#include <arrow/array/builder_base.h>

#include <string>
#include <vector>

#include "columnar/types.hpp"
#include "functions/json_document.hpp"

namespace velaria::io {

/// What a key's values could be, and the one kind that fits them all.
struct JsonKind {
  enum Kind : uint8_t { kNull, kBoolean, kBigint, kDouble, kVector, kText };
  Kind kind = kNull;
  // Of vectors:
  uint32_t vector_length = 0;
  bool has_fraction = false;      // a number is not written as an integer
  bool has_long_integer = false;  // an integer is one that FLOAT would round

  bool operator==(const JsonKind&) const = default;
};

/// Integers beyond BIGINT and numbers beyond DOUBLE are text; an array of numbers is a vector; any
/// other array and every object is its own text.
JsonKind KindOfNode(const json::Document& document, uint32_t node);
JsonKind CommonKind(JsonKind a, JsonKind b);
/// VARCHAR for a key of nulls alone. Vectors are of floats; with an integer that FLOAT would round
/// they are lists of BIGINT, or of DOUBLE where there are fractions, too.
TypePtr TypeOfKind(JsonKind kind);
/// Whether the node is an array with an integer that FLOAT would round.
bool HasLongInteger(const json::Document& document, uint32_t node);

/// Appends the node to a builder of `type`: a string as its characters, what is nested as its raw
/// text where the type is VARCHAR, as elements where it is a list, a struct or a map. VEL4002,
/// with the value alone for its message, when it is none of the type; the builder may then have
/// grown.
Status AppendNode(const arrow::DataType& type, const json::Document& document, uint32_t node,
                  arrow::ArrayBuilder* builder);

/// The members of an object: for each key, the node of its value. Keys that come twice have the
/// value of the last.
class JsonMembers {
 public:
  static constexpr uint32_t kMissing = UINT32_MAX;

  /// `any_case`: keys are matched without regard to ASCII case where none matches exactly.
  JsonMembers(const std::vector<std::string>& keys, bool any_case)
      : keys_(keys), any_case_(any_case), found_(keys.size()) {}
  /// The value of each key, or kMissing. `unknown` is a key's node that is none of them, or
  /// kMissing.
  const std::vector<uint32_t>& Find(const json::Document& document, uint32_t object,
                                    uint32_t* unknown);

 private:
  size_t IndexOf(const json::Document& document, uint32_t key, size_t guess) const;

  const std::vector<std::string>& keys_;
  const bool any_case_;
  std::vector<uint32_t> found_;
};

}  // namespace velaria::io
