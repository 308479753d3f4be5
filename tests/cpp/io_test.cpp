// Files as tables: paths, and CSV by RFC 4180 with inferred or declared types.
#include <arrow/api.h>
#include <sys/stat.h>

#include "check.hpp"
#include "files.hpp"
#include "io/csv_records.hpp"

namespace velaria::io {
namespace {

/// "id: int64, name: string | 1, a | 2, null".
std::string TextOf(const Result<std::shared_ptr<arrow::Table>>& result) {
  if (!result.ok())
    return CodeText(ErrorOf(result.status()).code) + " " + ErrorOf(result.status()).message;
  const auto& table = **result;
  std::string out;
  for (const auto& field : table.schema()->fields())
    out += (out.empty() ? "" : ", ") + field->ToString();
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    std::string line;
    for (const auto& column : table.columns()) {
      const auto scalar = column->GetScalar(row).ValueOrDie();
      line += (line.empty() ? "" : ", ") +
              (scalar->is_valid ? scalar->ToString() : std::string("null"));
    }
    out += " | " + line;
  }
  return out;
}

std::string Csv(std::string_view text, const FileOptions& options = {},
                std::optional<std::vector<int>> columns = std::nullopt) {
  Folder folder;
  const std::string out =
      TextOf(ReadFile(folder.Write("f.csv", text), options, std::move(columns)));
  // Errors name the file as it was given; its folder is none of the test's business.
  const std::string prefix = folder.path().string() + "/";
  const auto at = out.find(prefix);
  return at == std::string::npos ? out : out.substr(0, at) + out.substr(at + prefix.size());
}

// ---- paths

TEST(only_regular_files_below_a_root_open) {
  Folder inside, outside;
  const std::string file = inside.Write("a.csv", "x\n1\n");
  const std::string secret = outside.Write("secret.csv", "x\n1\n");
  fs::create_symlink(secret, inside.path() / "link.csv");
  fs::create_symlink(file, inside.path() / "good_link.csv");
  fs::create_directory(inside.path() / "folder");
  REQUIRE(::mkfifo((inside.path() / "pipe").c_str(), 0600) == 0);
  const auto roots = AllowedRoots::Of({inside.path().string()}).ValueOrDie();

  CHECK_EQ(roots.Resolve("a.csv").ValueOrDie(), file);
  CHECK_EQ(roots.Resolve(file).ValueOrDie(), file);
  CHECK_EQ(roots.Resolve("good_link.csv").ValueOrDie(), file);
  CHECK_EQ(roots.Resolve("folder/../a.csv").ValueOrDie(), file);
  CHECK_EQ(roots.Open("a.csv").ValueOrDie().byte_count, 4);
  const std::string neighbour = inside.path().string() + "x/a.csv";
  for (const std::string& path :
       {secret, std::string("link.csv"), std::string("folder"), std::string("pipe"),
        std::string("missing.csv"), outside.path().string() + "/missing.csv", neighbour,
        std::string(""), std::string("/dev/null"), std::string("a.csv\0.txt", 10),
        std::string(5000, 'x')}) {
    const ErrorInfo error = ErrorOf(roots.Open(path).status());
    CHECK_EQ(CodeText(error.code), "VEL4001");
    CHECK_EQ(error.message, "path is not allowed or not there: " + path);
  }
}

TEST(what_is_closed_is_neither_read_nor_written) {
  Folder folder;
  folder.Write("a.csv", "x");
  const std::string root = folder.path().string();
  const auto closed = AllowedRoots::Of({root}, {root + "/a.csv", root + "/later"}).ValueOrDie();
  CHECK(closed.Resolve(folder.Write("b.csv", "x")).ok());
  for (const auto* name : {"/a.csv", "/later", "/later/c.csv"}) {
    CHECK(!closed.Resolve(root + name).ok());
    CHECK(!closed.ResolveTarget(root + name).ok());
  }
}

TEST(a_root_must_be_a_directory) {
  Folder folder;
  CHECK(!AllowedRoots::Of({folder.Write("a.csv", "x")}).ok());
  CHECK(!AllowedRoots::Of({folder.path().string() + "/missing"}).ok());
  CHECK_EQ(CodeText(ErrorOf(AllowedRoots::Of({}).ValueOrDie().Resolve("a.csv").status()).code),
           "VEL4001");
}

// ---- csv: form

TEST(quotes_hold_delimiters_line_ends_and_quotes) {
  CHECK_EQ(Csv("\xef\xbb\xbfid,name\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,\"\"\r\n3,"),
           "id: int64, name: string | 1, a, \"b\"\r\nc | 2,  | 3, null");
}

TEST(delimiters_are_found_and_can_be_named) {
  CHECK_EQ(Csv("a;b\n1,5;2\n3,5;4\n"), "a: string, b: int64 | 1,5, 2 | 3,5, 4");
  CHECK_EQ(Csv("a\tb\n1\t2\n"), "a: int64, b: int64 | 1, 2");
  CHECK_EQ(Csv("a|b\n1|2\n"), "a: int64, b: int64 | 1, 2");
  CHECK_EQ(Csv("a,b;c\n1,2;3\n", Options({{"Delimiter", ";"}})), "a,b: string, c: int64 | 1,2, 3");
  CHECK_EQ(Csv("a,b\tc\n1,2\t3\n", Options({}, nullptr, "tsv")), "a,b: string, c: int64 | 1,2, 3");
}

TEST(headers_are_found_and_can_be_denied) {
  CHECK_EQ(Csv("1,2\n3,4\n"), "column1: int64, column2: int64 | 1, 2 | 3, 4");
  CHECK_EQ(Csv("name,city\nann,rome\n"), "name: string, city: string | ann, rome");
  CHECK_EQ(Csv("name,city\nann,rome\n", Options({{"header", "FALSE"}})),
           "column1: string, column2: string | name, city | ann, rome");
  CHECK_EQ(Csv(",a,a,A\n0,1,2,3\n"),
           "column1: int64, a: int64, a_2: int64, A_3: int64 | 0, 1, 2, 3");
  CHECK_EQ(Csv("a,b\n"), "a: string, b: string");
}

TEST(lines_may_end_with_cr_alone_and_empty_lines_are_no_rows) {
  CHECK_EQ(Csv("a,b\r1,2\r3,4\r"), "a: int64, b: int64 | 1, 2 | 3, 4");
  CHECK_EQ(Csv("\na,b\n\n1,2\n\n\n3,4"), "a: int64, b: int64 | 1, 2 | 3, 4");
}

TEST(ragged_rows_are_errors_with_their_line) {
  CHECK_EQ(Csv("a,b\n1,2\n\n3\n4,5\n"),
           "VEL4002 line 4 of f.csv has another number of fields than 2: 1");
  CHECK_EQ(Csv("a,b\n\"x\ny\",2\n3,4,5\n"),
           "VEL4002 line 4 of f.csv has another number of fields than 2: 3");
  CHECK_EQ(Csv("a,b\n1,\"open\n2,3\n"), "VEL4002 a quote is open to the end of f.csv, from line 2");
}

TEST(files_that_are_no_delimited_text_are_refused_by_name) {
  CHECK_EQ(Csv(""), "VEL4002 file is empty: f.csv");
  CHECK_EQ(Csv("\n\n"), "VEL4002 file is empty: f.csv");
  CHECK_EQ(Csv("\x1f\x8b\x08rest"), "VEL4002 file is compressed by gzip: f.csv");
  CHECK_EQ(Csv("\xff\xfe"
               "a,b"),
           "VEL4002 file is UTF-16 text: f.csv");
  CHECK_EQ(Csv(std::string_view("a\0b", 3)),
           "VEL4002 file is neither delimited text nor Parquet: f.csv");
  CHECK_EQ(Csv("x,y\n1,\xff\xfe\n"), "VEL4002 line 2 of f.csv, column y, is not UTF-8 text: ??");
}

// ---- csv: types

TEST(types_are_the_narrowest_that_lose_nothing) {
  CHECK_EQ(
      Csv("i,d,zip,big,b\n1,1,00501,99999999999999999999,true\n-9223372036854775808,2.5e3,10000,1,"
          "False\n"),
      "i: int64, d: double, zip: string, big: string, b: bool"
      " | 1, 1, 00501, 99999999999999999999, true | -9223372036854775808, 2500, 10000, 1, false");
  CHECK_EQ(Csv("a,b,c\n-0,1e400,nan\n1,1,1\n"),
           "a: double, b: string, c: string | -0, 1e400, nan | 1, 1, 1");
  CHECK_EQ(Csv("a,b\n 1, 2.5\n2 ,3\n"), "a: int64, b: double | 1, 2.5 | 2, 3");
  CHECK_EQ(Csv("a,b,c,d\n+3,+1.5,+1234567,+03\n4, +2,1,1\n-5,+1e3,2,2\n"),
           "a: int64, b: double, c: string, d: string"
           " | 3, 1.5, +1234567, +03 | 4, 2, 1, 1 | -5, 1000, 2, 2");
  CHECK_EQ(Csv("a,b\n1.5,NaN\nNaN,Inf\nInfinity,1\n-Infinity,2\n"),
           "a: double, b: string | 1.5, NaN | nan, Inf | inf, 1 | -inf, 2");
}

TEST(dates_and_timestamps_are_found_with_zone_and_fraction) {
  CHECK_EQ(Csv("d,t,z,m\n2013-01-01,2013-01-01 05:15,2013-01-01T10:00:00Z,2013-01-01\n"
               "9999-12-31,2013-01-01T05:15:00.25,2013-01-01 10:00:00+02:00,2013-01-01 10:00\n"),
           "d: date32[day], t: timestamp[us], z: timestamp[us, tz=UTC], m: timestamp[us]"
           " | 2013-01-01, 2013-01-01 05:15:00.000000, 2013-01-01 10:00:00.000000Z, 2013-01-01 "
           "00:00:00.000000"
           " | 9999-12-31, 2013-01-01 05:15:00.250000, 2013-01-01 08:00:00.000000Z, 2013-01-01 "
           "10:00:00.000000");
  CHECK_EQ(
      Csv("a,b,c\n2013-02-30,0000-01-01,2013-01-01 00:00:00.123456789\n"),
      "a: string, b: string, c: string | 2013-02-30, 0000-01-01, 2013-01-01 00:00:00.123456789");
}

TEST(na_is_a_text_unless_it_is_said_to_be_null) {
  const char* text = "dep,x\n1,NA\nNA,2.5\n3,\"NA\"\n";
  CHECK_EQ(Csv(text), "dep: string, x: string | 1, NA | NA, 2.5 | 3, NA");
  CHECK_EQ(Csv("dep,x\n1,NA\nNA,2.5\n,\n", Options({{"NULL", "NA"}})),
           "dep: int64, x: double | 1, null | null, 2.5 | null, null");
  CHECK_EQ(Csv(text, Options({{"null", "NA"}})),
           "dep: int64, x: string | 1, null | null, 2.5 | 3, NA");
}

TEST(a_value_far_down_widens_the_type) {
  std::string text = "k,v\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ",7\n";
  text += "x,0.5\n";
  Folder folder;
  const auto table = ReadFile(folder.Write("f.csv", text)).ValueOrDie();
  CHECK_EQ(table->schema()->ToString(), "k: string\nv: double");
  CHECK_EQ(table->num_rows(), 200001);
}

TEST(declared_columns_are_the_files_in_order) {
  const auto declared = [](std::vector<std::shared_ptr<arrow::Field>> fields) {
    return Options({}, arrow::schema(std::move(fields)));
  };
  const auto id = arrow::field("id", arrow::int32());
  const auto price = arrow::field("price", arrow::decimal128(10, 2));
  CHECK_EQ(Csv("ID,price\n1,2.50\n", declared({id, price})),
           "id: int32, price: decimal128(10, 2) | 1, 2.50");
  CHECK_EQ(Csv("1,2.50\n", declared({id, price})), "id: int32, price: decimal128(10, 2) | 1, 2.50");
  CHECK_EQ(Csv("price,id\n1,2\n", declared({id, price})),
           "VEL4005 declared column id is not the column at its place in f.csv: price");
  CHECK_EQ(Csv("ident,cost\n1,2\n", declared({id, price})),
           "VEL4005 declared column id is not the column at its place in f.csv: ident");
  CHECK_EQ(Csv("id\n1\n", declared({id, price})),
           "VEL4005 declared columns and columns of f.csv differ in number: declared 2, found 1");
  CHECK_EQ(Csv("id,price\n1,2\n\n3000000000,1\n", declared({id, price})),
           "VEL4002 line 4 of f.csv, column id, is not INTEGER: 3000000000");
  CHECK_EQ(Csv("id,price\n,2\n", declared({arrow::field("id", arrow::int32(), false), price})),
           "VEL4002 a column declared NOT NULL holds nulls in f.csv: id");
  CHECK_EQ(Csv("id\n1\n", declared({arrow::field("id", arrow::list(arrow::int32()))})),
           "VEL4002 column id of f.csv has a type that CSV cannot hold: INTEGER[]");
}

// ---- csv: scans

TEST(a_long_file_comes_in_order_from_two_threads) {
  std::string text = "id,name\n";
  for (int i = 0; i < 300000; ++i)
    text += std::to_string(i) + ",\"n" + (i % 7 == 0 ? "\n" : ",") + std::to_string(i) + "\"\n";
  Folder folder;
  const auto table = ReadFile(folder.Write("f.csv", text)).ValueOrDie();
  REQUIRE(table->num_rows() == 300000);
  const auto ids = table->column(0);
  CHECK(ids->num_chunks() > 2);
  int64_t expected = 0;
  for (const auto& chunk : ids->chunks()) {
    const auto& values = static_cast<const arrow::Int64Array&>(*chunk);
    for (int64_t i = 0; i < values.length(); ++i) CHECK(values.Value(i) == expected++);
  }
  CHECK_EQ(table->column(1)->GetScalar(14).ValueOrDie()->ToString(), "n\n14");
}

TEST(an_error_in_a_late_block_names_its_line) {
  std::string text = "id,name\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ",\"two\nlines\"\n";
  text += "x\n";
  CHECK_EQ(Csv(text), "VEL4002 line 400002 of f.csv has another number of fields than 2: 1");
  const auto declared = Options(
      {}, arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())}));
  CHECK_EQ(Csv(text.substr(0, text.size() - 2) + "y,z\n", declared),
           "VEL4002 line 400002 of f.csv, column id, is not BIGINT: y");
}

