// The ingest gate, rule by rule. Damaged streams as they come over the wire are in tests/faults.
#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/api.h>

#include <cstring>

#include "check.hpp"
#include "interop/ingest_gate.hpp"
#include "interop/schema_rules.hpp"

namespace velaria::interop {
namespace {

using Arrays = std::vector<std::shared_ptr<arrow::Array>>;

template <typename Builder, typename Value>
std::shared_ptr<arrow::Array> ArrayOf(Builder&& builder, const std::vector<Value>& values,
                                      const std::vector<bool>& valid = {}) {
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_valid = valid.empty() || valid[i];
    CHECK_OK(is_valid ? builder.Append(values[i]) : builder.AppendNull());
  }
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& values) {
  return ArrayOf(arrow::StringBuilder(), values);
}

template <typename T>
std::shared_ptr<arrow::Buffer> BufferOf(const std::vector<T>& values) {
  return arrow::Buffer::FromString(
      std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

std::shared_ptr<arrow::RecordBatch> BatchOf(const std::shared_ptr<arrow::Array>& array,
                                            bool nullable = true) {
  auto schema = arrow::schema({arrow::field("c", array->type(), nullable)});
  return arrow::RecordBatch::Make(schema, array->length(), {array});
}

ErrorInfo Verdict(const std::shared_ptr<arrow::RecordBatch>& batch, SchemaPtr declared = nullptr,
                  Origin origin = Origin::kProcess) {
  const Status status = ValidateBatch(batch, declared ? declared : batch->schema(), origin);
  if (status.ok()) return {ErrorCode::kInternal, "accepted", "", "", {}};
  return ErrorInfoOf(status);
}

bool IsRefused(const std::shared_ptr<arrow::RecordBatch>& batch) {
  const ErrorInfo error = Verdict(batch);
  return error.code == ErrorCode::kMalformedBatch && error.message.find('\n') == std::string::npos;
}

bool IsTaken(const std::shared_ptr<arrow::RecordBatch>& batch) {
  return ValidateBatch(batch, batch->schema()).ok();
}

std::shared_ptr<arrow::RecordBatch> TextBatch(const std::vector<int32_t>& offsets,
                                              const std::string& bytes) {
  auto data =
      arrow::ArrayData::Make(arrow::utf8(), static_cast<int64_t>(offsets.size()) - 1,
                             {nullptr, BufferOf(offsets), arrow::Buffer::FromString(bytes)}, 0);
  return BatchOf(arrow::MakeArray(data));
}

std::shared_ptr<arrow::RecordBatch> TimeBatch(const TypePtr& type,
                                              const std::vector<int64_t>& values,
                                              const std::vector<uint8_t>& validity = {}) {
  auto bits = validity.empty() ? nullptr : BufferOf(validity);
  auto data = arrow::ArrayData::Make(type, static_cast<int64_t>(values.size()),
                                     {bits, BufferOf(values)}, arrow::kUnknownNullCount);
  return BatchOf(arrow::MakeArray(data));
}

TEST(text_is_taken_when_offsets_ascend_and_bytes_are_utf8) {
  CHECK(IsTaken(TextBatch({0, 2, 2, 5}, "ab\xe2\x82\xac")));
  CHECK(IsTaken(TextBatch({0}, "")));
  CHECK(IsTaken(BatchOf(Texts({"\xf0\x9f\x98\x80", "", "z\xc3\xa4hler"}))));
  CHECK(IsTaken(BatchOf(Texts({"a", "b", "c", "d"})->Slice(1, 2))));
}

TEST(text_is_refused_when_its_offsets_lie) {
  CHECK(IsRefused(TextBatch({0, 2, 4, 1 << 20}, "aabbcc")));
  CHECK(IsRefused(TextBatch({0, 2, 1 << 28, 6}, "aabbcc")));
  CHECK(IsRefused(TextBatch({0, -1000000, 4, 6}, "aabbcc")));
  CHECK(IsRefused(TextBatch({0, 6, 2, 6}, "aabbcc")));
  CHECK(IsRefused(TextBatch({-4, 2, 4, 6}, "aabbcc")));
}

TEST(text_is_refused_when_its_bytes_are_no_utf8) {
  CHECK(IsRefused(TextBatch({0, 2, 4, 6}, "\xff\xfe\xc3\x28\x80\xf5")));
  CHECK(IsRefused(TextBatch({0, 2, 4, 6}, "aabb\xf0\x9f")));
  // Good as a whole, but the second string begins inside a character.
  CHECK(IsRefused(TextBatch({0, 2, 3}, "a\xc3\xa4")));
}

TEST(bytes_under_a_null_may_be_anything) {
  auto data = arrow::ArrayData::Make(arrow::utf8(), 3,
                                     {BufferOf<uint8_t>({0b101}), BufferOf<int32_t>({0, 1, 3, 4}),
                                      arrow::Buffer::FromString("a\xff\xfe"
                                                                "b")},
                                     1);
  CHECK(IsTaken(BatchOf(arrow::MakeArray(data))));
  CHECK(
      IsTaken(TimeBatch(arrow::timestamp(arrow::TimeUnit::SECOND), {0, int64_t{1} << 62}, {0b01})));
}

TEST(a_null_count_that_lies_is_refused) {
  auto data = arrow::ArrayData::Make(arrow::utf8(), 3,
                                     {BufferOf<uint8_t>({0b101}), BufferOf<int32_t>({0, 1, 2, 3}),
                                      arrow::Buffer::FromString("abc")},
                                     2);
  CHECK(IsRefused(BatchOf(arrow::MakeArray(data))));
}

TEST(times_lie_in_the_years_0001_to_9999) {
  const auto seconds = arrow::timestamp(arrow::TimeUnit::SECOND);
  CHECK(IsTaken(TimeBatch(seconds, {-62135596800, 0, 253402300799})));
  CHECK(IsRefused(TimeBatch(seconds, {-62135596801})));
  CHECK(IsRefused(TimeBatch(seconds, {0, 253402300800})));
  CHECK(IsRefused(TimeBatch(seconds, {int64_t{1} << 62})));
  CHECK(IsRefused(TimeBatch(seconds, {std::numeric_limits<int64_t>::min()})));
  CHECK(IsRefused(TimeBatch(arrow::timestamp(arrow::TimeUnit::MICRO), {253402300800000000})));
  CHECK(IsTaken(
      TimeBatch(arrow::timestamp(arrow::TimeUnit::NANO), {std::numeric_limits<int64_t>::max()})));
  CHECK(IsTaken(BatchOf(ArrayOf(arrow::Date32Builder(), std::vector<int>{-719162, 2932896}))));
  CHECK(IsRefused(BatchOf(ArrayOf(arrow::Date32Builder(), std::vector<int>{2932897}))));
  CHECK(IsRefused(BatchOf(ArrayOf(arrow::Date32Builder(), std::vector<int>{-719163}))));
}

TEST(times_inside_structs_and_dictionaries_are_checked) {
  const auto bad =
      TimeBatch(arrow::timestamp(arrow::TimeUnit::SECOND), {int64_t{1} << 62})->column(0);
  auto inside = arrow::StructArray::Make(Arrays{bad}, std::vector<std::string>{"t"}).ValueOrDie();
  CHECK(IsRefused(BatchOf(inside)));
  auto indices = ArrayOf(arrow::Int32Builder(), std::vector<int32_t>{0});
  auto encoded = arrow::DictionaryArray::FromArrays(indices, bad).ValueOrDie();
  CHECK(IsRefused(BatchOf(encoded)));
}

TEST(values_that_are_none_of_their_type_are_refused) {
  CHECK(IsRefused(TimeBatch(arrow::date64(), {12345})));
  CHECK(IsRefused(BatchOf(ArrayOf(
      arrow::Time32Builder(arrow::time32(arrow::TimeUnit::SECOND), arrow::default_memory_pool()),
      std::vector<int32_t>{1000000000}))));
  auto wide =
      arrow::ArrayData::Make(arrow::decimal128(5, 2), 1, {nullptr, BufferOf<int64_t>({1, 1})}, 0);
  CHECK(IsRefused(BatchOf(arrow::MakeArray(wide))));
}

TEST(dictionary_indexes_stay_inside_the_dictionary) {
  const auto encode = [](const std::vector<int32_t>& indices) {
    auto type = arrow::dictionary(arrow::int32(), arrow::utf8());
    return BatchOf(std::make_shared<arrow::DictionaryArray>(
        type, ArrayOf(arrow::Int32Builder(), indices), Texts({"aa", "bb"})));
  };
  CHECK(IsTaken(encode({0, 1, 1})));
  CHECK(IsRefused(encode({0, 2})));
  CHECK(IsRefused(encode({0, -1})));
  CHECK(IsRefused(encode({std::numeric_limits<int32_t>::max()})));
}

TEST(a_dictionary_is_checked_again_when_it_changes) {
  auto type = arrow::dictionary(arrow::int32(), arrow::utf8());
  auto schema = arrow::schema({arrow::field("c", type)});
  const auto indices = ArrayOf(arrow::Int32Builder(), std::vector<int32_t>{0});
  const auto batch = [&](const std::shared_ptr<arrow::Array>& dictionary) {
    return arrow::RecordBatch::Make(
        schema, 1, Arrays{std::make_shared<arrow::DictionaryArray>(type, indices, dictionary)});
  };
  auto gate = IngestGate::Open(schema, Origin::kWire).ValueOrDie();
  CHECK_OK(gate->Admit(batch(Texts({"a"}))));
  CHECK(!gate->Admit(batch(TextBatch({0, 1}, "\xff")->column(0))).ok());
  CHECK_OK(gate->Admit(batch(Texts({"b"}))));
}

TEST(a_schema_other_than_the_declared_one_is_named_with_its_first_difference) {
  const auto batch = BatchOf(Texts({"a"}));
  const ErrorInfo error = Verdict(batch, arrow::schema({arrow::field("c", arrow::int64())}));
  CHECK_EQ(CodeText(error.code), "VEL4005");
  CHECK_EQ(error.message,
           "the batch's schema is not the declared one: columns differ at position 1: expected c: "
           "int64, got c: string");
  auto more = arrow::schema({arrow::field("c", arrow::utf8()), arrow::field("d", arrow::utf8())});
  CHECK_EQ(CodeText(Verdict(batch, more).code), "VEL4005");
}

TEST(metadata_is_no_difference) {
  const auto batch = BatchOf(Texts({"a"}));
  auto declared = batch->schema()->WithMetadata(arrow::key_value_metadata({"k"}, {"v"}));
  CHECK_OK(ValidateBatch(batch, declared));
}

TEST(nulls_in_a_column_declared_without_are_refused) {
  const auto nulls = ArrayOf(arrow::Int64Builder(), std::vector<int64_t>{1, 2}, {true, false});
  CHECK(IsRefused(BatchOf(nulls, /*nullable=*/false)));
  CHECK(IsTaken(BatchOf(nulls)));
}

TEST(a_column_of_another_length_than_the_batch_is_refused) {
  auto schema = arrow::schema({arrow::field("c", arrow::utf8())});
  CHECK(IsRefused(arrow::RecordBatch::Make(schema, 2, Arrays{Texts({"a"})})));
  CHECK(IsRefused(arrow::RecordBatch::Make(schema, -1, Arrays{Texts({"a"})})));
}

TEST(zones_are_names_in_the_database_or_offsets) {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5",
                           "+05:30", "-11:00"}) {
    CHECK(IsTimeZone(zone));
  }
  for (const char* zone : {"", "../../etc/passwd", "/etc/localtime", "Europe/Atlantis", "+5:30",
                           "+25:00", "+05:60", "Europe/Berlin ", "Europe//Berlin", "UTC\n"}) {
    CHECK(!IsTimeZone(zone));
  }
}

TEST(schemas_no_table_could_have_are_refused) {
  const auto refused = [](const std::vector<std::shared_ptr<arrow::Field>>& fields) {
    const Status status = ValidateSchema(*arrow::schema(fields));
    return !status.ok() && ErrorInfoOf(status).code == ErrorCode::kMalformedBatch;
  };
  const auto field = [](const std::string& name, TypePtr type = arrow::int8()) {
    return arrow::field(name, type);
  };
  CHECK(refused({field("a"), field("a")}));
  CHECK(refused({field("\xff\xfe")}));
  CHECK(refused({field(std::string("a\0b", 3))}));
  CHECK(refused({field(std::string(2000, 'x'))}));
  CHECK(refused({field("t", arrow::timestamp(arrow::TimeUnit::SECOND, "../../etc/passwd"))}));
  CHECK(refused({field("l", arrow::list(arrow::timestamp(arrow::TimeUnit::SECOND, "No/Where")))}));
  CHECK(refused({field("u", arrow::dense_union({field("a")}))}));
  CHECK(refused({field("r", arrow::run_end_encoded(arrow::int32(), arrow::int64()))}));
  std::vector<std::shared_ptr<arrow::Field>> many;
  for (int i = 0; i <= kColumnCountMax; ++i) many.push_back(field("c" + std::to_string(i)));
  CHECK(refused(many));
  many.pop_back();
  CHECK(!refused(many));
  TypePtr deep = arrow::int64();
  for (int i = 1; i < kTypeDepthMax; ++i) deep = arrow::struct_({field("a", deep)});
  CHECK(!refused({field("d", deep)}));
  CHECK(refused({field("d", arrow::struct_({field("a", deep)}))}));
}

TEST(what_a_compressed_batch_unpacks_to_is_limited_on_the_wire_alone) {
  const int64_t rows = kUnpackedBytesMax / 8 + 1;
  auto zeros = arrow::MakeArrayFromScalar(*arrow::MakeScalar(int64_t{0}), rows).ValueOrDie();
  const auto batch = BatchOf(zeros);
  CHECK_OK(ValidateBatch(batch, batch->schema(), Origin::kProcess));
  CHECK_EQ(CodeText(Verdict(batch, nullptr, Origin::kWire).code), "VEL4006");
  // As it comes uncompressed: every buffer is a slice of the message.
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto writer = arrow::ipc::MakeStreamWriter(sink, batch->schema()).ValueOrDie();
  CHECK_OK(writer->WriteRecordBatch(*batch));
  CHECK_OK(writer->Close());
  auto input = std::make_shared<arrow::io::BufferReader>(sink->Finish().ValueOrDie());
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input).ValueOrDie();
  auto sent = reader->Next().ValueOrDie();
  CHECK_OK(ValidateBatch(sent, sent->schema(), Origin::kWire));
}

