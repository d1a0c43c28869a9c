"""dedupe on one table, as in its example of a CSV file; what it asks, gold.csv answers."""

import csv
import re

import dedupe
from answers import console_label
from dedupe import variables


def clean(row):  # noqa: ANN001, ANN201
    row["mobile"] = re.sub(r"\D", "", row["mobile"])[-10:]
    row["postcode"] = row["postcode"].replace(" ", "")
    row["birth_date"] = re.sub(r"(\d+)/(\d+)/(\d+)", r"\3-\2-\1", row["birth_date"])
    return {name: value.strip().lower() or None for name, value in row.items()}


if __name__ == "__main__":
    with open("table.csv", encoding="utf-8") as file:
        records = {row["id"]: clean(row) for row in csv.DictReader(file)}
    fields = [
        variables.String("first_name"),
        variables.String("last_name"),
        variables.String("company", has_missing=True),
        variables.String("email", has_missing=True),
        variables.ShortString("mobile", has_missing=True),
        variables.ShortString("postcode", has_missing=True),
        variables.ShortString("birth_date", has_missing=True),
    ]
    deduper = dedupe.Dedupe(fields)
    deduper.prepare_training(records)
    console_label(deduper)
    deduper.train()
    clusters = deduper.partition(records, 0.5)
    with open("matches.csv", "w", encoding="utf-8") as file:
        rows = [(record, number) for number, (ids, _) in enumerate(clusters) for record in ids]
        csv.writer(file).writerows([("record_id", "cluster_id"), *rows])
    # For the measurement alone:
    with open("candidates.csv", "w", encoding="utf-8") as file:
        rows = {tuple(sorted((one[0], other[0]))) for one, other in deduper.pairs(records)}
        csv.writer(file).writerows([("left_id", "right_id"), *sorted(rows)])
