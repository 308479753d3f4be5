// Bytes as text and back: hexadecimal, Base64, PostgreSQL's escape format, percent encoding.
#include "functions/binding.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/text.hpp"
#include "functions/text_kernels.hpp"
#include "functions/utf8.hpp"

namespace velaria::text {
namespace {

using binding::Parameter;
using kernels::BlobFromText;
using kernels::OnDictionary;
using kernels::TextFromText;

constexpr char kUpperDigits[] = "0123456789ABCDEF";
constexpr char kLowerDigits[] = "0123456789abcdef";
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Status BadBytes(const char* what, std::string_view text) {
  return Fail(ErrorCode::kBadValue, std::string("not ") + what + ": " + std::string(text));
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendHex(std::string_view bytes, const char* digits, std::string* out) {
  for (const char c : bytes) {
    out->push_back(digits[static_cast<uint8_t>(c) >> 4]);
    out->push_back(digits[static_cast<uint8_t>(c) & 15]);
  }
}

Status UpperHex(std::string_view bytes, std::string* out) {
  AppendHex(bytes, kUpperDigits, out);
  return Status::OK();
}

Status LowerHex(std::string_view bytes, std::string* out) {
  AppendHex(bytes, kLowerDigits, out);
  return Status::OK();
}

/// An odd number of digits has a zero before it, as in DuckDB.
Status FromHex(std::string_view text, std::string* out) {
  int pending = text.size() % 2 == 1 ? 0 : -1;
  for (const char c : text) {
    const int digit = DigitOf(c);
    if (digit < 0) return BadBytes("hexadecimal digits", text);
    if (pending < 0) {
      pending = digit;
    } else {
      out->push_back(static_cast<char>(pending << 4 | digit));
      pending = -1;
    }
  }
  return Status::OK();
}

/// PostgreSQL's decode: whole pairs of digits, blanks between them ignored.
Status FromHexPairs(std::string_view text, std::string* out) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') digits.push_back(c);
  }
  if (digits.size() % 2 == 1) return BadBytes("pairs of hexadecimal digits", text);
  return FromHex(digits, out);
}

Status ToBase64(std::string_view bytes, std::string* out) {
  out->reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < count ? static_cast<uint8_t>(bytes[at + k]) : 0);
    for (size_t k = 0; k < 4; ++k)
      out->push_back(k <= count ? kBase64[group >> (18 - 6 * k) & 63] : '=');
  }
  return Status::OK();
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// Blanks are ignored; the padding must be there.
Status FromBase64(std::string_view text, std::string* out) {
  uint32_t group = 0;
  int count = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    if (c == '=') {
      ++padding;
    } else if (Base64Value(c) < 0 || padding > 0) {
      return BadBytes("Base64", text);
    }
    group = group << 6 | static_cast<uint32_t>(c == '=' ? 0 : Base64Value(c));
    if (++count < 4) continue;
    if (padding > 2) return BadBytes("Base64", text);
    for (int k = 0; k < 3 - padding; ++k)
      out->push_back(static_cast<char>(group >> (16 - 8 * k) & 0xFF));
    group = 0;
    count = 0;
  }
  return count == 0 ? Status::OK() : BadBytes("Base64", text);
}

/// A zero byte and bytes above 127 as \ooo, a backslash doubled.
Status ToEscape(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte == 0 || byte >= 128) {
      out->push_back('\\');
      for (int shift = 6; shift >= 0; shift -= 3)
        out->push_back(static_cast<char>('0' + (byte >> shift & 7)));
    } else {
      if (c == '\\') out->push_back(c);
      out->push_back(c);
    }
  }
  return Status::OK();
}

Status FromEscape(std::string_view text, std::string* out) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out->push_back(text[at]);
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '\\') {
      out->push_back('\\');
      ++at;
      continue;
    }
    int value = 0;
    for (size_t k = 1; k <= 3; ++k) {
      const char c = at + k < text.size() ? text[at + k] : '9';
      if (c < '0' || c > '7') return BadBytes("the escape format", text);
      value = value * 8 + (c - '0');
    }
    if (value > 255) return BadBytes("the escape format", text);
    out->push_back(static_cast<char>(value));
    at += 3;
  }
  return Status::OK();
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

