// Lowering of joins: which side is built, and which of the other side's rows its keys spare an
// aggregation.
#include "execution/lowering.hpp"
#include "logical/rewrite.hpp"

namespace velaria::execution {
namespace {

using logical::JoinType;

/// A semi or anti join is built on its left side when that is so much smaller than the right one.
constexpr double kTurnedPart = 0.5;
/// It may hold rows so many times as wide as those of the right side, which are mostly keys alone.
constexpr double kTurnedWidth = 2;
/// The keys of a build go before an aggregation when they are fewer than its groups.
constexpr double kFilterPart = 1;

/// Bytes that a build holds for a row: its group, and a short text for each that is not a number.
double HeldBytes(const LogicalNode& node) {
  constexpr double kGroupBytes = 16, kTextBytes = 16;
  double bytes = kGroupBytes;
  for (const auto& column : node.output) {
    bytes += arrow::is_fixed_width(column.type->id()) ? column.type->bit_width() / 8.0 : kTextBytes;
  }
  return bytes;
}

/// Whether to build on the left side what would be built on the right one. Selectivities are
/// guessed, and the left side of a wrong guess is held whole: so it must not be larger than the
/// right one whatever its filters keep.
bool IsBetterTurned(const LogicalNode& left, const LogicalNode& right) {
  const auto turned = logical::EstimateOf(left), built = logical::EstimateOf(right);
  return turned.rows < kTurnedPart * built.rows && turned.at_most <= built.rows &&
         turned.at_most * HeldBytes(left) <= kTurnedWidth * built.rows * HeldBytes(right);
}

JoinSpecPtr Turned(const JoinSpec& spec) {
  auto turned = std::make_shared<JoinSpec>(spec);
  turned->is_turned = true;
  turned->left_keys.swap(turned->right_keys);
  turned->left_types.swap(turned->right_types);
  if (!spec.residual) return turned;
  std::vector<int> places;
  for (size_t i = 0; i < spec.left_types.size(); ++i) {
    places.push_back(static_cast<int>(spec.right_types.size() + i));
  }
  for (size_t i = 0; i < spec.right_types.size(); ++i) places.push_back(static_cast<int>(i));
  turned->residual = logical::RemapColumns(spec.residual, places);
  return turned;
}

/// The columns that the expressions name; nullopt when one is more than a column.
std::optional<std::vector<size_t>> ColumnsOf(const std::vector<logical::BoundExprPtr>& exprs) {
  std::vector<size_t> columns;
  for (const auto& expr : exprs) {
    if (expr->kind != logical::BoundKind::kColumn) return std::nullopt;
    columns.push_back(static_cast<size_t>(expr->column));
  }
  return columns;
}

/// The child of a join whose rows are dropped by dropping the join's rows, given that `columns` of
/// the latter decide, and those columns there.
std::optional<size_t> SideOf(const LogicalNode& join, std::vector<size_t>* columns) {
  if (join.asof) return std::nullopt;
  const size_t left = join.children[0]->output.size();
  const auto is_left = [left](size_t column) { return column < left; };
  const bool inner = join.join == JoinType::kInner || join.join == JoinType::kCross;
  if (std::all_of(columns->begin(), columns->end(), is_left)) {
    const bool keeps_right = join.join == JoinType::kRight || join.join == JoinType::kFull;
    return keeps_right ? std::nullopt : std::optional<size_t>(0);
  }
  if (!inner || std::any_of(columns->begin(), columns->end(), is_left)) return std::nullopt;
  for (size_t& column : *columns) {
    column -= left;
    if (column >= join.children[1]->output.size()) return std::nullopt;
  }
  return 1;
}

}  // namespace

Result<Lowering::Drafts> Lowering::JoinDrafts(const LogicalNode& node, JoinSpecPtr spec) {
  LogicalPtr probed = node.children[0], built = node.children[1];
  if (!logical::IsBounded(*built) || (spec->keeps_right() && !logical::IsBounded(*probed))) {
    return Fail(ErrorCode::kNeedsBoundedInput,
                "a join builds on its right side, which must be bounded",
                "Put the stream on the left of an inner or left join with a table.");
  }
  const bool one_sided = spec->type == JoinType::kSemi || spec->type == JoinType::kAnti;
  if (RunsOnce() && one_sided && !spec->left_keys.empty() && logical::IsBounded(*probed) &&
      IsBetterTurned(*probed, *built)) {
    spec = Turned(*spec);
    std::swap(probed, built);
  }
  const bool was_whole = std::exchange(whole_, true);
  ARROW_ASSIGN_OR_RAISE(auto build_drafts, LowerNode(*built, false));
  whole_ = was_whole;
  const int build = Close(std::move(build_drafts), std::make_shared<JoinBuildNode>(spec));
  const int last = static_cast<int>(plan_->pipelines.size()) - 1;
  const bool drops = spec->type == JoinType::kInner || spec->type == JoinType::kRight ||
                     spec->type == JoinType::kSemi || spec->is_turned;
  const auto keys = ColumnsOf(spec->left_keys);
  if (RunsOnce() && drops && !spec->asof && keys && !keys->empty()) {
    probed = WithKeyFilter(probed, *keys, {spec, build, last, logical::EstimateRows(*built)});
  }
  ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*probed, false));
  for (auto& draft : drafts) {
    draft.operators.push_back(std::make_shared<JoinProbeNode>(spec, build));
    draft.dependencies.push_back(last);
  }
  if (spec->marks_right()) {
    Draft rest;  // closed after the probes, so it runs when every match is marked
    rest.source_accumulator = build;
    rest.dependencies = {last};
    rest.when = drafts.front().when == When::kFirst ? When::kFirst : When::kLast;
    drafts.push_back(std::move(rest));
  }
  return drafts;
}

