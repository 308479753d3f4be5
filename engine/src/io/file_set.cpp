#include "io/file_set.hpp"

#include <arrow/array/util.h>
#include <arrow/compute/cast.h>

#include <atomic>
#include <map>
#include <mutex>
#include <tuple>

#include "base/text.hpp"
#include "interop/schema_rules.hpp"

namespace velaria::io {
namespace {

constexpr std::string_view kFilenameColumn = "filename";

struct Member {
  std::string path;
  std::shared_ptr<const FileTable> table;
  std::vector<int> columns;  // by column of the set: the file's column, or -1
};

struct Members {
  std::vector<Member> files;
  SchemaPtr schema;
  std::string name;
  int filename_column = -1;
};

/// Turns a batch of one file into a batch of the set.
struct Conversion {
  SchemaPtr schema;               // of the scan
  std::vector<int> sources;       // by output column: a column of the file's scan, or -1
  std::vector<bool> is_filename;  // by output column
  std::string path;

  Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::RecordBatch& batch,
                                                    arrow::MemoryPool* pool) const {
    arrow::ArrayVector columns;
    for (size_t i = 0; i < sources.size(); ++i) {
      const auto& field = *schema->field(static_cast<int>(i));
      if (is_filename[i]) {
        VELARIA_ASSIGN_OR_RETURN(auto column, arrow::MakeArrayFromScalar(arrow::StringScalar(path),
                                                                         batch.num_rows(), pool));
        columns.push_back(std::move(column));
      } else if (sources[i] < 0) {
        VELARIA_ASSIGN_OR_RETURN(auto column,
                                 arrow::MakeArrayOfNull(field.type(), batch.num_rows(), pool));
        columns.push_back(std::move(column));
      } else {
        auto column = batch.column(sources[i]);
        if (!column->type()->Equals(field.type())) {
          arrow::compute::ExecContext context(pool);
          auto cast = arrow::compute::Cast(*column, field.type(),
                                           arrow::compute::CastOptions::Safe(), &context);
          if (!cast.ok()) {
            return Fail(ErrorCode::kFileFormat,
                        "column " + field.name() + " of " + path + " does not convert to " +
                            SqlName(*field.type()) + ": " + FirstLine(cast.status().message()));
          }
          column = std::move(*cast);
        }
        columns.push_back(std::move(column));
      }
    }
    return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
  }
};

/// One file under way.
struct OpenMember {
  std::unique_ptr<FileScan> scan;
  Conversion conversion;
};

class SetScan final : public FileScan {
 public:
  SetScan(std::shared_ptr<const Members> members, FileScanSpec spec, arrow::MemoryPool* pool)
      : members_(std::move(members)), spec_(std::move(spec)), pool_(pool) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (int column : spec_.columns) fields.push_back(members_->schema->field(column));
    schema_ = arrow::schema(std::move(fields), members_->schema->metadata());
  }

  Result<std::optional<FileMorsel>> NextMorsel() override {
    std::lock_guard lock(mutex_);
    while (true) {
      if (!current_) {
        if (next_ == members_->files.size()) return std::nullopt;
        VELARIA_ASSIGN_OR_RETURN(current_, OpenNext(members_->files[next_++]));
        bytes_total_ += current_->scan->bytes_total();
      }
      VELARIA_ASSIGN_OR_RETURN(auto morsel, current_->scan->NextMorsel());
      if (morsel) {
        FileMorsel out;
        out.sequence = sequence_++;
        out.row_count = morsel->row_count;
        handed_out_[out.sequence] = {current_, std::move(*morsel)};
        return out;
      }
      bytes_read_ += current_->scan->bytes_read();
      skipped_ += current_->scan->morsels_skipped();
      current_.reset();
    }
  }

  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> Read(const FileMorsel& morsel,
                                                                arrow::MemoryPool* pool) override {
    std::shared_ptr<OpenMember> member;
    FileMorsel inner;
    {
      std::lock_guard lock(mutex_);
      std::tie(member, inner) = std::move(handed_out_.extract(morsel.sequence).mapped());
    }
    VELARIA_ASSIGN_OR_RETURN(auto batches, member->scan->Read(inner, pool));
    for (auto& batch : batches) {
      VELARIA_ASSIGN_OR_RETURN(batch, member->conversion.Apply(*batch, pool));
    }
    return batches;
  }

  const SchemaPtr& schema() const override { return schema_; }
  int64_t bytes_total() const override { return bytes_total_; }
  int64_t bytes_read() const override { return bytes_read_; }
  int64_t morsels_skipped() const override { return skipped_; }

