// MessagePack of the few small maps that leave the kernel: the extra_info of an error.
#pragma once

#include <string>

#include "base/status.hpp"

namespace velaria::contract {

/// {code, message, detail, hint, retry, line, column}
std::string ErrorToMessagePack(const ErrorInfo& info);

}  // namespace velaria::contract
