"""The section [tables]: the tables, and how they and files of pairs are read."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Delimiter = Annotated[str | None, Field(min_length=1, max_length=1)]


class TablesConfig(BaseModel):
    """[tables]: the tables, how to read them, which columns to compare."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    left: str = Field(
        description='The left table: a file, a glob, a folder of files, a URL, or "-" for standard input.'
    )
    right: str | None = Field(
        default=None, description="The right table; without it, `left` is deduplicated."
    )
    id: str = Field(default="id", description="The column that identifies a record.")
    left_id: str | None = Field(
        default=None, description="The id column of the left table, if it differs from `id`."
    )
    right_id: str | None = Field(
        default=None, description="The id column of the right table, if it differs from `id`."
    )
    columns: tuple[str, ...] = Field(
        default=(),
        description='The columns to compare: "name", or "left_name=right_name" if the names differ. '
        "By default, every column that both tables have.",
    )
    source: str | None = Field(
        default=None,
        description="For one table: the column that names a record's source. Records of one source are never "
        "candidates of each other, and the column is not compared.",
    )
    delimiter: Delimiter = Field(default=None, description="The CSV delimiter; by default it is detected.")
    encoding: str = Field(default="utf-8", description="The CSV encoding, such as cp1252 or latin-1.")
    left_delimiter: Delimiter = Field(
        default=None, description="The CSV delimiter of the left table, if it differs from `delimiter`."
    )
    right_delimiter: Delimiter = Field(
        default=None, description="The CSV delimiter of the right table, if it differs from `delimiter`."
    )
    left_encoding: str | None = Field(
        default=None, description="The CSV encoding of the left table, if it differs from `encoding`."
    )
    right_encoding: str | None = Field(
        default=None, description="The CSV encoding of the right table, if it differs from `encoding`."
    )
    gold_delimiter: Delimiter = Field(
        default=None, description="The CSV delimiter of the known matches; by default it is detected."
    )
    labels_delimiter: Delimiter = Field(
        default=None, description="The CSV delimiter of the labels; by default it is detected."
    )
    gold_encoding: str | None = Field(
        default=None,
        description="The CSV encoding of the known matches; by default that of the tables, or UTF-8.",
    )
    labels_encoding: str | None = Field(
        default=None, description="The CSV encoding of the labels; by default that of the tables, or UTF-8."
    )


READING = (
    *("delimiter", "left_delimiter", "right_delimiter", "gold_delimiter", "labels_delimiter"),
    *("encoding", "left_encoding", "right_encoding", "gold_encoding", "labels_encoding"),
)
"""The keys of [tables] on how files are read."""
