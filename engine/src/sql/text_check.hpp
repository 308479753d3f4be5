// The door of the front: text that is not UTF-8 or holds a NUL byte goes no further.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hpp"

namespace velaria::sql {

/// VEL2001 with place at the first byte that is not part of valid UTF-8 (RFC 3629) or is NUL.
Status CheckText(std::string_view text);

/// The byte length of the well-formed character at `offset`, 0 when there is none.
size_t CharacterLength(std::string_view text, size_t offset);

/// The code point at `offset` of valid UTF-8.
uint32_t CodePointAt(std::string_view text, size_t offset);

/// Appends `code_point` in UTF-8; false for surrogates and values past U+10FFFF.
bool AppendCodePoint(uint32_t code_point, std::string* out);

/// Place of the byte at `offset`; everything before it must be valid UTF-8.
Place PlaceOf(std::string_view text, size_t offset);

}  // namespace velaria::sql
