// Joins: the ON condition split into equal keys and a residual, USING and NATURAL with their merged
// columns.
#include <map>
#include <utility>

#include "base/text.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::JoinType;
using logical::LogicalPtr;
using logical::NodeKind;

namespace {

JoinType TypeOf(JoinKind kind) {
  switch (kind) {
    case JoinKind::kInner: return JoinType::kInner;
    case JoinKind::kLeft: return JoinType::kLeft;
    case JoinKind::kRight: return JoinType::kRight;
    case JoinKind::kFull: return JoinType::kFull;
    case JoinKind::kCross: return JoinType::kCross;
    case JoinKind::kSemi: return JoinType::kSemi;
    case JoinKind::kAnti: return JoinType::kAnti;
  }
  return JoinType::kInner;
}

std::shared_ptr<logical::LogicalNode> JoinNode(JoinType type, LogicalPtr left, LogicalPtr right) {
  auto node = logical::MakeNode(NodeKind::kJoin);
  node->join = type;
  node->output = left->output;
  if (type == JoinType::kSemi || type == JoinType::kAnti) {
    node->children = {std::move(left), std::move(right)};
    return node;
  }
  const bool left_may_miss = type == JoinType::kRight || type == JoinType::kFull;
  const bool right_may_miss = type == JoinType::kLeft || type == JoinType::kFull;
  if (left_may_miss) {
    for (auto& column : node->output) column.nullable = true;
  }
  for (auto column : right->output) {
    column.nullable |= right_may_miss;
    node->output.push_back(std::move(column));
  }
  node->children = {std::move(left), std::move(right)};
  return node;
}

/// -1: left columns only, 1: right columns only, 0: both or none.
int SideOf(const logical::BoundExpr& expr, int left_width) {
  std::vector<int> used;
  logical::CollectColumns(expr, &used);
  bool left = false, right = false;
  for (int column : used) (column < left_width ? left : right) = true;
  if (left == right) return 0;
  return left ? -1 : 1;
}

BoundExprPtr ShiftColumns(const BoundExprPtr& expr, int left_width, size_t width) {
  std::vector<int> map(width);
  for (size_t i = 0; i < width; ++i) map[i] = static_cast<int>(i) - left_width;
  return logical::RemapColumns(expr, map);
}

/// Makes `a = b` a key pair when its sides belong to the two children.
bool TakeKey(const BoundExprPtr& conjunct, int left_width, logical::LogicalNode* join) {
  // A subquery belongs to the rows of the join, whichever side it reads.
  if (conjunct->kind != logical::BoundKind::kCall || logical::HasSubquery(*conjunct)) return false;
  const bool null_safe = conjunct->name == "is_not_distinct_from";
  if (conjunct->name != "=" && !null_safe) return false;
  BoundExprPtr left = conjunct->children[0], right = conjunct->children[1];
  int left_side = SideOf(*left, left_width), right_side = SideOf(*right, left_width);
  if (left_side == 1 && right_side == -1) {
    std::swap(left, right);
  } else if (left_side != -1 || right_side != 1) {
    return false;
  }
  join->left_keys.push_back(std::move(left));
  join->right_keys.push_back(ShiftColumns(right, left_width, join->output.size()));
  join->null_safe.push_back(null_safe);
  return true;
}

constexpr const char* kAsofForm =
    "Write ON a.time >= b.time (or >, <=, <) beside equalities of the two tables, joined by AND.";

/// Makes the inequality of an ASOF join of a conjunct that compares its two sides.
Status TakeAsof(const BoundExprPtr& conjunct, int left_width, logical::LogicalNode* join) {
  const auto refuse = [&](const std::string& what) {
    return FailAt(conjunct->place, ErrorCode::kUnsupportedStatement,
                  what + ": " + logical::ToText(*conjunct), kAsofForm);
  };
  static const std::map<std::string, std::string> kMirrored = {
      {">=", "<="}, {">", "<"}, {"<=", ">="}, {"<", ">"}};
  const auto found = conjunct->kind == logical::BoundKind::kCall ? kMirrored.find(conjunct->name)
                                                                 : kMirrored.end();
  if (found == kMirrored.end() || logical::HasSubquery(*conjunct)) {
    return refuse("a condition of an ASOF join is neither an equality nor its inequality");
  }
  BoundExprPtr left = conjunct->children[0], right = conjunct->children[1];
  const bool mirrored = SideOf(*left, left_width) == 1;
  if (mirrored) std::swap(left, right);
  if (SideOf(*left, left_width) != -1 || SideOf(*right, left_width) != 1) {
    return refuse("the inequality of an ASOF join does not compare its two tables");
  }
  if (join->asof) return refuse("an ASOF join has a second inequality");
  join->asof = logical::AsofCondition{mirrored ? found->second : found->first, std::move(left),
                                      ShiftColumns(right, left_width, join->output.size())};
  return Status::OK();
}

Status CheckAsof(const TableRef& ref, bool lateral) {
  if (ref.join != JoinKind::kInner && ref.join != JoinKind::kLeft) {
    return FailAt(ref.place, ErrorCode::kUnsupportedStatement,
                  "an ASOF join is inner or LEFT: it looks for one row for each left row");
  }
  return lateral ? Unsupported(ref.right->place, "a LATERAL table in an ASOF join") : Status::OK();
}

/// The two scopes side by side, the right one's columns moved behind the left one's.
Scope SideBySide(const Scope& left, const Scope& right, const logical::LogicalNode& join,
                 int left_width) {
  Scope scope = left;
  std::vector<int> map;
  for (size_t i = static_cast<size_t>(left_width); i < join.output.size(); ++i) {
    map.push_back(static_cast<int>(i));
  }
  for (auto column : right.columns) {
    column.expr = logical::RemapColumns(column.expr, map);
    scope.columns.push_back(std::move(column));
  }
  for (auto& column : scope.columns) {
    if (column.expr->kind == logical::BoundKind::kColumn) {
      column.nullable = join.output[static_cast<size_t>(column.expr->column)].nullable;
    }
  }
  scope.tables.insert(scope.tables.end(), right.tables.begin(), right.tables.end());
  return scope;
}

/// Both key expressions of equal type, or both strings.
Status AddKey(BoundExprPtr left, BoundExprPtr right, Place place, const FunctionContext& context,
              logical::LogicalNode* join) {
  VELARIA_RETURN_NOT_OK(CoerceComparison(&left, &right, place, context));
  join->left_keys.push_back(std::move(left));
  join->right_keys.push_back(std::move(right));
  join->null_safe.push_back(false);
  return Status::OK();
}

/// The last name of USING in an ASOF join: the nearest right value that is not above the left one.
Status SetAsof(BoundExprPtr left, BoundExprPtr right, Place place, const FunctionContext& context,
               logical::LogicalNode* join) {
  VELARIA_RETURN_NOT_OK(CoerceComparison(&left, &right, place, context));
  join->asof = logical::AsofCondition{">=", std::move(left), std::move(right)};
  return Status::OK();
}

std::vector<Name> NaturalNames(const Scope& left, const Scope& right) {
  std::vector<Name> names;
  for (const auto& column : left.columns) {
    if (!column.by_bare_name) continue;
    const bool shared = std::any_of(right.columns.begin(), right.columns.end(), [&](const auto& c) {
      return c.by_bare_name && EqualsIgnoreCase(c.name, column.name);
    });
    if (shared) names.push_back({column.name, true, {}});
  }
  return names;
}

Status CheckTableNames(const Scope& left, const Scope& right, Place place) {
  for (const auto& table : right.tables) {
    if (table.empty() || !left.HasTable(table)) continue;
    return FailAt(place, ErrorCode::kAmbiguousColumn,
                  "two tables in FROM have the same name: " + table, "Give one of them an alias.");
  }
  return Status::OK();
}

/// Functions and LATERAL sub-selects see the tables before them.
bool MayReadLeft(const TableRef& ref) {
  switch (ref.kind) {
    case TableKind::kFunction: return true;
    case TableKind::kSubquery: return ref.lateral;
    case TableKind::kJoin: return MayReadLeft(*ref.left) || MayReadLeft(*ref.right);
    default: return false;
  }
}

}  // namespace

