#include <algorithm>

#include "sql/parser.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kWidth = 100;
constexpr std::string_view kCut = "...";

/// The characters of one line, each printable and one column wide: tabs and other control
/// characters become blanks, bytes that are not UTF-8 question marks, so that the caret stands
/// where the terminal puts it.
std::vector<std::string_view> CharactersOf(std::string_view line) {
  std::vector<std::string_view> characters;
  for (size_t i = 0; i < line.size();) {
    const size_t length = CharacterLength(line, i);
    const auto lead = static_cast<uint8_t>(line[i]);
    if (length == 0) {
      characters.push_back("?");
    } else if (lead < 0x20 || lead == 0x7F) {
      characters.push_back(" ");
    } else {
      characters.push_back(line.substr(i, length));
    }
    i += std::max<size_t>(length, 1);
  }
  return characters;
}

std::string_view LineAt(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return {};
    text.remove_prefix(newline + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string CaretText(std::string_view text, Place place) {
  if (!place.known()) return "";
  const std::vector<std::string_view> characters = CharactersOf(LineAt(text, place.line));
  const size_t fault =
      std::min<size_t>(static_cast<size_t>(std::max(place.column, 1)) - 1, characters.size());
  // One column more than the characters: the fault may be the end of the line.
  size_t begin = 0;
  size_t end = characters.size();
  if (characters.size() + 1 > kWidth) {
    const size_t room = kWidth - 2 * kCut.size() - 1;
    begin = fault > room / 2 ? fault - room / 2 : 0;
    begin = std::min(begin, characters.size() - room);
    end = begin + room;
  }
  std::string out;
  size_t indent = fault - begin;
  if (begin > 0) {
    out += kCut;
    indent += kCut.size();
  }
  for (size_t i = begin; i < end; ++i) out += characters[i];
  if (end < characters.size()) out += kCut;
  out += '\n';
  out.append(indent, ' ');
  out += '^';
  return out;
}

}  // namespace velaria::sql
