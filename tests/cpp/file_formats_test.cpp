// JSON values in text, blocks that cut them anywhere, files that are written whole or not at all.
#include <arrow/api.h>

#include "check.hpp"
#include "files.hpp"
#include "io/file_writer.hpp"
#include "io/json_records.hpp"
#include "io/output_file.hpp"

namespace velaria::io {
namespace {

/// "value|value", then the fault, or "closed" when the array has ended.
std::string Values(std::string_view text) {
  int64_t offset = 0;
  const JsonShape shape = FindJsonShape(text, &offset);
  JsonValueScanner scanner(text.substr(static_cast<size_t>(offset)), shape, true);
  std::string out;
  std::string_view value;
  while (scanner.Next(&value, false)) out += (out.empty() ? "" : "|") + std::string(value);
  if (scanner.fault() != nullptr) return out + " " + scanner.fault();
  return scanner.closed() ? out + " closed" : out;
}

TEST(values_of_json_end_where_their_brackets_do) {
  CHECK_EQ(Values("{\"a\":1}\n{\"b\":2}\n"), "{\"a\":1}|{\"b\":2}");
  CHECK_EQ(Values("[{\"a\":\"]\\\"}\"} ,\n {\"b\":[1,{}]}]"),
           "{\"a\":\"]\\\"}\"}|{\"b\":[1,{}]} closed");
  CHECK_EQ(Values("{\n\"a\":1}{\"b\":2}"), "{\n\"a\":1}|{\"b\":2}");
  CHECK_EQ(Values("[1, true ,\"x\"]"), "1|true|\"x\" closed");
  CHECK_EQ(Values("[]"), " closed");
  CHECK_EQ(Values("[1 2]"), "1 there is no comma between two values");
  CHECK_EQ(Values("[1,]"), "1 there is no value behind a comma");
  CHECK_EQ(Values("[1] 2"), "1 there is text behind the array");
}

TEST(json_larger_than_a_block_is_read_whole) {
  for (const std::string separator : {"\n", ","}) {
    std::string text = separator == "," ? "[" : "";
    for (int i = 0; i < 60000; ++i) {
      text += (i == 0 ? "" : separator) + "{\"id\": " + std::to_string(i) + ", \"text\": \"row, {" +
              std::to_string(i) + "\"}";
    }
    text += separator == "," ? "]" : "\n";
    Folder folder;
    const auto table = ReadFile(folder.Write("t.json", text)).ValueOrDie();
    REQUIRE(table->num_rows() == 60000);
    const auto ids = table->column(0);
    bool in_order = true;
    for (int i = 0; i < 60000; i += 997) {
      const auto id = ids->GetScalar(i).ValueOrDie();
      in_order &= static_cast<const arrow::Int64Scalar&>(*id).value == i;
    }
    CHECK(in_order);
  }
}

TEST(patterns_name_sorted_files_inside_the_roots) {
  Folder inside, outside;
  inside.Write("b.csv", "x\n1\n");
  inside.Write("a.csv", "x\n1\n");
  inside.Write(".hidden.csv", "x\n1\n");
  inside.Write("c[1].csv", "x\n1\n");
  outside.Write("a.csv", "x\n1\n");
  const auto roots = AllowedRoots::Of({inside.path().string()}).ValueOrDie();
  const auto expand = [&](const std::string& pattern) {
    auto found = roots.Expand(pattern);
    if (!found.ok()) return CodeText(ErrorOf(found.status()).code);
    std::string out;
    for (const auto& path : *found) out += (out.empty() ? "" : " ") + path;
    return out;
  };
  CHECK_EQ(expand("*.csv"), "a.csv b.csv c[1].csv");
  CHECK_EQ(expand("[ab].csv"), "a.csv b.csv");
  CHECK_EQ(expand("c[1].csv"), "c[1].csv");
  CHECK_EQ(expand("**"), "a.csv b.csv c[1].csv");
  CHECK_EQ(expand("x*.csv"), "VEL4001");
  CHECK_EQ(expand(outside.path().string() + "/*"), "VEL4001");
  CHECK_EQ(expand("/*/*/a.csv"), "VEL4001");
}

std::string NamesIn(const Folder& folder) {
  std::string out;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    out += (out.empty() ? "" : " ") + entry.path().filename().string();
  }
  return out;
}

TEST(a_file_is_there_whole_or_not_at_all) {
  Folder folder;
  const std::string path = (folder.path() / "t.txt").string();
  {
    auto file = OutputFile::Create(path, AllowedRoots()).ValueOrDie();
    CHECK(file->stream()->Write("half", 4).ok());
    CHECK(!fs::exists(path));
  }
  CHECK_EQ(NamesIn(folder), "");
  auto file = OutputFile::Create(path, AllowedRoots()).ValueOrDie();
  CHECK(file->stream()->Write("whole", 5).ok());
  CHECK(file->Commit().ok());
  file.reset();
  CHECK_EQ(NamesIn(folder), "t.txt");
  CHECK_EQ(fs::file_size(path), uintmax_t{5});
}

/// Gives memory until it has given so many times.
class FailingPool final : public arrow::ProxyMemoryPool {
 public:
  explicit FailingPool(int64_t allocations)
      : ProxyMemoryPool(arrow::default_memory_pool()), left_(allocations) {}
  using MemoryPool::Allocate;
  using MemoryPool::Reallocate;
  Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    if (left_-- <= 0) return Status::OutOfMemory("no more");
    return ProxyMemoryPool::Allocate(size, alignment, out);
  }
  Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                    uint8_t** pointer) override {
    if (left_-- <= 0) return Status::OutOfMemory("no more");
    return ProxyMemoryPool::Reallocate(old_size, new_size, alignment, pointer);
  }

 private:
  int64_t left_;
};

TEST(memory_that_runs_out_while_writing_leaves_no_file) {
  const auto schema = arrow::schema({arrow::field("a", arrow::int64())});
  arrow::Int64Builder builder;
  REQUIRE(builder.AppendValues({1, 2, 3}).ok());
  const auto batch = arrow::RecordBatch::Make(schema, 3, {builder.Finish().ValueOrDie()});
  for (const std::string format : {"csv", "json_lines", "parquet", "arrow"}) {
    bool succeeded = false;
    for (int64_t allocations = 0; allocations < 200 && !succeeded; ++allocations) {
      Folder folder;
      FailingPool pool(allocations);
      WriteOptions options;
      options.format = format;
      options.compression = "none";
      const auto write = [&]() -> Status {
        VELARIA_ASSIGN_OR_RETURN(auto writer, OpenWriter((folder.path() / "t").string(),
                                                         AllowedRoots(), options, schema, &pool));
        FunctionContext context;
        context.pool = &pool;
        VELARIA_ASSIGN_OR_RETURN(const auto rows, writer->Encode(batch, context));
        VELARIA_RETURN_NOT_OK(writer->Write(rows));
        VELARIA_RETURN_NOT_OK(writer->Finish());
        return writer->Commit();
      };
      const Status status = write();
      succeeded = status.ok();
      CHECK_EQ(NamesIn(folder), succeeded ? "t" : "");
      if (!succeeded) CHECK_EQ(CodeText(ErrorInfoOf(status).code), "VEL3012");
    }
    CHECK(succeeded);
  }
}

}  // namespace
}  // namespace velaria::io
