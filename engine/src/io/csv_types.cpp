#include "io/csv_types.hpp"

#include <arrow/array/builder_binary.h>
#include <arrow/compute/cast.h>
#include <arrow/csv/converter.h>
#include <arrow/csv/options.h>
#include <arrow/csv/parser.h>
#include <arrow/util/value_parsing.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace velaria::io {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr size_t kDigitsBehindPlusMax = 6;  // of an integer; telephone numbers have more

CsvKind KindOfNumber(std::string_view text) {
  size_t i = text[0] == '-' || text[0] == '+' ? 1 : 0;
  const size_t first = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  const size_t digits = i - first;
  if (digits > 1 && text[first] == '0') return CsvKind::kText;
  if (i == text.size() && text[0] == '+') {
    return digits > 0 && digits <= kDigitsBehindPlusMax ? CsvKind::kBigint : CsvKind::kText;
  }
  if (i == text.size() && digits > 0 && !(first == 1 && text[1] == '0')) {
    if (digits <= 18) return CsvKind::kBigint;
    int64_t value;
    return arrow::internal::ParseValue<arrow::Int64Type>(text.data(), text.size(), &value)
               ? CsvKind::kBigint
               : CsvKind::kText;
  }
  if (digits > 0 && text.size() - first <= 24 && i + 1 < text.size() && text[i] == '.') {
    size_t j = i + 1;
    while (j < text.size() && IsDigit(text[j])) ++j;
    if (j == text.size()) return CsvKind::kDouble;  // 12.5, as nearly all of them are written
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (!IsDigit(c) && c != '.' && c != 'e' && c != 'E' && c != '-' && c != '+') {
      return CsvKind::kText;
    }
  }
  double value;
  const bool is_number =
      arrow::internal::ParseValue<arrow::DoubleType>(text.data(), text.size(), &value);
  return is_number && std::isfinite(value) ? CsvKind::kDouble : CsvKind::kText;
}

/// 2013-01-01, 2013-01-01 05:15, 2013-01-01T05:15:00.25, and each but the first with Z or +hh:mm
/// behind.
CsvKind KindOfTime(std::string_view text) {
  if (text.substr(0, 4) == "0000") return CsvKind::kText;
  int64_t value;
  bool zoned = false;
  if (!arrow::internal::ParseTimestampISO8601(text.data(), text.size(), arrow::TimeUnit::MICRO,
                                              &value, &zoned)) {
    return CsvKind::kText;
  }
  if (zoned) return CsvKind::kTimestampZoned;
  return text.size() == 10 ? CsvKind::kDate : CsvKind::kTimestamp;
}

bool IsOfFormat(const dates::Format& format, std::string_view text, bool is_date) {
  const auto read = dates::ReadMoment(format, text, 1900, is_date);
  return read.ok() && read->has_value();
}

bool IsBoolean(std::string_view text) {
  return text == "true" || text == "false" || text == "TRUE" || text == "FALSE" || text == "True" ||
         text == "False";
}

bool IsNullText(const std::vector<std::string>& null_texts, std::string_view text) {
  return std::find(null_texts.begin(), null_texts.end(), text) != null_texts.end();
}

/// arrow::csv looks past blanks round a number.
std::string_view WithoutBlanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<CsvTexts> CsvTexts::Of(const FileOptions& options) {
  CsvTexts texts;
  texts.null_texts = options.null_texts;
  const CsvForm& form = options.csv;
  if (!form.date_format.empty()) {
    VELARIA_ASSIGN_OR_RETURN(texts.date, dates::FormatFromLetters(form.date_format));
  }
  if (!form.timestamp_format.empty()) {
    VELARIA_ASSIGN_OR_RETURN(texts.timestamp, dates::FormatFromLetters(form.timestamp_format));
  }
  return texts;
}

const dates::Format* CsvTexts::FormatOf(const arrow::DataType& type) const {
  if (type.id() == arrow::Type::DATE32 && date) return &*date;
  return type.id() == arrow::Type::TIMESTAMP && timestamp ? &*timestamp : nullptr;
}

