#include "sql_tree.hpp"

#include <sstream>

#include "base/text.hpp"
#include "sql/parser.hpp"

namespace velaria::sql {
namespace {

std::string Dotted(const std::vector<Name>& names) {
  std::vector<std::string> parts;
  for (const Name& name : names) parts.push_back(QuoteIdentifier(name.text));
  return Join(parts, ".");
}

std::string Listed(const std::vector<Name>& names) {
  std::vector<std::string> parts;
  for (const Name& name : names) parts.push_back(QuoteIdentifier(name.text));
  return Join(parts, " ");
}

std::string ShowOrNothing(const ExprPtr& expr) { return expr ? Show(*expr) : "_"; }

std::string Listed(const std::vector<ExprPtr>& list) {
  std::vector<std::string> parts;
  for (const ExprPtr& expr : list) parts.push_back(ShowOrNothing(expr));
  return Join(parts, " ");
}

/// `name=` before the arguments that have one.
std::string Listed(const std::vector<ExprPtr>& list, const std::vector<Name>& names) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < list.size(); ++i) {
    const bool named = i < names.size() && !names[i].text.empty();
    parts.push_back((named ? names[i].text + "=" : "") + Show(*list[i]));
  }
  return Join(parts, " ");
}

std::string Listed(const std::vector<OrderItem>& items) {
  std::string out;
  for (const OrderItem& item : items) {
    out += " " + Show(*item.expr) + (item.descending ? " desc" : "");
    if (item.nulls_first) out += *item.nulls_first ? " nulls-first" : " nulls-last";
  }
  return out;
}

std::string Not(const Expr& expr) { return expr.negated ? "not-" : ""; }

std::string ShowBound(const FrameBound& bound) {
  switch (bound.kind) {
    case FrameBoundKind::kUnboundedPreceding: return "first";
    case FrameBoundKind::kPreceding: return "-" + Show(*bound.offset);
    case FrameBoundKind::kCurrentRow: return "current";
    case FrameBoundKind::kFollowing: return "+" + Show(*bound.offset);
    case FrameBoundKind::kUnboundedFollowing: return "last";
  }
  return "?";
}

std::string ShowWindow(const WindowSpec& window) {
  static constexpr const char* kUnits[] = {"", " rows ", " range ", " groups "};
  static constexpr const char* kExcludes[] = {"", " without-current", " without-group",
                                              " without-ties"};
  if (window.is_reference) return window.base->text;
  std::string out = "[" + (window.base ? window.base->text : "");
  if (!window.partition_by.empty()) out += " by " + Listed(window.partition_by);
  if (!window.order_by.empty()) out += " order" + Listed(window.order_by);
  if (window.unit != FrameUnit::kNone) {
    out += kUnits[static_cast<int>(window.unit)] + ShowBound(window.start) + ".." +
           ShowBound(window.end) + kExcludes[static_cast<int>(window.exclude)];
  }
  return out + "]";
}

std::string ShowCall(const Expr& expr) {
  std::string out = expr.kind == ExprKind::kWindowCall ? "(over " : "(";
  out += Dotted(expr.names) + (expr.distinct ? " distinct" : "") + (expr.star ? " *" : "");
  if (!expr.children.empty()) out += " " + Listed(expr.children, expr.argument_names);
  if (!expr.order_by.empty()) {
    out += (expr.within_group ? " within" : " order") + Listed(expr.order_by);
  }
  if (expr.ignore_nulls) out += *expr.ignore_nulls ? " ignore-nulls" : " respect-nulls";
  if (expr.filter) out += " filter " + Show(*expr.filter);
  if (expr.over) out += " " + ShowWindow(*expr.over);
  return out + ")";
}

std::string ShowStar(const Expr& expr) {
  std::string out = Dotted(expr.names) + "*";
  if (!expr.excluded.empty()) out += " without [" + Listed(expr.excluded) + "]";
  for (const SelectItem& item : expr.replaced) {
    out += " with " + Show(*item.expr) + " as " + item.alias->text;
  }
  return out;
}