Result<FromClause> QueryBinder::BindRight(const TableRef& ref, const FromClause& left,
                                          std::vector<BoundExprPtr>* arguments) {
  if (!MayReadLeft(ref)) return BindFrom(ref);
  OuterScope frame(&left.scope, outer_, nullptr);
  OuterScope* enclosing = std::exchange(outer_, &frame);
  auto right = BindFrom(ref);
  outer_ = enclosing;
  *arguments = frame.TakeArguments();
  return right;
}

/// (a JOIN b ...) AS t(x, y): its columns under one name, those of * in their order.
Result<FromClause> QueryBinder::BindJoin(const TableRef& ref) {
  VELARIA_ASSIGN_OR_RETURN(auto from, BindJoinedTables(ref));
  if (!ref.alias) return from;
  Scope renamed;
  renamed.tables = {ref.alias->text};
  for (auto column : from.scope.columns) {
    if (!column.in_star) continue;
    const size_t at = renamed.columns.size();
    column.table = ref.alias->text;
    column.by_bare_name = true;
    if (at < ref.column_aliases.size()) column.name = ref.column_aliases[at].text;
    renamed.columns.push_back(std::move(column));
  }
  if (ref.column_aliases.size() > renamed.columns.size()) {
    return FailAt(ref.alias->place, ErrorCode::kColumnCountMismatch,
                  "more column aliases than columns: " + ref.alias->text);
  }
  from.scope = std::move(renamed);
  return from;
}

