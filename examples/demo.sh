#!/usr/bin/env bash
# Two shops, three ways to find the same product: MinHash, the neural hash as it comes, and the same
# hash trained by the rules of data_samples/erblock.toml; and which of its candidates are matches. Writes to
# runs/demo.
set -euo pipefail
cd "$(dirname "$0")/.."

config=data_samples/erblock.toml
left=data_samples/products_left.csv
right=data_samples/products_right.csv
out=runs/demo

run() { printf '\n$ %s\n' "$*"; "$@"; }

rm -rf "$out"
mkdir -p "$out"
run erblock block "$left" "$right" --config "$config" -o "$out/minhash.parquet"
run erblock fit "$left" "$right" --config "$config" --max-steps 0 -o "$out/untrained"
run erblock block "$left" "$right" --config "$config" --model "$out/untrained" -o "$out/untrained.parquet"
run erblock fit "$left" "$right" --config "$config" -o "$out/trained"
run erblock block "$left" "$right" --config "$config" --model "$out/trained" -o "$out/trained.parquet"
run erblock evaluate "$out/minhash.parquet" "$out/untrained.parquet" "$out/trained.parquet" \
  --config "$config" --gold data_samples/products_gold.csv
run erblock match "$left" "$right" --config "$config" --pairs "$out/trained.parquet" -o "$out/matches.parquet" \
  --clusters "$out/entities.csv"
run erblock evaluate "$out/matches.parquet" "$out/entities.csv" --config "$config" \
  --gold data_samples/products_gold.csv
