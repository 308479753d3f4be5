// Functions of regular expressions. A constant pattern is checked when the call is bound; a pattern
// that varies is run once per distinct pattern of the chunk.
#include <arrow/array/builder_binary.h>

#include <map>

#include "base/text.hpp"
#include "functions/binding.hpp"
#include "functions/list_of_text.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/regex.hpp"
#include "functions/row_adder.hpp"

namespace velaria {
namespace {

using binding::Parameter;
using regex::kMatchBegin;
using regex::kMatchEnd;

/// What a call keeps besides its texts. `pattern` is what RE2 gets, when it is constant.
struct Plan {
  std::optional<std::string> pattern;
  std::string prefix, suffix;  // put round a pattern that varies
  std::string replacement;
  int group = 0;
  bool all = false;
  bool negated = false;
  std::optional<std::string> similar_escape;  // the patterns are SIMILAR TO's
};

/// One pattern's call: the texts come dense.
using OnePattern = Result<Vector> (*)(const FunctionContext&, const Plan&, const Vector& text,
                                      const std::string& pattern, int64_t row_count);

Result<std::string> Translate(const Plan& plan, std::string_view pattern) {
  if (plan.similar_escape) return regex::FromSimilar(pattern, *plan.similar_escape);
  return plan.prefix + std::string(pattern) + plan.suffix;
}

/// Groups the rows by pattern, computes each group, and puts the results in row order.
template <OnePattern run>
Result<Vector> RunVarying(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  const auto& plan = binding::DataOf<Plan>(binding);
  VELARIA_ASSIGN_OR_RETURN(const Vector text, Expand(arguments[0], row_count, context.pool));
  const StringView patterns(arguments[1]);
  const Validity validity = ValidityOf(text);
  std::map<std::string_view, std::vector<uint32_t>> rows_of;
  for (int64_t i = 0; i < row_count; ++i) {
    if (patterns.IsValid(i) && validity.IsValid(i))
      rows_of[patterns[i]].push_back(static_cast<uint32_t>(i));
  }
  arrow::ArrayVector pieces;
  std::vector<int32_t> position(static_cast<size_t>(row_count), -1);
  int32_t base = 0;
  for (const auto& [pattern, rows] : rows_of) {
    VELARIA_ASSIGN_OR_RETURN(const Vector texts, Gather(text, rows, context.pool));
    VELARIA_ASSIGN_OR_RETURN(const std::string translated, Translate(plan, pattern));
    const auto count = static_cast<int64_t>(rows.size());
    VELARIA_ASSIGN_OR_RETURN(Vector result, run(context, plan, texts, translated, count));
    VELARIA_ASSIGN_OR_RETURN(result, Expand(result, count, context.pool));
    for (size_t k = 0; k < rows.size(); ++k) position[rows[k]] = base + static_cast<int32_t>(k);
    base += static_cast<int32_t>(count);
    pieces.push_back(result.array());
  }
  if (pieces.empty()) return MakeNullConstant(binding.type, context.pool);
  VELARIA_ASSIGN_OR_RETURN(const auto all, arrow::Concatenate(pieces, context.pool));
  return GatherOrNull(MakeVector(all), position, context.pool);
}

template <OnePattern run>
Result<Vector> RunPattern(const FunctionContext& context, const ScalarBinding& binding,
                          std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments.subspan(0, 2)))
    return MakeNullConstant(binding.type, context.pool);
  const auto& plan = binding::DataOf<Plan>(binding);
  if (!plan.pattern) return RunVarying<run>(context, binding, arguments, row_count);
  return run(context, plan, arguments[0], *plan.pattern, row_count);
}

Result<Vector> Negate(const FunctionContext& context, Vector matches, bool negated) {
  if (!negated) return matches;
  const BoolView view = ViewBool(matches);
  const kernels::Extent extent{matches.length(), matches.constant};
  return kernels::MapToBoolean(context, {&matches, 1}, extent, [&](int64_t i) { return !view[i]; });
}

Result<Vector> TestOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                       const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(Vector matches, regex::Matches(context, text, pattern, row_count));
  return Negate(context, std::move(matches), plan.negated);
}

Result<Vector> ReplaceOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                          const std::string& pattern, int64_t row_count) {
  return regex::Replace(context, text, pattern, plan.replacement, plan.all, row_count);
}

/// The group of the first match, an empty text when there is none.
Result<Vector> ExtractOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                          const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector marked,
                           regex::Mark(context, text, pattern, plan.group, false, row_count));
  const StringView view(marked);
  return kernels::MapToText(context, {&marked, 1}, row_count, [&](int64_t i, std::string* out) {
    const size_t begin = view[i].find(kMatchBegin);
    if (begin == std::string_view::npos) return;
    out->append(view[i].substr(begin + 1, view[i].find(kMatchEnd, begin) - begin - 1));
  });
}

