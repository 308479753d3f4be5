// What cannot run over a stream, with the reason.
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::JoinType;
using logical::LogicalNode;
using logical::NodeKind;

namespace {

std::string StreamBelow(const LogicalNode& node) {
  std::string name;
  logical::AnyNode(node, [&](const LogicalNode& below) {
    if (below.kind != NodeKind::kScan || below.relation->is_bounded()) return false;
    name = below.relation->name();
    return true;
  });
  return name;
}

/// Whether rows of a stream pass through an aggregate below: then a row may be said again with a
/// new value.
bool RevisesRows(const LogicalNode& node) {
  if (logical::IsBounded(node)) return false;
  if (node.kind == NodeKind::kAggregate) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const auto& child) { return RevisesRows(*child); });
}

Status Refuse(const LogicalNode& node, const std::string& what, const std::string& hint = "") {
  return Fail(ErrorCode::kNeedsBoundedInput,
              what + ", and the source is a stream: " + StreamBelow(node), hint);
}

Status CheckJoin(const LogicalNode& join) {
  const bool left_bounded = logical::IsBounded(*join.children[0]);
  const bool right_bounded = logical::IsBounded(*join.children[1]);
  if (!left_bounded && !right_bounded) {
    return Refuse(join, "a join of two streams keeps both without end",
                  "Join the stream with a table.");
  }
  // Rows of the table without a partner are known only when the stream has ended.
  const bool keeps_left = join.join == JoinType::kLeft || join.join == JoinType::kFull;
  const bool keeps_right = join.join == JoinType::kRight || join.join == JoinType::kFull;
  if ((!left_bounded && keeps_right) || (!right_bounded && keeps_left)) {
    return Refuse(join,
                  "an outer join needs the end of its input to know the rows without a partner",
                  "Put the stream on the side that the outer join keeps.");
  }
  return Status::OK();
}

}  // namespace

Status CheckEmit(const Select& select, const LogicalNode& plan) {
  switch (select.emit) {
    case EmitKind::kDefault:
    case EmitKind::kPerBatch: return Status::OK();
    case EmitKind::kFinal:
      if (logical::IsBounded(plan)) return Status::OK();
      return FailAt(select.emit_place, ErrorCode::kBadEmit,
                    "EMIT FINAL needs a bounded source and the query reads a stream");
    case EmitKind::kOnWindowClose:
    case EmitKind::kChanges: break;
  }
  return FailAt(select.emit_place, ErrorCode::kBadEmit, "only EMIT PER BATCH is supported",
                "Leave EMIT out, or write EMIT PER BATCH.");
}

Status CheckBoundedness(const LogicalNode& node) {
  if (logical::IsBounded(node)) return Status::OK();
  switch (node.kind) {
    case NodeKind::kSort:
      return Refuse(node, "ORDER BY needs the end of its input",
                    "Leave ORDER BY out; each emission of a windowed query has its own order.");
    case NodeKind::kSetOp: return Refuse(node, "INTERSECT and EXCEPT need the end of their input");
    case NodeKind::kWindow: return Refuse(node, "a window function needs the end of its input");
    case NodeKind::kSample:
      if (node.sample->by_rows || node.children[0]->kind != NodeKind::kScan) {
        return Refuse(node, "a sample of so many rows needs the end of its input",
                      "Sample a percentage of the stream itself.");
      }
      break;
    case NodeKind::kShared:
      return Refuse(node, "rows that are read twice in one query need the end of their input");
    case NodeKind::kRecursive:
      return Refuse(node, "a recursive common table needs the end of its input");
    case NodeKind::kJoin: VELARIA_RETURN_NOT_OK(CheckJoin(node)); break;
    case NodeKind::kLimit:
      if (RevisesRows(*node.children[0])) {
        return Refuse(node, "LIMIT over groups needs the end of its input");
      }
      break;
    case NodeKind::kWindowBy:
      if (RevisesRows(*node.children[0])) {
        return Refuse(node, "WINDOW BY over groups needs the end of its input",
                      "Put WINDOW BY into the query that reads the stream.");
      }
      break;
    case NodeKind::kAggregate:
      if (RevisesRows(*node.children[0])) {
        return Refuse(node, "an aggregate over an aggregate needs the end of its input");
      }
      break;
    default: break;
  }
  for (const auto& child : node.children) VELARIA_RETURN_NOT_OK(CheckBoundedness(*child));
  return Status::OK();
}

}  // namespace velaria::sql
