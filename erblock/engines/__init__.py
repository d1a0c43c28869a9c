"""Where blocking runs: on this machine, or on a Spark cluster. Both give the same pairs."""
