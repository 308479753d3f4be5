#include "execution/join.hpp"
#include "logical/evaluate.hpp"

namespace velaria::execution {
namespace {

std::vector<TypePtr> KeyTypes(const JoinSpec& spec) {
  std::vector<TypePtr> types;
  for (const auto& key : spec.right_keys) types.push_back(LogicalType(key->type));
  return types;
}

/// A key that is NULL matches nothing, unless the pair is null-safe.
void DropNullKeys(const JoinSpec& spec, std::span<const Vector> keys, int64_t row_count,
                  uint32_t* groups) {
  for (size_t k = 0; k < keys.size(); ++k) {
    const Validity validity = ValidityOf(keys[k]);
    if (spec.null_safe[k] || validity.all_valid()) continue;
    for (int64_t i = 0; i < row_count; ++i) {
      if (!validity.IsValid(i)) groups[i] = KeyTable::kAbsent;
    }
  }
}

/// Rows of the build side behind NULL left columns, if there are any.
class PickedRows final : public SourceState {
 public:
  PickedRows(std::shared_ptr<const Chunk> rows, std::vector<uint32_t> picked,
             std::vector<Vector> left)
      : right_(rows, std::make_shared<const std::vector<uint32_t>>(picked), 0,
               static_cast<int64_t>(picked.size())),
        left_(std::move(left)) {}
  Result<Flow> NextMorsel(Morsel* morsel, TaskContext& context) override {
    return right_.NextMorsel(morsel, context);
  }
  Result<Flow> NextChunk(const Morsel& morsel, int64_t* position, Chunk* chunk,
                         TaskContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Flow flow, right_.NextChunk(morsel, position, chunk, context));
    if (flow == Flow::kMore)
      chunk->columns.insert(chunk->columns.begin(), left_.begin(), left_.end());
    return flow;
  }
  int64_t MaxWorkers() const override { return right_.MaxWorkers(); }

 private:
  OrderedRows right_;
  const std::vector<Vector> left_;
};

}  // namespace

Result<std::shared_ptr<AccumulatorState>> JoinBuildNode::Open(QueryContext& query) const {
  return std::make_shared<JoinBuild>(spec_, query);
}

std::string JoinBuildNode::Text() const {
  return "join build: keys=" + std::to_string(spec_->right_keys.size());
}

JoinBuild::JoinBuild(JoinSpecPtr spec, QueryContext& query)
    : spec_(std::move(spec)), query_(query), memory_(query.pool()) {}

Result<Flow> JoinBuild::Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                                TaskContext& context) {
  auto& local = static_cast<RowLocal&>(local_state);
  ARROW_ASSIGN_OR_RAISE(auto dense, Compact(chunk, context.pool()));
  local.parts.push_back({morsel.sequence, std::move(dense)});
  return Flow::kMore;
}

Status JoinBuild::Combine(LocalState& local_state) {
  std::lock_guard lock(mutex_);
  for (auto& part : static_cast<RowLocal&>(local_state).parts) parts_.push_back(std::move(part));
  return Status::OK();
}

