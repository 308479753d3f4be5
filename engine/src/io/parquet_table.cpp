#include "io/parquet_table.hpp"

#include <arrow/table.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>

#include <atomic>
#include <mutex>
#include <numeric>

#include "base/text.hpp"
#include "interop/ingest_gate.hpp"
#include "interop/schema_rules.hpp"
#include "io/file_probe.hpp"
#include "io/parquet_prune.hpp"

namespace velaria::io {
namespace {

Status Damaged(const std::string& name, std::string_view why) {
  return Fail(ErrorCode::kFileFormat, "not a readable Parquet file: " + name, "", FirstLine(why));
}

Status Damaged(const std::string& name, const Status& why) {
  if (why.IsOutOfMemory() || why.IsCancelled()) return why;
  return Damaged(name, why.message());
}

/// The Parquet library throws; nothing of that leaves this file.
template <typename Call>
auto Guarded(const std::string& name, Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory("out of memory while reading: " + name);
  } catch (const std::exception& error) {
    return Damaged(name, error.what());
  }
}

void AddLeaves(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.is_leaf()) leaves->push_back(field.column_index);
  for (const auto& child : field.children) AddLeaves(child, leaves);
}

/// What the footer says, shared by a table and its scans.
struct Footer {
  std::shared_ptr<parquet::FileMetaData> metadata;
  SchemaPtr schema;
  std::vector<std::vector<int>> leaves;  // Parquet columns of each Arrow column
  std::vector<bool> is_flat;  // one leaf, neither nested nor repeated: statistics speak of rows
};

Result<std::unique_ptr<parquet::arrow::FileReader>> MakeReader(
    const OpenedFile& file, std::shared_ptr<parquet::FileMetaData> metadata,
    arrow::MemoryPool* pool) {
  parquet::arrow::FileReaderBuilder builder;
  const Status opened =
      builder.Open(file.file, parquet::ReaderProperties(pool), std::move(metadata));
  if (!opened.ok()) return Damaged(file.name, opened);
  parquet::ArrowReaderProperties properties;
  properties.set_use_threads(false);  // parallelism is over row groups
  properties.set_pre_buffer(false);
  auto reader = builder.memory_pool(pool)->properties(properties)->Build();
  if (!reader.ok()) return Damaged(file.name, reader.status());
  return reader;
}

Result<std::shared_ptr<const Footer>> ReadFooter(const OpenedFile& file) {
  return Guarded(file.name, [&]() -> Result<std::shared_ptr<const Footer>> {
    VELARIA_ASSIGN_OR_RETURN(auto reader, MakeReader(file, nullptr, arrow::default_memory_pool()));
    auto footer = std::make_shared<Footer>();
    footer->metadata = reader->parquet_reader()->metadata();
    if (auto read = reader->GetSchema(&footer->schema); !read.ok()) return Damaged(file.name, read);
    if (auto bad = interop::ValidateSchema(*footer->schema); !bad.ok()) {
      return Fail(ErrorCode::kFileFormat, file.name + ": " + ErrorInfoOf(bad).message);
    }
    for (const auto& field : reader->manifest().schema_fields) {
      AddLeaves(field, &footer->leaves.emplace_back());
      footer->is_flat.push_back(field.is_leaf() && field.level_info.rep_level == 0);
    }
    return footer;
  });
}

class ParquetScan : public FileScan {
 public:
  ParquetScan(std::shared_ptr<const Footer> footer, OpenedFile file, SchemaPtr table_schema,
              FileScanSpec spec)
      : footer_(std::move(footer)), file_(std::move(file)), spec_(std::move(spec)) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : spec_.columns) fields.push_back(table_schema->field(column));
    schema_ = arrow::schema(std::move(fields), table_schema->metadata());
    read_columns_ = spec_.columns;
    std::sort(read_columns_.begin(), read_columns_.end());
    read_columns_.erase(std::unique(read_columns_.begin(), read_columns_.end()),
                        read_columns_.end());
    for (int column : read_columns_) {
      const auto& leaves = footer_->leaves[column];
      read_leaves_.insert(read_leaves_.end(), leaves.begin(), leaves.end());
    }
  }

  Result<std::optional<FileMorsel>> NextMorsel() override;
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Read(const FileMorsel& morsel,
                                                                arrow::MemoryPool* pool) override;
  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override { return file_.byte_count; }
  int64_t bytes_read() const override { return bytes_read_.load(std::memory_order_relaxed); }
  int64_t morsels_skipped() const override { return skipped_.load(std::memory_order_relaxed); }

 private:
  bool MayPass(const parquet::RowGroupMetaData& row_group) const;
  std::shared_ptr<arrow::RecordBatch> InOutputOrder(const arrow::RecordBatch& batch) const;

  const std::shared_ptr<const Footer> footer_;
  const OpenedFile file_;
  const FileScanSpec spec_;
  SchemaPtr schema_;
  std::vector<int> read_columns_;  // of the file, ascending, each once
  std::vector<int> read_leaves_;
  std::mutex mutex_;  // guards the two below
  int next_row_group_ = 0;
  uint64_t sequence_ = 0;
  std::atomic<int64_t> bytes_read_{0};
  std::atomic<int64_t> skipped_{0};
};

