"""The DataFrame in process: a SELECT put together step by step, run when it is read.

.venv/bin/python docs/examples/df_demo.py
"""

import pyarrow as pa

import velaria

ORDERS = {
    "customer": ["ada", "ben", "ada", "cleo", "ben", "ada"],
    "item": ["tea", "tea", "cup", "cup", "pot", "pot"],
    "count": [2, 1, 4, 1, 1, None],
}
PRICES = {"article": ["tea", "cup", "pot"], "euros": [3.5, 6.0, 20.0]}


def main() -> None:
    with velaria.Session() as session:
        orders = session.create_dataframe_from_arrow(pa.table(ORDERS), "orders")
        prices = session.create_dataframe_from_arrow(pa.table(PRICES), "prices")

        priced = (
            orders.filter('"count" IS NOT NULL')
            .join(prices, "l.item = r.article")
            .select("customer", "item", '"count" * euros AS total')
        )
        print("Priced orders of more than 6 euros:")
        priced.filter("total > 6").order_by("customer", "item").show()

        print("\nBy customer:")
        by_customer = priced.aggregate(["customer"], "count(*) AS orders", "sum(total) AS total")
        by_customer.order_by("total DESC").show()

        print("\nThe columns, known before anything runs:", ", ".join(by_customer.columns))

        session.create_temp_view("priced", priced)
        best = session.sql(
            "SELECT item, max(total) AS best FROM priced GROUP BY item ORDER BY item"
        )
        print("\nA frame can be named and asked by SQL, and its rows are Arrow:")
        print(pa.table(best).to_pydict())


if __name__ == "__main__":
    main()
