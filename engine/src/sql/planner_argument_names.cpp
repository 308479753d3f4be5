// Arguments given by name: f(text => 'a', part => 'b'). The names are those of the function's
// signature, which the reference shows; it must be a plain list of parameters.
#include <cctype>

#include "base/text.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

namespace {

bool IsParameterName(const std::string& word) {
  return !word.empty() && std::islower(static_cast<unsigned char>(word[0])) &&
         std::all_of(word.begin(), word.end(), [](unsigned char c) {
           return std::islower(c) || std::isdigit(c) || c == '_';
         });
}

/// What stands in the first parentheses of a signature, without "[DISTINCT]" and "[ORDER BY ...]".
std::string ListOf(const std::string& signature) {
  const size_t open = signature.find('(');
  if (open == std::string::npos) return "";
  size_t close = open, depth = 0;
  for (; close < signature.size(); ++close) {
    if (signature[close] == '(') ++depth;
    if (signature[close] == ')' && --depth == 0) break;
  }
  std::string list = signature.substr(open + 1, close - open - 1);
  for (const char* clause : {"[DISTINCT] ", " [ORDER BY ...]"}) {
    const size_t at = list.find(clause);
    if (at != std::string::npos) list.erase(at, std::string_view(clause).size());
  }
  return list;
}

/// The parameters' names; none when the signature is not a plain list: variants, repeated
/// parameters, optional ones before others, words of a clause.
std::vector<std::string> ParametersOf(const std::string& signature) {
  std::string list = ListOf(signature);
  if (list.find("...") != std::string::npos || list.rfind("[", 0) == 0) return {};
  if (signature.find(") | ") != std::string::npos) return {};
  list.erase(std::remove_if(list.begin(), list.end(), [](char c) { return c == '[' || c == ']'; }),
             list.end());
  std::vector<std::string> names;
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(", ", begin), list.size());
    const std::string part = list.substr(begin, end - begin);
    const std::string name = part.substr(0, part.find(' '));
    if (!IsParameterName(name)) return {};
    names.push_back(name);
    begin = end + 2;
  }
  return names;
}

/// For each argument as it is written the number of its parameter. VEL2015 for a name that is none,
/// that is given twice, or that leaves a parameter before it out.
Result<std::vector<size_t>> ParameterNumbers(const Expr& call, const std::string& function,
                                             const std::string& signature) {
  const auto names = ParametersOf(signature);
  const std::string hint = "The signature is " + signature + ".";
  std::vector<size_t> numbers;
  std::vector<bool> given(std::max(names.size(), call.children.size()), false);
  for (size_t i = 0; i < call.children.size(); ++i) {
    size_t at = i;
    const Name* name = i < call.argument_names.size() ? &call.argument_names[i] : nullptr;
    if (name && !name->text.empty()) {
      const auto found = std::find(names.begin(), names.end(), ToLower(name->text));
      if (names.empty()) {
        return FailAt(name->place, ErrorCode::kBadArgument,
                      "arguments are not given by name to: " + function, hint);
      }
      if (found == names.end()) {
        const auto near = NearestName(name->text, names);
        return FailAt(name->place, ErrorCode::kBadArgument,
                      "no parameter of " + function + ": " + name->text,
                      near.empty() ? hint : "Did you mean " + near + "?");
      }
      at = static_cast<size_t>(found - names.begin());
      if (given[at]) {
        return FailAt(name->place, ErrorCode::kBadArgument,
                      "an argument of " + function + " is given twice: " + name->text);
      }
    }
    given[at] = true;
    numbers.push_back(at);
  }
  for (size_t at = 0; at < call.children.size(); ++at) {
    if (given[at]) continue;
    return FailAt(call.place, ErrorCode::kBadArgument,
                  "an argument of " + function + " is left out before others: " + names[at], hint);
  }
  return numbers;
}

}  // namespace

bool HasArgumentNames(const Expr& call) {
  return std::any_of(call.argument_names.begin(), call.argument_names.end(),
                     [](const Name& name) { return !name.text.empty(); });
}

Result<std::vector<BoundExprPtr>> ExpressionBinder::BindArgumentsOf(const Expr& call,
                                                                    const std::string& function,
                                                                    const std::string& signature) {
  VELARIA_ASSIGN_OR_RETURN(auto written, BindAll(call.children));
  if (!HasArgumentNames(call)) return written;
  VELARIA_ASSIGN_OR_RETURN(const auto numbers, ParameterNumbers(call, function, signature));
  std::vector<BoundExprPtr> arguments(written.size());
  for (size_t i = 0; i < written.size(); ++i) arguments[numbers[i]] = std::move(written[i]);
  return arguments;
}

}  // namespace velaria::sql
