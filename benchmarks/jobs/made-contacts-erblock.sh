erblock block table.csv -o candidates.parquet
erblock match table.csv --pairs candidates.parquet -o pairs.parquet --clusters matches.parquet