Status JoinBuild::Seal() {
  ARROW_ASSIGN_OR_RAISE(auto all, ConcatenateParts(&parts_, spec_->right_types, query_.pool()));
  rows_ = std::make_shared<const Chunk>(std::move(all));
  const int64_t count = rows_->row_count;
  keys_ = std::make_unique<KeyTable>(KeyTypes(*spec_));
  if (spec_->mark_operands > 0) {
    auto types = KeyTypes(*spec_);
    types.pop_back();
    if (!types.empty()) scopes_ = std::make_unique<KeyTable>(std::move(types));
  }
  // Four numbers of 32 bits a row: its group, the row lists, and two per group that starts one.
  const int64_t list_bytes = count * 4 * int64_t{sizeof(uint32_t)} + count;
  ARROW_RETURN_NOT_OK(memory_.Set(list_bytes));
  std::vector<uint32_t> groups(static_cast<size_t>(count), 0);
  if (!spec_->right_keys.empty()) {
    for (int64_t begin = 0; begin < count; begin += kMorselRows) {
      ARROW_RETURN_NOT_OK(query_.CheckCancelled());
      Chunk piece;
      piece.row_count = std::min(kMorselRows, count - begin);
      for (const auto& column : rows_->columns)
        piece.columns.push_back(Slice(column, begin, piece.row_count));
      std::vector<Vector> keys;
      for (const auto& expr : spec_->right_keys) {
        ARROW_ASSIGN_OR_RAISE(auto key, logical::Evaluate(*expr, piece, query_.functions()));
        keys.push_back(std::move(key));
      }
      ARROW_RETURN_NOT_OK(
          memory_.Set(list_bytes + keys_->MemoryBytes() + keys_->GrowthBytes(piece.row_count)));
      ARROW_RETURN_NOT_OK(keys_->FindOrAdd(keys, piece.row_count, groups.data() + begin));
      if (spec_->mark_operands > 0) {
        ARROW_RETURN_NOT_OK(AddToScopes(keys, piece.row_count));
      }
      DropNullKeys(*spec_, keys, piece.row_count, groups.data() + begin);
    }
  }
  const auto group_count =
      spec_->right_keys.empty() ? size_t{1} : static_cast<size_t>(keys_->group_count());
  if (spec_->asof) {
    ARROW_ASSIGN_OR_RAISE(
        asof_, AsofIndex::Make(*spec_->asof, *rows_, std::move(groups), group_count, query_));
    return memory_.Set(keys_->MemoryBytes() + asof_->MemoryBytes());
  }
  list_starts_.assign(group_count + 1, 0);
  for (uint32_t group : groups) {
    if (group != KeyTable::kAbsent) ++list_starts_[group + 1];
  }
  for (size_t g = 0; g < group_count; ++g) list_starts_[g + 1] += list_starts_[g];
  row_lists_.resize(list_starts_[group_count]);
  std::vector<uint32_t> next(list_starts_.begin(), list_starts_.end() - 1);
  for (uint32_t row = 0; row < groups.size(); ++row) {
    if (groups[row] != KeyTable::kAbsent) row_lists_[next[groups[row]]++] = row;
  }
  if (spec_->marks_right())
    matched_ = std::make_unique<std::atomic<uint8_t>[]>(static_cast<size_t>(count));
  return memory_.Set(keys_->MemoryBytes() + (scopes_ ? scopes_->MemoryBytes() : 0) +
                     static_cast<int64_t>((list_starts_.size() + row_lists_.size()) * 4) +
                     (matched_ ? count : 0));
}

Status JoinBuild::AddToScopes(std::span<const Vector> keys, int64_t row_count) {
  const auto scope_keys = keys.first(keys.size() - 1);
  std::vector<uint32_t> scopes(static_cast<size_t>(row_count), 0);
  if (!scope_keys.empty()) {
    ARROW_RETURN_NOT_OK(scopes_->FindOrAdd(scope_keys, row_count, scopes.data()));
    scope_has_null_.resize(static_cast<size_t>(scopes_->group_count()), 0);
  } else if (row_count > 0) {
    scope_has_null_.resize(1, 0);
  }
  const Validity operand = ValidityOf(keys.back());
  if (operand.all_valid()) return Status::OK();
  for (int64_t i = 0; i < row_count; ++i) {
    if (!operand.IsValid(i)) scope_has_null_[scopes[static_cast<size_t>(i)]] = 1;
  }
  return Status::OK();
}

Status JoinBuild::AnswerUnmatched(std::span<const Vector> keys, int64_t row_count,
                                  KeyScratch* scratch, uint8_t* answers) const {
  const auto scope_keys = keys.first(keys.size() - 1);
  std::vector<uint32_t> scopes(static_cast<size_t>(row_count), 0);
  if (!scope_keys.empty()) {
    scopes_->Find(scope_keys, row_count, scratch, scopes.data());
    DropNullKeys(*spec_, scope_keys, row_count, scopes.data());
  }
  const Validity operand = ValidityOf(keys.back());
  for (int64_t i = 0; i < row_count; ++i) {
    const uint32_t scope = scopes[static_cast<size_t>(i)];
    const bool has_rows = scope < scope_has_null_.size();
    const bool unknown = has_rows && (!operand.IsValid(i) || scope_has_null_[scope] != 0);
    answers[i] = unknown ? 2 : 0;
  }
  return Status::OK();
}

Status JoinBuild::Find(std::span<const Vector> keys, int64_t row_count, KeyScratch* scratch,
                       uint32_t* groups) const {
  if (spec_->left_keys.empty()) {
    std::fill(groups, groups + row_count, 0);
    return Status::OK();
  }
  keys_->Find(keys, row_count, scratch, groups);
  DropNullKeys(*spec_, keys, row_count, groups);
  return Status::OK();
}

Result<std::unique_ptr<SourceState>> JoinBuild::Emit(const Trigger&) {
  const bool wanted = spec_->type == logical::JoinType::kSemi;
  std::vector<uint32_t> picked;
  for (uint32_t row = 0; row < rows_->row_count; ++row) {
    if (IsMatched(row) == wanted) picked.push_back(row);
  }
  std::vector<Vector> left;
  if (!spec_->is_turned) {
    for (const auto& type : spec_->left_types) {
      ARROW_ASSIGN_OR_RAISE(auto null, MakeNullConstant(type, query_.pool()));
      left.push_back(std::move(null));
    }
  }
  return std::make_unique<PickedRows>(rows_, std::move(picked), std::move(left));
}

}  // namespace velaria::execution
