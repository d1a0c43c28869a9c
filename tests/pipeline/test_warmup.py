"""Kernels compiled ahead."""

import os
import subprocess
import sys


def test_what_warmup_compiled_the_next_run_finds(products, tmp_path):
    for name, table in zip(("left", "right"), products(150), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    cache = tmp_path / "cache"

    def run(*arguments):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
        command = [sys.executable, "-m", "erblock", *arguments]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        return sorted(path.name for path in cache.rglob("*.nbc"))

    kernels = set(run("warmup"))
    assert kernels
    assert set(run("block", "left.csv", "right.csv")) - kernels == set()
    assert set(run("block", "left.csv")) - kernels == set()
