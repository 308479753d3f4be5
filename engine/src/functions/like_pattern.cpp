#include "functions/like_pattern.hpp"

#include <cstring>

namespace velaria::kernels {
namespace {

size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

bool Contains(std::string_view text, std::string_view needle) {
  return memmem(text.data(), text.size(), needle.data(), needle.size()) != nullptr;
}

}  // namespace

Result<LikePattern> LikePattern::Compile(std::string_view pattern, std::string_view escape) {
  LikePattern out;
  out.parts_.emplace_back();
  bool any = false;
  auto literal = [&out](std::string_view bytes) {
    Part& part = out.parts_.back();
    if (part.empty() || part.back().any) part.emplace_back();
    part.back().literal += bytes;
  };
  for (size_t i = 0; i < pattern.size();) {
    const size_t bytes = CharacterBytes(pattern, i);
    const std::string_view character = pattern.substr(i, bytes);
    i += bytes;
    if (!escape.empty() && character == escape) {
      if (i == pattern.size()) {
        return Fail(
            ErrorCode::kBadValue,
            "a LIKE pattern must not end with its escape character: " + std::string(pattern));
      }
      const size_t next = CharacterBytes(pattern, i);
      literal(pattern.substr(i, next));
      i += next;
    } else if (character == "%") {
      out.parts_.emplace_back();
    } else if (character == "_") {
      out.parts_.back().push_back({true, ""});
      any = true;
    } else {
      literal(character);
    }
  }
  // Empty parts between two percent signs say nothing.
  auto& parts = out.parts_;
  for (size_t i = 1; i + 1 < parts.size();) {
    if (parts[i].empty()) {
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (any) return out;
  auto text_of = [](const Part& part) { return part.empty() ? std::string() : part[0].literal; };
  if (parts.size() == 1) {
    out.shape_ = Shape::kExact;
    out.literal_ = text_of(parts[0]);
  } else if (parts.size() == 2 && parts[1].empty()) {
    out.shape_ = Shape::kPrefix;
    out.literal_ = text_of(parts[0]);
  } else if (parts.size() == 2 && parts[0].empty()) {
    out.shape_ = Shape::kSuffix;
    out.literal_ = text_of(parts[1]);
  } else if (parts.size() == 3 && parts[0].empty() && parts[2].empty()) {
    out.shape_ = Shape::kContains;
    out.literal_ = text_of(parts[1]);
  }
  return out;
}

size_t LikePattern::MatchForward(const Part& part, std::string_view text, size_t at) {
  for (const Piece& piece : part) {
    if (piece.any) {
      if (at >= text.size()) return kNone;
      at += CharacterBytes(text, at);
    } else {
      if (text.substr(at, piece.literal.size()) != piece.literal) return kNone;
      at += piece.literal.size();
    }
  }
  return at;
}

size_t LikePattern::MatchBackward(const Part& part, std::string_view text, size_t end) {
  for (auto piece = part.rbegin(); piece != part.rend(); ++piece) {
    if (piece->any) {
      if (end == 0) return kNone;
      do {
        --end;
      } while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80);
    } else {
      if (!text.substr(0, end).ends_with(piece->literal)) return kNone;
      end -= piece->literal.size();
    }
  }
  return end;
}

size_t LikePattern::FindEnd(const Part& part, std::string_view text, size_t from) {
  while (from <= text.size()) {
    if (!part.front().any) {
      const std::string& literal = part.front().literal;
      const void* found =
          memmem(text.data() + from, text.size() - from, literal.data(), literal.size());
      if (found == nullptr) return kNone;
      from = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    }
    const size_t end = MatchForward(part, text, from);
    if (end != kNone) return end;
    if (from == text.size()) return kNone;
    from += CharacterBytes(text, from);
  }
  return kNone;
}

bool LikePattern::MatchesParts(std::string_view text) const {
  size_t at = MatchForward(parts_.front(), text, 0);
  if (at == kNone) return false;
  if (parts_.size() == 1) return at == text.size();
  const size_t tail = MatchBackward(parts_.back(), text, text.size());
  if (tail == kNone || tail < at) return false;
  for (size_t i = 1; i + 1 < parts_.size(); ++i) {
    at = FindEnd(parts_[i], text.substr(0, tail), at);
    if (at == kNone) return false;
  }
  return true;
}

bool LikePattern::Matches(std::string_view text) const {
  switch (shape_) {
    case Shape::kExact: return text == literal_;
    case Shape::kPrefix: return text.starts_with(literal_);
    case Shape::kSuffix: return text.ends_with(literal_);
    case Shape::kContains: return Contains(text, literal_);
    default: return MatchesParts(text);
  }
}

}  // namespace velaria::kernels
