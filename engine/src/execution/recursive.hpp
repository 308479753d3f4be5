// WITH RECURSIVE: a source that runs a plan for the first rows and then another one over the newest
// rows, round after round, until a round brings nothing new.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "execution/plan.hpp"
#include "execution/row_collector.hpp"

namespace velaria::execution {

/// The newest rows of one recursion: written between two rounds, read during them.
class RecursiveRows {
 public:
  RowParts Get() const {
    std::lock_guard lock(mutex_);
    return parts_;
  }
  void Set(RowParts parts) {
    std::lock_guard lock(mutex_);
    parts_ = std::move(parts);
  }

 private:
  mutable std::mutex mutex_;
  RowParts parts_ = std::make_shared<const std::vector<Chunk>>();
};

class RecursiveRefNode final : public SourceNode {
 public:
  explicit RecursiveRefNode(std::shared_ptr<RecursiveRows> rows) : rows_(std::move(rows)) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext&) const override {
    return std::make_unique<PartsSource>(rows_->Get());
  }
  std::string Text() const override { return "newest rows"; }

 private:
  const std::shared_ptr<RecursiveRows> rows_;
};

struct RecursiveSpec {
  std::shared_ptr<const PhysicalPlan> first, step;  // each ends in a RowCollector
  std::shared_ptr<RecursiveRows> newest;
  std::vector<TypePtr> types;
  bool distinct = false;
  /// Whether nothing but the collector keeps rows that depend on the newest ones: then one
  /// execution serves all rounds and keeps its join builds. Otherwise each round is a new one.
  bool step_is_repeatable = false;
};

class RecursiveNode final : public SourceNode {
 public:
  explicit RecursiveNode(RecursiveSpec spec)
      : spec_(std::make_shared<const RecursiveSpec>(std::move(spec))) {}
  Result<std::unique_ptr<SourceState>> Open(const OpenContext& context) const override;
  std::string Text() const override;
  const RecursiveSpec& spec() const { return *spec_; }

 private:
  const std::shared_ptr<const RecursiveSpec> spec_;
};

}  // namespace velaria::execution
