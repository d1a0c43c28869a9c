-- Candidate pairs from two files of bucket keys, by DuckDB alone: a join on (band, bucket).
--
--   $ erblock fit left.csv right.csv --method minhash -o model
--   $ erblock keys left.csv --model model -o left-keys.parquet
--   $ erblock keys right.csv --model model -o right-keys.parquet
--   $ duckdb -f keys_duckdb.sql
--   $ erblock evaluate pairs.parquet --gold gold.csv --left left.csv --right right.csv
--
-- For one table, read its keys on both sides and add: WHERE l.record_id < r.record_id

-- A bucket with very many records says little and costs their product: it is left out, and told below.
SET VARIABLE most = 2000;

CREATE OR REPLACE TEMP TABLE full_buckets AS
SELECT band, bucket, count(*) AS records
FROM read_parquet('right-keys.parquet')
GROUP BY band, bucket
HAVING records > getvariable('most');

COPY (
    SELECT
        l.record_id AS left_id,
        r.record_id AS right_id,
        -- In how many of the bands they meet: a rough score. `erblock block` scores the records themselves.
        (count(*) / (SELECT count(DISTINCT band) FROM read_parquet('left-keys.parquet')))::FLOAT AS score,
        count(*)::USMALLINT AS n_bands
    FROM read_parquet('left-keys.parquet') AS l
    JOIN read_parquet('right-keys.parquet') AS r USING (band, bucket)
    ANTI JOIN full_buckets USING (band, bucket)
    GROUP BY ALL
    ORDER BY n_bands DESC, left_id, right_id
) TO 'pairs.parquet';

SELECT count(*) AS full_buckets, coalesce(max(records), 0) AS largest FROM full_buckets;
