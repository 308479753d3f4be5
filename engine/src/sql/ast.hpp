// The syntax tree: what the text says, before any name is looked up. Plain data; the parser makes
// it, the binder reads it, nobody else does. Every node knows its place in the text. Trees are
// owned by unique_ptr from the root down, and the parser bounds their depth, so recursive walks are
// safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.hpp"

namespace velaria::sql {

struct Expr;
struct Select;
using ExprPtr = std::unique_ptr<Expr>;
using SelectPtr = std::unique_ptr<Select>;

/// An identifier as written: folded to lower case unless quoted. `quoted` matters for lookup:
/// unquoted names match column names without regard to ASCII case, quoted ones prefer the exact
/// spelling.
struct Name {
  std::string text;
  bool quoted = false;
  Place place;
};

/// A type as written: name in upper case ("DECIMAL", "DOUBLE PRECISION" is given as "DOUBLE"),
/// arguments, array suffix.
struct TypeName {
  std::string name;
  std::vector<int64_t> arguments;
  bool with_time_zone = false;  // also for TIMESTAMPTZ, whose name is "TIMESTAMP", too
  int array_depth = 0;          // INTEGER[] -> 1
  Place place;
};

enum class ExprKind {
  kNull,
  kBoolean,    // bool_value
  kInteger,    // text: digits as written (may exceed 64 bits)
  kDecimal,    // text: digits with a point, no exponent
  kFloat,      // text: digits with an exponent
  kString,     // text: unescaped value
  kTyped,      // DATE '...', TIMESTAMP '...': type, text
  kInterval,   // text: the quoted value; name[0]: unit in lower case or absent
  kParameter,  // index: 1-based position
  kColumn,     // names: [schema.][table.]column
  kStar,       // names: optional qualifier; only in a select list or count(*)
  kUnary,      // text: "-", "+", "NOT"; children[0]
  kBinary,  // text: "+","-","*","/","%","||","=","<>","<","<=",">",">=","AND","OR"; children[0..1];
            // a chain of "AND" or of "OR" is one node with two children or more, in the order of
            // the text
  kIsNull,  // children[0]; negated
  kIsTruth,     // IS [NOT] TRUE|FALSE|UNKNOWN: text "TRUE"/"FALSE"/"UNKNOWN"; children[0]; negated
  kIsDistinct,  // IS [NOT] DISTINCT FROM; children[0..1]; negated means NOT DISTINCT
  kLike,        // text "LIKE"/"ILIKE"; children[0] value, [1] pattern, [2] escape if given; negated
  kIn,          // children[0] value, rest the list (maybe empty); negated
  kBetween,     // children value, low, high; negated
  kCase,        // children: [operand if has_operand] then WHEN, THEN pairs, then ELSE if has_else
  kCast,        // children[0]; type; try_cast
  kCall,  // names: [schema.]function (folded); children arguments; distinct; filter; star: count(*)
  kExtract,     // EXTRACT(text FROM children[0]); text in lower case
  kSubquery,    // select: a scalar subquery             (binder refuses by name for now)
  kExists,      // select; negated
  kInSubquery,  // children[0]; select; negated
  kRow,         // (a, b, ...): children
  kWindowCall,  // a call with OVER                      (binder refuses by name for now)
};

struct Expr {
  ExprKind kind;
  Place place;
  std::string text;
  std::vector<Name> names;
  std::vector<ExprPtr> children;
  ExprPtr filter;
  SelectPtr select;
  TypeName type;
  int index = 0;
  bool bool_value = false;
  bool negated = false;
  bool distinct = false;
  bool star = false;
  bool has_operand = false;
  bool has_else = false;
  bool try_cast = false;
  int height = 1;  // levels from here down, bounded by ParserLimits::tree_height

  Expr(ExprKind k, Place p);  // both below: Select is incomplete here
  ~Expr();
};

// ---- FROM

enum class TableKind { kNamed, kFile, kSubquery, kJoin, kFunction, kValues };
enum class JoinKind { kInner, kLeft, kRight, kFull, kCross };

struct TableRef {
  TableKind kind;
  Place place;
  std::vector<Name> names;         // kNamed: [schema.]table; kFunction: function name
  std::string path;                // kFile: FROM 'path'
  SelectPtr select;                // kSubquery (a VALUES list in FROM is a Select with `values`)
  std::vector<ExprPtr> arguments;  // kFunction
  std::optional<Name> alias;
  std::vector<Name> column_aliases;
  // kJoin
  JoinKind join = JoinKind::kInner;
  std::unique_ptr<TableRef> left, right;
  ExprPtr on;
  std::vector<Name> using_columns;
  bool natural = false;
  int height = 1;  // as Expr::height

