#include "io/json_infer.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/text.hpp"
#include "functions/utf8.hpp"
#include "interop/ingest_gate.hpp"
#include "io/csv_errors.hpp"
#include "io/json_cells.hpp"
#include "io/text_blocks.hpp"
#include "io/text_filters.hpp"

namespace velaria::io {
namespace {

constexpr size_t kKeysMax = 4096;

class JsonCollector {
 public:
  JsonCollector(const OpenedFile& file, JsonLayout* layout, bool ignore_errors)
      : file_(file), layout_(layout), ignore_errors_(ignore_errors) {}

  /// The values of a block; where the next begins.
  Result<int64_t> AddBlock(std::string_view text, int64_t offset, bool more_follows) {
    JsonValueScanner scanner(text, layout_->shape, record_count_ == 0);
    std::string_view value;
    while (scanner.Next(&value, more_follows)) {
      ++record_count_;
      const Status added = Add(value, offset + (value.data() - text.data()));
      if (!added.ok() && !ignore_errors_) return added;
    }
    if (scanner.fault() != nullptr) {
      return BadJsonError(file_, offset + scanner.position(), scanner.fault());
    }
    closed_ = scanner.closed();
    bytes_ += scanner.position();
    return scanner.position();
  }

  bool closed() const { return closed_; }
  int64_t record_count() const { return record_count_; }
  int64_t bytes() const { return bytes_; }
  std::vector<std::string> keys() const { return keys_; }
  JsonKind kind(const std::string& key) const { return kinds_[places_.at(key)]; }
  bool has(const std::string& key) const { return places_.contains(key); }

 private:
  Status Add(std::string_view value, int64_t position) {
    std::string error;
    if (!utf8::IsValid(value)) return BadJsonError(file_, position, kNotUtf8);
    if (!document_.TryParse(value, &error)) {
      return BadJsonError(file_, position, "is not JSON, " + error);
    }
    if (document_.node(0).kind != json::Kind::kObject) {
      return BadJsonError(file_, position, "is not an object");
    }
    for (uint32_t key = 1; key < document_.node(0).next;) {
      const uint32_t node = document_.node(key).next;
      name_.clear();
      document_.AppendCharacters(key, &name_);
      const auto [place, is_new] = places_.emplace(name_, keys_.size());
      if (is_new) {
        if (keys_.size() == kKeysMax) {
          return Fail(ErrorCode::kFileFormat,
                      "file has more than " + std::to_string(kKeysMax) + " keys: " + file_.name,
                      "Name the ones to read: columns: 'a,b'.");
        }
        keys_.push_back(name_);
        kinds_.emplace_back();
      }
      JsonKind& kind = kinds_[place->second];
      if (kind.kind != JsonKind::kText) kind = CommonKind(kind, KindOfNode(document_, node));
      key = document_.node(node).next;
    }
    return Status::OK();
  }

  const OpenedFile& file_;
  JsonLayout* const layout_;
  const bool ignore_errors_;
  json::Document document_;
  std::string name_;
  std::vector<std::string> keys_;  // in the order of their first coming
  std::vector<JsonKind> kinds_;
  std::unordered_map<std::string, size_t> places_;
  int64_t record_count_ = 0, bytes_ = 0;
  bool closed_ = false;
};

Status NoSuchKey(const OpenedFile& file, const std::string& key,
                 const std::vector<std::string>& keys) {
  const std::string near = NearestName(key, keys);
  return Fail(ErrorCode::kSchemaMismatch, "no object has that key in " + file.name + ": " + key,
              near.empty() ? "" : "Did you mean " + near + "?");
}

}  // namespace

Status BadJsonError(const OpenedFile& file, int64_t position, const std::string& why,
                    const std::string& hint) {
  VELARIA_ASSIGN_OR_RETURN(const int64_t before, LinesBefore(file, position));
  return Fail(ErrorCode::kFileFormat,
              "line " + std::to_string(before + 1) + " of " + file.name + ": " + why,
              why == kNotUtf8 ? kSayEncoding : hint);
}

Result<JsonLayout> InferJson(const OpenedFile& file, const FileOptions& options) {
  JsonLayout layout;
  VELARIA_ASSIGN_OR_RETURN(auto head, ReadBytes(file, 0, kCsvBlockBytes));
  VELARIA_RETURN_NOT_OK(CheckIsText(file, ViewOf(*head)));
  layout.shape = FindJsonShape(ViewOf(*head), &layout.data_offset);
  const bool is_array = layout.shape == JsonShape::kArray;
  if (options.format == "json_array" && !is_array) {
    return BadJsonError(file, layout.data_offset, "does not begin a JSON array");
  }
  if (options.format == "json_lines" && is_array) {
    return BadJsonError(file, layout.data_offset - 1, "is an array where an object should stand");
  }
  JsonCollector collector(file, &layout, options.ignore_errors);
  int64_t block_bytes = kCsvBlockBytes;
  int64_t offset = layout.data_offset;
  // Declared types need no look at every value, the shape and the first objects do.
  const int64_t stop =
      options.declared ? offset + 1 : layout.data_offset + kCsvFullInferenceBytesMax;
  while (offset < stop && !collector.closed()) {
    VELARIA_ASSIGN_OR_RETURN(auto block, ReadBytes(file, offset, block_bytes));
    const bool more_follows = block->size() == block_bytes;
    VELARIA_ASSIGN_OR_RETURN(const int64_t end,
                             collector.AddBlock(ViewOf(*block), offset, more_follows));
    offset += end;
    if (!more_follows) break;
    if (end == 0 && block_bytes >= kCsvRecordBytesMax) break;  // the reader reports it
    block_bytes = end == 0 ? block_bytes * 2 : kCsvBlockBytes;
  }
  layout.keys_are_sampled = offset >= stop && options.selected.empty() && !options.declared;
  const auto count = std::max<int64_t>(collector.record_count(), 1);
  layout.record_bytes_mean =
      std::max(1.0, static_cast<double>(collector.bytes()) / static_cast<double>(count));
  if (options.declared) {
    layout.schema = options.declared;
    for (const auto& field : options.declared->fields()) layout.keys.push_back(field->name());
    return layout;
  }
  layout.keys = options.selected.empty() ? collector.keys() : options.selected;
  std::vector<std::shared_ptr<arrow::Field>> fields;
  const auto names = UsableNames(layout.keys);
  for (size_t i = 0; i < layout.keys.size(); ++i) {
    if (!collector.has(layout.keys[i])) return NoSuchKey(file, layout.keys[i], collector.keys());
    fields.push_back(arrow::field(names[i], TypeOfKind(collector.kind(layout.keys[i]))));
  }
  if (fields.empty()) {
    return Fail(ErrorCode::kFileFormat, "file holds no objects with keys: " + file.name,
                "Declare the columns, or leave the file out.");
  }
  layout.schema = arrow::schema(std::move(fields));
  if (options.types) {
    VELARIA_ASSIGN_OR_RETURN(layout.schema, WithTypes(file.name, *layout.schema, *options.types));
  }
  if (auto bad = interop::ValidateSchema(*layout.schema); !bad.ok()) {
    return Fail(ErrorCode::kFileFormat,
                "the keys are not usable, " + ErrorInfoOf(bad).message + ": " + file.name);
  }
  return layout;
}

}  // namespace velaria::io