Result<Vector> ExtractAllOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                             const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector marked,
                           regex::Mark(context, text, pattern, plan.group, true, row_count));
  const StringView view(marked);
  return kernels::MapToTextList(
      context, {&marked, 1}, row_count, [&](int64_t i, arrow::StringBuilder* texts) -> Status {
        for (size_t begin = view[i].find(kMatchBegin); begin != std::string_view::npos;
             begin = view[i].find(kMatchBegin, begin + 1)) {
          const size_t end = view[i].find(kMatchEnd, begin);
          VELARIA_RETURN_NOT_OK(texts->Append(view[i].substr(begin + 1, end - begin - 1)));
        }
        return Status::OK();
      });
}

/// The texts between the matches. An empty match at either end of the text does not split.
Result<Vector> SplitOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                        const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector marked,
                           regex::Mark(context, text, pattern, 0, true, row_count));
  const StringView view(marked);
  return kernels::MapToTextList(
      context, {&marked, 1}, row_count, [&](int64_t i, arrow::StringBuilder* texts) -> Status {
        const std::string_view row = view[i];
        size_t from = 0;
        for (size_t begin = row.find(kMatchBegin); begin != std::string_view::npos;
             begin = row.find(kMatchBegin, begin + 1)) {
          const size_t end = row.find(kMatchEnd, begin);
          const bool is_empty = end == begin + 1;
          if (is_empty && (begin == 0 || end + 1 == row.size())) {
            // The marks themselves are no part of the text.
            if (begin == 0) from = end + 1;
            if (end + 1 != row.size()) continue;
            VELARIA_RETURN_NOT_OK(texts->Append(row.substr(from, begin - std::min(from, begin))));
            return Status::OK();
          }
          VELARIA_RETURN_NOT_OK(texts->Append(row.substr(from, begin - from)));
          from = end + 1;
        }
        return texts->Append(row.substr(from));
      });
}

Result<Vector> CountOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                        const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector marked,
                           regex::Mark(context, text, pattern, 0, true, row_count));
  const StringView view(marked);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), {&marked, 1}, row_count, [&](int64_t i, int64_t* out) {
        *out = std::count(view[i].begin(), view[i].end(), kMatchBegin);
      });
}

Result<Vector> InstrOne(const FunctionContext& context, const Plan& plan, const Vector& text,
                        const std::string& pattern, int64_t row_count) {
  VELARIA_ASSIGN_OR_RETURN(const Vector marked,
                           regex::Mark(context, text, pattern, 0, false, row_count));
  const StringView view(marked);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), {&marked, 1}, row_count, [&](int64_t i, int64_t* out) {
        const size_t begin = view[i].find(kMatchBegin);
        *out = begin == std::string_view::npos ? 0 : CountCharacters(view[i].substr(0, begin)) + 1;
      });
}

/// Binds text and pattern; the pattern is checked now when it is constant. `groups` gets the number
/// of its groups.
template <OnePattern run>
Result<ScalarBinding> BindPattern(const BindArguments& arguments, TypePtr type, Plan plan,
                                  int* groups = nullptr) {
  for (size_t i : {size_t{0}, size_t{1}})
    VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, i, Parameter::kText).status());
  const bool dictionary = type->id() != arrow::Type::LIST;
  ScalarBinding bound{type, std::vector<TypePtr>(arguments.types.size()),
                      dictionary ? kernels::OnDictionary<RunPattern<run>> : RunPattern<run>,
                      nullptr};
  for (size_t i = 0; i < 2; ++i) {
    if (!IsString(*arguments.types[i]) || (i == 1 && IsDictionary(*arguments.types[i])) ||
        (!dictionary && IsDictionary(*arguments.types[i])))
      bound.arguments[i] = arrow::utf8();
  }
  const auto constant = binding::ConstantAt(arguments, 1);
  if (constant && constant->is_valid) {
    VELARIA_ASSIGN_OR_RETURN(const std::string written,
                             binding::ConstantText(arguments, 1, "pattern"));
    VELARIA_ASSIGN_OR_RETURN(plan.pattern, Translate(plan, written));
    const auto checked = regex::GroupsOf(*plan.pattern);
    if (!checked.ok()) {
      const ErrorInfo info = ErrorInfoOf(checked.status());
      return Fail(info.code, "not a regular expression: " + written, info.hint, info.detail);
    }
    if (groups != nullptr) *groups = *checked;
  }
  bound.data = std::make_shared<const Plan>(std::move(plan));
  return bound;
}

/// The flags at argument `index`, when it is there.
Status ReadFlags(const BindArguments& arguments, size_t index, Plan* plan) {
  if (arguments.types.size() <= index) return Status::OK();
  VELARIA_ASSIGN_OR_RETURN(const std::string flags,
                           binding::ConstantText(arguments, index, "flags"));
  VELARIA_ASSIGN_OR_RETURN(plan->prefix, regex::PrefixOf(flags));
  plan->all = flags.find('g') != std::string::npos;
  return Status::OK();
}