TEST(columns_come_as_asked_and_none_gives_counts) {
  CHECK_EQ(Csv("a,b,c\n1,2,3\n4,5,6\n", {}, std::vector<int>{2, 0, 2}),
           "c: int64, a: int64, c: int64 | 3, 1, 3 | 6, 4, 6");
  Folder folder;
  CHECK_EQ(ReadFile(folder.Write("f.csv", "a,b\n1,2\n3,4\n"), {}, std::vector<int>{})
               .ValueOrDie()
               ->num_rows(),
           2);
}

TEST(a_row_that_grew_is_read_and_a_changed_header_is_refused) {
  Folder folder;
  const auto path = folder.Write("f.csv", "a,b\n1,2\n");
  const auto table = OpenFile(path, AllowedRoots()).ValueOrDie();
  folder.Write("f.csv", "a,b\n1,2\n3,4\n");
  auto scan = table->Open({{0, 1}, {}}, arrow::default_memory_pool()).ValueOrDie();
  CHECK_EQ(ReadAll(*scan).ValueOrDie()->num_rows(), 2);
  CHECK_EQ(scan->bytes_read(), scan->bytes_total());
  folder.Write("f.csv", "b,a\n1,2\n");
  CHECK_EQ(CodeText(ErrorOf(table->Open({{0}, {}}, arrow::default_memory_pool()).status()).code),
           "VEL4002");
  fs::remove(path);
  CHECK_EQ(CodeText(ErrorOf(table->Open({{0}, {}}, arrow::default_memory_pool()).status()).code),
           "VEL4001");
}

