// Arrays end to end when one array of their type does not hold them.
#include "columnar/join_arrays.hpp"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include "check.hpp"

namespace velaria {
namespace {

arrow::MemoryPool* Pool() { return arrow::default_memory_pool(); }

std::string TextOf(int number) { return "text " + std::to_string(number); }

/// A dictionary of int8 indexes over `count` texts numbered from `first`, and a NULL at the end.
std::shared_ptr<arrow::Array> Numbered(int first, int count) {
  arrow::StringBuilder values;
  arrow::Int8Builder codes;
  for (int i = 0; i < count; ++i) {
    CHECK_OK(values.Append(TextOf(first + i)));
    CHECK_OK(codes.Append(static_cast<int8_t>(i)));
  }
  CHECK_OK(codes.AppendNull());
  const auto type = arrow::dictionary(arrow::int8(), arrow::utf8());
  return arrow::DictionaryArray::FromArrays(type, *codes.Finish(), *values.Finish()).ValueOrDie();
}

std::shared_ptr<arrow::Array> Texts(const std::vector<std::string>& texts) {
  arrow::StringBuilder builder;
  CHECK_OK(builder.AppendValues(texts));
  return builder.Finish().ValueOrDie();
}

TEST(dictionaries_that_outgrow_their_index_type_together_are_widened) {
  const arrow::ArrayVector parts = {Numbered(0, 100), Numbered(50, 100)};
  CHECK(DoesNotFit(JoinArrays(parts, Pool()).status()));
  auto joined = JoinWide(parts, Pool());
  REQUIRE(joined.ok());
  CHECK_OK((*joined)->ValidateFull());
  CHECK((*joined)->type()->Equals(arrow::dictionary(arrow::int32(), arrow::utf8())));
  CHECK_EQ((*joined)->length(), 202);
  CHECK_EQ((*joined)->null_count(), 2);
  CHECK_EQ(static_cast<const arrow::DictionaryArray&>(**joined).dictionary()->length(), 150);
  const StringView view(MakeVector(*joined));
  CHECK_EQ(view[99], TextOf(99));
  CHECK_EQ(view[101], TextOf(50));
  // A widened part and one that is not:
  auto again = JoinWide({*joined, parts[0]}, Pool());
  REQUIRE(again.ok());
  CHECK_EQ((*again)->length(), 303);
}

TEST(a_widened_dictionary_gets_its_type_back_piece_by_piece) {
  const auto type = Numbered(0, 1)->type();
  const auto wide = MakeVector(*JoinWide({Numbered(0, 100), Numbered(100, 100)}, Pool()));
  CHECK(DoesNotFit(FitTo(wide, type, Pool()).status()));
  auto piece = FitTo(Slice(wide, 60, 100), type, Pool());
  REQUIRE(piece.ok());
  CHECK_OK(piece->array()->ValidateFull());
  CHECK(piece->type()->Equals(*type));
  const StringView view(*piece);
  CHECK_EQ(view[0], TextOf(60));
  CHECK(!view.IsValid(40));
  CHECK_EQ(view[99], TextOf(158));
}

TEST(text_past_what_its_offsets_reach_is_widened_and_narrowed_again) {
  const arrow::ArrayVector parts = {Texts({"one", "two"}), Texts({"three"})};
  auto narrow = JoinWide(parts, Pool(), 11);
  REQUIRE(narrow.ok());
  CHECK((*narrow)->type()->Equals(arrow::utf8()));
  auto wide = JoinWide(parts, Pool(), 10);
  REQUIRE(wide.ok());
  CHECK((*wide)->type()->Equals(arrow::large_utf8()));
  CHECK_EQ(StringView(MakeVector(*wide))[2], "three");
  auto again = JoinWide({*wide, parts[0]}, Pool(), 1000);
  REQUIRE(again.ok());
  CHECK((*again)->type()->Equals(arrow::large_utf8()));
  CHECK_EQ((*again)->length(), 5);
  auto back = FitTo(MakeVector(*wide), arrow::utf8(), Pool());
  REQUIRE(back.ok());
  CHECK((*narrow)->Equals(*back->array()));
}

TEST(joined_views_point_into_each_text_buffer_once) {
  arrow::StringViewBuilder builder;
  const std::string text = "a text of more than twelve bytes";
  for (const auto& value : {text, std::string("short"), text + "!"}) {
    REQUIRE(builder.Append(value).ok());
  }
  REQUIRE(builder.AppendNull().ok());
  const auto whole = *builder.Finish();
  const arrow::ArrayVector parts = {whole->Slice(0, 2), whole->Slice(1), whole->Slice(2, 1)};
  auto joined = JoinArrays(parts, Pool());
  REQUIRE(joined.ok());
  CHECK_OK((*joined)->ValidateFull());
  CHECK_EQ((*joined)->length(), 6);
  CHECK_EQ((*joined)->null_count(), 1);
  CHECK_EQ((*joined)->data()->buffers.size(), whole->data()->buffers.size());
  CHECK((*joined)->Slice(2, 3)->Equals(whole->Slice(1)));
  auto again = JoinArrays({*joined, *joined, whole}, Pool());
  REQUIRE(again.ok());
  CHECK_EQ((*again)->data()->buffers.size(), whole->data()->buffers.size());
  CHECK((*again)->Slice(12)->Equals(whole));
}

}  // namespace
}  // namespace velaria