Status UrlEncode(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out->push_back(c);
    } else {
      out->push_back('%');
      AppendHex({&c, 1}, kUpperDigits, out);
    }
  }
  return Status::OK();
}

/// A percent sign without two digits stands for itself.
Status UrlDecode(std::string_view text, std::string* out) {
  for (size_t at = 0; at < text.size(); ++at) {
    const bool escaped = text[at] == '%' && at + 2 < text.size() && DigitOf(text[at + 1]) >= 0 &&
                         DigitOf(text[at + 2]) >= 0;
    out->push_back(escaped ? static_cast<char>(DigitOf(text[at + 1]) << 4 | DigitOf(text[at + 2]))
                           : text[at]);
    if (escaped) at += 2;
  }
  return utf8::IsValid(*out) ? Status::OK() : BadBytes("UTF-8 when decoded", text);
}

Status CopyBytes(std::string_view bytes, std::string* out) {
  out->assign(bytes);
  return Status::OK();
}

Status ToUtf8(std::string_view bytes, std::string* out) {
  if (utf8::IsValid(bytes)) return CopyBytes(bytes, out);
  std::string shown;
  AppendHex(bytes.substr(0, 32), kLowerDigits, &shown);
  return BadBytes("UTF-8", "\\x" + shown);
}

bool IsBlob(const BindArguments& arguments, size_t index) {
  return PhysicalOf(*arguments.types[index]) == Physical::kBinary;
}

/// One text or blob in.
Result<ScalarBinding> BindBytes(const BindArguments& arguments, TypePtr result,
                                ScalarKernel kernel) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  if (IsBlob(arguments, 0)) return ScalarBinding{std::move(result), {nullptr}, kernel, nullptr};
  return binding::Bind(arguments, {Parameter::kText}, 1, std::move(result), kernel);
}

Result<Vector> RunHexOfInteger(const FunctionContext& context, const ScalarBinding& binding,
                               std::span<const Vector> arguments, int64_t row_count) {
  const auto value = ViewFixed<int64_t>(arguments[0]);
  return kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    auto rest = static_cast<uint64_t>(value[i]);
    do out->insert(out->begin(), kUpperDigits[rest & 15]);
    while ((rest >>= 4) != 0);
  });
}

Result<ScalarBinding> BindHex(const BindArguments& arguments) {
  if (arguments.types.size() == 1 && IsInteger(*LogicalType(arguments.types[0])))
    return ScalarBinding{arrow::utf8(), {arrow::int64()}, RunHexOfInteger, nullptr};
  return BindBytes(arguments, arrow::utf8(), OnDictionary<TextFromText<UpperHex>>);
}

template <bool set>
Result<Vector> RunBits(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const auto value = ViewFixed<int64_t>(arguments[0]);
  return kernels::MapToText(context, arguments, row_count, [&](int64_t i, std::string* out) {
    constexpr int kShift = set ? 1 : 3;
    auto rest = static_cast<uint64_t>(value[i]);
    do out->insert(out->begin(), static_cast<char>('0' + (rest & ((1 << kShift) - 1))));
    while ((rest >>= kShift) != 0);
  });
}

template <bool binary>
Result<ScalarBinding> BindBits(const BindArguments& arguments) {
  return binding::Bind(arguments, {Parameter::kInteger}, 1, arrow::utf8(), RunBits<binary>);
}

struct Format {
  const char* name;
  ScalarKernel encode, decode;
};
constexpr Format kFormats[] = {
    {"hex", TextFromText<LowerHex>, BlobFromText<FromHexPairs>},
    {"base64", TextFromText<ToBase64>, BlobFromText<FromBase64>},
    {"escape", TextFromText<ToEscape>, BlobFromText<FromEscape>},
};

Result<Format> FormatOf(const BindArguments& arguments) {
  VELARIA_ASSIGN_OR_RETURN(const std::string name, binding::ConstantText(arguments, 1, "format"));
  for (const auto& format : kFormats) {
    if (name == format.name) return format;
  }
  return Fail(ErrorCode::kBadArgument, "unknown format of bytes: " + name,
              "The formats are hex, base64 and escape.");
}