/// A plan that runs over all its rows in one go: no part of it may be cut by rows or run again.
bool Lowering::RunsOnce() const {
  return !options_.stream_range && !options_.stop_at_aggregate && !options_.from_partials &&
         recursions_.empty();
}

/// `node` with a mark at each aggregation below it that groups by the columns `keys`, and at the
/// scan they come from. The path to them is copied: what else reads those nodes is not filtered.
LogicalPtr Lowering::WithKeyFilter(const LogicalPtr& node, std::vector<size_t> keys,
                                   const KeyFilter& filter) {
  size_t side = 0;
  switch (node->kind) {
    case NodeKind::kFilter: break;
    case NodeKind::kProject:
      for (size_t& key : keys) {
        const auto& expr = *node->expressions[key];
        if (expr.kind != logical::BoundKind::kColumn) return node;
        key = static_cast<size_t>(expr.column);
      }
      break;
    case NodeKind::kJoin: {
      const auto found = SideOf(*node, &keys);
      if (!found) return node;
      side = *found;
      break;
    }
    case NodeKind::kAggregate: {
      const bool groups = std::all_of(keys.begin(), keys.end(), [&](size_t key) {
        return key < node->expressions.size() &&
               node->expressions[key]->kind == logical::BoundKind::kColumn;
      });
      if (!groups || node->grouping_sets) return node;
      auto spec = std::make_shared<JoinSpec>(*filter.spec);
      for (size_t i = 0; i < keys.size(); ++i) {
        spec->left_keys[i] = node->expressions[keys[i]];
        keys[i] = static_cast<size_t>(spec->left_keys[i]->column);
      }
      auto marked = logical::CopyNode(*node);
      marked->children[0] = WithKeyFilter(node->children[0], std::move(keys), filter);
      const auto held = filters_.find(node.get());  // of a join further up
      const double most = held != filters_.end() ? held->second.build_rows
                                                 : kFilterPart * logical::EstimateRows(*node);
      if (filter.build_rows <= most) {
        spec->type = JoinType::kSemi;
        spec->is_turned = false;
        spec->residual = nullptr;
        spec->left_types = TypesOf(*node->children[0]);
        filters_[marked.get()] = {spec, filter.build, filter.pipeline, filter.build_rows, marked};
      } else if (held != filters_.end()) {
        KeyFilter kept = held->second;
        kept.aggregate = marked;
        filters_[marked.get()] = std::move(kept);
      }
      return marked;
    }
    case NodeKind::kScan: return WithBoundsOf(node, keys, filter);
    default: return node;
  }
  auto children = node->children;
  children[side] = WithKeyFilter(children[side], std::move(keys), filter);
  return logical::WithNewChildren(node, std::move(children));
}

LogicalPtr Lowering::WithBoundsOf(const LogicalPtr& scan, const std::vector<size_t>& keys,
                                  const KeyFilter& filter) {
  const auto held = bounds_.find(scan.get());
  ScanBounds bounds = held == bounds_.end() ? ScanBounds() : held->second;
  const size_t count = bounds.keys.size();
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto& key = *filter.spec->right_keys[i];
    if (key.kind != logical::BoundKind::kColumn || filter.spec->null_safe[i] ||
        !HasOneOrder(*key.type) || !key.type->Equals(*scan->output[keys[i]].type)) {
      continue;
    }
    bounds.keys.push_back({filter.build, i, scan->columns[keys[i]]});
  }
  if (bounds.keys.size() == count) return scan;
  bounds.pipelines.push_back(filter.pipeline);
  bounds.scan = logical::CopyNode(*scan);
  const auto* marked = bounds.scan.get();
  return (bounds_[marked] = std::move(bounds)).scan;
}

Result<Lowering::Drafts> Lowering::LowerAggregate(const LogicalNode& node) {
  ARROW_ASSIGN_OR_RAISE(auto drafts, LowerNode(*node.children[0], false));
  if (const auto filter = filters_.find(&node); filter != filters_.end()) {
    for (auto& draft : drafts) {
      draft.operators.push_back(
          std::make_shared<JoinProbeNode>(filter->second.spec, filter->second.build));
      draft.dependencies.push_back(filter->second.pipeline);
    }
  }
  return BreakDrafts(std::move(drafts), std::make_shared<AggregateNode>(SpecOf(node)));
}

}  // namespace velaria::execution
