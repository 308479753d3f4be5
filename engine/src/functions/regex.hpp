// Regular expressions: RE2's, behind Arrow, so that time is linear in the text whatever the
// pattern.
//
// Arrow has no call that tells where the matches are. Marks stand in: every match is replaced by
// itself, or one of its groups, between two bytes that no UTF-8 text holds, and read off again.
#pragma once

#include <memory>
#include <string>

#include "functions/registry.hpp"

namespace velaria::regex {

inline constexpr char kMatchBegin = '\xFE';
inline constexpr char kMatchEnd = '\xFF';

/// "i" (ignore case), "c" (do not), "s" (. matches a newline), "m" or "n" (^ and $ match at lines)
/// as RE2's prefix; "g" is left out. VEL2015 for others.
Result<std::string> PrefixOf(const std::string& flags);

/// VEL2008 unless the pattern compiles; the number of its groups.
Result<int> GroupsOf(const std::string& pattern);

/// BOOLEAN per row of `text`: whether the pattern matches somewhere.
Result<Vector> Matches(const FunctionContext& context, const Vector& text,
                       const std::string& pattern, int64_t row_count);
/// utf8 per row: matches (all of them, or the first) replaced. \1 in `replacement` is a group.
Result<Vector> Replace(const FunctionContext& context, const Vector& text,
                       const std::string& pattern, const std::string& replacement, bool all,
                       int64_t row_count);
/// Replace with each match's group `group` (0: all of it) between the marks.
Result<Vector> Mark(const FunctionContext& context, const Vector& text, const std::string& pattern,
                    int group, bool all, int64_t row_count);

/// SQL's SIMILAR TO pattern as a pattern of the whole text; VEL2008 when it ends with `escape`.
Result<std::string> FromSimilar(std::string_view pattern, std::string_view escape);

/// Appends the pattern that matches `text` itself.
Status EscapeText(std::string_view text, std::string* out);

/// text ~ pattern; `~` is also the complement of an integer, and both are one row of the table.
Result<ScalarBinding> BindMatchOperator(const BindArguments& arguments);

}  // namespace velaria::regex
