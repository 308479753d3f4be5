// Quoting, formats with places for values, overlay, and the forms of Unicode.
#include <arrow/array/builder_binary.h>
#include <arrow/compute/api_scalar.h>

#include <charconv>

#include "base/text.hpp"
#include "functions/arrow_call.hpp"
#include "functions/binding.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::MapToText;
using kernels::OnDictionary;
using kernels::TextFromText;

Status QuoteIdent(std::string_view text, std::string* out) {
  *out = QuoteIdentifier(text);
  return Status::OK();
}

/// Quotes doubled; a text with a backslash is an E'' literal, as PostgreSQL writes it.
Status QuoteLiteral(std::string_view text, std::string* out) {
  const bool escape = text.find('\\') != std::string_view::npos;
  if (escape) *out = "E";
  out->push_back('\'');
  for (const char c : text) {
    if (c == '\'' || c == '\\') out->push_back(c);
    out->push_back(c);
  }
  out->push_back('\'');
  return Status::OK();
}

Result<ScalarBinding> BindQuoteLiteral(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  return ScalarBinding{arrow::utf8(), {arrow::utf8()}, TextFromText<QuoteLiteral>, nullptr};
}

Result<Vector> RunQuoteNullable(const FunctionContext& context, const ScalarBinding& binding,
                                std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  const StringView text(arguments[0]);
  arrow::StringBuilder builder(context.pool);
  std::string quoted;
  for (int64_t i = 0; i < extent.rows; ++i) {
    quoted.clear();
    if (text.IsValid(i)) VELARIA_RETURN_NOT_OK(QuoteLiteral(text[i], &quoted));
    VELARIA_RETURN_NOT_OK(builder.Append(text.IsValid(i) ? std::string_view(quoted) : "NULL"));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

/// overlay(text, new, start[, count]): `count` characters from `start` give way to `new`.
Result<Vector> RunOverlay(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]), part(arguments[1]);
  const auto start = ViewFixed<int64_t>(arguments[2]);
  const bool has_count = arguments.size() > 3;
  const auto count = has_count ? ViewFixed<int64_t>(arguments[3]) : FixedView<int64_t>{};
  return MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) -> Status {
    if (start[i] <= 0) {
      return Fail(ErrorCode::kBadValue,
                  "overlay starts at character 1 or later, not: " + std::to_string(start[i]));
    }
    const int64_t replaced = has_count ? count[i] : CountCharacters(part[i]);
    const size_t from = utf8::Skip(text[i], 0, start[i] - 1);
    int64_t end = 0;
    if (__builtin_add_overflow(start[i] - 1, replaced, &end))
      end = replaced < 0 ? 0 : std::numeric_limits<int64_t>::max();
    out->append(text[i].substr(0, from));
    out->append(part[i]);
    out->append(text[i].substr(utf8::Skip(text[i], 0, std::max<int64_t>(end, 0))));
    return Status::OK();
  });
}

/// One place of a format: text before it, then argument `argument` under `conversion`, in a field
/// of `width`.
struct Place {
  std::string before;
  int argument = -1;
  char conversion = 's';
  bool left = false, zero = false;
  int width = 0, precision = -1;
};
using Places = std::vector<Place>;

Status BadFormat(const std::string& format) {
  return Fail(ErrorCode::kBadPattern, "not a format: " + format);
}

/// Reads digits at `at`; -1 when there is none.
int ReadNumber(const std::string& format, size_t* at) {
  int number = -1;
  const auto [end, error] =
      std::from_chars(format.data() + *at, format.data() + format.size(), number);
  if (error != std::errc()) return -1;
  *at = static_cast<size_t>(end - format.data());
  return number;
}

constexpr int kWidthMax = 100'000;

