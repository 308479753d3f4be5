#include "io/line_split.hpp"

#include <arrow/builder.h>
#include <arrow/compute/api.h>

#include "functions/regex.hpp"

namespace velaria::io {
namespace {

/// Calls `each` with every line that counts, without its line end, and its position.
template <typename Each>
Status ForEachLine(std::string_view block, bool skip_empty, Each&& each) {
  for (size_t at = 0; at < block.size();) {
    const size_t end = std::min(block.find('\n', at), block.size());
    std::string_view line = block.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() || !skip_empty) {
      VELARIA_RETURN_NOT_OK(each(line, static_cast<int64_t>(at)));
    }
    at = end + 1;
  }
  return Status::OK();
}

}  // namespace

Result<std::shared_ptr<const LineSplitter>> LineSplitter::Make(const FileOptions& options) {
  const LineRule& rule = options.line;
  std::shared_ptr<LineSplitter> splitter(new LineSplitter(rule));
  const bool by_regex = !rule.regex_pattern.empty();
  int groups = 0;
  if (by_regex) {
    VELARIA_ASSIGN_OR_RETURN(groups, regex::GroupsOf(rule.regex_pattern));
  }
  if (!rule.mappings.empty() && !options.selected.empty()) {
    return BadOption("columns and mappings exclude each other", "columns",
                     "Names stand in the mappings.");
  }
  for (const auto& [name, index] : rule.mappings) {
    if (by_regex && index > groups) {
      return BadOption("the pattern has no group of that number", std::to_string(index), "");
    }
    splitter->names_.push_back(name);
    splitter->indexes_.push_back(index);
  }
  if (!rule.mappings.empty()) return splitter;
  // Group 0 is the whole match; a pattern without groups has no other.
  const int first = by_regex && groups > 0 ? 1 : 0;
  const size_t count =
      by_regex ? static_cast<size_t>(std::max(groups, 1)) : options.selected.size();
  if (by_regex && !options.selected.empty() && options.selected.size() != count) {
    return BadOption("columns are not as many as the pattern's groups",
                     std::to_string(options.selected.size()), "");
  }
  for (size_t i = 0; i < count; ++i) {
    splitter->names_.push_back(options.selected.empty() ? "column" + std::to_string(i + 1)
                                                        : options.selected[i]);
    splitter->indexes_.push_back(first + static_cast<int>(i));
  }
  return splitter;
}

size_t LineSplitter::MostParts(std::string_view block) const {
  size_t most = 1;
  (void)ForEachLine(block, rule_.skip_empty_lines, [&](std::string_view line, int64_t) {
    size_t parts = 1;
    for (size_t at = line.find(rule_.split_delimiter); at != std::string_view::npos;
         at = line.find(rule_.split_delimiter, at + rule_.split_delimiter.size())) {
      ++parts;
    }
    most = std::max(most, parts);
    return Status::OK();
  });
  return most;
}

Result<LineColumns> LineSplitter::Split(std::string_view block, size_t column_count,
                                        arrow::MemoryPool* pool) const {
  if (!rule_.regex_pattern.empty()) return SplitByRegex(block, pool);
  return SplitByDelimiter(block, column_count, pool);
}

Result<LineColumns> LineSplitter::SplitByDelimiter(std::string_view block, size_t column_count,
                                                   arrow::MemoryPool* pool) const {
  std::vector<int> indexes = indexes_;
  if (takes_every_part()) {
    for (size_t i = 0; i < column_count; ++i) indexes.push_back(static_cast<int>(i));
  }
  std::vector<arrow::StringBuilder> builders;
  for (size_t i = 0; i < indexes.size(); ++i) builders.emplace_back(pool);
  LineColumns out;
  std::vector<std::string_view> parts;
  VELARIA_RETURN_NOT_OK(ForEachLine(
      block, rule_.skip_empty_lines, [&](std::string_view line, int64_t position) -> Status {
        parts.clear();
        for (size_t at = 0; at <= line.size();) {
          const size_t end = std::min(line.find(rule_.split_delimiter, at), line.size());
          parts.push_back(line.substr(at, end - at));
          at = end + rule_.split_delimiter.size();
        }
        if (takes_every_part() && parts.size() > column_count) {
          return Fail(ErrorCode::kFileFormat,
                      "a line has more parts than the beginning of the file: " +
                          std::to_string(parts.size()),
                      "Name the columns: mappings: 'a:0,b:1'.");
        }
        out.positions.push_back(position);
        for (size_t i = 0; i < indexes.size(); ++i) {
          const auto index = static_cast<size_t>(indexes[i]);
          const bool is_null = index >= parts.size() || parts[index].empty();
          VELARIA_RETURN_NOT_OK(is_null ? builders[i].AppendNull()
                                        : builders[i].Append(parts[index]));
        }
        return Status::OK();
      }));
  for (auto& builder : builders) {
    std::shared_ptr<arrow::StringArray> column;
    VELARIA_RETURN_NOT_OK(builder.Finish(&column));
    out.columns.push_back(std::move(column));
  }
  return out;
}

Result<LineColumns> LineSplitter::SplitByRegex(std::string_view block,
                                               arrow::MemoryPool* pool) const {
  FunctionContext context;
  context.pool = pool;
  LineColumns out;
  std::vector<std::pair<std::string_view, int64_t>> lines;
  arrow::StringBuilder all(pool);
  VELARIA_RETURN_NOT_OK(ForEachLine(block, rule_.skip_empty_lines,
                                    [&](std::string_view line, int64_t position) -> Status {
                                      lines.emplace_back(line, position);
                                      return all.Append(line);
                                    }));
  VELARIA_ASSIGN_OR_RETURN(auto texts, all.Finish());
  const auto row_count = static_cast<int64_t>(lines.size());
  VELARIA_ASSIGN_OR_RETURN(const Vector mask, regex::Matches(context, MakeVector(texts),
                                                             rule_.regex_pattern, row_count));
  const auto matches = std::static_pointer_cast<arrow::BooleanArray>(mask.array());
  arrow::StringBuilder kept(pool);
  for (int64_t row = 0; row < row_count; ++row) {
    const auto& [line, position] = lines[static_cast<size_t>(row)];
    if (!matches->Value(row)) {
      out.rejected.push_back(position);
      continue;
    }
    out.positions.push_back(position);
    VELARIA_RETURN_NOT_OK(kept.Append(line));
  }
  VELARIA_ASSIGN_OR_RETURN(texts, kept.Finish());
  // A line becomes its leftmost match's group: the pattern is stretched over the whole line.
  const std::string whole = "(?s)\\A.*?(?:" + rule_.regex_pattern + ").*\\z";
  for (const int index : indexes_) {
    VELARIA_ASSIGN_OR_RETURN(const Vector group,
                             regex::Replace(context, MakeVector(texts), whole,
                                            "\\" + std::to_string(index), false, texts->length()));
    const auto found = std::static_pointer_cast<arrow::StringArray>(group.array());
    arrow::StringBuilder column(pool);
    for (int64_t row = 0; row < found->length(); ++row) {
      const auto text = found->GetView(row);
      VELARIA_RETURN_NOT_OK(text.empty() ? column.AppendNull() : column.Append(text));
    }
    std::shared_ptr<arrow::StringArray> array;
    VELARIA_RETURN_NOT_OK(column.Finish(&array));
    out.columns.push_back(std::move(array));
  }
  return out;
}

}  // namespace velaria::io
