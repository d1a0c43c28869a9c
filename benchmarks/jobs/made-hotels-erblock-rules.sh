# Rules: erblock.toml, copied from benchmarks/rules; its lines count too.
erblock fit left.csv right.csv --method minhash -o model
erblock block left.csv right.csv --model model -o candidates.parquet
erblock match left.csv right.csv --pairs candidates.parquet -o matches.parquet