/// %[n$][-0][width][.precision]conversion, %% for a percent sign. `conversions` are the letters
/// allowed.
Result<Places> ParsePercents(const std::string& format, const std::string& conversions) {
  Places places(1);
  int next = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      places.back().before.push_back(format[at]);
      continue;
    }
    if (++at < format.size() && format[at] == '%') {
      places.back().before.push_back('%');
      continue;
    }
    Place& place = places.back();
    const size_t begin = at;
    const int number = ReadNumber(format, &at);
    if (number > 0 && at < format.size() && format[at] == '$') {
      place.argument = number - 1;
      next = number;
      ++at;
    } else {
      at = begin;
      place.argument = next++;
    }
    for (; at < format.size() && (format[at] == '-' || format[at] == '0'); ++at)
      (format[at] == '-' ? place.left : place.zero) = true;
    place.width = std::max(ReadNumber(format, &at), 0);
    if (at < format.size() && format[at] == '.') {
      ++at;
      place.precision = std::max(ReadNumber(format, &at), 0);
    }
    if (at >= format.size() || conversions.find(format[at]) == std::string::npos ||
        place.width > kWidthMax || place.precision > kWidthMax)
      return BadFormat(format);
    place.conversion = format[at];
    places.emplace_back();
  }
  return places;
}

/// {} and {n}, with {{ and }} for braces.
Result<Places> ParseBraces(const std::string& format) {
  Places places(1);
  int next = 0;
  for (size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c != '{' && c != '}') {
      places.back().before.push_back(c);
    } else if (at + 1 < format.size() && format[at + 1] == c) {
      places.back().before.push_back(c);
      ++at;
    } else {
      if (c == '}') return BadFormat(format);
      const int number = ReadNumber(format, &++at);
      if (at >= format.size() || format[at] != '}') return BadFormat(format);
      places.back().argument = number < 0 ? next++ : number;
      places.emplace_back();
    }
  }
  return places;
}

void AppendPadded(const Place& place, std::string_view text, std::string* out) {
  const int64_t missing = place.width - CountCharacters(text);
  const std::string fill(static_cast<size_t>(std::max<int64_t>(missing, 0)), ' ');
  if (!place.left) *out += fill;
  out->append(text);
  if (place.left) *out += fill;
}

/// Integers and floats by the C library, whose letters these are.
Status AppendNumber(const Place& place, const Vector& argument, int64_t row, std::string* out) {
  std::string spec = "%";
  if (place.left) spec += '-';
  if (place.zero) spec += '0';
  spec += "*";
  char text[512];
  std::string large;
  const bool is_float = argument.type()->id() == arrow::Type::DOUBLE;
  if (place.width > 400 || place.precision > 100)
    return Fail(ErrorCode::kBadValue, "a number's field is too wide: " +
                                          std::to_string(std::max(place.width, place.precision)));
  if (is_float) {
    spec += place.precision >= 0 ? ".*" : "";
    spec += place.conversion;
    const double value = ViewFixed<double>(argument)[row];
    const int written =
        place.precision >= 0
            ? std::snprintf(text, sizeof(text), spec.c_str(), place.width, place.precision, value)
            : std::snprintf(text, sizeof(text), spec.c_str(), place.width, value);
    out->append(text, static_cast<size_t>(std::min<int>(written, sizeof(text) - 1)));
    return Status::OK();
  }
  const int64_t value = ViewFixed<int64_t>(argument)[row];
  if (place.conversion == 'c') {
    if (!utf8::IsCodePoint(value) || value == 0)
      return Fail(ErrorCode::kBadValue, "not a character's code point: " + std::to_string(value));
    std::string character;
    utf8::Append(static_cast<uint32_t>(value), &character);
    AppendPadded(place, character, out);
    return Status::OK();
  }
  spec += "l";
  spec += place.conversion;
  const int written =
      std::snprintf(text, sizeof(text), spec.c_str(), place.width, static_cast<long>(value));
  out->append(text, static_cast<size_t>(written));
  return Status::OK();
}

struct FormatPlan {
  Places places;
};

