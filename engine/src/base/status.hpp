// Status and Result of the whole kernel are Arrow's, so that every Arrow call composes with ours.
// An error of ours carries an ErrorInfo as the status' detail: code, place in the statement, hint.
// A status without that detail came from Arrow itself; `ErrorInfoOf` gives it a code once, at the
// boundary (bindings, result reader).
//
// Two makers, so that one glance tells who is to blame: `Fail(code, ...)` is the caller's fault or
// the world's; `Bug(...)` is ours (VEL9001). Run-time values stand at the end of a message:
// "unknown column: vec".
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>
#include <string_view>
#include <vector>

namespace velaria {

using Status = arrow::Status;
template <typename T>
using Result = arrow::Result<T>;

enum class ErrorCode : int {
#define VELARIA_ERROR(name, number, retry, meaning) name = number,
#include "velaria/error_codes.def"
#undef VELARIA_ERROR
};

enum class Retry { kNever, kLater };

/// Position in the statement's text: 1-based line and column in characters; 0 = unknown.
struct Place {
  int line = 0;
  int column = 0;
  bool known() const { return line > 0; }
};

struct ErrorInfo {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one line, value at its end
  std::string detail;   // optional: "columns: id, embedding"
  std::string hint;     // optional: a full sentence
  Place place;
};

struct ErrorCodeRow {
  ErrorCode code;
  const char* name;  // "kUnknownColumn"
  Retry retry;
  const char* meaning;
};

/// "VEL2012".
std::string CodeText(ErrorCode code);
const std::vector<ErrorCodeRow>& ErrorCodeTable();
Retry RetryOf(ErrorCode code);

Status MakeError(ErrorInfo info);
Status Fail(ErrorCode code, std::string message, std::string hint = "", std::string detail = "");
Status FailAt(Place place, ErrorCode code, std::string message, std::string hint = "",
              std::string detail = "");
Status Bug(std::string message);

/// Inside a catch block: the exception as a status. Memory that ran out is VEL3012; anything else
/// that is thrown in the kernel is a fault of ours.
Status StatusOfException();
/// Calls `call`, which gives a Status or a Result, and turns an exception into a failed one. Stands
/// where a thread of ours, or one of Arrow's, enters the kernel: nothing above it would catch.
template <typename Call>
auto Contained(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (...) {
    return StatusOfException();
  }
}

/// The ErrorInfo of a failed status; Arrow's own failures are mapped by their arrow::StatusCode.
ErrorInfo ErrorInfoOf(const Status& status);
/// Fills the place of an error that has none yet (a function fails during constant folding, the
/// binder knows where).
Status WithPlace(const Status& status, Place place);
inline Status WithPlaceIfFailed(const Status& status, Place place) {
  return status.ok() ? status : WithPlace(status, place);
}
template <typename T>
Result<T> WithPlaceIfFailed(Result<T> result, Place place) {
  if (!result.ok()) return WithPlace(result.status(), place);
  return result;
}

/// The closest of `candidates` to `name` (Damerau-Levenshtein, case-insensitive), or "" when none
/// is near.
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

#define VELARIA_RETURN_NOT_OK(expr) ARROW_RETURN_NOT_OK(expr)
#define VELARIA_ASSIGN_OR_RETURN(lhs, expr) ARROW_ASSIGN_OR_RAISE(lhs, expr)

}  // namespace velaria
