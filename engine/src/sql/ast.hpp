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
/// arguments, array suffixes.
struct TypeName {
  std::string name;
  std::vector<int64_t> arguments;
  bool with_time_zone = false;       // also for TIMESTAMPTZ, whose name is "TIMESTAMP", too
  std::vector<int64_t> array_sizes;  // INTEGER[3][]: {3, 0}; 0 is any length
  std::vector<Name> field_names;     // STRUCT(a INTEGER, ...); none for MAP(key, value)
  std::vector<TypeName> inner;       // of the fields, or the key and the value
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
  kStar,       // names: optional qualifier; only in a select list or count(*); excluded, replaced
  kUnary,      // text: "-", "+", "~", "NOT"; children[0]
  kBinary,     // text: "+","-","*","/","%","^","||","&","|","#","<<",">>","->","->>","~","~*","!~",
            // "!~*","=","<>","<","<=",">",">=","AND","OR"; children[0..1]; a chain of "AND" or of
            // "OR" is one node with two children or more, in the order of the text
  kIsNull,      // children[0]; negated
  kIsTruth,     // IS [NOT] TRUE|FALSE|UNKNOWN: text "TRUE"/"FALSE"/"UNKNOWN"; children[0]; negated
  kIsDistinct,  // IS [NOT] DISTINCT FROM; children[0..1]; negated means NOT DISTINCT
  kLike,      // text "LIKE"/"ILIKE"/"SIMILAR"; children[0] value, [1] pattern, [2] escape if given;
              // negated
  kIn,        // children[0] value, rest the list (maybe empty); negated
  kBetween,   // children value, low, high; negated
  kCase,      // children: [operand if has_operand] then WHEN, THEN pairs, then ELSE if has_else
  kCast,      // children[0]; type; try_cast
  kCall,      // names: [schema.]function (folded); children arguments; distinct; filter; order_by;
              // within_group: order_by came by WITHIN GROUP; star: count(*); argument_names
  kExtract,   // EXTRACT(text FROM children[0]); text in lower case
  kSubquery,  // select: a scalar subquery
  kExists,    // select; negated
  kInSubquery,  // children[0] (maybe a kRow); select; negated
  kQuantified,  // children[0] text ANY|ALL (select, or the array children[1]); text: the operator;
                // bool_value: ALL
  kRow,         // (a, b, ...): children
  kWindowCall,  // as kCall, with OVER: over; ignore_nulls
  kArray,       // ARRAY[a, b] or [a, b]: children
  kArraySubquery,  // ARRAY(SELECT ...): select
  kStruct,         // {'a': 1, b: 2}: argument_names, children
  kIndex,          // children[0] [ children[1] ]
  kSlice,          // children[0] [ from : to ]: children[1], children[2], either may be null
  kField,          // (children[0]).names[0]
  kDefault,        // DEFAULT where a row's value is asked for
};

enum class FrameUnit { kNone, kRows, kRange, kGroups };
enum class FrameBoundKind {
  kUnboundedPreceding,
  kPreceding,
  kCurrentRow,
  kFollowing,
  kUnboundedFollowing,
};
enum class FrameExclude { kNoOthers, kCurrentRow, kGroup, kTies };

struct FrameBound {
  FrameBoundKind kind = FrameBoundKind::kUnboundedPreceding;
  ExprPtr offset;  // of kPreceding and kFollowing
};

struct OrderItem {
  ExprPtr expr;
  bool descending = false;
  std::optional<bool> nulls_first;  // absent: NULLS LAST for both directions
};

/// OVER name, OVER ([name] [PARTITION BY ...] [ORDER BY ...] [frame]), or the same in WINDOW.
struct WindowSpec {
  Place place;
  std::optional<Name> base;   // a named window
  bool is_reference = false;  // OVER name: the named window as it is
  std::vector<ExprPtr> partition_by;
  std::vector<OrderItem> order_by;
  FrameUnit unit = FrameUnit::kNone;  // kNone: no frame is written
  FrameBound start;
  FrameBound end{FrameBoundKind::kCurrentRow, nullptr};
  FrameExclude exclude = FrameExclude::kNoOthers;
};