/// A NULL among the values is an empty text under %s and {}, "NULL" under %L, an error under %I. A
/// NULL number makes the row NULL.
Result<Vector> RunFormat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const auto& places = binding::DataOf<FormatPlan>(binding).places;
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<std::unique_ptr<StringView>> texts;
  for (const auto& argument : arguments) {
    texts.push_back(IsString(*argument.type()) ? std::make_unique<StringView>(argument) : nullptr);
  }
  arrow::StringBuilder builder(context.pool);
  std::string out, quoted;
  for (int64_t i = 0; i < extent.rows; ++i) {
    out.clear();
    bool is_null = false;
    for (const auto& place : places) {
      out += place.before;
      if (place.argument < 0) continue;
      const auto& argument = arguments[static_cast<size_t>(place.argument) + 1];
      const bool valid = ValidityOf(argument).IsValid(i);
      const auto& view = texts[static_cast<size_t>(place.argument) + 1];
      quoted.clear();
      if (!view) {
        if (!valid) {
          is_null = true;
          break;
        }
        VELARIA_RETURN_NOT_OK(AppendNumber(place, argument, argument.constant ? 0 : i, &out));
        continue;
      }
      if (place.conversion == 'I') {
        if (!valid) return Fail(ErrorCode::kBadValue, "NULL is no identifier for %I");
        VELARIA_RETURN_NOT_OK(QuoteIdent((*view)[i], &quoted));
      } else if (place.conversion == 'L') {
        if (valid) VELARIA_RETURN_NOT_OK(QuoteLiteral((*view)[i], &quoted));
        if (!valid) quoted = "NULL";
      } else if (valid) {
        quoted =
            (*view)[i].substr(0, place.precision < 0 ? std::string_view::npos
                                                     : utf8::Skip((*view)[i], 0, place.precision));
      }
      AppendPadded(place, quoted, &out);
    }
    VELARIA_RETURN_NOT_OK(is_null ? builder.AppendNull() : builder.Append(out));
  }
  VELARIA_ASSIGN_OR_RETURN(const auto array, builder.Finish());
  return Vector{array->data(), extent.constant};
}

Result<ScalarBinding> BindPlaces(const BindArguments& arguments, const std::string& format,
                                 Places places) {
  ScalarBinding bound{arrow::utf8(), std::vector<TypePtr>(arguments.types.size(), arrow::utf8()),
                      RunFormat, nullptr};
  bound.arguments[0] = nullptr;
  for (const auto& place : places) {
    if (place.argument < 0) continue;
    const size_t index = static_cast<size_t>(place.argument) + 1;
    if (index >= arguments.types.size()) {
      return Fail(ErrorCode::kBadArgument, "the format asks for more arguments: " + format);
    }
    if (std::string("sIL").find(place.conversion) != std::string::npos) continue;
    const bool is_float = std::string("feEgG").find(place.conversion) != std::string::npos;
    VELARIA_ASSIGN_OR_RETURN(
        bound.arguments[index],
        binding::TypeFor(arguments, index, is_float ? Parameter::kDouble : Parameter::kInteger));
  }
  bound.data = std::make_shared<const FormatPlan>(FormatPlan{std::move(places)});
  return bound;
}

/// PostgreSQL's %s, %I, %L, or DuckDB's {}: which one the format itself says.
Result<ScalarBinding> BindFormat(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const std::string format, binding::ConstantText(arguments, 0, "format"));
  const bool braces = format.find('{') != std::string::npos;
  VELARIA_ASSIGN_OR_RETURN(Places places,
                           braces ? ParseBraces(format) : ParsePercents(format, "sIL"));
  return BindPlaces(arguments, format, std::move(places));
}

Result<ScalarBinding> BindPrintf(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const std::string format, binding::ConstantText(arguments, 0, "format"));
  VELARIA_ASSIGN_OR_RETURN(Places places, ParsePercents(format, "sdiuxXocfeEgG"));
  return BindPlaces(arguments, format, std::move(places));
}

Result<Vector> Normalize(const FunctionContext& context, const Vector& text, int64_t row_count,
                         arrow::compute::Utf8NormalizeOptions::Form form) {
  const arrow::compute::Utf8NormalizeOptions options(form);
  VELARIA_ASSIGN_OR_RETURN(Vector result, kernels::CallArrow(context, "utf8_normalize", {&text, 1},
                                                             row_count, &options));
  if (result.type()->id() == arrow::Type::STRING) return result;
  VELARIA_ASSIGN_OR_RETURN(const ScalarBinding cast, BindCast(result.type(), arrow::utf8(), false));
  return cast.kernel(context, cast, {&result, 1}, row_count);
}

