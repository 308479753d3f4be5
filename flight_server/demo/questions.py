"""Five questions that a person would ask about these flights, and the asking."""

from dataclasses import dataclass

from velaria.flight_server.client import Client
from velaria.flight_server.demo.screen import Stopwatch, say, show_sql, show_table


@dataclass(frozen=True)
class Question:
    text: str
    sql: str


QUESTIONS = (
    Question(
        "Which airlines are late the most, and how often do they cancel?",
        """SELECT a.name AS airline, COUNT(*) AS flights, AVG(f.dep_delay) AS mean_delay,
       100.0 * (COUNT(*) - COUNT(f.dep_time)) / COUNT(*) AS cancelled_percent
FROM flights f JOIN airlines a ON f.carrier = a.carrier
GROUP BY a.name HAVING COUNT(*) >= 1000
ORDER BY mean_delay DESC LIMIT 5""",
    ),
    Question(
        "What does the weather do to a departure?",
        """SELECT CASE WHEN w.visib < 2 THEN 'fog' WHEN w.precip > 0 THEN 'rain or snow'
            WHEN w.wind_speed > 25 THEN 'strong wind' ELSE 'fair' END AS weather,
       COUNT(*) AS flights, AVG(f.dep_delay) AS mean_delay,
       100.0 * (COUNT(*) - COUNT(f.dep_time)) / COUNT(*) AS cancelled_percent
FROM flights f JOIN weather w ON f.origin = w.origin AND f.time_hour = w.time_hour
GROUP BY 1 ORDER BY mean_delay DESC""",
    ),
    Question(
        "At what time of day should I fly?",
        """SELECT CASE WHEN hour < 9 THEN '05-08' WHEN hour < 12 THEN '09-11'
            WHEN hour < 15 THEN '12-14' WHEN hour < 18 THEN '15-17' ELSE '18-23' END AS hours,
       COUNT(*) AS flights, AVG(dep_delay) AS mean_delay, MAX(dep_delay) AS worst_delay
FROM flights WHERE dep_delay IS NOT NULL
GROUP BY 1 ORDER BY 1""",
    ),
    Question(
        "Where do New Yorkers fly, and do they arrive in time?",
        """SELECT f.dest, p.name AS airport, COUNT(*) AS flights, AVG(f.distance) AS miles,
       AVG(f.arr_delay) AS mean_arrival_delay
FROM flights f LEFT JOIN airports p ON f.dest = p.faa
GROUP BY f.dest, p.name ORDER BY flights DESC, f.dest LIMIT 6""",
    ),
    Question(
        "Are older planes less reliable?",
        """SELECT CASE WHEN p.year < 1990 THEN 'before 1990' WHEN p.year < 2000 THEN '1990 to 1999'
            WHEN p.year < 2010 THEN '2000 to 2009' ELSE 'from 2010' END AS built,
       COUNT(DISTINCT f.tailnum) AS planes, COUNT(*) AS flights,
       AVG(f.dep_delay) AS mean_delay
FROM flights f JOIN planes p ON f.tailnum = p.tailnum
WHERE p.year IS NOT NULL
GROUP BY 1 ORDER BY MIN(p.year)""",
    ),
)

EXPLAINED = QUESTIONS[0]


def ask_all(client: Client) -> None:
    for letter, question in zip("abcde", QUESTIONS, strict=True):
        print(f"{letter}) {question.text}")
        show_sql(question.sql)
        watch = Stopwatch()
        answer = client.sql(question.sql).to_arrow()
        say(f"Answered in {watch}:")
        show_table(answer.column_names, zip(*(c.to_pylist() for c in answer.columns), strict=True))
