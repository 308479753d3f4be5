// Whole queries: common tables, set operations, VALUES.
#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "logical/evaluate.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;
using logical::NodeKind;

namespace {

const char* NameOf(SetOp op) {
  switch (op) {
    case SetOp::kUnion:
    case SetOp::kUnionAll: return "UNION";
    case SetOp::kIntersect:
    case SetOp::kIntersectAll: return "INTERSECT";
    case SetOp::kExcept:
    case SetOp::kExceptAll: return "EXCEPT";
  }
  return "?";
}

/// `plan` with its columns cast to `types`.
Result<LogicalPtr> CastColumns(LogicalPtr plan, const std::vector<TypePtr>& types,
                               const FunctionContext& context) {
  std::vector<BoundExprPtr> exprs;
  std::vector<logical::OutputColumn> output;
  bool changed = false;
  for (size_t i = 0; i < types.size(); ++i) {
    auto column = ColumnOf(*plan, i);
    changed |= !column->type->Equals(*types[i]);
    VELARIA_ASSIGN_OR_RETURN(auto cast, CastTo(column, types[i], context));
    output.push_back(plan->output[i]);
    output.back().type = types[i];
    exprs.push_back(std::move(cast));
  }
  if (!changed) return plan;
  return Project(std::move(plan), std::move(exprs), std::move(output));
}

/// VALUES whose expressions are computed when the query runs: a projection of `below` for each row.
LogicalPtr ComputedRows(const logical::LogicalNode& values, const LogicalPtr& below) {
  auto all = logical::MakeNode(NodeKind::kUnion);
  for (const auto& row : values.rows) {
    auto project = logical::MakeNode(NodeKind::kProject, {below});
    project->expressions = row;
    project->output = values.output;
    all->children.push_back(std::move(project));
  }
  all->output = values.output;
  return all->children.size() == 1 ? all->children[0] : LogicalPtr(std::move(all));
}

/// Before any row is bound: a list may be long, and its last row the wrong one.
Status CheckRowLengths(const Select& select) {
  const size_t width = select.values[0].size();
  for (const auto& row : select.values) {
    if (row.size() == width) continue;
    const Place place = row.empty() ? select.place : row[0]->place;
    return FailAt(place, ErrorCode::kColumnCountMismatch,
                  "all rows of VALUES must have the same length: " + std::to_string(width) +
                      " and " + std::to_string(row.size()));
  }
  return Status::OK();
}

}  // namespace

const std::vector<size_t>& QueryBinder::CommonTables::Named(const std::string& name) const {
  static const std::vector<size_t> kNone;
  const auto found = by_name_.find(ToLower(name));
  return found == by_name_.end() ? kNone : found->second;
}

void QueryBinder::CommonTables::Add(CommonTableEntry entry) {
  by_name_[ToLower(entry.name)].push_back(entries_.size());
  entries_.push_back(std::move(entry));
}

void QueryBinder::CommonTables::ShrinkTo(size_t count) {
  while (entries_.size() > count) {
    by_name_[ToLower(entries_.back().name)].pop_back();
    entries_.pop_back();
  }
}

Status QueryBinder::BindCommonTables(const std::vector<CommonTable>& tables) {
  const size_t outer = common_tables_.size();
  for (const auto& table : tables) {
    VELARIA_RETURN_NOT_OK(CancelScope::Check());
    const auto& known = common_tables_.Named(table.name.text);
    if (!known.empty() && known.back() >= outer) {
      return FailAt(table.name.place, ErrorCode::kAmbiguousColumn,
                    "a common table is named twice: " + table.name.text);
    }
    VELARIA_ASSIGN_OR_RETURN(auto plan, BindCommonTable(table));
    if (table.columns.size() > plan->output.size()) {
      return FailAt(table.name.place, ErrorCode::kColumnCountMismatch,
                    "more column names than columns: " + table.name.text);
    }
    common_tables_.Add({table.name.text, std::move(plan), table.columns, outer_});
  }
  return Status::OK();
}

/// The table's plan, computed once however often it is named, unless it is a stream's or asked not
/// to be.
Result<LogicalPtr> QueryBinder::BindCommonTable(const CommonTable& table) {
  LogicalPtr plan;
  if (table.recursive) {
    VELARIA_ASSIGN_OR_RETURN(plan, BindRecursive(table));
  } else {
    VELARIA_ASSIGN_OR_RETURN(auto planned, BindSelect(*table.select));
    plan = std::move(planned.plan);
  }
  if (!table.materialized.value_or(true) || !logical::IsBounded(*plan)) return plan;
  auto shared = logical::MakeNode(NodeKind::kShared, {plan});
  shared->shared_id = next_id_++;
  shared->output = plan->output;
  return shared;
}