  TableRef(TableKind k, Place p) : kind(k), place(p) {}
};

struct SelectItem {
  ExprPtr expr;  // kStar for * and t.*
  std::optional<Name> alias;
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
  std::optional<bool> nulls_first;  // absent: NULLS LAST for both directions
};

/// WINDOW BY ts EVERY 10000 [SLIDE 5000] AS w
struct WindowBy {
  Place place;
  ExprPtr time;
  int64_t window_ms = 0;
  int64_t slide_ms = 0;  // equals window_ms when SLIDE is left out
  Name output;
};

enum class EmitKind { kDefault, kPerBatch, kOnWindowClose, kChanges, kFinal };

enum class SetOp { kUnion, kUnionAll, kIntersect, kIntersectAll, kExcept, kExceptAll };

struct CommonTable {
  Name name;
  std::vector<Name> columns;
  SelectPtr select;
  bool recursive = false;
};

/// One SELECT core, or a set operation over two Selects (then `set_left`/`set_right` are given and
/// the core's own fields are empty). ORDER BY, LIMIT and WITH belong to the whole.
struct Select {
  Place place;
  std::vector<CommonTable> with;
  // core
  bool distinct = false;
  std::vector<ExprPtr> distinct_on;
  std::vector<SelectItem> items;
  std::unique_ptr<TableRef>
      from;  // absent: SELECT without FROM; a comma list is folded into cross joins
  ExprPtr where;
  std::unique_ptr<WindowBy> window_by;
  std::vector<ExprPtr> group_by;
  ExprPtr having;
  std::vector<std::vector<ExprPtr>> values;  // VALUES (...), (...): then items is empty
  // set operation
  SetOp set_op = SetOp::kUnion;
  SelectPtr set_left, set_right;
  // tail
  std::vector<OrderItem> order_by;
  ExprPtr limit, offset;
  EmitKind emit = EmitKind::kDefault;
  Place emit_place;
  int height = 1;  // as Expr::height

  bool is_set_operation() const { return set_left != nullptr; }
};

// ---- statements

enum class StatementKind {
  kSelect,
  kExplain,      // EXPLAIN [ANALYZE] <statement in inner>
  kCreateTable,  // plain, AS SELECT, or USING ... OPTIONS(...)
  kCreateStream,
  kCreateView,
  kCreateSchema,
  kCreateIndex,
  kDrop,
  kInsert,
  kDelete,
  kUpdate,
  kSet,  // SET name = value
  kReset,
  kShow,
  kDescribe,
  kOther,  // a statement known by its first word and not supported; `text` is that word in upper
           // case
};

struct ColumnDef {
  Name name;
  TypeName type;
  bool not_null = false;
  bool primary_key = false;
  bool unique = false;
  ExprPtr default_value;
};

/// OPTIONS(key: value): keys lower-cased, values as text (numbers and booleans as written).
struct Option {
  Name key;
  std::string value;
};

enum class TableFlavour { kTable, kSource, kSink };
enum class DropKind { kTable, kView, kStream, kSchema, kIndex };

/// WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
struct WatermarkDef {
  Place place;
  Name column;
  ExprPtr expr;
};

struct Statement {
  StatementKind kind;
  Place place;
  std::vector<Name> name;  // the object: [schema.]name
  bool or_replace = false, if_not_exists = false, if_exists = false, temporary = false;
  SelectPtr select;                  // SELECT, CREATE ... AS, INSERT ... SELECT|VALUES
  std::unique_ptr<Statement> inner;  // EXPLAIN
  bool analyze = false;
  // CREATE
  TableFlavour flavour = TableFlavour::kTable;
  std::vector<ColumnDef> columns;
  std::string using_format;  // lower case; empty when USING is left out
  bool has_options = false;
  std::vector<Option> options;
  std::optional<WatermarkDef> watermark;
  // CREATE [UNIQUE] INDEX [name] ON index_table (index_items)
  bool unique = false;
  std::vector<Name> index_table;
  std::vector<OrderItem> index_items;
  // DROP
  DropKind drop = DropKind::kTable;
  std::vector<std::vector<Name>> drop_names;
  // INSERT
  std::vector<Name> insert_columns;
  bool default_values = false;
  // DELETE, UPDATE
  ExprPtr where;
  std::vector<std::pair<Name, ExprPtr>> assignments;
  // SET / SHOW / other; CREATE VIEW: the query as written
  std::string text;
  ExprPtr value;

  int parameter_count = 0;  // how many `?` or the highest $n

  Statement(StatementKind k, Place p) : kind(k), place(p) {}
};

using StatementPtr = std::unique_ptr<Statement>;

inline Expr::Expr(ExprKind k, Place p) : kind(k), place(p) {}
inline Expr::~Expr() = default;

}  // namespace velaria::sql
