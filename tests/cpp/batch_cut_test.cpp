// What a batch refers to is counted without making anything, and as Arrow counts it.
#include "execution/batch_cut.hpp"

#include <arrow/array/util.h>
#include <arrow/util/byte_size.h>

#include "check.hpp"

namespace velaria::execution {
namespace {

std::shared_ptr<arrow::RecordBatch> OneColumn(const std::shared_ptr<arrow::Array>& column) {
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("a", column->type())}),
                                  column->length(), {column});
}

TEST(bytes_of_a_batch_are_those_that_arrow_counts) {
  const std::shared_ptr<arrow::Scalar> values[] = {
      std::make_shared<arrow::BooleanScalar>(true),
      std::make_shared<arrow::Int8Scalar>(1),
      std::make_shared<arrow::DoubleScalar>(1.5),
      std::make_shared<arrow::Date32Scalar>(1),
      std::make_shared<arrow::Decimal128Scalar>(arrow::Decimal128(7), arrow::decimal128(20, 2)),
      std::make_shared<arrow::StringScalar>("a text that stands on its own"),
      std::make_shared<arrow::NullScalar>(),
  };
  for (const auto& value : values) {
    for (const auto& column :
         {*arrow::MakeArrayFromScalar(*value, 1000), *arrow::MakeArrayOfNull(value->type, 1000)}) {
      for (const int64_t offset : {0, 8, 16}) {
        const auto batch = OneColumn(column->Slice(offset, 800));
        CHECK_EQ(ReferencedBytes(*batch), *arrow::util::ReferencedBufferSize(*batch));
      }
    }
  }
}

TEST(bytes_of_several_columns_are_their_sum) {
  const auto numbers = *arrow::MakeArrayFromScalar(arrow::Int64Scalar(1), 10);
  const auto texts = *arrow::MakeArrayFromScalar(arrow::StringScalar("xyz"), 10);
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("n", arrow::int64()), arrow::field("t", arrow::utf8())}), 10,
      {numbers, texts});
  CHECK_EQ(ReferencedBytes(*batch),
           ReferencedBytes(*OneColumn(numbers)) + ReferencedBytes(*OneColumn(texts)));
}

}  // namespace
}  // namespace velaria::execution
