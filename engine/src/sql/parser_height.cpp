#include <algorithm>

#include "sql/grammar.hpp"

namespace velaria::sql {
namespace {

int HeightOf(const ExprPtr& expr) { return expr ? expr->height : 0; }

int HeightOf(const std::vector<ExprPtr>& list) {
  int height = 0;
  for (const ExprPtr& expr : list) height = std::max(height, HeightOf(expr));
  return height;
}

int HeightOf(const std::vector<OrderItem>& items) {
  int height = 0;
  for (const OrderItem& item : items) height = std::max(height, HeightOf(item.expr));
  return height;
}

int HeightOf(const std::vector<SelectItem>& items) {
  int height = 0;
  for (const SelectItem& item : items) height = std::max(height, HeightOf(item.expr));
  return height;
}

int HeightOf(const WindowSpec& window) {
  return std::max({HeightOf(window.partition_by), HeightOf(window.order_by),
                   HeightOf(window.start.offset), HeightOf(window.end.offset)});
}

}  // namespace

Result<ExprPtr> Grammar::Measured(ExprPtr expr) {
  for (const ExprPtr& child : expr->children) {
    if (child) VELARIA_RETURN_NOT_OK(RefuseStar(*child));
  }
  int below = std::max({HeightOf(expr->children), HeightOf(expr->filter), HeightOf(expr->order_by),
                        HeightOf(expr->replaced)});
  if (expr->over) below = std::max(below, HeightOf(*expr->over));
  if (expr->select) below = std::max(below, expr->select->height);
  expr->height = below + 1;
  VELARIA_RETURN_NOT_OK(CheckHeight(expr->height, expr->place));
  return expr;
}

Result<SelectPtr> Grammar::Measured(SelectPtr select) {
  int below =
      std::max({HeightOf(select->distinct_on), HeightOf(select->group_by), HeightOf(select->items),
                HeightOf(select->order_by), HeightOf(select->where), HeightOf(select->having),
                HeightOf(select->qualify), HeightOf(select->limit), HeightOf(select->offset)});
  for (const auto& row : select->values) below = std::max(below, HeightOf(row));
  for (const auto& [name, window] : select->windows) below = std::max(below, HeightOf(window));
  for (const CommonTable& table : select->with) below = std::max(below, table.select->height);
  if (select->window_by) below = std::max(below, select->window_by->time->height);
  if (select->from) below = std::max(below, select->from->height);
  if (select->is_set_operation()) {
    below = std::max({below, select->set_left->height + 1, select->set_right->height + 1});
  }
  select->height = below + 1;
  VELARIA_RETURN_NOT_OK(CheckHeight(select->height, select->place));
  return select;
}

Result<Grammar::TablePtr> Grammar::Measured(TablePtr table) {
  int below = std::max(HeightOf(table->arguments), HeightOf(table->on));
  if (table->select) below = std::max(below, table->select->height);
  if (table->left) below = std::max(below, table->left->height + 1);
  if (table->right) below = std::max(below, table->right->height + 1);
  table->height = below + 1;
  VELARIA_RETURN_NOT_OK(CheckHeight(table->height, table->place));
  return table;
}

}  // namespace velaria::sql