Status CheckCount(const BindArguments& arguments, size_t least, size_t most) {
  const size_t count = arguments.types.size();
  return count < least || count > most ? binding::WrongArguments() : Status::OK();
}

template <bool whole>
Result<ScalarBinding> BindMatches(const BindArguments& arguments) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 2, 3));
  Plan plan;
  VELARIA_RETURN_NOT_OK(ReadFlags(arguments, 2, &plan));
  if (whole) {
    plan.prefix += "\\A(?:";
    plan.suffix = ")\\z";
  }
  return BindPattern<TestOne>(arguments, arrow::boolean(), std::move(plan));
}

template <bool fold_case, bool negated>
Result<ScalarBinding> BindOperator(const BindArguments& arguments) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 2, 2));
  Plan plan;
  plan.prefix = fold_case ? "(?i)" : "";
  plan.negated = negated;
  return BindPattern<TestOne>(arguments, arrow::boolean(), std::move(plan));
}

Result<ScalarBinding> BindSimilar(const BindArguments& arguments) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 2, 3));
  Plan plan;
  plan.similar_escape = "\\";
  if (arguments.types.size() > 2) {
    VELARIA_ASSIGN_OR_RETURN(plan.similar_escape,
                             binding::ConstantText(arguments, 2, "escape character"));
    if (CountCharacters(*plan.similar_escape) > 1) {
      return Fail(ErrorCode::kBadArgument,
                  "ESCAPE is more than one character: " + *plan.similar_escape);
    }
  }
  return BindPattern<TestOne>(arguments, arrow::boolean(), std::move(plan));
}

/// PostgreSQL's \& for the whole match is RE2's \0.
std::string ReplacementOf(const std::string& written) {
  std::string out;
  for (size_t at = 0; at < written.size(); ++at) {
    out += written[at];
    if (written[at] != '\\' || at + 1 >= written.size()) continue;
    ++at;
    out += written[at] == '&' ? '0' : written[at];
  }
  return out;
}

Result<ScalarBinding> BindReplace(const BindArguments& arguments) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 3, 4));
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 2, Parameter::kText).status());
  Plan plan;
  VELARIA_RETURN_NOT_OK(ReadFlags(arguments, 3, &plan));
  VELARIA_ASSIGN_OR_RETURN(const std::string written,
                           binding::ConstantText(arguments, 2, "replacement"));
  plan.replacement = ReplacementOf(written);
  return BindPattern<ReplaceOne>(arguments, arrow::utf8(), std::move(plan));
}

/// regexp_extract and regexp_extract_all: (text, pattern[, group[, flags]]).
template <OnePattern run>
Result<ScalarBinding> BindExtract(const BindArguments& arguments, TypePtr type) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 2, 4));
  Plan plan;
  VELARIA_RETURN_NOT_OK(ReadFlags(arguments, 3, &plan));
  if (arguments.types.size() > 2) {
    const auto constant = binding::ConstantAt(arguments, 2);
    if (!constant || !constant->is_valid || !IsInteger(*constant->type)) {
      return Fail(ErrorCode::kBadArgument, "not a constant number: group",
                  "Write the group as a literal.");
    }
    VELARIA_ASSIGN_OR_RETURN(const auto wide, constant->CastTo(arrow::int64()));
    const int64_t group = arrow::internal::checked_cast<const arrow::Int64Scalar&>(*wide).value;
    if (group < 0 || group > 9) {
      return Fail(ErrorCode::kBadArgument,
                  "groups are numbered from 0 to 9, not: " + std::to_string(group));
    }
    plan.group = static_cast<int>(group);
  }
  int groups = 9;
  const int group = plan.group;
  VELARIA_ASSIGN_OR_RETURN(auto bound,
                           BindPattern<run>(arguments, std::move(type), std::move(plan), &groups));
  if (group > groups) {
    return Fail(ErrorCode::kBadArgument,
                "the pattern has fewer groups than asked for: " + std::to_string(group));
  }
  return bound;
}

template <OnePattern run>
Result<ScalarBinding> BindPlain(const BindArguments& arguments, TypePtr type) {
  VELARIA_RETURN_NOT_OK(CheckCount(arguments, 2, 3));
  Plan plan;
  VELARIA_RETURN_NOT_OK(ReadFlags(arguments, 2, &plan));
  return BindPattern<run>(arguments, std::move(type), std::move(plan));
}

