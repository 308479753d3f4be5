// Small text tools. Case folding is ASCII only: identifiers and keywords are compared this way
// everywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace velaria {

std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string FirstLine(std::string_view text);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
/// The number of characters (code points) of valid UTF-8.
int64_t CountCharacters(std::string_view utf8);
/// `text` in double quotes with inner quotes doubled, when it is not a plain lower-case identifier
/// or is a reserved word.
std::string QuoteIdentifier(std::string_view text);

}  // namespace velaria
