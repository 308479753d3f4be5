#include "interop/ingest_gate.hpp"

#include <arrow/util/align_util.h>
#include <arrow/util/int_util.h>
#include <arrow/util/utf8.h>

#include "base/text.hpp"
#include "interop/array_rules.hpp"
#include "interop/dictionary_nulls.hpp"
#include "interop/schema_rules.hpp"

namespace velaria::interop {
namespace {

using ArrayDataPtr = std::shared_ptr<arrow::ArrayData>;

/// Bytes of buffers that are no slice of a message's body.
int64_t UnpackedBytes(const arrow::ArrayData& data) {
  int64_t bytes = 0;
  for (const auto& buffer : data.buffers) {
    if (buffer && buffer->parent() == nullptr) bytes += buffer->size();
  }
  for (const auto& child : data.child_data) bytes += UnpackedBytes(*child);
  if (data.dictionary) bytes += UnpackedBytes(*data.dictionary);
  return bytes;
}

Result<ArrayDataPtr> Aligned(ArrayDataPtr data, arrow::MemoryPool* pool) {
  if (arrow::util::CheckAlignment(*data, arrow::util::kValueAlignment)) return data;
  return arrow::util::EnsureAlignment(std::move(data), arrow::util::kValueAlignment, pool);
}

Status CheckValues(const std::string& name, const arrow::ArrayData& data) {
  const auto id = data.type->id();
  if (id == arrow::Type::STRING || id == arrow::Type::LARGE_STRING) return CheckStrings(name, data);
  VELARIA_RETURN_NOT_OK(CheckWithArrow(name, data));
  return CheckTimes(name, data);
}

Status CheckIndices(const std::string& name, const arrow::ArrayData& column, int64_t value_count) {
  arrow::ArrayData indices = column;
  indices.type = static_cast<const arrow::DictionaryType&>(*column.type).index_type();
  indices.dictionary = nullptr;
  VELARIA_RETURN_NOT_OK(CheckWithArrow(name, indices));
  const Status bounds =
      arrow::internal::CheckIndexBounds(indices, static_cast<uint64_t>(value_count));
  if (bounds.ok()) return Status::OK();
  return Refuse("column " + name + " refers past its dictionary: " + FirstLine(bounds.message()));
}

}  // namespace

IngestGate::IngestGate(SchemaPtr declared, Origin origin)
    : declared_(std::move(declared)),
      origin_(origin),
      known_dictionaries_(declared_->num_fields()) {}

Result<std::unique_ptr<IngestGate>> IngestGate::Open(SchemaPtr declared, Origin origin) {
  VELARIA_RETURN_NOT_OK(ValidateSchema(*declared));
  arrow::util::InitializeUTF8();
  return std::unique_ptr<IngestGate>(new IngestGate(std::move(declared), origin));
}

Result<std::shared_ptr<arrow::RecordBatch>> IngestGate::Admit(
    std::shared_ptr<arrow::RecordBatch> batch, arrow::MemoryPool* pool) {
  if (batch->schema() != declared_) {
    const std::string difference = SchemaDifference(*declared_, *batch->schema());
    if (!difference.empty()) {
      return Fail(ErrorCode::kSchemaMismatch,
                  "the batch's schema is not the declared one: " + difference);
    }
  }
  if (batch->num_rows() < 0)
    return Refuse("negative row count: " + std::to_string(batch->num_rows()));
  if (origin_ == Origin::kWire) {
    int64_t unpacked = 0;
    for (const auto& column : batch->column_data()) unpacked += UnpackedBytes(*column);
    if (unpacked > kUnpackedBytesMax) {
      return Refuse("a compressed batch unpacks to too many bytes: " + std::to_string(unpacked),
                    "Send smaller batches, or leave compression out.");
    }
  }
  std::vector<ArrayDataPtr> columns = batch->column_data();
  bool any_copied = false;
  for (int i = 0; i < batch->num_columns(); ++i) {
    const std::string name = PrintableName(declared_->field(i)->name());
    if (columns[i]->length != batch->num_rows()) {
      return Refuse("column " + name +
                    " has another length than its batch: " + std::to_string(columns[i]->length));
    }
    VELARIA_ASSIGN_OR_RETURN(auto admitted, AdmitColumn(i, columns[i], pool));
    if (!declared_->field(i)->nullable() && admitted->GetNullCount() > 0) {
      return Refuse("a column declared without nulls holds nulls: " + name);
    }
    any_copied |= admitted != columns[i];
    columns[i] = std::move(admitted);
  }
  if (!any_copied) return batch;
  return arrow::RecordBatch::Make(batch->schema(), batch->num_rows(), std::move(columns));
}

Result<ArrayDataPtr> IngestGate::AdmitColumn(int index, ArrayDataPtr column,
                                             arrow::MemoryPool* pool) {
  if (column->type->id() == arrow::Type::DICTIONARY && column->dictionary) {
    return AdmitDictionary(index, std::move(column), pool);
  }
  VELARIA_ASSIGN_OR_RETURN(auto aligned, Aligned(std::move(column), pool));
  VELARIA_RETURN_NOT_OK(CheckValues(PrintableName(declared_->field(index)->name()), *aligned));
  return aligned;
}

Result<ArrayDataPtr> IngestGate::AdmitDictionary(int index, ArrayDataPtr column,
                                                 arrow::MemoryPool* pool) {
  const std::string name = PrintableName(declared_->field(index)->name());
  KnownDictionary& known = known_dictionaries_[index];
  if (known.sent != column->dictionary) {
    VELARIA_ASSIGN_OR_RETURN(auto aligned, Aligned(column->dictionary, pool));
    VELARIA_RETURN_NOT_OK(CheckValues(name, *aligned));
    known = {column->dictionary, aligned, nullptr};
    if (aligned->GetNullCount() > 0) {
      known.with_nulls = aligned;
      VELARIA_ASSIGN_OR_RETURN(known.admitted, WithoutNulls(*aligned, pool));
    }
  }
  if (known.admitted != column->dictionary) {
    column = std::make_shared<arrow::ArrayData>(*column);
    column->dictionary = known.admitted;
  }
  VELARIA_ASSIGN_OR_RETURN(column, Aligned(std::move(column), pool));
  VELARIA_RETURN_NOT_OK(CheckIndices(name, *column, known.admitted->length));
  if (known.with_nulls) return WithDictionaryNulls(column, known.with_nulls, pool);
  return column;
}

Status ValidateBatch(const std::shared_ptr<arrow::RecordBatch>& batch, const SchemaPtr& declared,
                     Origin origin) {
  VELARIA_ASSIGN_OR_RETURN(auto gate, IngestGate::Open(declared, origin));
  return gate->Admit(batch).status();
}

}  // namespace velaria::interop
