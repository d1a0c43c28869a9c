"""Splink on two tables: cleaned, blocked, compared and trained as its example of febrl4 is."""

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

CLEANED = """
SELECT id, lower(name) AS name, lower(address) AS address, city,
       regexp_extract(address, '^\\d+') AS house_number,
       replace(postcode, ' ', '') AS postcode,
       right(regexp_replace(phone, '\\D', '', 'g'), 10) AS phone
FROM read_csv('{}.csv', all_varchar=true)
"""
connection = duckdb.connect()
api = DuckDBAPI(connection)
files = {"hotels_1": "left", "hotels_2": "right"}
tables = [
    api.register(connection.sql(CLEANED.format(file)), dataset_display_name=name)
    for name, file in files.items()
]
settings = SettingsCreator(
    link_type="link_only",
    unique_id_column_name="id",
    blocking_rules_to_generate_predictions=[
        block_on("phone"),
        block_on("postcode"),
        block_on("city", "house_number"),
        block_on("city", "substr(name, 1, 8)"),
    ],
    comparisons=[
        cl.JaroWinklerAtThresholds("name", [0.92, 0.88, 0.7]),
        cl.JaroWinklerAtThresholds("address", [0.92, 0.88, 0.7]),
        cl.ExactMatch("house_number").configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("postcode", [1, 2]),
        cl.LevenshteinAtThresholds("phone", [1, 2]),
    ],
)
linker = Linker(tables, settings)
certain = [block_on("phone"), block_on("postcode", "house_number")]
linker.training.estimate_probability_two_random_records_match(certain, recall=0.8)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode"))
linker.training.estimate_parameters_using_expectation_maximisation(block_on("phone"))
pairs = linker.inference.predict().as_duckdbpyrelation()
found = pairs.project("id_l AS left_id, id_r AS right_id, match_probability AS probability")
found.project("left_id, right_id").write_csv("candidates.csv")
found.filter("probability >= 0.5").write_csv("matches.csv")