/// encode(text) gives its bytes, encode(bytes, format) their text.
Result<ScalarBinding> BindEncode(const BindArguments& arguments) {
  if (arguments.types.size() == 1) {
    if (IsBlob(arguments, 0)) return binding::WrongArguments();
    return BindBytes(arguments, arrow::binary(), BlobFromText<CopyBytes>);
  }
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const Format format, FormatOf(arguments));
  const bool blob = IsBlob(arguments, 0);
  if (!blob) VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, Parameter::kText).status());
  return ScalarBinding{arrow::utf8(), {nullptr, nullptr}, format.encode, nullptr};
}

/// decode(bytes) gives the text they are, decode(text, format) the bytes it stands for.
Result<ScalarBinding> BindDecode(const BindArguments& arguments) {
  if (arguments.types.size() == 1) {
    if (!IsBlob(arguments, 0)) return binding::WrongArguments();
    return ScalarBinding{arrow::utf8(), {nullptr}, TextFromText<ToUtf8>, nullptr};
  }
  if (arguments.types.size() != 2) return binding::WrongArguments();
  VELARIA_ASSIGN_OR_RETURN(const Format format, FormatOf(arguments));
  VELARIA_RETURN_NOT_OK(binding::TypeFor(arguments, 0, Parameter::kText).status());
  return ScalarBinding{arrow::binary(), {nullptr, nullptr}, format.decode, nullptr};
}

template <Status (*body)(std::string_view, std::string*)>
Result<ScalarBinding> BindToText(const BindArguments& arguments) {
  return BindBytes(arguments, arrow::utf8(), OnDictionary<TextFromText<body>>);
}

template <Status (*body)(std::string_view, std::string*)>
Result<ScalarBinding> BindToBlob(const BindArguments& arguments) {
  if (arguments.types.size() == 1 && IsBlob(arguments, 0)) return binding::WrongArguments();
  return BindBytes(arguments, arrow::binary(), BlobFromText<body>);
}

}  // namespace

void RegisterEncode(Adder& add) {
  add("hex", {}, "hex(value VARCHAR, BLOB or BIGINT) -> VARCHAR",
      "Its bytes, or the number, in capital hexadecimal digits.", "hex('Vel')", "56656C", BindHex);
  add("unhex", {"from_hex"}, "unhex(text VARCHAR) -> BLOB",
      "The bytes that hexadecimal digits stand for.", "decode(unhex('56656C'))", "Vel",
      BindToBlob<FromHex>);
  add("bin", {"to_bin", "to_binary"}, "bin(value BIGINT) -> VARCHAR",
      "In binary digits; a negative number as its two's complement.", "bin(10)", "1010",
      BindBits<true>);
  add("to_oct", {}, "to_oct(value BIGINT) -> VARCHAR",
      "In octal digits; a negative number as its two's complement.", "to_oct(64)", "100",
      BindBits<false>);
  add("to_base64", {"base64"}, "to_base64(bytes VARCHAR or BLOB) -> VARCHAR",
      "The bytes in Base64.", "to_base64('Velaria')", "VmVsYXJpYQ==", BindToText<ToBase64>);
  add("from_base64", {}, "from_base64(text VARCHAR) -> BLOB", "The bytes that Base64 stands for.",
      "decode(from_base64('VmVs'))", "Vel", BindToBlob<FromBase64>);
  add("encode", {}, "encode(text VARCHAR) -> BLOB, encode(bytes, format VARCHAR) -> VARCHAR",
      "The bytes of a text, or bytes as text in the format hex, base64 or escape.",
      "encode('Vel', 'hex')", "56656c", BindEncode);
  add("decode", {}, "decode(bytes BLOB) -> VARCHAR, decode(text VARCHAR, format VARCHAR) -> BLOB",
      "Bytes as the UTF-8 text they are, or the bytes of a text in the format hex, base64 or "
      "escape.",
      "decode(decode('56656c', 'hex'))", "Vel", BindDecode);
  add("url_encode", {}, "url_encode(text VARCHAR) -> VARCHAR",
      "With each byte but unreserved ones (RFC 3986) as %XX.", "url_encode('a b/é')",
      "a%20b%2F%C3%A9", BindToText<UrlEncode>);
  add("url_decode", {}, "url_decode(text VARCHAR) -> VARCHAR", "With each %XX as its byte.",
      "url_decode('a%20b%2F')", "a b/", BindToText<UrlDecode>);
}

}  // namespace velaria::text
