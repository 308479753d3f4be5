// || and LIKE, ILIKE.
#include "functions/binding.hpp"
#include "functions/like_pattern.hpp"
#include "functions/nested.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/operators.hpp"
#include "functions/text_case.hpp"
#include "functions/text_kernels.hpp"

namespace velaria::operators {
namespace {

using binding::Parameter;
using kernels::LikePattern;

Result<Vector> RunConcat(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const StringView a(arguments[0]), b(arguments[1]);
  return kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    out->append(a[i]);
    out->append(b[i]);
  });
}

Result<Vector> RunConcatBlobs(const FunctionContext& context, const ScalarBinding& binding,
                              std::span<const Vector> arguments, int64_t row_count) {
  const StringView a(arguments[0]), b(arguments[1]);
  return kernels::MapToBlob(context, arguments, row_count, [&](int64_t i, std::string* out) {
    out->append(a[i]);
    out->append(b[i]);
  });
}

bool IsBlobOrOpen(const BindArguments& arguments, size_t index) {
  const auto& type = *arguments.types[index];
  return PhysicalOf(type) == Physical::kBinary || type.id() == arrow::Type::NA ||
         binding::IsTextLiteral(arguments, index);
}

Result<ScalarBinding> BindConcat(const BindArguments& arguments) {
  if (arguments.types.size() != 2) return binding::WrongArguments();
  for (size_t i = 0; i < 2; ++i) {
    if (!nested::IsList(*arguments.types[i])) continue;
    const bool both =
        nested::IsList(*arguments.types[1 - i]) || arguments.types[1 - i]->id() == arrow::Type::NA;
    const char* name = both ? "list_concat" : i == 0 ? "list_append" : "list_prepend";
    return FunctionRegistry::Instance().FindScalar(name)->bind(arguments);
  }
  const bool any_blob = PhysicalOf(*arguments.types[0]) == Physical::kBinary ||
                        PhysicalOf(*arguments.types[1]) == Physical::kBinary;
  if (any_blob) {
    if (!IsBlobOrOpen(arguments, 0) || !IsBlobOrOpen(arguments, 1))
      return DoesNotApply("||", arguments);
    return ScalarBinding{
        arrow::binary(), {arrow::binary(), arrow::binary()}, RunConcatBlobs, nullptr};
  }
  bool any_text = false;
  std::vector<TypePtr> types;
  for (const auto& type : arguments.types) {
    any_text |= IsString(*type) || type->id() == arrow::Type::NA;
    types.push_back(IsString(*type) ? nullptr : arrow::utf8());
  }
  if (!any_text) return DoesNotApply("||", arguments);
  return ScalarBinding{arrow::utf8(), std::move(types), kernels::OnDictionary<RunConcat>, nullptr};
}

template <bool fold_case>
Result<Vector> RunLike(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  if (kernels::HasConstantNull(arguments)) return MakeNullConstant(arrow::boolean(), context.pool);
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<Vector> texts(arguments.begin(), arguments.end());
  if constexpr (fold_case) {
    for (size_t i = 0; i < 2; ++i) {
      VELARIA_ASSIGN_OR_RETURN(
          texts[i], kernels::ChangeCase(context, texts[i], row_count, kernels::LetterCase::kLower));
    }
  }
  const StringView text(texts[0]);
  if (binding.data) {
    const auto& pattern = binding::DataOf<LikePattern>(binding);
    return kernels::MapToBoolean(context, arguments, extent,
                                 [&](int64_t i) { return pattern.Matches(text[i]); });
  }
  // A pattern per row: compiled again only when it changes.
  const StringView patterns(texts[1]);
  const auto escapes = texts.size() > 2 ? std::make_unique<StringView>(texts[2]) : nullptr;
  std::string compiled_pattern, compiled_escape;
  VELARIA_ASSIGN_OR_RETURN(auto compiled, LikePattern::Compile("", ""));
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::boolean(), extent.rows, context.pool));
  uint8_t* bits = data->buffers[1]->mutable_data();
  VELARIA_ASSIGN_OR_RETURN(Vector result,
                           kernels::WithArgumentNulls(context, std::move(data), arguments, extent));
  const Validity validity = ValidityOf(result);
  for (int64_t i = 0; i < extent.rows; ++i) {
    if (!validity.IsValid(i)) continue;
    const std::string_view escape = escapes ? (*escapes)[i] : "\\";
    if (patterns[i] != compiled_pattern || escape != compiled_escape) {
      VELARIA_ASSIGN_OR_RETURN(compiled, LikePattern::Compile(patterns[i], escape));
      compiled_pattern = patterns[i];
      compiled_escape = escape;
    }
    arrow::bit_util::SetBitTo(bits, i, compiled.Matches(text[i]));
  }
  return result;
}

template <bool fold_case>
Result<ScalarBinding> BindLike(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(
      auto bound, binding::Bind(arguments, {Parameter::kText, Parameter::kText, Parameter::kText},
                                2, arrow::boolean(), kernels::OnDictionary<RunLike<fold_case>>));
  auto pattern = binding::ConstantText(arguments, 1, "pattern");
  std::string escape = "\\";
  if (arguments.types.size() > 2) {
    VELARIA_ASSIGN_OR_RETURN(escape, binding::ConstantText(arguments, 2, "escape character"));
    if (std::count_if(escape.begin(), escape.end(), [](char c) { return (c & 0xC0) != 0x80; }) >
        1) {
      return Fail(ErrorCode::kBadArgument, "ESCAPE is more than one character: " + escape);
    }
  }
  if (!pattern.ok()) return bound;
  if constexpr (fold_case) {
    VELARIA_ASSIGN_OR_RETURN(pattern, kernels::ChangeCase(*pattern, kernels::LetterCase::kLower));
  }
  VELARIA_ASSIGN_OR_RETURN(auto compiled, LikePattern::Compile(*pattern, escape));
  bound.data = std::make_shared<const LikePattern>(std::move(compiled));
  return bound;
}

}  // namespace

void RegisterTextOperators(FunctionRegistry& registry) {
  registry.Add(ScalarFunction{"||",
                              {},
                              "operator",
                              "a || b -> VARCHAR or a list",
                              "Concatenation, of texts and of lists; a list takes an element, too.",
                              "'Vela' || 'ria'",
                              "Velaria",
                              BindConcat,
                              "NULL when a text is; a NULL list adds nothing, as in list_concat"});
  registry.Add(
      ScalarFunction{"like",
                     {},
                     "operator",
                     "text LIKE pattern [ESCAPE character] -> BOOLEAN",
                     "Whether the whole text matches: % stands for any characters, _ for one.",
                     "'Velaria' LIKE 'V_l%'",
                     "true",
                     BindLike<false>});
  registry.Add(ScalarFunction{"ilike",
                              {},
                              "operator",
                              "text ILIKE pattern [ESCAPE character] -> BOOLEAN",
                              "LIKE without regard to case.",
                              "'Velaria' ILIKE 'VEL%'",
                              "true",
                              BindLike<true>});
}

}  // namespace velaria::operators