std::string ShowQuantified(const Expr& expr) {
  std::string out = "(" + expr.text + (expr.bool_value ? "-all " : "-any ") + Listed(expr.children);
  return out + (expr.select ? " {" + Show(*expr.select) + "})" : ")");
}

std::string Blank(const std::vector<ExprPtr>& list) {
  return list.empty() ? "" : " " + Listed(list);
}

std::string ShowItems(const std::vector<SelectItem>& items) {
  std::string out;
  for (const SelectItem& item : items) {
    out += " " + Show(*item.expr) + (item.alias ? " as " + item.alias->text : "");
  }
  return out;
}

std::string ShowWith(const std::vector<CommonTable>& with) {
  std::string out;
  for (const CommonTable& table : with) {
    out += std::string(table.recursive ? "with-recursive " : "with ") + table.name.text;
    if (!table.columns.empty()) out += "[" + Listed(table.columns) + "]";
    if (table.materialized) out += *table.materialized ? " kept" : " inlined";
    out += " {" + Show(*table.select) + "} ";
  }
  return out;
}

std::string ShowAssignments(const std::vector<std::pair<Name, ExprPtr>>& assignments) {
  std::string out;
  for (const auto& [column, value] : assignments) out += " " + column.text + "=" + Show(*value);
  return out;
}

std::string ShowConflict(const OnConflict& conflict) {
  static constexpr const char* kActions[] = {"nothing", "update", "replace"};
  std::string out = " conflict[" + Listed(conflict.columns) + "] ";
  out += kActions[static_cast<int>(conflict.action)] + ShowAssignments(conflict.assignments);
  return out + (conflict.where ? " where " + Show(*conflict.where) : "");
}

const char* SetOpText(SetOp op) {
  switch (op) {
    case SetOp::kUnion: return "union";
    case SetOp::kUnionAll: return "union-all";
    case SetOp::kIntersect: return "intersect";
    case SetOp::kIntersectAll: return "intersect-all";
    case SetOp::kExcept: return "except";
    case SetOp::kExceptAll: return "except-all";
  }
  return "?";
}

std::string ShowSample(const TableSample& sample) {
  std::ostringstream out;
  out << " sample " << sample.amount << (sample.by_rows ? " rows" : " percent");
  if (sample.seed) out << " seed " << *sample.seed;
  return out.str();
}

std::string ShowTail(const Select& select) {
  static constexpr const char* kEmits[] = {"", "per-batch", "on-window-close", "changes", "final"};
  std::string out;
  if (!select.order_by.empty()) out += " order" + Listed(select.order_by);
  if (select.order_by_all) out += " order-all";
  if (select.order_by_all_descending) out += " desc";
  if (select.order_by_all_nulls_first) {
    out += *select.order_by_all_nulls_first ? " nulls-first" : " nulls-last";
  }
  if (select.limit) out += " limit " + Show(*select.limit);
  if (select.with_ties) out += " with-ties";
  if (select.offset) out += " offset " + Show(*select.offset);
  if (select.emit != EmitKind::kDefault) {
    out += std::string(" emit ") + kEmits[static_cast<int>(select.emit)];
  }
  return out;
}

std::string ShowCore(const Select& select) {
  std::string out = "select";
  if (select.distinct) out += " distinct";
  if (!select.distinct_on.empty()) out += " on [" + Listed(select.distinct_on) + "]";
  out += ShowItems(select.items);
  if (select.from) out += " from " + Show(*select.from);
  if (select.where) out += " where " + Show(*select.where);
  if (select.window_by) {
    out += " window " + Show(*select.window_by->time) + " " +
           std::to_string(select.window_by->window_ms) + " " +
           std::to_string(select.window_by->slide_ms) + " " + select.window_by->output.text;
  }
  if (!select.group_by.empty()) out += " group " + Listed(select.group_by);
  if (select.group_by_all) out += " group-all";
  if (select.grouping_sets) {
    out += " sets";
    for (const std::vector<int>& set : *select.grouping_sets) {
      std::vector<std::string> positions;
      for (const int position : set) positions.push_back(std::to_string(position));
      out += " (" + Join(positions, " ") + ")";
    }
  }
  if (select.having) out += " having " + Show(*select.having);
  for (const auto& [name, window] : select.windows) {
    out += " where-" + name.text + " " + ShowWindow(window);
  }
  if (select.qualify) out += " qualify " + Show(*select.qualify);
  return out;
}

