// FROM: tables, files, views, common tables, sub-selects.
#include <random>

#include "base/cancel_scope.hpp"
#include "base/text.hpp"
#include "logical/dependent.hpp"
#include "logical/schema_scopes.hpp"
#include "sql/habits.hpp"
#include "sql/parser.hpp"
#include "sql/planner_query.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;
using logical::LogicalPtr;
using logical::NodeKind;
using logical::RelationKind;

namespace {

constexpr size_t kViewDepthMax = 32;
// In all of a statement: views that each read another twice double with each level.
constexpr size_t kViewReadsMax = 1000;

std::string AliasOr(const TableRef& ref, const std::string& name) {
  return ref.alias ? ref.alias->text : name;
}

/// A view gives the columns it was made with; what it reads may have changed since.
Status CheckViewColumns(const logical::Relation& view,
                        const std::vector<logical::OutputColumn>& now, Place place) {
  const auto changed = [&](ErrorCode code, const std::string& what) {
    return FailAt(place, code, "what the view reads has changed since it was made: " + view.name(),
                  "Make the view anew with CREATE OR REPLACE VIEW.", what);
  };
  const auto& made = view.schema()->fields();
  if (made.size() != now.size()) {
    return changed(ErrorCode::kColumnCountMismatch, "columns: " + std::to_string(made.size()) +
                                                        ", now " + std::to_string(now.size()));
  }
  for (size_t i = 0; i < now.size(); ++i) {
    const std::string type = SqlName(*made[i]->type()), type_now = SqlName(*now[i].type);
    if (made[i]->name() != now[i].name) {
      return changed(ErrorCode::kUnknownColumn,
                     "column: " + made[i]->name() + ", now " + now[i].name);
    }
    if (type != type_now) {
      return changed(ErrorCode::kTypeMismatch,
                     "type of " + now[i].name + ": " + type + ", now " + type_now);
    }
  }
  return Status::OK();
}

int64_t RandomSeed() {
  std::random_device device;
  return static_cast<int64_t>(uint64_t{device()} << 32 | device());
}

}  // namespace

std::string StemOf(const std::string& path) {
  const auto slash = path.find_last_of('/');
  const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return file.substr(0, file.find('.'));
}

Result<FromClause> QueryBinder::BindFrom(const TableRef& ref) {
  VELARIA_RETURN_NOT_OK(RefuseUnsupported(ref));
  VELARIA_ASSIGN_OR_RETURN(auto from, BindWhole(ref));
  if (!ref.sample) return from;
  auto sample = logical::MakeNode(NodeKind::kSample, {from.plan});
  sample->output = from.plan->output;
  sample->sample = logical::SampleSpec{ref.sample->by_rows, ref.sample->amount,
                                       ref.sample->seed ? *ref.sample->seed : RandomSeed()};
  from.plan = std::move(sample);
  return from;
}

Result<FromClause> QueryBinder::BindWhole(const TableRef& ref) {
  VELARIA_RETURN_NOT_OK(CancelScope::Check());
  switch (ref.kind) {
    case TableKind::kNamed: return BindNamed(ref);
    case TableKind::kFile: return BindFile(ref);
    case TableKind::kSubquery:
    case TableKind::kValues: return BindDerived(ref);
    case TableKind::kJoin: return BindJoin(ref);
    case TableKind::kFunction: return BindTableFunction(ref);
  }
  return Bug("unknown kind of table reference");
}

Result<FromClause> QueryBinder::BindNamed(const TableRef& ref) {
  const Name& name = ref.names.back();
  if (ref.names.size() == 1) {
    const auto& positions = common_tables_.Named(name.text);
    for (auto position = positions.rbegin(); position != positions.rend(); ++position) {
      const auto* entry = &common_tables_.entries()[*position];
      if (!entry->plan && !entry->recursion) continue;  // names what is outside
      if (entry->recursion) return BindRecursiveRef(*entry, ref);
      if (entry->outer != outer_ && logical::HasOuter(*entry->plan)) {
        return Unsupported(ref.place, "a correlated common table inside a further subquery");
      }
      FromClause from;
      from.plan = entry->plan;
      auto output = entry->plan->output;
      for (size_t i = 0; i < entry->columns.size(); ++i) output[i].name = entry->columns[i].text;
      VELARIA_ASSIGN_OR_RETURN(from.scope,
                               ScopeOf(output, AliasOr(ref, entry->name), ref.column_aliases));
      return from;
    }
  }
  const std::string schema = ref.names.size() > 1 ? ref.names[ref.names.size() - 2].text : "";
  auto found = catalog_->FindRelation(schema, name.text, name.quoted);
  if (!found.ok()) return WithPlace(found.status(), ref.place);
  if (!*found) {
    if (!schema.empty() && !catalog_->HasSchema(schema)) {
      const auto* scopes = dynamic_cast<const logical::SchemaScopes*>(catalog_);
      const std::string near = scopes ? NearestName(schema, scopes->SchemaNames()) : "";
      return FailAt(ref.place, ErrorCode::kUnknownSchema, "unknown schema: " + schema,
                    near.empty() ? "" : "Did you mean " + near + "?");
    }
    std::vector<std::string> names = catalog_->RelationNames();
    for (const auto& entry : common_tables_.entries()) names.push_back(entry.name);
    std::string hint(HabitHint(TableHabits(), name.text));
    if (hint.empty()) {
      const std::string near = NearestName(DottedName(ref.names), names);
      if (!near.empty()) hint = "Did you mean " + near + "?";
    }
    return FailAt(ref.place, ErrorCode::kUnknownTable, "unknown table: " + DottedName(ref.names),
                  std::move(hint));
  }
  const auto& relation = *found;
  if (relation->kind() == RelationKind::kSink) {
    return FailAt(ref.place, ErrorCode::kSinkIsWriteOnly,
                  "a SINK table cannot be read: " + relation->name());
  }
  uses_.insert(relation->use());
  if (relation->kind() == RelationKind::kView) return BindView(*relation, ref);
  return ScanOf(relation, ref, name.text);
}

