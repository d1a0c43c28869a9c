"""Bucket keys as the blocking of Splink 5: people who are in one table more than once.

    $ erblock fit data_samples/people.csv --method minhash -o model
    $ erblock keys data_samples/people.csv --model model -o people-keys.parquet
    $ python examples/keys_splink.py data_samples/people.csv people-keys.parquet matches.parquet

Needs: pip install 'splink>=5'
"""

import sys

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

MOST_RECORDS = 200  # of one bucket: a fuller one is left out, as it says little and costs its square
FEWEST_BANDS = 2  # in which two records must meet

PAIRS = f"""
WITH keys AS (
    SELECT * FROM read_parquet($keys)
    QUALIFY count(*) OVER (PARTITION BY band, bucket) <= {MOST_RECORDS}
)
SELECT 'erblock' AS match_key, l.record_id AS join_key_l, r.record_id AS join_key_r
FROM keys AS l JOIN keys AS r USING (band, bucket)
WHERE l.record_id < r.record_id
GROUP BY ALL
HAVING count(*) >= {FEWEST_BANDS}
"""
# To link two tables, Splink's key of a record is the name its table was registered with, '-__-' and the id:
# 'left-__-' || l.record_id.

SETTINGS = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="id",
    comparisons=[
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.LevenshteinAtThresholds("born"),
        cl.ExactMatch("postcode"),
        cl.ExactMatch("phone"),
    ],
)


def main(table: str, keys: str, output: str) -> None:
    """Score the pairs that share a bucket, and write those that Splink takes for matches."""
    connection = duckdb.connect()
    api = DuckDBAPI(connection)
    people = connection.read_csv(table, all_varchar=True)
    linker = Linker(api.register(people, dataset_display_name="people"), SETTINGS)

    # Training is Splink's own, and has blocking rules of its own.
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "born")], recall=0.3
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for column in ("postcode", "given_name"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(column))

    pairs = connection.sql(PAIRS, params={"keys": keys})
    linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
    matches = linker.inference.predict(threshold_match_probability=0.9)
    matches.as_duckdbpyrelation().to_parquet(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
