#include <algorithm>

#include "sql/parser.hpp"
#include "sql/text_check.hpp"

namespace velaria::sql {
namespace {

constexpr size_t kWidth = 100;
constexpr std::string_view kCut = "...";

/// The characters of a line round its fault, each printable and one column wide: tabs and other
/// control characters become blanks, bytes that are not UTF-8 question marks, so that the caret
/// stands where the terminal puts it. A line may be a statement of megabytes: of it no more is kept
/// than can be shown, and nothing is read that lies far behind the fault.
struct Neighbourhood {
  std::vector<std::string_view> characters;
  size_t first = 0;     // the number in its line of characters[0]
  bool is_cut = false;  // the line goes on behind them

  size_t end() const { return first + characters.size(); }
};

Neighbourhood CharactersNear(std::string_view line, size_t fault) {
  Neighbourhood near;
  for (size_t i = 0; i < line.size();) {
    if (near.end() > fault + kWidth) {
      near.is_cut = true;
      break;
    }
    if (near.characters.size() == 4 * kWidth && near.end() <= fault) {
      near.characters.erase(near.characters.begin(), near.characters.end() - kWidth);
      near.first = near.first + 3 * kWidth;
    }
    const size_t length = CharacterLength(line, i);
    const auto lead = static_cast<uint8_t>(line[i]);
    if (length == 0) {
      near.characters.push_back("?");
    } else if (lead < 0x20 || lead == 0x7F) {
      near.characters.push_back(" ");
    } else {
      near.characters.push_back(line.substr(i, length));
    }
    i += std::max<size_t>(length, 1);
  }
  return near;
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
  const size_t wanted = static_cast<size_t>(std::max(place.column, 1)) - 1;
  const auto near = CharactersNear(LineAt(text, place.line), wanted);
  const size_t size = near.end() + (near.is_cut ? 1 : 0);
  const size_t fault = std::min(wanted, size);
  // One column more than the characters: the fault may be the end of the line.
  size_t begin = 0;
  size_t end = size;
  if (size + 1 > kWidth) {
    const size_t room = kWidth - 2 * kCut.size() - 1;
    begin = fault > room / 2 ? fault - room / 2 : 0;
    begin = std::min(begin, size - room);
    end = begin + room;
  }
  std::string out;
  size_t indent = fault - begin;
  if (begin > 0) {
    out += kCut;
    indent += kCut.size();
  }
  for (size_t i = begin; i < end; ++i) out += near.characters[i - near.first];
  if (end < size) out += kCut;
  out += '\n';
  out.append(indent, ' ');
  out += '^';
  return out;
}

}  // namespace velaria::sql
