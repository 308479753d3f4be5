// Parquet as a table: columns, skipped row groups, damage.
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>

#include "check.hpp"
#include "files.hpp"

namespace velaria::io {
namespace {

/// Ten row groups of 100 rows: id 0..999, name "n<id>", x = id / 2 with a null at each multiple of
/// 100.
std::string WriteParquet(const Folder& folder, const std::string& name) {
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  arrow::DoubleBuilder halves;
  for (int64_t i = 0; i < 1000; ++i) {
    CHECK_OK(ids.Append(i));
    CHECK_OK(names.Append("n" + std::to_string(i)));
    CHECK_OK(i % 100 == 0 ? halves.AppendNull() : halves.Append(static_cast<double>(i) / 2));
  }
  auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
                     arrow::field("x", arrow::float64())});
  auto table = arrow::Table::Make(schema, {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie(),
                                           halves.Finish().ValueOrDie()});
  const std::string path = (folder.path() / name).string();
  auto out = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  CHECK_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 100));
  CHECK_OK(out->Close());
  return path;
}

TEST(parquet_is_known_by_its_content_and_read_by_column) {
  Folder folder;
  const auto path = WriteParquet(folder, "data.bin");
  const auto table = OpenFile(path, AllowedRoots()).ValueOrDie();
  CHECK_EQ(std::string(table->format()), "parquet");
  CHECK_EQ(table->estimated_row_count(), 1000);
  auto all = table->Open({{0, 1, 2}, {}}, arrow::default_memory_pool()).ValueOrDie();
  CHECK_EQ(ReadAll(*all).ValueOrDie()->num_rows(), 1000);
  auto one = table->Open({{2, 0, 2}, {}}, arrow::default_memory_pool()).ValueOrDie();
  const auto rows = ReadAll(*one).ValueOrDie();
  CHECK_EQ(rows->schema()->ToString(), "x: double\nid: int64\nx: double");
  CHECK_EQ(rows->column(1)->GetScalar(777).ValueOrDie()->ToString(), "777");
  CHECK(one->bytes_read() < all->bytes_read());
  auto count = table->Open({{}, {}}, arrow::default_memory_pool()).ValueOrDie();
  CHECK_EQ(ReadAll(*count).ValueOrDie()->num_rows(), 1000);
  CHECK_EQ(count->bytes_read(), 0);
}

TEST(row_groups_are_skipped_only_when_no_row_can_pass) {
  CHECK_OK(arrow::compute::Initialize());
  Folder folder;
  const auto table = OpenFile(WriteParquet(folder, "t.parquet"), AllowedRoots()).ValueOrDie();
  const auto rows_after = [&](const std::vector<SimplePredicate>& predicates) {
    auto scan = table->Open({{0}, predicates}, arrow::default_memory_pool()).ValueOrDie();
    const int64_t rows = ReadAll(*scan).ValueOrDie()->num_rows();
    CHECK_EQ(rows + 100 * scan->morsels_skipped(), 1000);
    return rows;
  };
  const auto number = [](int64_t value) { return arrow::MakeScalar(value); };
  CHECK_EQ(rows_after({{0, Comparison::kEqual, number(250)}}), 100);
  CHECK_EQ(rows_after({{0, Comparison::kEqual, number(-1)}}), 0);
  CHECK_EQ(rows_after({{0, Comparison::kLess, number(200)}}), 200);
  CHECK_EQ(rows_after({{0, Comparison::kLessEqual, number(200)}}), 300);
  CHECK_EQ(rows_after({{0, Comparison::kGreater, number(899)}}), 100);
  CHECK_EQ(rows_after({{0, Comparison::kGreaterEqual, number(899)}}), 200);
  CHECK_EQ(rows_after({{0, Comparison::kNotEqual, number(5)}}), 1000);
  CHECK_EQ(
      rows_after({{0, Comparison::kGreater, number(300)}, {0, Comparison::kLess, number(400)}}),
      100);
  CHECK_EQ(rows_after({{0, Comparison::kIsNull, nullptr}}), 0);
  CHECK_EQ(rows_after({{2, Comparison::kIsNull, nullptr}}), 1000);
  CHECK_EQ(rows_after({{2, Comparison::kLess, arrow::MakeScalar(10.0)}}), 100);
  // NaN counts as greater than every number and is not in the statistics.
  CHECK_EQ(rows_after({{2, Comparison::kGreater, arrow::MakeScalar(1e9)}}), 1000);
  // As text, "n555" lies between "n0" and "n99" of the first row group, too.
  CHECK_EQ(rows_after({{1, Comparison::kEqual, arrow::MakeScalar("n555")}}), 200);
  CHECK_EQ(rows_after({{0, Comparison::kEqual, arrow::MakeNullScalar(arrow::int64())}}), 1000);
}

TEST(damaged_parquet_is_an_error_without_a_path) {
  Folder folder;
  const auto path = WriteParquet(folder, "t.parquet");
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto roots = AllowedRoots::Of({folder.path().string()}).ValueOrDie();
  folder.Write("cut.parquet", bytes.substr(0, bytes.size() / 2));
  folder.Write("text.parquet", "a,b\n1,2\n");
  folder.Write("short.parquet", "PAR1");
  for (const char* name : {"cut.parquet", "text.parquet", "short.parquet"}) {
    const ErrorInfo error = ErrorOf(OpenFile(name, roots).status());
    CHECK_EQ(CodeText(error.code), "VEL4002");
    CHECK(error.message.find(folder.path().string()) == std::string::npos);
    CHECK(error.detail.find(folder.path().string()) == std::string::npos);
  }
  CHECK_EQ(
      CodeText(
          ErrorOf(OpenFile("text.parquet", roots, Options({}, nullptr, "parquet")).status()).code),
      "VEL4002");
  // Damage in the pages is found when they are read, and kills nobody.
  for (size_t at = 40; at + 2000 < bytes.size(); at += 97) {
    std::string damaged = bytes;
    for (size_t i = at; i < at + 8; ++i) damaged[i] = static_cast<char>(~damaged[i]);
    const auto read = ReadFile(folder.Write("damaged.parquet", damaged));
    if (!read.ok()) CHECK_EQ(CodeText(ErrorOf(read.status()).code), "VEL4002");
  }
}

TEST(declared_parquet_columns_keep_their_declared_names) {
  Folder folder;
  const auto path = WriteParquet(folder, "t.parquet");
  const auto schema = [](TypePtr last) {
    return arrow::schema({arrow::field("ID", arrow::int64()), arrow::field("Name", arrow::utf8()),
                          arrow::field("X", std::move(last))});
  };
  const auto read =
      ReadFile(path, Options({}, schema(arrow::float64()), "parquet"), std::vector<int>{2});
  CHECK_EQ(read.ValueOrDie()->schema()->ToString(), "X: double");
  const ErrorInfo error =
      ErrorOf(OpenFile(path, AllowedRoots(), Options({}, schema(arrow::int64()))).status());
  CHECK_EQ(CodeText(error.code), "VEL4005");
  const auto not_null = arrow::schema({arrow::field("id", arrow::int64(), false),
                                       arrow::field("name", arrow::utf8(), false),
                                       arrow::field("x", arrow::float64(), false)});
  CHECK_OK(ReadFile(path, Options({}, not_null), std::vector<int>{0, 1}));
  CHECK_EQ(ErrorOf(ReadFile(path, Options({}, not_null)).status()).message,
           "a column declared NOT NULL holds nulls in " + path + ": x");
}

}  // namespace
}  // namespace velaria::io