Result<FromClause> QueryBinder::SideBySideTables(FromClause left, FromClause right, Place place) {
  VELARIA_RETURN_NOT_OK(CheckTableNames(left.scope, right.scope, place));
  const int left_width = static_cast<int>(left.plan->output.size());
  auto join = JoinNode(JoinType::kCross, left.plan, right.plan);
  FromClause from;
  from.scope = SideBySide(left.scope, right.scope, *join, left_width);
  from.plan = std::move(join);
  return from;
}

Result<FromClause> QueryBinder::BindJoinedTables(const TableRef& ref) {
  VELARIA_ASSIGN_OR_RETURN(auto left, BindFrom(*ref.left));
  std::vector<BoundExprPtr> outer_arguments;
  VELARIA_ASSIGN_OR_RETURN(auto right, BindRight(*ref.right, left, &outer_arguments));
  const bool keeps_right = ref.join == JoinKind::kRight || ref.join == JoinKind::kFull;
  if (!outer_arguments.empty() && keeps_right) {
    return FailAt(ref.right->place, ErrorCode::kUnsupportedStatement,
                  "a RIGHT or FULL join cannot be LATERAL: there is no left row for a row alone");
  }
  if (ref.asof) VELARIA_RETURN_NOT_OK(CheckAsof(ref, !outer_arguments.empty()));
  VELARIA_RETURN_NOT_OK(CheckTableNames(left.scope, right.scope, ref.right->place));
  if (!outer_arguments.empty() && (ref.natural || !ref.using_columns.empty())) {
    return Unsupported(ref.right->place, "a LATERAL join with USING or NATURAL");
  }
  if (ref.natural) {
    const auto names = NaturalNames(left.scope, right.scope);
    if (!names.empty()) return JoinUsing(ref, std::move(left), std::move(right), names);
  }
  if (!ref.using_columns.empty()) {
    return JoinUsing(ref, std::move(left), std::move(right), ref.using_columns);
  }
  const int left_width = static_cast<int>(left.plan->output.size());
  auto join = JoinNode(TypeOf(ref.join), left.plan, right.plan);
  join->outer_arguments = std::move(outer_arguments);
  FromClause from;
  // While the condition is bound, both sides are there.
  const bool left_only = join->join == JoinType::kSemi || join->join == JoinType::kAnti;
  const auto both = JoinNode(left_only ? JoinType::kInner : join->join, left.plan, right.plan);
  from.scope = SideBySide(left.scope, right.scope, *both, left_width);
  const std::vector<logical::OutputColumn> own_output = join->output;
  join->output = both->output;
  if (ref.on) {
    auto binder = Expressions(&from.scope);
    VELARIA_ASSIGN_OR_RETURN(auto condition, binder.BindPredicate(*ref.on, "JOIN ON"));
    std::vector<BoundExprPtr> conjuncts, rest;
    logical::SplitConjuncts(condition, &conjuncts);
    for (auto& conjunct : conjuncts) {
      if (TakeKey(conjunct, left_width, join.get())) continue;
      if (ref.asof) {
        VELARIA_RETURN_NOT_OK(TakeAsof(conjunct, left_width, join.get()));
      } else {
        rest.push_back(std::move(conjunct));
      }
    }
    if (ref.asof && !join->asof) {
      return FailAt(ref.on->place, ErrorCode::kUnsupportedStatement,
                    "an ASOF join without an inequality", kAsofForm);
    }
    if (!rest.empty()) {
      VELARIA_ASSIGN_OR_RETURN(join->residual, logical::MakeAnd(std::move(rest)));
    }
  } else if (ref.join == JoinKind::kInner) {
    join->join = JoinType::kCross;
  }
  join->output = own_output;
  if (left_only) from.scope = left.scope;
  from.plan = std::move(join);
  return from;
}