std::string ShowStatus(const Status& status) {
  const ErrorInfo info = ErrorInfoOf(status);
  return CodeText(info.code) + " " + std::to_string(info.place.line) + ":" +
         std::to_string(info.place.column) + " " + info.message +
         (info.hint.empty() ? "" : " | " + info.hint);
}

}  // namespace

std::string Show(const TypeName& type) {
  std::string out = type.name;
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    out += (i == 0 ? "(" : ",") + std::to_string(type.arguments[i]);
  }
  if (!type.arguments.empty()) out += ")";
  if (type.with_time_zone) out += "+tz";
  for (size_t i = 0; i < type.inner.size(); ++i) {
    out += i == 0 ? "(" : ", ";
    if (i < type.field_names.size()) out += type.field_names[i].text + " ";
    out += Show(type.inner[i]);
  }
  if (!type.inner.empty()) out += ")";
  for (const int64_t size : type.array_sizes) {
    out += "[" + (size == 0 ? std::string() : std::to_string(size)) + "]";
  }
  return out;
}

std::string Show(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNull: return "null";
    case ExprKind::kBoolean: return expr.bool_value ? "true" : "false";
    case ExprKind::kInteger:
    case ExprKind::kDecimal:
    case ExprKind::kFloat: return expr.text;
    case ExprKind::kString: return "'" + expr.text + "'";
    case ExprKind::kTyped: return "(" + Show(expr.type) + " '" + expr.text + "')";
    case ExprKind::kInterval: return "(interval '" + expr.text + "' " + Listed(expr.names) + ")";
    case ExprKind::kParameter: return "$" + std::to_string(expr.index);
    case ExprKind::kColumn: return Dotted(expr.names);
    case ExprKind::kStar: return ShowStar(expr);
    case ExprKind::kUnary:
    case ExprKind::kBinary: return "(" + expr.text + " " + Listed(expr.children) + ")";
    case ExprKind::kIsNull: return "(is-" + Not(expr) + "null " + Listed(expr.children) + ")";
    case ExprKind::kIsTruth:
      return "(is-" + Not(expr) + expr.text + " " + Listed(expr.children) + ")";
    case ExprKind::kIsDistinct:
      return "(is-" + Not(expr) + "distinct " + Listed(expr.children) + ")";
    case ExprKind::kLike: return "(" + Not(expr) + expr.text + " " + Listed(expr.children) + ")";
    case ExprKind::kIn: return "(" + Not(expr) + "in " + Listed(expr.children) + ")";
    case ExprKind::kBetween: return "(" + Not(expr) + "between " + Listed(expr.children) + ")";
    case ExprKind::kCase:
      return std::string("(case") + (expr.has_operand ? "-of " : " ") + Listed(expr.children) +
             (expr.has_else ? " else)" : ")");
    case ExprKind::kCast:
      return (expr.try_cast ? "(try-cast " : "(cast ") + Listed(expr.children) + " " +
             Show(expr.type) + ")";
    case ExprKind::kCall:
    case ExprKind::kWindowCall: return ShowCall(expr);
    case ExprKind::kExtract: return "(extract " + expr.text + " " + Listed(expr.children) + ")";
    case ExprKind::kSubquery: return "(query " + Show(*expr.select) + ")";
    case ExprKind::kExists: return "(" + Not(expr) + "exists " + Show(*expr.select) + ")";
    case ExprKind::kInSubquery:
      return "(" + Not(expr) + "in-query " + Listed(expr.children) + " " + Show(*expr.select) + ")";
    case ExprKind::kQuantified: return ShowQuantified(expr);
    case ExprKind::kRow: return "(row " + Listed(expr.children) + ")";
    case ExprKind::kArray: return "(array" + Blank(expr.children) + ")";
    case ExprKind::kArraySubquery: return "(array-query " + Show(*expr.select) + ")";
    case ExprKind::kStruct: return "(struct " + Listed(expr.children, expr.argument_names) + ")";
    case ExprKind::kIndex: return "(index " + Listed(expr.children) + ")";
    case ExprKind::kSlice: return "(slice " + Listed(expr.children) + ")";
    case ExprKind::kField:
      return "(field " + Listed(expr.children) + " " + Dotted(expr.names) + ")";
    case ExprKind::kDefault: return "default";
  }
  return "?";
}

