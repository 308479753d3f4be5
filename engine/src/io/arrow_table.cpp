#include "io/arrow_table.hpp"

#include <arrow/ipc/reader.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "base/text.hpp"
#include "interop/ingest_gate.hpp"
#include "interop/schema_rules.hpp"
#include "io/file_probe.hpp"

namespace velaria::io {
namespace {

using Batches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

Status Damaged(const std::string& name, const Status& why) {
  if (why.IsOutOfMemory() || why.IsCancelled()) return why;
  return Fail(ErrorCode::kFileFormat, "not a readable Arrow file: " + name, "",
              FirstLine(ErrorInfoOf(why).message));
}

/// The batches of a file in either framing.
class IpcBatches {
 public:
  static Result<std::unique_ptr<IpcBatches>> Open(const OpenedFile& file,
                                                  const std::vector<int>& columns,
                                                  arrow::MemoryPool* pool) {
    auto out = std::make_unique<IpcBatches>();
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.memory_pool = pool;
    options.use_threads = false;
    options.included_fields = columns;
    Status opened;
    VELARIA_ASSIGN_OR_RETURN(const auto magic, MagicOf(file));
    if (magic == Magic::kArrow) {
      opened = arrow::ipc::RecordBatchFileReader::Open(file.file, options).Value(&out->file_);
    } else {
      VELARIA_ASSIGN_OR_RETURN(
          auto bytes, arrow::io::RandomAccessFile::GetStream(file.file, 0, file.byte_count));
      opened = arrow::ipc::RecordBatchStreamReader::Open(bytes, options).Value(&out->stream_);
    }
    if (!opened.ok()) return Damaged(file.name, opened);
    return out;
  }

  SchemaPtr schema() const { return file_ ? file_->schema() : stream_->schema(); }
  /// -1: unknown.
  int64_t CountRows() {
    if (!file_) return -1;
    auto rows = file_->CountRows();
    return rows.ok() ? *rows : -1;
  }
  /// Null at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Next() {
    if (!file_) {
      std::shared_ptr<arrow::RecordBatch> batch;
      VELARIA_RETURN_NOT_OK(stream_->ReadNext(&batch));
      return batch;
    }
    if (next_ == file_->num_record_batches()) return nullptr;
    return file_->ReadRecordBatch(next_++);
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_;
  int next_ = 0;
};

class ArrowScan final : public FileScan {
 public:
  ArrowScan(std::unique_ptr<IpcBatches> batches, OpenedFile file, SchemaPtr table_schema,
            std::vector<int> columns)
      : batches_(std::move(batches)), file_(std::move(file)), columns_(std::move(columns)) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : columns_) fields.push_back(table_schema->field(column));
    schema_ = arrow::schema(std::move(fields), table_schema->metadata());
    read_columns_ = columns_;
    std::sort(read_columns_.begin(), read_columns_.end());
    read_columns_.erase(std::unique(read_columns_.begin(), read_columns_.end()),
                        read_columns_.end());
  }

  Result<std::optional<FileMorsel>> NextMorsel() override {
    std::lock_guard lock(mutex_);
    auto batch = batches_->Next();
    if (!batch.ok()) return Damaged(file_.name, batch.status());
    if (!*batch) {
      bytes_read_.store(file_.byte_count, std::memory_order_relaxed);
      return std::nullopt;
    }
    FileMorsel morsel;
    morsel.sequence = sequence_++;
    morsel.row_count = (*batch)->num_rows();
    read_[morsel.sequence] = std::move(*batch);
    return morsel;
  }