struct SelectItem {
  ExprPtr expr;  // kStar for * and t.*
  std::optional<Name> alias;
};

struct Expr {
  ExprKind kind;
  Place place;
  std::string text;
  std::vector<Name> names;
  std::vector<ExprPtr> children;
  ExprPtr filter;
  SelectPtr select;
  std::vector<OrderItem> order_by;
  std::unique_ptr<WindowSpec> over;
  std::vector<Name> argument_names;  // parallel to children, empty texts for positional ones
  std::vector<Name> excluded;        // * EXCLUDE (...)
  std::vector<SelectItem> replaced;  // * REPLACE (expr AS name)
  TypeName type;
  int index = 0;
  bool bool_value = false;
  bool negated = false;
  bool distinct = false;
  bool star = false;
  bool has_operand = false;
  bool has_else = false;
  bool try_cast = false;
  bool within_group = false;
  std::optional<bool> ignore_nulls;
  int height = 1;  // levels from here down, bounded by ParserLimits::tree_height

  Expr(ExprKind k, Place p);  // both below: Select is incomplete here
  ~Expr();
};

// ---- FROM

enum class TableKind { kNamed, kFile, kSubquery, kJoin, kFunction, kValues };
enum class JoinKind { kInner, kLeft, kRight, kFull, kCross, kSemi, kAnti };

/// TABLESAMPLE [BERNOULLI|SYSTEM] (n [PERCENT|ROWS]) [REPEATABLE (seed)], USING SAMPLE likewise.
struct TableSample {
  Place place;
  bool by_rows = false;  // n rows exactly (or all); otherwise percent
  double amount = 0;
  std::optional<int64_t> seed;
};

struct TableRef {
  TableKind kind;
  Place place;
  std::vector<Name> names;           // kNamed: [schema.]table; kFunction: function name
  std::string path;                  // kFile: FROM 'path'
  SelectPtr select;                  // kSubquery (a VALUES list in FROM is a Select with `values`)
  std::vector<ExprPtr> arguments;    // kFunction
  std::vector<Name> argument_names;  // parallel to arguments, empty texts for positional ones
  bool with_ordinality = false;      // kFunction
  bool lateral = false;  // kSubquery: may name the tables before it (kFunction always may)
  std::optional<TableSample> sample;
  std::optional<Name> alias;
  std::vector<Name> column_aliases;
  // kJoin
  JoinKind join = JoinKind::kInner;
  std::unique_ptr<TableRef> left, right;
  ExprPtr on;
  std::vector<Name> using_columns;
  bool natural = false;
  bool asof = false;  // ASOF [LEFT] JOIN: ON holds one inequality beside equalities
  int height = 1;     // as Expr::height

  TableRef(TableKind k, Place p) : kind(k), place(p) {}
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
  std::optional<bool> materialized;  // AS [NOT] MATERIALIZED
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
  bool group_by_all = false;
  /// GROUPING SETS, ROLLUP and CUBE, multiplied out: each set lists positions of group_by.
  std::optional<std::vector<std::vector<int>>> grouping_sets;
  ExprPtr having;
  ExprPtr qualify;
  std::vector<std::pair<Name, WindowSpec>> windows;  // WINDOW w AS (...)
  std::vector<std::vector<ExprPtr>> values;          // VALUES (...), (...): then items is empty
  // set operation
  SetOp set_op = SetOp::kUnion;
  bool by_name = false;  // UNION [ALL] BY NAME
  SelectPtr set_left, set_right;
  // tail
  std::vector<OrderItem> order_by;
  bool order_by_all = false;  // with its direction:
  bool order_by_all_descending = false;
  std::optional<bool> order_by_all_nulls_first;
  ExprPtr limit, offset;
  bool with_ties = false;  // FETCH FIRST n ROWS WITH TIES
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
  kDescribe,   // a table (name) or a query (select)
  kSummarize,  // likewise
  kAlterTable,
  kTruncate,  // name
  kCopy,
  kBegin,  // text: "read only", or empty
  kCommit,
  kRollback,
  kSavepoint,  // text: its name, as for the next two
  kReleaseSavepoint,
  kRollbackTo,
  kPrepare,     // text: name; inner
  kExecute,     // text: name; arguments
  kDeallocate,  // text: name, or "all"
  kOther,  // a statement known by its first word and not supported; `text` is that word in upper
           // case
};

