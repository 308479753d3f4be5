// The parts of the text group.
#pragma once

#include "functions/registry.hpp"

namespace velaria::text {

/// Adds one row of the group "text".
class Adder {
 public:
  explicit Adder(FunctionRegistry& registry) : registry_(registry) {}
  void operator()(const char* name, std::vector<std::string> aliases, const char* signature,
                  const char* summary, const char* example, const char* result,
                  Result<ScalarBinding> (*bind)(const BindArguments&),
                  const char* null_rule = kNullIfAnyNull) {
    registry_.Add(ScalarFunction{name, std::move(aliases), "text", signature, summary, example,
                                 result, bind, null_rule});
  }

 private:
  FunctionRegistry& registry_;
};

void RegisterCut(Adder& add);     // substr, left, trim, split_part: part of a text
void RegisterBuild(Adder& add);   // upper, replace, pad, concat: a new text
void RegisterSearch(Adder& add);  // length, position, starts_with: facts about a text

void RegisterEncode(Adder& add);      // hex, encode, to_base64, url_encode: bytes as text
void RegisterSimilarity(Adder& add);  // levenshtein, jaccard, soundex: how alike two texts are
void RegisterFormat(Adder& add);      // format, printf, quote_literal, overlay, strip_accents

}  // namespace velaria::text
