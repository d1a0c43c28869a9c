-- The candidate pairs of `erblock block customers.csv orders.csv -o pairs.parquet`, as a model of dbt-duckdb.
-- A warehouse that does not read Parquet itself has them loaded as a source instead.
select left_id, right_id, score
from read_parquet('{{ var("pairs", "pairs.parquet") }}')
