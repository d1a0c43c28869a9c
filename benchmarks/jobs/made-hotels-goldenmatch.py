"""GoldenMatch on two tables, without a configuration, as in its README."""

import csv

import goldenmatch

found = goldenmatch.match("right.csv", "left.csv")
with open("matches.csv", "w", encoding="utf-8") as file:
    rows = [(row["ref_id"], row["target_id"], 1) for row in found.matched.to_pylist()]
    csv.writer(file).writerows([("left_id", "right_id", "is_match"), *rows])
