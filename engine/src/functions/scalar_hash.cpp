// md5, sha1, sha256, crc32 and hash.
#include <array>

#include "functions/binding.hpp"
#include "functions/digests.hpp"
#include "functions/on_dictionary.hpp"
#include "functions/order_key.hpp"
#include "functions/text_kernels.hpp"

namespace velaria {
namespace {

using kernels::DecimalCell;

template <std::string (*digest)(std::string_view)>
Result<Vector> RunDigest(const FunctionContext& context, const ScalarBinding& binding,
                         std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return kernels::MapToText(context, arguments, row_count,
                            [&](int64_t i, std::string* out) { *out = digest(text[i]); });
}

template <std::string (*digest)(std::string_view)>
Result<ScalarBinding> BindDigest(const BindArguments& arguments) {
  if (arguments.types.size() != 1) return binding::WrongArguments();
  if (PhysicalOf(*arguments.types[0]) == Physical::kBinary)
    return ScalarBinding{arrow::utf8(), {nullptr}, RunDigest<digest>, nullptr};
  return binding::Bind(arguments, {binding::Parameter::kText}, 1, arrow::utf8(),
                       kernels::OnDictionary<RunDigest<digest>>);
}

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0xEDB88320u : 0u);
    table[byte] = value;
  }
  return table;
}();

Result<Vector> RunCrc32(const FunctionContext& context, const ScalarBinding& binding,
                        std::span<const Vector> arguments, int64_t row_count) {
  const StringView text(arguments[0]);
  return kernels::MapToValue<int64_t>(
      context, arrow::int64(), arguments, row_count, [&](int64_t i, int64_t* out) {
        uint32_t crc = ~0u;
        for (const char c : text[i])
          crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF] ^ crc >> 8;
        *out = ~crc;
      });
}

Result<ScalarBinding> BindCrc32(const BindArguments& arguments) {
  if (arguments.types.size() == 1 && PhysicalOf(*arguments.types[0]) == Physical::kBinary)
    return ScalarBinding{arrow::int64(), {nullptr}, RunCrc32, nullptr};
  return binding::Bind(arguments, {binding::Parameter::kText}, 1, arrow::int64(),
                       kernels::OnDictionary<RunCrc32>);
}

/// The finaliser of MurmurHash3 (fmix64).
uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

uint64_t HashBytes(std::string_view bytes) {
  uint64_t hash = Mix(0x9e3779b97f4a7c15ULL ^ bytes.size());
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash ^ word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes.data(), bytes.size());
  return bytes.empty() ? hash : Mix(hash ^ rest);
}

constexpr uint64_t kNullHash = 0x4be98134a5976fd3ULL;

/// Folds one more argument into the rows' hashes. Equal values hash alike within a type: -0 as 0,
/// every NaN alike.
template <typename View, typename Word>
void FoldIn(const View& view, std::vector<uint64_t>* hashes, Word word) {
  for (size_t i = 0; i < hashes->size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    (*hashes)[i] = Mix((*hashes)[i] * 31 + (view.IsValid(row) ? word(view[row]) : kNullHash));
  }
}

uint64_t WordOfDouble(double value) {
  if (value == 0) value = 0;
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  uint64_t word;
  std::memcpy(&word, &value, 8);
  return Mix(word);
}

template <typename T>
void FoldFixed(const Vector& vector, std::vector<uint64_t>* hashes) {
  FoldIn(ViewFixed<T>(vector), hashes, [](const T& value) {
    if constexpr (std::is_same_v<T, DecimalCell>) {
      return Mix(value.low) ^ Mix(value.high + 1);
    } else if constexpr (std::is_floating_point_v<T>) {
      return WordOfDouble(static_cast<double>(value));
    } else {
      return Mix(static_cast<uint64_t>(value));
    }
  });
}

