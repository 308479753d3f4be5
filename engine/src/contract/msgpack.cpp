#include "contract/msgpack.hpp"

namespace velaria::contract {
namespace {

void AppendBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(value >> shift & 0xFF));
}

void AppendText(const std::string& text, std::string* out) {
  if (text.size() < 32) {
    out->push_back(static_cast<char>(0xA0 | text.size()));
  } else if (text.size() < 0x10000) {
    out->push_back('\xDA');
    AppendBigEndian(text.size(), 2, out);
  } else {
    out->push_back('\xDB');
    AppendBigEndian(text.size(), 4, out);
  }
  *out += text;
}

void AppendInteger(int value, std::string* out) {
  out->push_back('\xCE');
  AppendBigEndian(static_cast<uint32_t>(value), 4, out);
}

}  // namespace

std::string ErrorToMessagePack(const ErrorInfo& info) {
  std::string out;
  out.push_back('\x87');  // a map of seven
  auto text = [&](const char* key, const std::string& value) {
    AppendText(key, &out);
    AppendText(value, &out);
  };
  text("code", CodeText(info.code));
  text("message", info.message);
  text("detail", info.detail);
  text("hint", info.hint);
  text("retry", RetryOf(info.code) == Retry::kLater ? "later" : "never");
  AppendText("line", &out);
  AppendInteger(info.place.line, &out);
  AppendText("column", &out);
  AppendInteger(info.place.column, &out);
  return out;
}

}  // namespace velaria::contract