TEST(buffers_at_odd_addresses_are_moved_and_keep_their_values) {
  const std::vector<int64_t> values = {1, 2, 3};
  std::string storage(25, '\0');
  std::memcpy(storage.data() + 1, values.data(), 24);
  auto odd = arrow::SliceBuffer(arrow::Buffer::FromString(std::move(storage)), 1, 24);
  REQUIRE(reinterpret_cast<uintptr_t>(odd->data()) % 8 != 0);
  const auto batch =
      BatchOf(arrow::MakeArray(arrow::ArrayData::Make(arrow::int64(), 3, {nullptr, odd}, 0)));
  auto gate = IngestGate::Open(batch->schema(), Origin::kWire).ValueOrDie();
  auto admitted = gate->Admit(batch).ValueOrDie();
  const auto& buffer = admitted->column_data(0)->buffers[1];
  CHECK_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 8, 0u);
  CHECK(admitted->Equals(*BatchOf(ArrayOf(arrow::Int64Builder(), values))));
}

TEST(a_batch_that_needs_no_copy_is_handed_on_as_it_is) {
  const auto batch = BatchOf(Texts({"a", "b"}));
  auto gate = IngestGate::Open(batch->schema(), Origin::kProcess).ValueOrDie();
  CHECK(gate->Admit(batch).ValueOrDie() == batch);
}

}  // namespace
}  // namespace velaria::interop