Result<FromClause> QueryBinder::JoinUsing(const TableRef& ref, FromClause left, FromClause right,
                                          const std::vector<Name>& names) {
  const int left_width = static_cast<int>(left.plan->output.size());
  auto join = JoinNode(TypeOf(ref.join), left.plan, right.plan);
  if (join->join == JoinType::kCross) join->join = JoinType::kInner;
  if (join->join == JoinType::kSemi || join->join == JoinType::kAnti) {
    for (const auto& name : names) {
      VELARIA_ASSIGN_OR_RETURN(const auto* a, left.scope.Get({name}));
      VELARIA_ASSIGN_OR_RETURN(const auto* b, right.scope.Get({name}));
      VELARIA_RETURN_NOT_OK(AddKey(a->expr, b->expr, name.place, context_.functions, join.get()));
    }
    FromClause from;
    from.scope = std::move(left.scope);
    from.plan = std::move(join);
    return from;
  }
  Scope sides = SideBySide(left.scope, right.scope, *join, left_width);
  const size_t left_columns = left.scope.columns.size();
  FromClause from;
  std::vector<ScopeColumn> merged;
  for (const auto& name : names) {
    const Name bare{name.text, name.quoted, name.place.known() ? name.place : ref.place};
    VELARIA_ASSIGN_OR_RETURN(const auto* a, left.scope.Get({bare}));
    VELARIA_ASSIGN_OR_RETURN(const auto* b, right.scope.Get({bare}));
    const bool is_asof = ref.asof && &name == &names.back();
    VELARIA_RETURN_NOT_OK(
        (is_asof ? SetAsof : AddKey)(a->expr, b->expr, bare.place, context_.functions, join.get()));
    auto& in_left = sides.columns[static_cast<size_t>(a - left.scope.columns.data())];
    auto& in_right =
        sides.columns[left_columns + static_cast<size_t>(b - right.scope.columns.data())];
    ScopeColumn both = ref.join == JoinKind::kRight ? in_right : in_left;
    if (ref.join == JoinKind::kFull) {
      std::vector<BoundExprPtr> values;
      for (const auto& side : {in_left.expr, in_right.expr}) {
        VELARIA_ASSIGN_OR_RETURN(values.emplace_back(), PlainValues(side));
      }
      VELARIA_RETURN_NOT_OK(Unify(&values, bare.place, context_.functions).status());
      VELARIA_ASSIGN_OR_RETURN(both.expr, logical::MakeCall("coalesce", values, bare.place));
      both.metadata = nullptr;
    }
    both.table.clear();
    both.name = in_left.name;
    merged.push_back(std::move(both));
    in_left.in_star = in_left.by_bare_name = in_right.in_star = in_right.by_bare_name = false;
  }
  from.scope.tables = std::move(sides.tables);
  from.scope.columns = std::move(merged);
  for (auto& column : sides.columns) from.scope.columns.push_back(std::move(column));
  from.plan = std::move(join);
  return from;
}

}  // namespace velaria::sql
