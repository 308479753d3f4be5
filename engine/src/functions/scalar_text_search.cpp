// Functions that state a fact about a text.
#include <cstring>

#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/nested.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::MapToValue;
using kernels::OnDictionary;

int64_t CharactersOf(std::string_view text) { return CountCharacters(text); }
int64_t BytesOf(std::string_view text) { return static_cast<int64_t>(text.size()); }
int64_t BitsOf(std::string_view text) { return static_cast<int64_t>(text.size()) * 8; }
int64_t FirstCodePoint(std::string_view text) {
  return text.empty() ? 0 : utf8::CodePointAt(text, 0);
}

template <int64_t (*measure)(std::string_view)>
Result<Vector> RunMeasure(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return MapToValue<int64_t>(context, arrow::int64(), arguments, row_count,
                             [&](int64_t i, int64_t* out) { *out = measure(text[i]); });
}

template <int64_t (*measure)(std::string_view)>
Result<ScalarBinding> BindMeasure(const BindArguments& arguments) {
  if (measure == CharactersOf && arguments.types.size() == 1 && nested::IsList(*arguments.types[0]))
    return nested::BindListLength(arguments);
  if (arguments.types.size() == 1 && PhysicalOf(*arguments.types[0]) == Physical::kBinary) {
    // A blob has bytes and no characters.
    constexpr auto kOnBytes = measure == CharactersOf ? BytesOf : measure;
    return ScalarBinding{arrow::int64(), {nullptr}, RunMeasure<kOnBytes>, nullptr};
  }
  return binding::Bind(arguments, {Parameter::kText}, 1, arrow::int64(),
                       OnDictionary<RunMeasure<measure>>);
}

/// The 1-based character position of `needle`, 0 when it is not there. needle_first:
/// position(needle, text).
template <bool needle_first>
Result<Vector> RunPosition(const FunctionContext& context, const ScalarBinding& binding,
                           std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[needle_first ? 1 : 0]), needle(arguments[needle_first ? 0 : 1]);
  return MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count, [&](int64_t i, int64_t* out) {
        const size_t found = text[i].find(needle[i]);
        *out = found == std::string_view::npos ? 0 : CountCharacters(text[i].substr(0, found)) + 1;
      });
}

template <bool needle_first>
Result<ScalarBinding> BindPosition(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kText}, 2, arrow::int64(),
                       OnDictionary<RunPosition<needle_first>>);
}

bool StartsWith(std::string_view text, std::string_view part) { return text.starts_with(part); }
bool EndsWith(std::string_view text, std::string_view part) { return text.ends_with(part); }
bool Contains(std::string_view text, std::string_view part) {
  return memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

template <bool (*test)(std::string_view, std::string_view)>
Result<Vector> RunTest(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const StringView text(arguments[0]), part(arguments[1]);
  return kernels::MapToBoolean(context, arguments, kernels::ExtentOf(arguments, row_count),
                               [&](int64_t i) { return test(text[i], part[i]); });
}

template <bool (*test)(std::string_view, std::string_view)>
Result<ScalarBinding> BindTest(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText, Parameter::kText}, 2, arrow::boolean(),
                       OnDictionary<RunTest<test>>);
}

}  // namespace

void RegisterSearch(Adder& add) {
  add("length", {"len", "char_length", "character_length"}, "length(text VARCHAR) -> BIGINT",
      "The number of characters, of a blob's bytes, or of a list's elements.", "length('été')", "3",
      BindMeasure<CharactersOf>);
  add("octet_length", {}, "octet_length(text VARCHAR) -> BIGINT", "The number of bytes.",
      "octet_length('été')", "5", BindMeasure<BytesOf>);
  add("bit_length", {}, "bit_length(text VARCHAR) -> BIGINT", "The number of bits.",
      "bit_length('ab')", "16", BindMeasure<BitsOf>);
  add("ascii", {"unicode", "ord"}, "ascii(text VARCHAR) -> BIGINT",
      "The code point of the first character, 0 for an empty text.", "ascii('A')", "65",
      BindMeasure<FirstCodePoint>);
  add("position", {}, "position(needle VARCHAR, text VARCHAR) -> BIGINT, position(needle IN text)",
      "Where the needle begins, counted from 1; 0 when it is not there.",
      "position('la' IN 'Velaria')", "3", BindPosition<true>);
  add("strpos", {"instr"}, "strpos(text VARCHAR, needle VARCHAR) -> BIGINT",
      "Where the needle begins, counted from 1; 0 when it is not there.",
      "strpos('Velaria', 'aria')", "4", BindPosition<false>);
  add("starts_with", {"prefix"}, "starts_with(text VARCHAR, part VARCHAR) -> BOOLEAN",
      "Whether the text begins with the part.", "starts_with('Velaria', 'Vel')", "true",
      BindTest<StartsWith>);
  add("ends_with", {"suffix"}, "ends_with(text VARCHAR, part VARCHAR) -> BOOLEAN",
      "Whether the text ends with the part.", "ends_with('Velaria', 'ria')", "true",
      BindTest<EndsWith>);
  add("contains", {}, "contains(text VARCHAR, part VARCHAR) -> BOOLEAN",
      "Whether the text holds the part.", "contains('Velaria', 'lar')", "true", BindTest<Contains>);
}

}  // namespace velaria::text
