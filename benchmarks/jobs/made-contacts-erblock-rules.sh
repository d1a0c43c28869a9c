# Rules: erblock.toml, copied from benchmarks/rules; its lines count too.
erblock fit table.csv --method minhash -o model
erblock block table.csv --model model -o candidates.parquet
erblock match table.csv --pairs candidates.parquet -o pairs.parquet --clusters matches.parquet