Result<PlannedQuery> QueryBinder::BindSelect(const Select& select) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  const size_t visible = common_tables_.size();
  VELARIA_RETURN_NOT_OK(BindCommonTables(select.with));
  auto planned = BindBody(select);
  common_tables_.ShrinkTo(visible);
  if (planned.ok()) VELARIA_RETURN_NOT_OK(CheckEmit(select, *planned->plan));
  return planned;
}

Result<PlannedQuery> QueryBinder::BindBody(const Select& select) {
  const bool is_values = !select.values.empty();
  if (!is_values && !select.is_set_operation()) return BindCore(select);
  PlannedQuery planned;
  if (is_values) {
    VELARIA_ASSIGN_OR_RETURN(planned, BindValues(select, {}));
  } else {
    VELARIA_ASSIGN_OR_RETURN(planned, BindSetOperation(select));
  }
  VELARIA_ASSIGN_OR_RETURN(planned.plan, SortOutput(select, std::move(planned.plan)));
  return planned;
}

Status QueryBinder::MatchByName(PlannedQuery* left, PlannedQuery* right) {
  std::vector<logical::OutputColumn> all = left->plan->output;
  const auto position = [](const std::vector<logical::OutputColumn>& output,
                           const std::string& name) {
    const auto at = std::find_if(output.begin(), output.end(), [&](const auto& column) {
      return EqualsIgnoreCase(column.name, name);
    });
    return at == output.end() ? -1 : static_cast<int>(at - output.begin());
  };
  for (const auto& column : right->plan->output) {
    if (position(all, column.name) < 0) all.push_back(column);
  }
  for (PlannedQuery* side : {left, right}) {
    std::vector<BoundExprPtr> exprs;
    std::vector<logical::OutputColumn> output;
    std::vector<bool> untyped;
    for (const auto& column : all) {
      const int at = position(side->plan->output, column.name);
      untyped.push_back(at >= 0 && side->untyped[static_cast<size_t>(at)]);
      BoundExprPtr expr;
      if (at >= 0) {
        expr = ColumnOf(*side->plan, static_cast<size_t>(at));
      } else {
        VELARIA_ASSIGN_OR_RETURN(expr, logical::MakeNull(column.type));
      }
      output.push_back({column.name, expr->type, true, nullptr});
      exprs.push_back(std::move(expr));
    }
    side->plan = Project(side->plan, std::move(exprs), std::move(output));
    side->untyped = std::move(untyped);
  }
  return Status::OK();
}

Result<PlannedQuery> QueryBinder::BindSetOperation(const Select& select) {
  VELARIA_ASSIGN_OR_RETURN(auto left, BindSelect(*select.set_left));
  VELARIA_ASSIGN_OR_RETURN(auto right, BindSelect(*select.set_right));
  if (select.by_name) VELARIA_RETURN_NOT_OK(MatchByName(&left, &right));
  const size_t width = left.plan->output.size();
  if (right.plan->output.size() != width) {
    return FailAt(select.set_right->place, ErrorCode::kColumnCountMismatch,
                  std::string("both sides of ") + NameOf(select.set_op) +
                      " must have the same number of columns: " + std::to_string(width) + " and " +
                      std::to_string(right.plan->output.size()));
  }
  const bool is_union = select.set_op == SetOp::kUnion || select.set_op == SetOp::kUnionAll;
  if (width == 0 && !is_union) {
    return Unsupported(select.set_right->place,
                       std::string(NameOf(select.set_op)) + " of rows without columns");
  }
  PlannedQuery planned;
  std::vector<TypePtr> types;
  std::vector<logical::OutputColumn> output;
  for (size_t i = 0; i < width; ++i) {
    const Place at = select.set_right->place;
    VELARIA_RETURN_NOT_OK(AdoptColumnType(&left, i, right.plan->output[i], at, context_.functions));
    VELARIA_RETURN_NOT_OK(AdoptColumnType(&right, i, left.plan->output[i], at, context_.functions));
    const auto& a = left.plan->output[i];
    const auto& b = right.plan->output[i];
    const auto is_untyped = [i](const PlannedQuery& side) {
      return side.untyped[i] || side.plan->output[i].type->id() == arrow::Type::NA;
    };
    planned.untyped.push_back(is_untyped(left) && is_untyped(right));
    auto common = CommonType(a.type, b.type);
    if (!common.ok()) return WithPlace(common.status(), at);
    if (select.set_op != SetOp::kUnionAll) {
      VELARIA_ASSIGN_OR_RETURN(const auto value, PlainValues(ColumnOf(*left.plan, i)));
      VELARIA_RETURN_NOT_OK(CheckComparable(*value, NameOf(select.set_op)));
      if (!IsString(**common)) common = LogicalType(*common);
    }
    types.push_back(*common);
    output.push_back({a.name, *common, a.nullable || b.nullable, nullptr});
  }
  VELARIA_ASSIGN_OR_RETURN(left.plan, CastColumns(left.plan, types, context_.functions));
  VELARIA_ASSIGN_OR_RETURN(right.plan, CastColumns(right.plan, types, context_.functions));
  const bool counts_rows =
      select.set_op == SetOp::kIntersectAll || select.set_op == SetOp::kExceptAll;
  if (counts_rows) {
    // The second of two equal rows meets the second of the other side, and so on.
    left.plan = NumberEqualRows(std::move(left.plan));
    right.plan = NumberEqualRows(std::move(right.plan));
    output.push_back(left.plan->output.back());
  }
  auto node = logical::MakeNode(is_union ? NodeKind::kUnion : NodeKind::kSetOp);
  for (const auto& side : {left.plan, right.plan}) {
    // UNION ALL of UNION ALL is one node with more children.
    if (is_union && side->kind == NodeKind::kUnion) {
      node->children.insert(node->children.end(), side->children.begin(), side->children.end());
    } else {
      node->children.push_back(side);
    }
  }
  node->output = std::move(output);
  switch (select.set_op) {
    case SetOp::kIntersect:
    case SetOp::kIntersectAll: node->set_op = logical::SetOpType::kIntersect; break;
    case SetOp::kExcept:
    case SetOp::kExceptAll: node->set_op = logical::SetOpType::kExcept; break;
    default: break;
  }
  planned.plan = std::move(node);
  if (select.set_op == SetOp::kUnion) planned.plan = Distinct(std::move(planned.plan));
  if (counts_rows) planned.plan = FirstColumns(std::move(planned.plan), width);
  return planned;
}

