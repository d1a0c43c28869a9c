"""BlockingPy on two tables, as in its example of record linkage: the columns joined, all else by default."""

import pandas as pd
from blockingpy import Blocker

left, right = (pd.read_csv(name, dtype=str).fillna("") for name in ("left.csv", "right.csv"))
columns = ["name", "address", "city", "postcode", "phone"]
texts = [table[columns].agg(" ".join, axis=1) for table in (left, right)]
found = Blocker().block(x=texts[0], y=texts[1]).result
pairs = {"left_id": left["id"].to_numpy()[found["x"]], "right_id": right["id"].to_numpy()[found["y"]]}
pd.DataFrame(pairs).to_csv("candidates.csv", index=False)
