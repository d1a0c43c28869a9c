"""GoldenMatch on one table, without a configuration, as in its README."""

import csv

import goldenmatch

found = goldenmatch.dedupe("table.csv")
with open("table.csv", encoding="utf-8") as file:
    ids = [row["id"] for row in csv.DictReader(file)]
with open("matches.csv", "w", encoding="utf-8") as file:
    members = [(ids[at], number) for number, one in found.clusters.items() for at in one["members"]]
    csv.writer(file).writerows([("record_id", "cluster_id"), *members])
