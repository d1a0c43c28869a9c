"""BlockingPy on one table, as in its example of deduplication: the columns joined, all else by default."""

import pandas as pd
from blockingpy import Blocker

table = pd.read_csv("table.csv", dtype=str).fillna("")
columns = ["first_name", "last_name", "company", "email", "mobile", "postcode", "birth_date"]
found = Blocker().block(x=table[columns].agg(" ".join, axis=1)).result
ids = table["id"].to_numpy()
pairs = pd.DataFrame({"left_id": ids[found["x"]], "right_id": ids[found["y"]]})
pairs.to_csv("candidates.csv", index=False)