TEST(a_settled_file_keeps_its_layout_until_it_changes) {
  Folder folder;
  const auto path = folder.Write("f.csv", "a,b\n1,2\n");
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(path, long_ago);
  const auto schema = [&](const FileOptions& options = {}) {
    return OpenFile(path, AllowedRoots(), options).ValueOrDie()->schema()->ToString();
  };
  CHECK_EQ(schema(), "a: int64\nb: int64");
  CHECK_EQ(schema(), "a: int64\nb: int64");
  CHECK_EQ(schema(Options({{"header", "false"}})), "column1: string\ncolumn2: string");
  folder.Write("f.csv", "a,b\n1,x\n");
  CHECK_EQ(schema(), "a: int64\nb: string");
  fs::last_write_time(path, long_ago + std::chrono::minutes(1));
  CHECK_EQ(schema(), "a: int64\nb: string");
}

TEST(options_are_checked) {
  const auto error = [](const std::string& format, const GivenOptions& options) {
    const ErrorInfo info = ErrorOf(ParseFileOptions(format, options).status());
    return CodeText(info.code) + " " + info.message;
  };
  CHECK_EQ(error("csv", {{"delimeter", ";"}}), "VEL4004 unknown option: delimeter");
  CHECK_EQ(error("csv", {{"delimiter", "ab"}}), "VEL4004 delimiter is not one character: ab");
  CHECK_EQ(error("csv", {{"delimiter", "\""}}), "VEL4004 delimiter is not one character: \"");
  CHECK_EQ(error("csv", {{"header", "maybe"}}), "VEL4004 header is not true or false: maybe");
  CHECK_EQ(error("xml", {}), "VEL4004 unknown file format: xml");
  CHECK_EQ(error("parquet", {{"header", "true"}}),
           "VEL4004 option does not apply to parquet: header");
  CHECK(Options({{"DELIMITER", "tab"}, {"path", "x"}}).delimiter == '\t');
}

TEST(the_end_of_the_last_record_is_found_through_quotes) {
  CHECK_EQ(LastRecordEnd("a,b\nc,d", ','), 4);
  CHECK_EQ(LastRecordEnd("a,\"b\nc\"\nd,\"e\n", ','), 8);
  CHECK_EQ(LastRecordEnd("a,\"b\n", ','), 0);
  CHECK_EQ(LastRecordEnd("a,5\" pipe\nb,\"x\"\"\n\"\nc", ','), 19);
  CHECK_EQ(LastRecordEnd("a\rb\r", ','), 2);
}

}  // namespace
}  // namespace velaria::io
