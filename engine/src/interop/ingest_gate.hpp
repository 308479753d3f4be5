// The ingest gate: every batch that comes from outside passes here before any operator reads it.
// What has passed may be read without a further bounds check: offsets, views, dictionary indexes
// and lengths are right, text is UTF-8, and every date and timestamp lies in the years 0001 to
// 9999.
//
// What never gets here, because Arrow's stream reader refuses it: truncated or garbled messages,
// lengths of messages and buffers that lie, fields whose length differs from the batch's, missing
// dictionaries, corrupt compressed buffers.
//
// Order of calls: one IngestGate per put; Open() checks the schema once, Admit() each batch. Not
// thread-safe.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <memory>
#include <vector>

#include "base/status.hpp"
#include "columnar/types.hpp"

namespace velaria::interop {

inline constexpr int kColumnCountMax = 4096;
inline constexpr int kTypeDepthMax = 32;
inline constexpr int kColumnNameBytesMax = 1024;
inline constexpr int64_t kUnpackedBytesMax = int64_t{64} << 20;

/// Where batches come from. Over the wire, buffers that lie in no message body were unpacked from a
/// compressed one, and a batch may unpack to kUnpackedBytesMax at most; inside the process every
/// buffer looks like that, and no such limit makes sense.
enum class Origin { kProcess, kWire };

/// VEL4006 when a batch of this schema could never be taken: too many or too deep columns, a name
/// that is repeated, too long or no UTF-8, a type the kernel has no room for, a time zone that is
/// not in the time zone database.
Status ValidateSchema(const arrow::Schema& schema);

class IngestGate {
 public:
  static Result<std::unique_ptr<IngestGate>> Open(SchemaPtr declared, Origin origin);

  /// The batch as it may be read: itself, or with copies (from `pool`) of those buffers that do not
  /// lie at an address fit for their type, as bodies from the wire do not when a client frames its
  /// messages oddly, and with nulls that hide in a dictionary moved into the column. VEL4005 when
  /// the batch's schema is not the declared one (metadata aside), VEL4006 when the batch is damaged
  /// or breaks a rule. Costs a read of every text, time and offset; next to nothing for numbers.
  Result<std::shared_ptr<arrow::RecordBatch>> Admit(
      std::shared_ptr<arrow::RecordBatch> batch,
      arrow::MemoryPool* pool = arrow::default_memory_pool());

 private:
  /// The dictionary of a column that passed last: a stream sends it once and refers to it from
  /// every batch.
  struct KnownDictionary {
    std::shared_ptr<arrow::ArrayData> sent, admitted;
    std::shared_ptr<arrow::ArrayData> with_nulls;  // null when it holds none
  };

  IngestGate(SchemaPtr declared, Origin origin);
  Result<std::shared_ptr<arrow::ArrayData>> AdmitColumn(int index,
                                                        std::shared_ptr<arrow::ArrayData> column,
                                                        arrow::MemoryPool* pool);
  Result<std::shared_ptr<arrow::ArrayData>> AdmitDictionary(
      int index, std::shared_ptr<arrow::ArrayData> column, arrow::MemoryPool* pool);

  SchemaPtr declared_;
  Origin origin_;
  std::vector<KnownDictionary> known_dictionaries_;  // by column
};

/// The verdict on one batch on its own: the schema's rules, then the batch's.
Status ValidateBatch(const std::shared_ptr<arrow::RecordBatch>& batch, const SchemaPtr& declared,
                     Origin origin = Origin::kProcess);

}  // namespace velaria::interop
