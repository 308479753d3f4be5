// Rules about types and names alone: what they find holds for every batch of the schema.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria::interop {

/// "UTC", "Europe/Berlin", "+05:30". Never a path: a name is looked up in the time zone database
/// only when it is made of the characters that zone names are made of.
bool IsTimeZone(std::string_view name);

/// A column's or zone's name as it may stand in a message: one short line, free of bytes that are
/// no text.
std::string PrintableName(std::string_view name);

/// "columns differ at position 3: expected price: double, got price: int64", or "" when names and
/// types are equal.
std::string SchemaDifference(const arrow::Schema& declared, const arrow::Schema& given);

/// VEL4006 about the batch.
inline Status Refuse(std::string message, std::string hint = "") {
  return Fail(ErrorCode::kMalformedBatch, std::move(message), std::move(hint));
}

}  // namespace velaria::interop