std::string Show(const TableRef& table) {
  static constexpr const char* kJoins[] = {"join",  "left", "right", "full",
                                           "cross", "semi", "anti"};
  std::string out;
  switch (table.kind) {
    case TableKind::kNamed: out = Dotted(table.names); break;
    case TableKind::kFile: out = "'" + table.path + "'"; break;
    case TableKind::kSubquery: out = "{" + Show(*table.select) + "}"; break;
    case TableKind::kFunction:
      out = Dotted(table.names) + "(" + Listed(table.arguments, table.argument_names) + ")" +
            (table.with_ordinality ? " ordinality" : "");
      break;
    case TableKind::kValues: out = "?"; break;
    case TableKind::kJoin:
      out = std::string("(") + (table.natural ? "natural-" : "") + (table.asof ? "asof-" : "") +
            kJoins[static_cast<int>(table.join)] + " " + Show(*table.left) + " " +
            Show(*table.right);
      if (table.on) out += " on " + Show(*table.on);
      if (!table.using_columns.empty()) out += " using [" + Listed(table.using_columns) + "]";
      out += ")";
  }
  if (table.lateral) out = "lateral " + out;
  if (table.sample) out += ShowSample(*table.sample);
  if (table.alias) out += " as " + QuoteIdentifier(table.alias->text);
  if (!table.column_aliases.empty()) out += "[" + Listed(table.column_aliases) + "]";
  return out;
}

std::string Show(const Select& select) {
  std::string out = ShowWith(select.with);
  if (select.is_set_operation()) {
    out += std::string("(") + SetOpText(select.set_op) + (select.by_name ? "-by-name {" : " {") +
           Show(*select.set_left) + "} {" + Show(*select.set_right) + "})";
  } else if (!select.values.empty()) {
    out += "values";
    for (const auto& row : select.values) out += " [" + Listed(row) + "]";
  } else {
    out += ShowCore(select);
  }
  return out + ShowTail(select);
}

std::string ShowChange(const Statement& statement) {
  static constexpr const char* kVerbs[] = {"insert ", "delete ", "update "};
  const int verb = statement.kind == StatementKind::kInsert   ? 0
                   : statement.kind == StatementKind::kDelete ? 1
                                                              : 2;
  std::string out = ShowWith(statement.with) + kVerbs[verb] + Dotted(statement.name);
  if (statement.alias) out += " as " + statement.alias->text;
  if (!statement.insert_columns.empty()) out += "[" + Listed(statement.insert_columns) + "]";
  out += ShowAssignments(statement.assignments);
  if (statement.default_values) out += " default-values";
  if (statement.select) out += " {" + Show(*statement.select) + "}";
  if (statement.from) out += " from " + Show(*statement.from);
  if (statement.where) out += " where " + Show(*statement.where);
  if (statement.on_conflict) out += ShowConflict(*statement.on_conflict);
  if (!statement.returning.empty()) out += " returning" + ShowItems(statement.returning);
  return out;
}

std::string ShowQuery(const std::string& text) {
  Result<StatementPtr> statement = ParseStatement(text);
  if (!statement.ok()) return ShowStatus(statement.status());
  return (*statement)->select ? Show(*(*statement)->select) : "no query";
}

std::string ShowExpr(const std::string& text) {
  Result<StatementPtr> statement = ParseStatement("SELECT " + text);
  if (!statement.ok()) return ShowStatus(statement.status());
  return Show(*(*statement)->select->items.at(0).expr);
}

std::string ShowError(const std::string& text) {
  const Status status = ParseStatement(text).status();
  return status.ok() ? "ok" : ShowStatus(status);
}

std::string ShowChange(const std::string& text) {
  Result<StatementPtr> statement = ParseStatement(text);
  return statement.ok() ? ShowChange(**statement) : ShowStatus(statement.status());
}

}  // namespace velaria::sql
