#include "execution/sample.hpp"

#include <algorithm>
#include <queue>

#include "execution/row_operators.hpp"

namespace velaria::execution {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

class Lottery {
 public:
  explicit Lottery(const logical::SampleSpec& spec)
      : spec_(spec), seed_(Mix(static_cast<uint64_t>(spec.seed) + 0x9E3779B97F4A7C15ull)) {}

  uint64_t Draw(uint64_t place) const { return Mix(seed_ + place * 0x9E3779B97F4A7C15ull); }
  /// By percent alone.
  bool Wins(uint64_t number) const {
    return spec_.amount >= 100 || static_cast<double>(number) < spec_.amount / 100 * 0x1p64;
  }
  size_t RowsWanted(size_t row_count) const {
    return spec_.amount >= static_cast<double>(row_count) ? row_count
                                                          : static_cast<size_t>(spec_.amount);
  }

 private:
  const logical::SampleSpec spec_;
  const uint64_t seed_;
};

std::string TextOf(const logical::SampleSpec& spec) {
  std::string amount = std::to_string(spec.amount);
  amount.erase(amount.find_last_not_of('0') + 1);
  if (amount.back() == '.') amount.pop_back();
  return "sample " + amount + (spec.by_rows ? " rows" : " percent");
}

struct SampledPart {
  RowPart rows;
  std::vector<uint64_t> numbers;  // per row, when drawn by ordinal
};

class SampleLocal final : public LocalState {
 public:
  std::vector<SampledPart> parts;
  std::priority_queue<uint64_t> lowest;  // of the rows seen, as many as are wanted
};

class SampleState final : public AccumulatorState {
 public:
  SampleState(const logical::SampleSpec& spec, const std::vector<TypePtr>& types, bool by_ordinal,
              QueryContext& query)
      : spec_(spec),
        types_(types),
        by_ordinal_(by_ordinal),
        lottery_(spec),
        query_(query),
        memory_(query.pool()) {}

  Result<std::unique_ptr<LocalState>> MakeLocal() override {
    return std::make_unique<SampleLocal>();
  }

  Result<Flow> Consume(const Chunk& chunk, const Morsel& morsel, LocalState& local_state,
                       TaskContext& context) override {
    auto& local = static_cast<SampleLocal&>(local_state);
    SampledPart part;
    Chunk kept = chunk;
    if (by_ordinal_) {
      auto rows = std::make_shared<Selection>();
      for (int64_t i = 0; i < chunk.selected_count(); ++i) {
        const uint32_t row = chunk.row_at(i);
        const uint64_t number = lottery_.Draw(chunk.ordinal + row);
        if (!MayWin(number, &local.lowest)) continue;
        rows->push_back(row);
        part.numbers.push_back(number);
      }
      if (rows->empty()) return Flow::kMore;
      kept.selection = std::move(rows);
    }
    ARROW_ASSIGN_OR_RAISE(kept, Compact(kept, context.pool()));
    part.rows = {morsel.sequence, std::move(kept)};
    local.parts.push_back(std::move(part));
    return Flow::kMore;
  }

  Result<Flow> FinishMorsel(const Morsel&, LocalState&, TaskContext&) override {
    return Flow::kMore;
  }

  Status Combine(LocalState& local_state) override {
    std::lock_guard lock(mutex_);
    for (auto& part : static_cast<SampleLocal&>(local_state).parts) {
      parts_.push_back(std::move(part));
    }
    return Status::OK();
  }

  Status Seal() override {
    std::stable_sort(parts_.begin(), parts_.end(), [](const auto& a, const auto& b) {
      return a.rows.sequence < b.rows.sequence;
    });
    std::vector<RowPart> parts;
    std::vector<uint64_t> numbers;
    for (auto& part : parts_) {
      numbers.insert(numbers.end(), part.numbers.begin(), part.numbers.end());
      parts.push_back(std::move(part.rows));
    }
    parts_.clear();
    ARROW_ASSIGN_OR_RAISE(auto rows, ConcatenateParts(&parts, types_, query_.pool()));
    ARROW_RETURN_NOT_OK(memory_.Set(rows.row_count * int64_t{sizeof(uint64_t) + sizeof(uint32_t)}));
    if (!by_ordinal_) {
      for (int64_t row = 0; row < rows.row_count; ++row) {
        numbers.push_back(lottery_.Draw(static_cast<uint64_t>(row)));
      }
    }
    order_ = std::make_shared<const std::vector<uint32_t>>(Winners(numbers));
    rows_ = std::make_shared<const Chunk>(std::move(rows));
    return Status::OK();
  }

  Result<std::unique_ptr<SourceState>> Emit(const Trigger&) override {
    return std::make_unique<OrderedRows>(rows_, order_, 0, static_cast<int64_t>(order_->size()));
  }

 private:
  bool MayWin(uint64_t number, std::priority_queue<uint64_t>* lowest) const {
    if (!spec_.by_rows) return lottery_.Wins(number);
    const size_t wanted = lottery_.RowsWanted(size_t{1} << 32);
    if (lowest->size() == wanted) {
      if (wanted == 0 || number >= lowest->top()) return false;
      lowest->pop();
    }
    lowest->push(number);
    return true;
  }

  /// The rows that are taken, in row order.
  std::vector<uint32_t> Winners(const std::vector<uint64_t>& numbers) const {
    std::vector<uint32_t> rows;
    if (!spec_.by_rows) {
      for (uint32_t row = 0; row < numbers.size(); ++row) {
        if (lottery_.Wins(numbers[row])) rows.push_back(row);
      }
      return rows;
    }
    rows.resize(numbers.size());
    for (uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(lottery_.RowsWanted(rows.size()));
    if (end != rows.end()) {
      std::nth_element(rows.begin(), end, rows.end(), [&](uint32_t a, uint32_t b) {
        return numbers[a] != numbers[b] ? numbers[a] < numbers[b] : a < b;
      });
    }
    rows.erase(end, rows.end());
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  const logical::SampleSpec spec_;
  const std::vector<TypePtr>& types_;
  const bool by_ordinal_;
  const Lottery lottery_;
  QueryContext& query_;
  std::mutex mutex_;
  std::vector<SampledPart> parts_;
  std::shared_ptr<const Chunk> rows_;
  std::shared_ptr<const std::vector<uint32_t>> order_;
  Reservation memory_;
};

}  // namespace

Result<std::unique_ptr<OperatorState>> SampleFilterNode::MakeState(const OpenContext&) const {
  return std::make_unique<NoState>();
}

Result<OperatorFlow> SampleFilterNode::Process(const Chunk& in, Chunk* out, OperatorState&,
                                               TaskContext&) const {
  const Lottery lottery(spec_);
  auto rows = std::make_shared<Selection>();
  for (int64_t i = 0; i < in.selected_count(); ++i) {
    const uint32_t row = in.row_at(i);
    if (lottery.Wins(lottery.Draw(in.ordinal + row))) rows->push_back(row);
  }
  *out = in;
  out->selection = std::move(rows);
  return OperatorFlow::kNeedInput;
}

std::string SampleFilterNode::Text() const { return TextOf(spec_); }

Result<std::shared_ptr<AccumulatorState>> SampleNode::Open(QueryContext& query) const {
  return std::make_shared<SampleState>(spec_, types_, by_ordinal_, query);
}

std::string SampleNode::Text() const { return TextOf(spec_); }

}  // namespace velaria::execution
