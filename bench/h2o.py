"""The questions of the H2O.ai database benchmark (db-benchmark), as SQL."""

GROUP_BY = {
    "q1": "SELECT id1, SUM(v1) AS v1 FROM x GROUP BY id1",
    "q2": "SELECT id1, id2, SUM(v1) AS v1 FROM x GROUP BY id1, id2",
    "q3": "SELECT id3, SUM(v1) AS v1, AVG(v3) AS v3 FROM x GROUP BY id3",
    "q4": "SELECT id4, AVG(v1) AS v1, AVG(v2) AS v2, AVG(v3) AS v3 FROM x GROUP BY id4",
    "q5": "SELECT id6, SUM(v1) AS v1, SUM(v2) AS v2, SUM(v3) AS v3 FROM x GROUP BY id6",
    "q6": (
        "SELECT id4, id5, MEDIAN(v3) AS median_v3, STDDEV(v3) AS sd_v3 FROM x GROUP BY id4, id5"
    ),
    "q7": "SELECT id3, MAX(v1) - MIN(v2) AS range_v1_v2 FROM x GROUP BY id3",
    "q8": (
        "SELECT id6, largest2_v3 FROM (SELECT id6, v3 AS largest2_v3, ROW_NUMBER() OVER "
        "(PARTITION BY id6 ORDER BY v3 DESC) AS order_v3 FROM x WHERE v3 IS NOT NULL) AS ranked "
        "WHERE order_v3 <= 2"
    ),
    "q9": "SELECT id2, id4, POWER(CORR(v1, v2), 2) AS r2 FROM x GROUP BY id2, id4",
    "q10": (
        "SELECT id1, id2, id3, id4, id5, id6, SUM(v3) AS v3, COUNT(*) AS n FROM x "
        "GROUP BY id1, id2, id3, id4, id5, id6"
    ),
}

JOIN = {
    "join q1": "SELECT x.*, small.id4 AS small_id4, v2 FROM x JOIN small ON x.id1 = small.id1",
    "join q2": (
        "SELECT x.*, medium.id1 AS medium_id1, medium.id4 AS medium_id4, medium.id5 AS medium_id5, "
        "v2 FROM x JOIN medium ON x.id2 = medium.id2"
    ),
    "join q3": (
        "SELECT x.*, medium.id1 AS medium_id1, medium.id4 AS medium_id4, medium.id5 AS medium_id5, "
        "v2 FROM x LEFT JOIN medium ON x.id2 = medium.id2"
    ),
    "join q4": (
        "SELECT x.*, medium.id1 AS medium_id1, medium.id2 AS medium_id2, medium.id4 AS medium_id4, "
        "v2 FROM x JOIN medium ON x.id5 = medium.id5"
    ),
    "join q5": (
        "SELECT x.*, big.id1 AS big_id1, big.id2 AS big_id2, big.id4 AS big_id4, "
        "big.id5 AS big_id5, big.id6 AS big_id6, v2 FROM x JOIN big ON x.id3 = big.id3"
    ),
}


def checked(sql: str) -> str:
    """The rows of a join in one, as the benchmark itself compares them; of integers exactly:
    one of the engines adds INTEGERs up as INTEGER."""
    return (
        f"SELECT COUNT(*) AS n, SUM(CAST(id1 AS BIGINT)) AS id1, "
        f"SUM(CAST(id2 AS BIGINT)) AS id2, SUM(CAST(id3 AS BIGINT)) AS id3, COUNT(v2) AS c, "
        f"SUM(v1) AS v1, SUM(v2) AS v2 FROM ({sql}) AS j"
    )