Result<FromClause> QueryBinder::BindFile(const TableRef& ref) {
  auto relation = catalog_->OpenFile(ref.path);
  if (!relation.ok()) return WithPlace(relation.status(), ref.place);
  uses_.insert(logical::FileUse(ref.path));
  return ScanOf(*relation, ref, StemOf(ref.path));
}

Result<FromClause> QueryBinder::ScanOf(logical::RelationPtr relation, const TableRef& ref,
                                       const std::string& table) {
  auto scan = logical::MakeNode(NodeKind::kScan);
  const auto& schema = *relation->schema();
  for (int i = 0; i < schema.num_fields(); ++i) {
    const auto& field = *schema.field(i);
    scan->columns.push_back(i);
    scan->output.push_back({field.name(), field.type(), field.nullable(), field.metadata()});
  }
  scan->estimated_rows = static_cast<double>(relation->estimated_row_count());
  scan->relation = relation;
  scan->place = ref.place;
  FromClause from;
  VELARIA_ASSIGN_OR_RETURN(from.scope,
                           ScopeOf(scan->output, AliasOr(ref, table), ref.column_aliases));
  from.plan = std::move(scan);
  from.relation = std::move(relation);
  return from;
}

Result<FromClause> QueryBinder::BindView(const logical::Relation& view, const TableRef& ref) {
  const std::string& name = view.name();
  if (std::find(views_.begin(), views_.end(), name) != views_.end()) {
    return FailAt(ref.place, ErrorCode::kUnsupportedStatement, "the view reads itself: " + name);
  }
  if (views_.size() >= kViewDepthMax) {
    return FailAt(ref.place, ErrorCode::kNestingTooDeep,
                  "views nest deeper than the limit: " + std::to_string(kViewDepthMax));
  }
  if (view_count_ >= kViewReadsMax) {
    return FailAt(ref.place, ErrorCode::kNestingTooDeep,
                  "the statement reads more views than the limit: " + std::to_string(kViewReadsMax),
                  "A view that is read in several places may be read once, in WITH.");
  }
  auto statement = ParseStatement(view.view_sql(), {}, ref.place);
  if (!statement.ok()) return statement.status();
  if (!(*statement)->select) return Bug("a view without a SELECT: " + name);
  // A view sees the catalog, never the common tables of the statement that reads it.
  CommonTables outer = std::exchange(common_tables_, {});
  views_.push_back(name);
  OuterScope* enclosing = std::exchange(outer_, nullptr);
  const auto* scopes = dynamic_cast<const logical::SchemaScopes*>(catalog_);
  const auto* around = std::exchange(catalog_, scopes ? &scopes->ScopeOf(view) : catalog_);
  ++view_count_;
  auto planned = BindSelect(*(*statement)->select);
  catalog_ = around;
  outer_ = enclosing;
  views_.pop_back();
  common_tables_ = std::move(outer);
  if (!planned.ok()) {
    ErrorInfo info = ErrorInfoOf(planned.status());
    if (!info.place.known()) info.place = ref.place;
    if (info.detail.empty()) info.detail = "in view: " + name;
    return MakeError(std::move(info));
  }
  if (view.schema()) {
    VELARIA_RETURN_NOT_OK(CheckViewColumns(view, planned->plan->output, ref.place));
  }
  FromClause from;
  from.plan = planned->plan;
  VELARIA_ASSIGN_OR_RETURN(
      from.scope,
      ScopeOf(from.plan->output, AliasOr(ref, ref.names.back().text), ref.column_aliases));
  return from;
}

Result<FromClause> QueryBinder::BindDerived(const TableRef& ref) {
  VELARIA_ASSIGN_OR_RETURN(auto planned, BindSelect(*ref.select));
  FromClause from;
  from.plan = std::move(planned.plan);
  VELARIA_ASSIGN_OR_RETURN(from.scope,
                           ScopeOf(from.plan->output, AliasOr(ref, ""), ref.column_aliases));
  return from;
}

}  // namespace velaria::sql
