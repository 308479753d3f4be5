#include "sql_tree.hpp"

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

std::string Listed(const std::vector<ExprPtr>& list) {
  std::vector<std::string> parts;
  for (const ExprPtr& expr : list) parts.push_back(Show(*expr));
  return Join(parts, " ");
}

std::string Not(const Expr& expr) { return expr.negated ? "not-" : ""; }

std::string ShowCall(const Expr& expr) {
  std::string out = expr.kind == ExprKind::kWindowCall ? "(over " : "(";
  out += Dotted(expr.names) + (expr.distinct ? " distinct" : "") + (expr.star ? " *" : "");
  if (!expr.children.empty()) out += " " + Listed(expr.children);
  if (expr.filter) out += " filter " + Show(*expr.filter);
  return out + ")";
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

std::string ShowTail(const Select& select) {
  static constexpr const char* kEmits[] = {"", "per-batch", "on-window-close", "changes", "final"};
  std::string out;
  if (!select.order_by.empty()) out += " order";
  for (const OrderItem& item : select.order_by) {
    out += " " + Show(*item.expr) + (item.descending ? " desc" : "");
    if (item.nulls_first) out += *item.nulls_first ? " nulls-first" : " nulls-last";
  }
  if (select.limit) out += " limit " + Show(*select.limit);
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
  for (const SelectItem& item : select.items) {
    out += " " + Show(*item.expr) + (item.alias ? " as " + item.alias->text : "");
  }
  if (select.from) out += " from " + Show(*select.from);
  if (select.where) out += " where " + Show(*select.where);
  if (select.window_by) {
    out += " window " + Show(*select.window_by->time) + " " +
           std::to_string(select.window_by->window_ms) + " " +
           std::to_string(select.window_by->slide_ms) + " " + select.window_by->output.text;
  }
  if (!select.group_by.empty()) out += " group " + Listed(select.group_by);
  if (select.having) out += " having " + Show(*select.having);
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
  for (int i = 0; i < type.array_depth; ++i) out += "[]";
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
    case ExprKind::kStar: return Dotted(expr.names) + "*";
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
    case ExprKind::kRow: return "(row " + Listed(expr.children) + ")";
  }
  return "?";
}

std::string Show(const TableRef& table) {
  static constexpr const char* kJoins[] = {"join", "left", "right", "full", "cross"};
  std::string out;
  switch (table.kind) {
    case TableKind::kNamed: out = Dotted(table.names); break;
    case TableKind::kFile: out = "'" + table.path + "'"; break;
    case TableKind::kSubquery: out = "{" + Show(*table.select) + "}"; break;
    case TableKind::kFunction:
      out = Dotted(table.names) + "(" + Listed(table.arguments) + ")";
      break;
    case TableKind::kValues: out = "?"; break;
    case TableKind::kJoin:
      out = std::string("(") + (table.natural ? "natural-" : "") +
            kJoins[static_cast<int>(table.join)] + " " + Show(*table.left) + " " +
            Show(*table.right);
      if (table.on) out += " on " + Show(*table.on);
      if (!table.using_columns.empty()) out += " using [" + Listed(table.using_columns) + "]";
      out += ")";
  }
  if (table.alias) out += " as " + QuoteIdentifier(table.alias->text);
  if (!table.column_aliases.empty()) out += "[" + Listed(table.column_aliases) + "]";
  return out;
}

std::string Show(const Select& select) {
  std::string out;
  for (const CommonTable& table : select.with) {
    out += std::string(table.recursive ? "with-recursive " : "with ") + table.name.text;
    if (!table.columns.empty()) out += "[" + Listed(table.columns) + "]";
    out += " {" + Show(*table.select) + "} ";
  }
  if (select.is_set_operation()) {
    out += std::string("(") + SetOpText(select.set_op) + " {" + Show(*select.set_left) + "} {" +
           Show(*select.set_right) + "})";
  } else if (!select.values.empty()) {
    out += "values";
    for (const auto& row : select.values) out += " [" + Listed(row) + "]";
  } else {
    out += ShowCore(select);
  }
  return out + ShowTail(select);
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

}  // namespace velaria::sql
