"""dedupe on two tables, as in its example of record linkage; what it asks, gold.csv answers."""

import csv
import re

import dedupe
from answers import console_label
from dedupe import variables


def clean(row):  # noqa: ANN001, ANN201
    row["phone"] = re.sub(r"\D", "", row["phone"])[-10:]
    row["postcode"] = row["postcode"].replace(" ", "")
    return {name: value.strip().lower() or None for name, value in row.items()} | {"id": row["id"]}


def read(path):  # noqa: ANN001, ANN201
    with open(path, encoding="utf-8") as file:
        return {row["id"]: clean(row) for row in csv.DictReader(file)}


if __name__ == "__main__":
    left, right = read("left.csv"), read("right.csv")
    fields = [
        variables.String("name"),
        variables.String("address", has_missing=True),
        variables.ShortString("city"),
        variables.ShortString("postcode", has_missing=True),
        variables.ShortString("phone", has_missing=True),
    ]
    linker = dedupe.RecordLink(fields)
    linker.prepare_training(left, right)
    console_label(linker)
    linker.train()
    links = linker.join(left, right, 0.5, constraint="many-to-many")
    with open("matches.csv", "w", encoding="utf-8") as file:
        rows = [(*pair, score) for pair, score in links]
        csv.writer(file).writerows([("left_id", "right_id", "probability"), *rows])
    # For the measurement alone:
    with open("candidates.csv", "w", encoding="utf-8") as file:
        rows = {(one[0], other[0]) for one, other in linker.pairs(left, right)}
        csv.writer(file).writerows([("left_id", "right_id"), *sorted(rows)])