 private:
  Result<std::shared_ptr<OpenMember>> OpenNext(const Member& member) const {
    auto open = std::make_shared<OpenMember>();
    FileScanSpec spec;
    std::map<int, int> places;  // column of the file: its place in the file's scan
    open->conversion.schema = schema_;
    open->conversion.path = member.path;
    for (int column : spec_.columns) {
      const bool is_filename = column == members_->filename_column;
      const int source = is_filename ? -1 : member.columns[static_cast<size_t>(column)];
      open->conversion.is_filename.push_back(is_filename);
      if (source < 0) {
        open->conversion.sources.push_back(-1);
        continue;
      }
      const auto [place, is_new] = places.emplace(source, static_cast<int>(spec.columns.size()));
      if (is_new) spec.columns.push_back(source);
      open->conversion.sources.push_back(place->second);
    }
    for (const auto& predicate : spec_.predicates) {
      if (predicate.column == members_->filename_column) continue;
      const int source = member.columns[static_cast<size_t>(predicate.column)];
      if (source < 0) continue;
      const auto& wanted = members_->schema->field(predicate.column)->type();
      if (!member.table->schema()->field(source)->type()->Equals(wanted)) continue;
      spec.predicates.push_back(predicate);
      spec.predicates.back().column = source;
    }
    VELARIA_ASSIGN_OR_RETURN(open->scan, member.table->Open(spec, pool_));
    return open;
  }

  const std::shared_ptr<const Members> members_;
  const FileScanSpec spec_;
  arrow::MemoryPool* const pool_;
  SchemaPtr schema_;
  std::mutex mutex_;  // guards the next four
  std::shared_ptr<OpenMember> current_;
  size_t next_ = 0;
  uint64_t sequence_ = 0;
  /// A file stays open until the last of its morsels is read.
  std::map<uint64_t, std::pair<std::shared_ptr<OpenMember>, FileMorsel>> handed_out_;
  std::atomic<int64_t> bytes_total_{0}, bytes_read_{0}, skipped_{0};
};

class SetTable final : public FileTable {
 public:
  explicit SetTable(std::shared_ptr<const Members> members) : members_(std::move(members)) {}
  const SchemaPtr& schema() const override { return members_->schema; }
  const std::string& name() const override { return members_->name; }
  const char* format() const override { return members_->files[0].table->format(); }
  int64_t estimated_row_count() const override {
    int64_t rows = 0;
    for (const auto& member : members_->files) rows += member.table->estimated_row_count();
    return rows;
  }
  bool skips_by_predicates() const override {
    return members_->files[0].table->skips_by_predicates();
  }
  Result<std::unique_ptr<FileScan>> Open(const FileScanSpec& spec,
                                         arrow::MemoryPool* pool) const override {
    return std::unique_ptr<FileScan>(new SetScan(members_, spec, pool));
  }

 private:
  const std::shared_ptr<const Members> members_;
};

bool IsTextFormat(const FileTable& table) {
  const std::string_view format = table.format();
  return format != "parquet" && format != "arrow";
}

/// The type that holds values of both; null when there is none.
TypePtr CommonType(const TypePtr& a, const TypePtr& b, bool is_text) {
  if (a->Equals(b)) return a;
  const auto is_number = [](const arrow::DataType& type) {
    return arrow::is_integer(type.id()) || IsFloating(type);
  };
  if (is_number(*a) && is_number(*b)) {
    arrow::Field::MergeOptions merge = arrow::Field::MergeOptions::Permissive();
    auto merged = arrow::field("", a)->MergeWith(*arrow::field("", b), merge);
    if (merged.ok()) return (*merged)->type();
  }
  if (!is_text) return nullptr;
  const auto is_day = [](const arrow::DataType& type) { return type.id() == arrow::Type::DATE32; };
  const auto is_time = [](const arrow::DataType& type) {
    return type.id() == arrow::Type::TIMESTAMP &&
           static_cast<const arrow::TimestampType&>(type).timezone().empty();
  };
  if (is_day(*a) && is_time(*b)) return b;
  if (is_time(*a) && is_day(*b)) return a;
  return arrow::utf8();
}

class SetBuilder {
 public:
  SetBuilder(std::string name, const AllowedRoots& roots, const FileOptions& options)
      : roots_(roots), options_(options) {
    members_->name = std::move(name);
  }