void RegisterOperatorRows(RowAdder& add) {
  add("!~", {}, "text !~ pattern -> BOOLEAN", "Whether the regular expression matches nowhere.",
      "'Velaria' !~ 'x'", "true", BindOperator<false, true>);
  add("~*", {}, "text ~* pattern -> BOOLEAN",
      "Whether the regular expression matches somewhere, without regard to case.",
      "'Velaria' ~* 'VEL'", "true", BindOperator<true, false>);
  add("!~*", {}, "text !~* pattern -> BOOLEAN",
      "Whether the regular expression matches nowhere, without regard to case.",
      "'Velaria' !~* 'VEL'", "false", BindOperator<true, true>);
  add("similar", {}, "text SIMILAR TO pattern [ESCAPE character] -> BOOLEAN",
      "Whether the whole text matches the standard's regular expression: % and _ as in LIKE, with "
      "|, *, +, ?, {n}, () and [].",
      "'abc' SIMILAR TO '(a|x)%c'", "true", BindSimilar);
}

}  // namespace

namespace regex {
Result<ScalarBinding> BindMatchOperator(const BindArguments& arguments) {
  return BindOperator<false, false>(arguments);
}
}  // namespace regex

void RegisterRegex(FunctionRegistry& registry) {
  RowAdder operators(registry, "operator");
  RegisterOperatorRows(operators);
  RowAdder add(registry, "regex");
  add("regexp_matches", {"regexp_like"},
      "regexp_matches(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> BOOLEAN",
      "Whether the regular expression matches somewhere in the text; flag i ignores case.",
      "regexp_matches('Velaria', '^V.*a$')", "true", BindMatches<false>);
  add("regexp_full_match", {},
      "regexp_full_match(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> BOOLEAN",
      "Whether the regular expression matches the whole text.",
      "regexp_full_match('Velaria', 'V[a-z]+')", "true", BindMatches<true>);
  add("regexp_replace", {},
      "regexp_replace(text VARCHAR, pattern VARCHAR, replacement VARCHAR[, flags VARCHAR]) -> "
      "VARCHAR",
      "With the first match replaced, or every match with flag g; \\1 is the first group.",
      "regexp_replace('2013-01-31', '(\\d+)-(\\d+)', '\\2/\\1')", "01/2013-31", BindReplace);
  add(
      "regexp_extract", {},
      "regexp_extract(text VARCHAR, pattern VARCHAR[, group INTEGER[, flags VARCHAR]]) -> VARCHAR",
      "The first match, or its group; an empty text when nothing matches.",
      "regexp_extract('2013-01-31', '(\\d+)-(\\d+)', 2)", "01",
      +[](const BindArguments& a) { return BindExtract<ExtractOne>(a, arrow::utf8()); });
  add(
      "regexp_substr", {},
      "regexp_substr(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> VARCHAR",
      "The first match; an empty text when nothing matches.", "regexp_substr('a1b22', '[0-9]+')",
      "1", +[](const BindArguments& a) { return BindPlain<ExtractOne>(a, arrow::utf8()); });
  add(
      "regexp_extract_all", {},
      "regexp_extract_all(text VARCHAR, pattern VARCHAR[, group INTEGER[, flags VARCHAR]]) -> "
      "VARCHAR[]",
      "Every match, or its group.", "regexp_extract_all('a1b22', '[0-9]+')", "[1, 22]",
      +[](const BindArguments& a) {
        return BindExtract<ExtractAllOne>(a, arrow::list(arrow::utf8()));
      });
  add(
      "regexp_split_to_array", {"string_split_regex", "str_split_regex"},
      "regexp_split_to_array(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> VARCHAR[]",
      "The texts between the matches.", "regexp_split_to_array('a1b22c', '[0-9]+')", "[a, b, c]",
      +[](const BindArguments& a) { return BindPlain<SplitOne>(a, arrow::list(arrow::utf8())); });
  add(
      "regexp_count", {}, "regexp_count(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> BIGINT",
      "The number of matches.", "regexp_count('a1b22', '[0-9]')", "3",
      +[](const BindArguments& a) { return BindPlain<CountOne>(a, arrow::int64()); });
  add(
      "regexp_instr", {}, "regexp_instr(text VARCHAR, pattern VARCHAR[, flags VARCHAR]) -> BIGINT",
      "Where the first match begins, counted from 1; 0 when nothing matches.",
      "regexp_instr('été 7', '[0-9]')", "5",
      +[](const BindArguments& a) { return BindPlain<InstrOne>(a, arrow::int64()); });
  add(
      "regexp_escape", {}, "regexp_escape(text VARCHAR) -> VARCHAR",
      "The regular expression that matches the text itself.", "regexp_escape('a.b')", "a\\.b",
      +[](const BindArguments& a) {
        return binding::Bind(a, {Parameter::kText}, 1, arrow::utf8(),
                             kernels::OnDictionary<kernels::TextFromText<regex::EscapeText>>);
      });
}

}  // namespace velaria