  Result<Batches> Read(const FileMorsel& morsel, arrow::MemoryPool* pool) override {
    std::shared_ptr<arrow::RecordBatch> batch;
    {
      std::lock_guard lock(mutex_);
      batch = std::move(read_.extract(morsel.sequence).mapped());
    }
    if (columns_.empty()) {
      return Batches{arrow::RecordBatch::Make(schema_, batch->num_rows(),
                                              std::vector<std::shared_ptr<arrow::ArrayData>>{})};
    }
    VELARIA_ASSIGN_OR_RETURN(auto gate,
                             interop::IngestGate::Open(batch->schema(), interop::Origin::kProcess));
    auto admitted = gate->Admit(std::move(batch), pool);
    if (!admitted.ok()) return Damaged(file_.name, admitted.status());
    std::vector<std::shared_ptr<arrow::ArrayData>> columns;
    for (int column : columns_) {
      const auto at = std::lower_bound(read_columns_.begin(), read_columns_.end(), column);
      columns.push_back((*admitted)->column_data(static_cast<int>(at - read_columns_.begin())));
    }
    auto out = arrow::RecordBatch::Make(schema_, (*admitted)->num_rows(), std::move(columns));
    for (int i = 0; i < schema_->num_fields(); ++i) {
      if (schema_->field(i)->nullable() || out->column(i)->null_count() == 0) continue;
      return Fail(ErrorCode::kFileFormat, "a column declared NOT NULL holds nulls in " +
                                              file_.name + ": " + schema_->field(i)->name());
    }
    return Batches{std::move(out)};
  }

  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override { return file_.byte_count; }
  int64_t bytes_read() const override { return bytes_read_.load(std::memory_order_relaxed); }
  int64_t morsels_skipped() const override { return 0; }

 private:
  const std::unique_ptr<IpcBatches> batches_;
  const OpenedFile file_;
  const std::vector<int> columns_;
  std::vector<int> read_columns_;  // of the file, ascending, each once
  SchemaPtr schema_;
  std::mutex mutex_;  // guards batches_ and the next two
  uint64_t sequence_ = 0;
  std::map<uint64_t, std::shared_ptr<arrow::RecordBatch>> read_;  // of morsels handed out
  std::atomic<int64_t> bytes_read_{0};
};

class ArrowTable final : public FileTable {
 public:
  ArrowTable(std::string name, AllowedRoots roots, SchemaPtr found, SchemaPtr schema, int64_t rows)
      : name_(std::move(name)),
        roots_(std::move(roots)),
        found_(std::move(found)),
        schema_(std::move(schema)),
        row_count_(rows) {}
  const SchemaPtr& schema() const override { return schema_; }
  const std::string& name() const override { return name_; }
  const char* format() const override { return "arrow"; }
  int64_t estimated_row_count() const override { return row_count_; }
  bool skips_by_predicates() const override { return false; }
  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool* pool) const override {
    VELARIA_ASSIGN_OR_RETURN(auto file, roots_.Open(name_));
    // Without columns one is read for its rows: included_fields that are empty mean all.
    std::vector<int> columns = spec.columns.empty() ? std::vector<int>{0} : spec.columns;
    std::sort(columns.begin(), columns.end());
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    VELARIA_ASSIGN_OR_RETURN(auto batches, IpcBatches::Open(file, columns, pool));
    const auto now = batches->schema();
    bool same = now->num_fields() == static_cast<int>(columns.size());
    for (size_t i = 0; same && i < columns.size(); ++i) {
      same = columns[i] < found_->num_fields() &&
             now->field(static_cast<int>(i))->Equals(found_->field(columns[i]), false);
    }
    if (!same) {
      return Fail(ErrorCode::kFileFormat, "file has other columns than before: " + name_);
    }
    return std::unique_ptr<FileScan>(
        new ArrowScan(std::move(batches), std::move(file), schema_, spec.columns));
  }

 private:
  const std::string name_;
  const AllowedRoots roots_;
  const SchemaPtr found_, schema_;
  const int64_t row_count_;
};

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenArrow(const OpenedFile& file,
                                                   const AllowedRoots& roots,
                                                   const FileOptions& options) {
  VELARIA_ASSIGN_OR_RETURN(auto batches, IpcBatches::Open(file, {}, arrow::default_memory_pool()));
  const SchemaPtr found = batches->schema();
  if (auto bad = interop::ValidateSchema(*found); !bad.ok()) {
    return Fail(ErrorCode::kFileFormat, file.name + ": " + ErrorInfoOf(bad).message);
  }
  SchemaPtr schema = found;
  if (options.declared) {
    VELARIA_RETURN_NOT_OK(CheckDeclaredColumns(file.name, *found, *options.declared));
    schema = options.declared;
  }
  return std::make_shared<const ArrowTable>(file.name, roots, found, std::move(schema),
                                            batches->CountRows());
}

}  // namespace velaria::io