/// CHECK (expression), as written in `text` for the catalog.
struct CheckDef {
  Place place;
  std::string name;  // CONSTRAINT name; empty when not given
  ExprPtr expr;
  std::string text;
};

struct ColumnDef {
  Name name;
  TypeName type;  // no name: taken from the query (CREATE TABLE t(a, b) AS ...)
  bool not_null = false;
  ExprPtr default_value;
  std::string default_text;  // as written
};

/// PRIMARY KEY or UNIQUE, of a column or of the table.
struct KeyDef {
  Place place;
  std::string name;
  bool primary = false;
  std::vector<Name> columns;
};

enum class ConflictAction { kNothing, kUpdate, kReplace };

/// ON CONFLICT [(columns)] DO NOTHING | DO UPDATE SET ... [WHERE ...]; INSERT OR REPLACE|IGNORE.
struct OnConflict {
  Place place;
  std::vector<Name> columns;
  ConflictAction action = ConflictAction::kNothing;
  std::vector<std::pair<Name, ExprPtr>> assignments;
  ExprPtr where;
};

enum class AlterKind {
  kAddColumn,       // column; if_not_exists
  kDropColumn,      // target; if_exists_inner
  kRenameColumn,    // target, new_name
  kRenameTable,     // new_name
  kSetDefault,      // target, value, text: as written
  kDropDefault,     // target
  kSetNotNull,      // target
  kDropNotNull,     // target
  kSetType,         // target, column.type, value (USING; may be null)
  kAddCheck,        // checks[0]
  kAddKey,          // keys[0]
  kDropConstraint,  // text
};

enum class ExplainFormat { kRows, kText, kJson };

/// OPTIONS(key: value): keys lower-cased, values as text (numbers and booleans as written).
struct Option {
  Name key;
  std::string value;
  Place value_place;
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
  ExplainFormat explain_format = ExplainFormat::kRows;
  // CREATE
  TableFlavour flavour = TableFlavour::kTable;
  std::vector<ColumnDef> columns;
  std::vector<KeyDef> keys;
  std::vector<CheckDef> checks;
  bool with_no_data = false;  // CREATE TABLE AS ... WITH NO DATA
  std::string using_format;   // lower case; empty when USING is left out
  Place using_place;          // of the format
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
  bool cascade = false;
  // ALTER TABLE
  AlterKind alter = AlterKind::kAddColumn;
  ColumnDef column;
  Name target, new_name;
  bool if_exists_inner = false;
  // INSERT
  std::vector<Name> insert_columns;
  bool default_values = false;
  std::optional<OnConflict> on_conflict;
  // INSERT, DELETE, UPDATE
  std::vector<CommonTable> with;  // before DELETE and UPDATE; before INSERT it is its select's
  std::optional<Name> alias;      // of the table to change
  std::vector<SelectItem> returning;
  std::unique_ptr<TableRef> from;  // UPDATE ... FROM, DELETE ... USING
  // DELETE, UPDATE
  ExprPtr where;
  std::vector<std::pair<Name, ExprPtr>> assignments;
  // COPY: name and insert_columns, or select; options
  bool copy_from = false;
  std::string path;
  Place path_place;
  // EXECUTE
  std::vector<ExprPtr> arguments;
  // SET / SHOW / other; CREATE VIEW: the query as written
  std::string text;
  Place text_place;  // of the name that `text` is
  ExprPtr value;     // SHOW ... LIKE: the pattern

  int parameter_count = 0;              // how many `?` or the highest $n
  std::vector<Place> parameter_places;  // where each is first, by number; unknown for a gap

  Statement(StatementKind k, Place p) : kind(k), place(p) {}
};

using StatementPtr = std::unique_ptr<Statement>;

inline Expr::Expr(ExprKind k, Place p) : kind(k), place(p) {}
inline Expr::~Expr() = default;

}  // namespace velaria::sql
