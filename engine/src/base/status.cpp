#include "base/status.hpp"

#include <arrow/util/utf8.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <new>

#include "base/text.hpp"

namespace velaria {
namespace {

class VelariaDetail : public arrow::StatusDetail {
 public:
  explicit VelariaDetail(ErrorInfo info) : info_(std::move(info)) {}
  const char* type_id() const override { return kTypeId; }
  std::string ToString() const override { return CodeText(info_.code); }
  const ErrorInfo& info() const { return info_; }
  static constexpr const char* kTypeId = "velaria::ErrorInfo";

 private:
  ErrorInfo info_;
};

const VelariaDetail* DetailOf(const Status& status) {
  const auto& detail = status.detail();
  if (!detail || std::string_view(detail->type_id()) != VelariaDetail::kTypeId) return nullptr;
  return static_cast<const VelariaDetail*>(detail.get());
}

arrow::StatusCode ArrowCodeOf(ErrorCode code) {
  if (code == ErrorCode::kCancelled) return arrow::StatusCode::Cancelled;
  if (code == ErrorCode::kOutOfMemory) return arrow::StatusCode::OutOfMemory;
  switch (static_cast<int>(code) / 1000) {
    case 4: return arrow::StatusCode::IOError;
    case 9: return arrow::StatusCode::UnknownError;
    default: return arrow::StatusCode::Invalid;
  }
}

ErrorCode CodeOfArrow(const Status& status) {
  switch (status.code()) {
    case arrow::StatusCode::CapacityError:
    case arrow::StatusCode::OutOfMemory: return ErrorCode::kOutOfMemory;
    case arrow::StatusCode::Cancelled: return ErrorCode::kCancelled;
    case arrow::StatusCode::IOError: return ErrorCode::kFileIo;
    case arrow::StatusCode::TypeError: return ErrorCode::kTypeMismatch;
    case arrow::StatusCode::NotImplemented: return ErrorCode::kUnsupportedStatement;
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::IndexError:
    case arrow::StatusCode::KeyError: return ErrorCode::kBadValue;
    default: return ErrorCode::kInternal;
  }
}

bool IsUtf8(std::string_view text) {
  arrow::util::InitializeUTF8();
  return arrow::util::ValidateUTF8(text);
}

/// Errors are text, also those that quote a BLOB: bytes that are no UTF-8 come as \xFF.
std::string AsText(std::string bytes) {
  if (IsUtf8(bytes)) return bytes;
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    size_t length = 1;
    while (length <= 4 && !IsUtf8(std::string_view(bytes).substr(i, length))) ++length;
    if (length <= 4) {
      text.append(bytes, i, length);
      i += length;
      continue;
    }
    const auto byte = static_cast<uint8_t>(bytes[i++]);
    text += "\\x";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace

std::string CodeText(ErrorCode code) { return "VEL" + std::to_string(static_cast<int>(code)); }

const std::vector<ErrorCodeRow>& ErrorCodeTable() {
  static const std::vector<ErrorCodeRow> table = {
#define VELARIA_ERROR(name, number, retry, meaning) {ErrorCode::name, #name, Retry::retry, meaning},
#include "velaria/error_codes.def"
#undef VELARIA_ERROR
  };
  return table;
}

Retry RetryOf(ErrorCode code) {
  for (const auto& row : ErrorCodeTable()) {
    if (row.code == code) return row.retry;
  }
  return Retry::kNever;
}

Status MakeError(ErrorInfo info) {
  for (auto* text : {&info.message, &info.detail, &info.hint}) *text = AsText(std::move(*text));
  auto code = ArrowCodeOf(info.code);
  std::string text = info.message;
  return Status::FromDetailAndArgs(code, std::make_shared<VelariaDetail>(std::move(info)),
                                   std::move(text));
}

Status Fail(ErrorCode code, std::string message, std::string hint, std::string detail) {
  return MakeError({code, std::move(message), std::move(detail), std::move(hint), {}});
}

Status FailAt(Place place, ErrorCode code, std::string message, std::string hint,
              std::string detail) {
  return MakeError({code, std::move(message), std::move(detail), std::move(hint), place});
}

Status Bug(std::string message) {
  return MakeError({ErrorCode::kInternal, std::move(message), "", "", {}});
}

Status StatusOfException() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kOutOfMemory, "the memory of this process ran out",
                "Read less at once, or set the query's memory limit.");
  } catch (const std::exception& fault) {
    return Bug("an exception: " + FirstLine(fault.what()));
  } catch (...) {
    return Bug("an exception of unknown type");
  }
}

ErrorInfo ErrorInfoOf(const Status& status) {
  if (const auto* detail = DetailOf(status)) return detail->info();
  return {CodeOfArrow(status), FirstLine(status.message()), "", "", {}};
}

Status WithPlace(const Status& status, Place place) {
  ErrorInfo info = ErrorInfoOf(status);
  if (info.place.known()) return status;
  info.place = place;
  return MakeError(std::move(info));
}

/// In names of up to three letters one letter more, less or changed soon makes another name: `sub`
/// is not `sum`, and `uid` not `id`. A slip begins as the name does, and changes no letter.
static bool IsOtherShortName(std::string_view wanted, std::string_view other) {
  if (wanted.size() > 3 || wanted.empty() || other.empty()) return false;
  if (wanted.size() != other.size()) return wanted[0] != other[0];
  const auto [ours, theirs] = std::mismatch(wanted.begin(), wanted.end(), other.begin());
  if (ours == wanted.end() || !std::equal(ours + 1, wanted.end(), theirs + 1)) return false;
  return std::isalpha(static_cast<unsigned char>(*ours)) &&
         std::isalpha(static_cast<unsigned char>(*theirs));
}

std::string NearestName(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string wanted = ToLower(name);
  const size_t limit = std::max<size_t>(1, (wanted.size() + 1) / 4);
  std::string best;
  size_t best_distance = limit + 1;
  for (const auto& candidate : candidates) {
    const std::string other = ToLower(candidate);
    if (other.size() > 256 || wanted.size() > 256) continue;
    if (std::max(other.size(), wanted.size()) - std::min(other.size(), wanted.size()) > limit)
      continue;
    // Optimal string alignment distance over three rolling rows.
    std::vector<size_t> before(other.size() + 1), last(other.size() + 1), row(other.size() + 1);
    for (size_t j = 0; j <= other.size(); ++j) last[j] = j;
    for (size_t i = 1; i <= wanted.size(); ++i) {
      row[0] = i;
      for (size_t j = 1; j <= other.size(); ++j) {
        const size_t cost = wanted[i - 1] == other[j - 1] ? 0 : 1;
        row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + cost});
        if (i > 1 && j > 1 && wanted[i - 1] == other[j - 2] && wanted[i - 2] == other[j - 1]) {
          row[j] = std::min(row[j], before[j - 2] + 1);
        }
      }
      before.swap(last);
      last.swap(row);
    }
    // With no character in common it is another name, not a slip of the pen.
    const bool is_other = last[other.size()] >= std::max(other.size(), wanted.size()) ||
                          IsOtherShortName(wanted, other);
    if (!is_other && last[other.size()] < best_distance) {
      best_distance = last[other.size()];
      best = candidate;
    }
  }
  return best;
}

}  // namespace velaria
