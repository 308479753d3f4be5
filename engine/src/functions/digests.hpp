// Message digests as lower-case hexadecimal text.
#pragma once

#include <string>
#include <string_view>

namespace velaria::digests {

std::string Md5(std::string_view data);     // RFC 1321
std::string Sha1(std::string_view data);    // FIPS 180-4
std::string Sha256(std::string_view data);  // FIPS 180-4

}  // namespace velaria::digests