  Status Add(const std::string& path) {
    Member member;
    member.path = path;
    VELARIA_ASSIGN_OR_RETURN(member.table, OpenFile(path, roots_, options_));
    const auto& schema = *member.table->schema();
    const bool first = members_->files.empty();
    if (first) is_text_ = IsTextFormat(*member.table);
    if (!first && !options_.union_by_name) {
      VELARIA_RETURN_NOT_OK(CheckSameNames(path, schema));
    }
    member.columns.assign(fields_.size(), -1);
    for (int i = 0; i < schema.num_fields(); ++i) {
      const auto& field = schema.field(i);
      const auto [place, is_new] = places_.emplace(ToLower(field->name()), fields_.size());
      if (is_new) {
        fields_.push_back(field);
        member.columns.push_back(i);
        continue;
      }
      member.columns[place->second] = i;
      VELARIA_RETURN_NOT_OK(Merge(place->second, *field, path));
    }
    members_->files.push_back(std::move(member));
    return Status::OK();
  }

  Result<std::shared_ptr<const FileTable>> Finish() {
    VELARIA_RETURN_NOT_OK(ReadAnew());
    for (auto& member : members_->files) member.columns.resize(fields_.size(), -1);
    for (size_t i = 0; i < fields_.size(); ++i) {
      for (const auto& member : members_->files) {
        if (member.columns[i] < 0) fields_[i] = fields_[i]->WithNullable(true);
      }
    }
    if (options_.filename) {
      if (places_.contains(std::string(kFilenameColumn))) {
        return Fail(ErrorCode::kDuplicateColumn,
                    "the files have a column of that name themselves: filename",
                    "Leave the option filename out.");
      }
      members_->filename_column = static_cast<int>(fields_.size());
      fields_.push_back(arrow::field(std::string(kFilenameColumn), arrow::utf8(), false));
    }
    const auto metadata =
        members_->files.size() == 1 ? members_->files[0].table->schema()->metadata() : nullptr;
    members_->schema = arrow::schema(fields_, metadata);
    return std::make_shared<const SetTable>(std::move(members_));
  }

 private:
  Status CheckSameNames(const std::string& path, const arrow::Schema& schema) const {
    std::vector<std::string> names;
    for (const auto& field : fields_) names.push_back(field->name());
    bool same = static_cast<size_t>(schema.num_fields()) == names.size();
    for (size_t i = 0; same && i < names.size(); ++i) {
      same = EqualsIgnoreCase(names[i], schema.field(static_cast<int>(i))->name());
    }
    if (same) return Status::OK();
    return Fail(ErrorCode::kSchemaMismatch,
                "file has other columns than " + members_->files[0].path + ": " + path,
                "Columns that differ are matched by name with union_by_name := true.",
                "columns: " + Join(schema.field_names(), ", ") + "; before: " + Join(names, ", "));
  }

  Status Merge(size_t column, const arrow::Field& field, const std::string& path) {
    auto& merged = fields_[column];
    const auto type = CommonType(merged->type(), field.type(), is_text_);
    if (!type) {
      return Fail(ErrorCode::kSchemaMismatch,
                  "column " + field.name() + " is " + SqlName(*merged->type()) +
                      " in the files before and not in " + path + ": " + SqlName(*field.type()));
    }
    merged = arrow::field(merged->name(), type, merged->nullable() || field.nullable(),
                          merged->metadata());
    return Status::OK();
  }

  /// Text files whose own types differ from the common ones are read with these.
  Status ReadAnew() {
    if (!is_text_ || options_.declared) return Status::OK();
    for (auto& member : members_->files) {
      FileOptions options = options_;
      std::vector<std::shared_ptr<arrow::Field>> types;
      for (size_t i = 0; i < member.columns.size(); ++i) {
        if (member.columns[i] < 0) continue;
        const auto& own = member.table->schema()->field(member.columns[i]);
        if (!own->type()->Equals(fields_[i]->type()))
          types.push_back(own->WithType(fields_[i]->type()));
      }
      if (types.empty()) continue;
      if (options_.types) {
        for (const auto& field : options_.types->fields()) types.push_back(field);
      }
      options.types = arrow::schema(std::move(types));
      VELARIA_ASSIGN_OR_RETURN(member.table, OpenFile(member.path, roots_, options));
    }
    return Status::OK();
  }

  const AllowedRoots& roots_;
  const FileOptions& options_;
  std::shared_ptr<Members> members_ = std::make_shared<Members>();
  std::vector<std::shared_ptr<arrow::Field>> fields_;
  std::map<std::string, size_t> places_;  // by name in lower case
  bool is_text_ = false;
};

}  // namespace

Result<std::shared_ptr<const FileTable>> OpenFileSet(const std::vector<std::string>& paths,
                                                     const std::string& name,
                                                     const AllowedRoots& roots,
                                                     const FileOptions& options) {
  SetBuilder builder(name, roots, options);
  for (const auto& path : paths) VELARIA_RETURN_NOT_OK(builder.Add(path));
  return builder.Finish();
}

}  // namespace velaria::io
