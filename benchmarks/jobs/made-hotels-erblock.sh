erblock block left.csv right.csv -o candidates.parquet
erblock match left.csv right.csv --pairs candidates.parquet -o matches.parquet
