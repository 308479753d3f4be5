"""SQL in process: tables made by SQL, from Arrow and from a CSV file, joined and grouped.

.venv/bin/python docs/examples/sql_demo.py
"""

import tempfile
from pathlib import Path

import pyarrow as pa

import velaria

CITIES_CSV = """city,country
Oslo,Norway
Rome,Italy
Bergen,Norway
"""


def main() -> None:
    with velaria.Session() as session, tempfile.TemporaryDirectory() as folder:
        session.sql("CREATE TABLE fares (city VARCHAR, euros DECIMAL(8, 2))")
        session.sql("INSERT INTO fares VALUES ('Oslo', 42.50), ('Rome', 19.90), ('Bergen', 61.00)")

        trips = pa.table({"city": ["Oslo", "Rome", "Oslo", "Paris"], "seats": [2, 3, 1, None]})
        session.put(trips, "trips")

        path = Path(folder) / "cities.csv"
        path.write_text(CITIES_CSV)
        session.read_csv(path, table="cities")

        print("What was sold, by country:")
        sold = session.sql("""
            SELECT c.country, count(*) AS trips, sum(t.seats) AS seats,
                   sum(t.seats * f.euros) AS euros
            FROM trips t LEFT JOIN cities c ON t.city = c.city LEFT JOIN fares f ON t.city = f.city
            GROUP BY c.country ORDER BY c.country NULLS LAST""")
        sold.show()

        print("\nCities nobody went to:")
        session.sql("""
            SELECT c.city FROM cities c LEFT JOIN trips t ON c.city = t.city
            WHERE t.city IS NULL""").show()

        print("\nA mistake is shown in its place:")
        try:
            session.sql("SELECT city, seat FROM trips")
        except velaria.SqlError as error:
            print(f"{error.code} {error.message}\n{error.caret}")


if __name__ == "__main__":
    main()