Result<PlannedQuery> QueryBinder::BindValues(const Select& select,
                                             const std::vector<TypePtr>& types,
                                             const ColumnDefaults& defaults,
                                             const logical::RelationPtr& parameter_rows) {
  VELARIA_RETURN_NOT_OK(CheckRowLengths(select));
  FromClause parameters;
  if (parameter_rows) {
    VELARIA_ASSIGN_OR_RETURN(
        parameters,
        ScanOf(parameter_rows, TableRef(TableKind::kNamed, select.place), parameter_rows->name()));
  } else {
    auto one_row = logical::MakeNode(NodeKind::kValues);
    one_row->rows.emplace_back();
    parameters.plan = std::move(one_row);
  }
  auto binder = Expressions(&parameters.scope);
  const size_t width = select.values[0].size();
  std::vector<std::vector<BoundExprPtr>> columns(width);
  bool constant = parameter_rows == nullptr;
  for (const auto& row : select.values) {
    for (size_t i = 0; i < width; ++i) {
      BoundExprPtr value;
      if (row[i]->kind == ExprKind::kDefault && !types.empty()) {
        value = i < defaults.size() ? defaults[i] : nullptr;
        if (!value) {
          VELARIA_ASSIGN_OR_RETURN(value, logical::MakeNull(types[i], row[i]->place));
        }
      } else {
        VELARIA_ASSIGN_OR_RETURN(value, binder.BindWithoutAggregates(*row[i], "VALUES"));
      }
      // A value that cannot be computed now has the error of its evaluation.
      if (logical::IsConstant(*value)) {
        VELARIA_ASSIGN_OR_RETURN(value, logical::Fold(value, context_.functions));
      }
      constant &= value->kind == logical::BoundKind::kLiteral;
      columns[i].push_back(std::move(value));
    }
  }
  auto node = logical::MakeNode(NodeKind::kValues);
  node->rows.resize(select.values.size());
  PlannedQuery planned;
  for (size_t i = 0; i < width; ++i) {
    TypePtr type = i < types.size() ? types[i] : nullptr;
    planned.untyped.push_back(
        !type && std::all_of(columns[i].begin(), columns[i].end(), [](const auto& value) {
          return IsUntyped(*value) || value->type->id() == arrow::Type::NA;
        }));
    if (!type) {
      VELARIA_ASSIGN_OR_RETURN(type, Unify(&columns[i], select.place, context_.functions));
    }
    for (size_t row = 0; row < columns[i].size(); ++row) {
      VELARIA_ASSIGN_OR_RETURN(auto value, Adopt(columns[i][row], type, context_.functions));
      VELARIA_ASSIGN_OR_RETURN(value, CastTo(value, type, context_.functions));
      node->rows[row].push_back(std::move(value));
    }
    node->output.push_back(PlainColumn("column" + std::to_string(i + 1), type));
  }
  planned.plan = constant ? LogicalPtr(std::move(node)) : ComputedRows(*node, parameters.plan);
  return planned;
}

}  // namespace velaria::sql
