"""Splink on one table: cleaned, blocked, compared, trained and clustered as in its quickstart."""

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

CLEANED = """
SELECT id, lower(first_name) AS first_name, lower(last_name) AS last_name, lower(company) AS company,
       lower(email) AS email, replace(postcode, ' ', '') AS postcode,
       right(regexp_replace(mobile, '\\D', '', 'g'), 10) AS mobile,
       try_strptime(birth_date, ['%Y-%m-%d', '%d/%m/%Y'])::DATE AS birth_date
FROM read_csv('table.csv', all_varchar=true)
"""
connection = duckdb.connect()
api = DuckDBAPI(connection)
table = api.register(connection.sql(CLEANED), dataset_display_name="contacts")
settings = SettingsCreator(
    link_type="dedupe_only",
    unique_id_column_name="id",
    blocking_rules_to_generate_predictions=[
        block_on("email"),
        block_on("mobile"),
        block_on("birth_date"),
        block_on("postcode"),
        block_on("first_name", "last_name"),
        block_on("last_name", "company"),
    ],
    comparisons=[
        cl.ForenameSurnameComparison("first_name", "last_name"),
        cl.DateOfBirthComparison("birth_date", input_is_string=False),
        cl.ExactMatch("email"),
        cl.ExactMatch("mobile"),
        cl.ExactMatch("postcode"),
        cl.JaroWinklerAtThresholds("company", [0.9, 0.7]).configure(term_frequency_adjustments=True),
    ],
)
linker = Linker(table, settings)
certain = [block_on("email"), block_on("mobile"), block_on("first_name", "last_name", "birth_date")]
linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
linker.training.estimate_parameters_using_expectation_maximisation(block_on("first_name", "last_name"))
linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date"))
linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode"))
pairs = linker.inference.predict()
clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.95)
found = pairs.as_duckdbpyrelation()
found.project("id_l AS left_id, id_r AS right_id").write_csv("candidates.csv")
clusters.as_duckdbpyrelation().project("id AS record_id, cluster_id").write_csv("matches.csv")
