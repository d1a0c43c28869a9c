"""What Spark reports, as one line."""

import pytest

from erblock.engines.spark_errors import first_line, raise_as_ours
from erblock.errors import ConfigError, ModelError, TableError
from erblock.tables.files import DEFAULT_CSV

WORKER = """[PYTHON_EXCEPTION] An exception was thrown from the worker: Traceback (most recent call last):
  File "records.py", line 59, in __call__
erblock.errors.ModelError: model/arrays.safetensors: cannot be read; fit again
 SQLSTATE: 38000"""
JOB = """An error occurred while calling o42.collect.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed 4 times
\tat org.apache.spark.scheduler.DAGScheduler.abort(DAGScheduler.scala:3)
Caused by: java.io.FileNotFoundException: File does not exist: s3a://bucket/part-0.csv
\tat org.apache.spark.Rest(Rest.scala:1)"""


def test_an_error_of_erblock_in_a_worker_is_an_error_of_erblock_here():
    with pytest.raises(ModelError, match=r"^model/arrays\.safetensors: cannot be read; fit again$"):
        raise_as_ours(RuntimeError(WORKER))


def test_executors_without_erblock_are_told_of_in_one_line():
    worker = "pickle.loads(obj)\nModuleNotFoundError: No module named 'erblock'\n SQLSTATE: 38000"
    with pytest.raises(ConfigError, match=r"^the executors' Python has no erblock; install it there.*$"):
        raise_as_ours(RuntimeError(worker))


def test_another_error_is_left_alone():
    raise_as_ours(RuntimeError(JOB))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (JOB, "File does not exist: s3a://bucket/part-0.csv"),
        ("[PATH_NOT_FOUND] Path does not exist: a.csv. SQLSTATE: 42K03", None),
    ],
)
def test_the_cause_is_told_without_its_trace(text, line):
    assert first_line(RuntimeError(text)) == (line or text)


@pytest.mark.parametrize(
    "source", ["-", "duckdb:///a.db?table=x", "postgresql://h/d?table=x", "a.xlsx", "a.jsonl"]
)
def test_what_spark_does_not_read_is_said_before_it_is_asked(source):
    pytest.importorskip("pyspark")
    from erblock.engines.spark_tables import read_raw

    with pytest.raises(TableError, match="Spark reads CSV and Parquet files; use --engine local"):
        read_raw(None, source, DEFAULT_CSV)