Status FoldVector(const FunctionContext& context, const Vector& argument,
                  std::vector<uint64_t>* hashes) {
  VELARIA_ASSIGN_OR_RETURN(const Vector vector, Decode(argument, context.pool));
  switch (PhysicalOf(*vector.type())) {
#define X(physical, T) \
  case physical: FoldFixed<T>(vector, hashes); break;
    VELARIA_NUMBER_CASES(X)
#undef X
    case Physical::kDecimal: FoldFixed<DecimalCell>(vector, hashes); break;
    case Physical::kBool:
      FoldIn(ViewBool(vector), hashes, [](bool value) { return Mix(value ? 1 : 2); });
      break;
    case Physical::kString:
    case Physical::kBinary: FoldIn(StringView(vector), hashes, HashBytes); break;
    case Physical::kNested: {
      VELARIA_ASSIGN_OR_RETURN(const Vector keys, MakeOrderKeys(vector, context.pool));
      FoldIn(StringView(keys), hashes, HashBytes);
      break;
    }
    default:
      for (auto& hash : *hashes) hash = Mix(hash * 31 + kNullHash);
  }
  return Status::OK();
}

Result<Vector> RunHash(const FunctionContext& context, const ScalarBinding& binding,
                       std::span<const Vector> arguments, int64_t row_count) {
  const kernels::Extent extent = kernels::ExtentOf(arguments, row_count);
  std::vector<uint64_t> hashes(static_cast<size_t>(extent.rows), 0);
  for (const auto& argument : arguments)
    VELARIA_RETURN_NOT_OK(FoldVector(context, argument, &hashes));
  VELARIA_ASSIGN_OR_RETURN(auto data, AllocateFixed(arrow::uint64(), extent.rows, context.pool));
  if (!hashes.empty())
    std::memcpy(data->buffers[1]->mutable_data(), hashes.data(), hashes.size() * 8);
  return Vector{std::move(data), extent.constant};
}

Result<ScalarBinding> BindHash(const BindArguments& arguments) {
  if (arguments.types.empty()) return binding::WrongArguments();
  for (const auto& type : arguments.types) {
    if (!IsComparable(*type)) return binding::WrongArguments();
  }
  return ScalarBinding{arrow::uint64(), std::vector<TypePtr>(arguments.types.size()), RunHash,
                       nullptr};
}

}  // namespace

void RegisterHash(FunctionRegistry& registry) {
  registry.Add(ScalarFunction{"md5",
                              {},
                              "hash",
                              "md5(text VARCHAR) -> VARCHAR",
                              "MD5 digest of the bytes, in hexadecimal.",
                              "md5('abc')",
                              "900150983cd24fb0d6963f7d28e17f72",
                              BindDigest<digests::Md5>});
  registry.Add(ScalarFunction{"sha1",
                              {},
                              "hash",
                              "sha1(text VARCHAR) -> VARCHAR",
                              "SHA-1 digest of the bytes, in hexadecimal.",
                              "sha1('abc')",
                              "a9993e364706816aba3e25717850c26c9cd0d89d",
                              BindDigest<digests::Sha1>});
  registry.Add(ScalarFunction{"crc32",
                              {},
                              "hash",
                              "crc32(text VARCHAR) -> BIGINT",
                              "CRC-32 of the bytes, as zip and zlib have it.",
                              "crc32('123456789')",
                              "3421780262",
                              BindCrc32});
  registry.Add(ScalarFunction{"sha256",
                              {},
                              "hash",
                              "sha256(text VARCHAR) -> VARCHAR",
                              "SHA-256 digest of the bytes, in hexadecimal.",
                              "sha256('abc')",
                              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                              BindDigest<digests::Sha256>});
  ScalarFunction hash{
      "hash",
      {},
      "hash",
      "hash(a, b, ...) -> UBIGINT",
      "A number that equal arguments of one type share; it may change between versions.",
      "hash('a', 1) = hash('a', 1)",
      "true",
      BindHash};
  hash.null_rule = "a NULL has a number, too; never NULL";
  registry.Add(std::move(hash));
}

}  // namespace velaria