CsvKind KindOfField(const CsvField& field, const CsvTexts& texts) {
  const std::string_view text = field.raw;
  if (!field.quoted && (text.empty() || IsNullText(texts.null_texts, text))) return CsvKind::kNull;
  if (text.empty()) return CsvKind::kText;
  if (texts.date && IsOfFormat(*texts.date, text, true)) return CsvKind::kDate;
  if (texts.timestamp && IsOfFormat(*texts.timestamp, text, false)) {
    return dates::IsZoned(*texts.timestamp) ? CsvKind::kTimestampZoned : CsvKind::kTimestamp;
  }
  const char c = text[0];
  if (text.size() >= 10 && IsDigit(c) && text[4] == '-' && text[7] == '-') {
    const CsvKind kind = KindOfTime(text);
    const bool has_format =
        kind == CsvKind::kDate ? texts.date.has_value() : texts.timestamp.has_value();
    return has_format ? CsvKind::kText : kind;
  }
  const std::string_view number = WithoutBlanks(text);
  if (number.empty()) return CsvKind::kText;
  if (number == "NaN" || number == "Infinity" || number == "-Infinity") return CsvKind::kDouble;
  if (IsDigit(number[0]) || std::string_view("-+.").find(number[0]) != std::string_view::npos) {
    return KindOfNumber(number);
  }
  return IsBoolean(text) ? CsvKind::kBoolean : CsvKind::kText;
}

CsvKind CommonKind(CsvKind a, CsvKind b, const CsvTexts& texts) {
  if (a == b || b == CsvKind::kNull) return a;
  if (a == CsvKind::kNull) return b;
  const auto are = [&](CsvKind x, CsvKind y) { return (a == x && b == y) || (a == y && b == x); };
  if (are(CsvKind::kBigint, CsvKind::kDouble)) return CsvKind::kDouble;
  const bool in_iso_form = !texts.date && !texts.timestamp;
  if (are(CsvKind::kDate, CsvKind::kTimestamp) && in_iso_form) return CsvKind::kTimestamp;
  return CsvKind::kText;
}

Result<std::shared_ptr<arrow::Array>> NumberTexts(const arrow::StringArray& texts,
                                                  const arrow::DataType& type,
                                                  arrow::MemoryPool* pool) {
  arrow::StringBuilder numbers(pool);
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsNull(i)) {
      VELARIA_RETURN_NOT_OK(numbers.AppendNull());
      continue;
    }
    std::string_view text = WithoutBlanks(texts.GetView(i));
    const bool has_plus = IsInteger(type) && text.size() > 1 && text[0] == '+' && IsDigit(text[1]);
    if (has_plus) text.remove_prefix(1);
    VELARIA_RETURN_NOT_OK(numbers.Append(text));
  }
  return numbers.Finish();
}

Result<std::shared_ptr<arrow::Array>> ConvertCsvColumn(const arrow::csv::BlockParser& parser,
                                                       int column, const TypePtr& type,
                                                       const arrow::csv::ConvertOptions& convert,
                                                       arrow::MemoryPool* pool) {
  VELARIA_ASSIGN_OR_RETURN(auto converter, arrow::csv::Converter::Make(type, convert, pool));
  auto array = converter->Convert(parser, column);
  if (array.ok() || !IsInteger(*type)) return array;
  // arrow::csv reads no + before an integer: the texts are converted without it.
  VELARIA_ASSIGN_OR_RETURN(converter, arrow::csv::Converter::Make(arrow::utf8(), convert, pool));
  const auto written = converter->Convert(parser, column);
  if (!written.ok()) return array;
  VELARIA_ASSIGN_OR_RETURN(
      const auto numbers,
      NumberTexts(static_cast<const arrow::StringArray&>(**written), *type, pool));
  arrow::compute::ExecContext context(pool);
  auto cast = arrow::compute::Cast(*numbers, type, arrow::compute::CastOptions::Safe(), &context);
  return cast.ok() ? cast : array;
}

TypePtr TypeOfKind(CsvKind kind) {
  switch (kind) {
    case CsvKind::kBoolean: return arrow::boolean();
    case CsvKind::kBigint: return arrow::int64();
    case CsvKind::kDouble: return arrow::float64();
    case CsvKind::kDate: return arrow::date32();
    case CsvKind::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case CsvKind::kTimestampZoned: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case CsvKind::kNull:
    case CsvKind::kText: break;
  }
  return arrow::utf8();
}

}  // namespace velaria::io