bool ParquetScan::MayPass(const parquet::RowGroupMetaData& row_group) const {
  return std::all_of(spec_.predicates.begin(), spec_.predicates.end(), [&](const auto& predicate) {
    if (!footer_->is_flat[predicate.column]) return true;
    const auto chunk = row_group.ColumnChunk(footer_->leaves[predicate.column][0]);
    return MayHold(*chunk, *footer_->schema->field(predicate.column)->type(), predicate);
  });
}

Result<std::optional<FileMorsel>> ParquetScan::NextMorsel() {
  return Guarded(file_.name, [&]() -> Result<std::optional<FileMorsel>> {
    std::lock_guard lock(mutex_);
    while (next_row_group_ < footer_->metadata->num_row_groups()) {
      const int index = next_row_group_++;
      const auto row_group = footer_->metadata->RowGroup(index);
      if (row_group->num_rows() == 0) continue;
      if (!MayPass(*row_group)) {
        skipped_.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      FileMorsel morsel;
      morsel.sequence = sequence_++;
      morsel.row_count = row_group->num_rows();
      morsel.offset = index;
      return morsel;
    }
    return std::nullopt;
  });
}

std::shared_ptr<arrow::RecordBatch> ParquetScan::InOutputOrder(
    const arrow::RecordBatch& batch) const {
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int column : spec_.columns) {
    const auto at = std::lower_bound(read_columns_.begin(), read_columns_.end(), column);
    columns.push_back(batch.column_data(static_cast<int>(at - read_columns_.begin())));
  }
  return arrow::RecordBatch::Make(schema_, batch.num_rows(), std::move(columns));
}

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> ParquetScan::Read(
    const FileMorsel& morsel, arrow::MemoryPool* pool) {
  using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;
  const int index = static_cast<int>(morsel.offset);
  return Guarded(file_.name, [&]() -> Result<Batches> {
    if (spec_.columns.empty()) {
      return Batches{arrow::RecordBatch::Make(schema_, morsel.row_count,
                                              std::vector<std::shared_ptr<arrow::ArrayData>>{})};
    }
    VELARIA_ASSIGN_OR_RETURN(auto reader, MakeReader(file_, footer_->metadata, pool));
    auto table = reader->ReadRowGroup(index, read_leaves_);
    if (!table.ok()) return Damaged(file_.name, table.status());
    if ((*table)->num_rows() != morsel.row_count) {
      return Damaged(file_.name, "a row group holds another number of rows than it says");
    }
    const auto row_group = footer_->metadata->RowGroup(index);
    for (int leaf : read_leaves_) {
      bytes_read_.fetch_add(row_group->ColumnChunk(leaf)->total_compressed_size(),
                            std::memory_order_relaxed);
    }
    VELARIA_ASSIGN_OR_RETURN(
        auto gate, interop::IngestGate::Open((*table)->schema(), interop::Origin::kProcess));
    Batches batches;
    arrow::TableBatchReader parts(**table);
    while (true) {
      VELARIA_ASSIGN_OR_RETURN(auto part, parts.Next());
      if (!part) return batches;
      auto admitted = gate->Admit(std::move(part), pool);
      if (!admitted.ok()) return Damaged(file_.name, ErrorInfoOf(admitted.status()).message);
      batches.push_back(InOutputOrder(**admitted));
      for (int i = 0; i < schema_->num_fields(); ++i) {
        if (schema_->field(i)->nullable() || batches.back()->column(i)->null_count() == 0) continue;
        return Fail(ErrorCode::kFileFormat, "a column declared NOT NULL holds nulls in " +
                                                file_.name + ": " + schema_->field(i)->name());
      }
    }
  });
}

class ParquetTable : public FileTable {
 public:
  ParquetTable(OpenedFile file, AllowedRoots roots, std::shared_ptr<const Footer> footer,
               SchemaPtr schema)
      : first_(std::move(file)),
        roots_(std::move(roots)),
        footer_(std::move(footer)),
        schema_(std::move(schema)) {
    first_.file.reset();  // a table keeps no file open
  }

  const SchemaPtr& schema() const override { return schema_; }
  const std::string& name() const override { return first_.name; }
  const char* format() const override { return "parquet"; }
  int64_t estimated_row_count() const override { return footer_->metadata->num_rows(); }
  bool skips_by_predicates() const override { return true; }

  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool*) const override {
    VELARIA_ASSIGN_OR_RETURN(auto file, roots_.Open(first_.name));
    auto footer = footer_;
    if (file.byte_count != first_.byte_count || file.modified_ns != first_.modified_ns) {
      VELARIA_ASSIGN_OR_RETURN(footer, ReadFooter(file));
      if (!footer->schema->Equals(*footer_->schema, /*check_metadata=*/false)) {
        return Fail(ErrorCode::kFileFormat, "file has other columns than before: " + file.name);
      }
    }
    return std::unique_ptr<FileScan>(
        new ParquetScan(std::move(footer), std::move(file), schema_, spec));
  }

 private:
  OpenedFile first_;
  AllowedRoots roots_;
  std::shared_ptr<const Footer> footer_;
  SchemaPtr schema_;
};

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenParquet(const OpenedFile& file,
                                                     const AllowedRoots& roots,
                                                     const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto footer, ReadFooter(file));
  SchemaPtr schema = footer->schema;
  if (options.declared) {
    VELARIA_RETURN_NOT_OK(CheckDeclaredColumns(file.name, *schema, *options.declared));
    schema = options.declared;
  }
  return std::make_shared<const ParquetTable>(file, roots, std::move(footer), std::move(schema));
}

}  // namespace velaria::io
