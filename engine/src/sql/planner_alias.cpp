// Aliases of the select list as names in expressions.
#include "base/text.hpp"
#include "logical/rewrite.hpp"
#include "sql/parser.hpp"
#include "sql/planner_expression.hpp"

namespace velaria::sql {

using logical::BoundExprPtr;

namespace {

/// `a + a AS b, b + b AS c, ...` doubles with every item: so often aliases may be named in one
/// SELECT, those inside of their expressions included.
constexpr size_t kAliasUsesMax = 20000;
/// Levels of expressions that stand one in the other by their aliases.
constexpr int kAliasHeightMax = ParserLimits{}.tree_height;

Status TooManyAliases(Place place, const std::string& what, int64_t limit) {
  return FailAt(place, ErrorCode::kNestingTooDeep,
                what + " than the limit: " + std::to_string(limit),
                "Compute the inner ones in a subquery in FROM.");
}

/// What may not stand in a clause does not stand where the alias is written, but where it is named.
Status AtAlias(const Status& status, Place place) {
  ErrorInfo info = ErrorInfoOf(status);
  if (info.code != ErrorCode::kMisplacedAggregate && info.code != ErrorCode::kMisplacedWindow)
    return status;
  info.place = place;
  return MakeError(std::move(info));
}

}  // namespace

void Aliases::Add(const std::vector<SelectItem>& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].alias) items.try_emplace(ToLower(list[i].alias->text), Item{list[i].expr.get(), i});
  }
}

std::vector<std::string> Aliases::NamesOf(size_t count) const {
  std::vector<std::string> names;
  for (const auto& [name, item] : items) {
    if (item.position < count) names.push_back(name);
  }
  return names;
}

Result<BoundExprPtr> ExpressionBinder::BindAlias(const Expr& expr) {
  if (!aliases_ || expr.names.size() != 1) return nullptr;
  const auto found = aliases_->items.find(ToLower(expr.names[0].text));
  if (found == aliases_->items.end() || found->second.position >= alias_count_) return nullptr;
  const auto [meant, position] = found->second;
  if (++aliases_->use_count > kAliasUsesMax) {
    return TooManyAliases(expr.place, "aliases of the select list are named more often",
                          kAliasUsesMax);
  }
  if (alias_height_ > 0 && alias_height_ + meant->height > kAliasHeightMax) {
    return TooManyAliases(expr.place, "aliases of the select list nest deeper", kAliasHeightMax);
  }
  // The expression is an item of the select list, wherever its alias stands.
  const size_t count = std::exchange(alias_count_, position);
  const bool first = std::exchange(aliases_first_, false);
  alias_height_ += meant->height;
  auto bound = Bind(*meant);
  alias_height_ -= meant->height;
  aliases_first_ = first;
  alias_count_ = count;
  if (!bound.ok()) return AtAlias(bound.status(), expr.place);
  if (logical::IsVolatile(**bound)) {
    return FailAt(expr.place, ErrorCode::kUnsupportedStatement,
                  "an alias stands for its expression, whose value is another each time: " +
                      expr.names[0].text,
                  "Compute it in a subquery in FROM.");
  }
  return bound;
}

Status ExpressionBinder::UnknownName(const Expr& expr, const Scope& blamed) const {
  const size_t count = aliases_ ? alias_count_ : 0;
  const auto names = aliases_ ? aliases_->NamesOf(count) : std::vector<std::string>();
  const Status unknown = blamed.Get(expr.names, names).status();
  if (!aliases_ || expr.names.size() != 1 || expr.names[0].quoted) return unknown;
  if (!aliases_->items.contains(ToLower(expr.names[0].text))) return unknown;
  ErrorInfo info = ErrorInfoOf(unknown);
  info.hint = "An alias of the select list may be named in later items, not in its own or before.";
  return MakeError(std::move(info));
}

}  // namespace velaria::sql