template <arrow::compute::Utf8NormalizeOptions::Form form>
Result<Vector> RunNormalize(const FunctionContext& context, const ScalarBinding& binding,
                            std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  return Normalize(context, arguments[0], row_count, form);
}

/// Taken apart (NFD), without the combining marks U+0300 to U+036F.
Result<Vector> RunStripAccents(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::utf8(), context.pool);
  VELARIA_ASSIGN_OR_RETURN(
      const Vector apart,
      Normalize(context, arguments[0], row_count, arrow::compute::Utf8NormalizeOptions::NFD));
  const StringView text(apart);
  return MapToText(context, {&apart, 1}, row_count, [&](int64_t i, std::string* out) {
    for (size_t at = 0; at < text[i].size();) {
      const size_t bytes = utf8::CharacterBytes(text[i], at);
      const uint32_t code = utf8::CodePointAt(text[i], at);
      if (code < 0x300 || code > 0x36F) out->append(text[i].substr(at, bytes));
      at += bytes;
    }
  });
}

template <ScalarKernel kernel>
Result<ScalarBinding> BindText(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kText}, 1, arrow::utf8(), OnDictionary<kernel>);
}

}  // namespace

void RegisterFormat(Adder& add) {
  add("quote_ident", {}, "quote_ident(text VARCHAR) -> VARCHAR",
      "As an identifier of SQL, in double quotes where it needs them.", "quote_ident('two words')",
      "\"two words\"", BindText<TextFromText<QuoteIdent>>);
  add("quote_literal", {}, "quote_literal(value) -> VARCHAR", "As a literal of SQL.",
      "quote_literal('it''s')", "'it''s'", BindQuoteLiteral);
  add(
      "quote_nullable", {}, "quote_nullable(value) -> VARCHAR",
      "As a literal of SQL, or the text NULL.", "quote_nullable(NULL)", "NULL",
      +[](const BindArguments& a) -> Result<ScalarBinding> {
        if (a.types.size() != 1) return binding::WrongArguments();
        return ScalarBinding{arrow::utf8(), {arrow::utf8()}, RunQuoteNullable, nullptr};
      },
      "gives the text NULL");
  add(
      "overlay", {},
      "overlay(text VARCHAR, new VARCHAR, start BIGINT[, count BIGINT]) -> VARCHAR, overlay(text "
      "PLACING new FROM start FOR count)",
      "With count characters from start replaced.", "overlay('Txxxxas' PLACING 'hom' FROM 2 FOR 4)",
      "Thomas", +[](const BindArguments& a) {
        return binding::Bind(
            a, {Parameter::kText, Parameter::kText, Parameter::kInteger, Parameter::kInteger}, 3,
            arrow::utf8(), OnDictionary<RunOverlay>);
      });
  add("format", {}, "format(format VARCHAR, a, b, ...) -> VARCHAR",
      "With %s, %I (identifier) and %L (literal), or {} and {n}, replaced by the values.",
      "format('%s has %2$L', 'a', 'b')", "a has 'b'", BindFormat,
      "%s and {} write nothing for a NULL, %L writes NULL");
  add("printf", {}, "printf(format VARCHAR, a, b, ...) -> VARCHAR",
      "With the C library's conversions (%d, %05.2f, %-10s, %x) replaced by the values.",
      "printf('%03d|%.2f|%5s', 7, 2.5, 'ab')", "007|2.50|   ab", BindPrintf,
      "%s writes nothing for a NULL, any other conversion makes the text NULL");
  add("nfc_normalize", {"normalize"}, "nfc_normalize(text VARCHAR) -> VARCHAR",
      "In Unicode's composed form NFC.", "length(nfc_normalize('e' || chr(769)))", "1",
      BindText<RunNormalize<arrow::compute::Utf8NormalizeOptions::NFC>>);
  add("strip_accents", {"unaccent"}, "strip_accents(text VARCHAR) -> VARCHAR",
      "Without accents and other marks on letters.", "strip_accents('mühleisen')", "muhleisen",
      BindText<RunStripAccents>);
}

}  // namespace velaria::text
