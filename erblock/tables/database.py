"""Reads tables of databases through ADBC: duckdb:///file.db?table=x, postgresql://user@host/db?table=x."""

from contextlib import closing
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlunsplit

import polars as pl

from erblock.errors import TableError, require_extra
from erblock.tables.streams import split_url
from erblock.tables.types import with_plain_types

_EXTRA = "databases"
_DUCKDB, _POSTGRES = "duckdb", ("postgresql", "postgres")


def is_database(source: str) -> bool:
    """Return whether `source` names a table of a database."""
    return source.partition("://")[0] in {_DUCKDB, *_POSTGRES}


def database_file(source: str) -> Path | None:
    """Return the path in a DuckDB URL; None for other sources. duckdb:////x is the absolute path /x."""
    url = split_url(source)
    return Path(url.netloc + url.path.removeprefix("/")) if url.scheme == _DUCKDB else None


def read_table(source: str) -> pl.DataFrame:
    """Return all rows of a table of a database. Columns of types that erblock does not know become text.

    Raises:
        TableError: if the table cannot be read, or if the URL names no table or has a password.
        MissingExtraError: if the driver is not installed.
    """
    url = split_url(source)
    asked = parse_qs(url.query)
    if url.password is not None or "password" in asked:  # the URL is shown in messages and kept in settings
        raise TableError(f"{url.scheme}://...: remove the password; put it into PGPASSWORD or ~/.pgpass")
    tables = asked.pop("table", [])
    if len(tables) != 1:
        raise TableError(f"{source}: expected one table, as in ?table=customers")
    name = ".".join('"' + part.replace('"', '""') + '"' for part in tables[0].split("."))
    address = urlunsplit(url._replace(query=urlencode(asked, doseq=True)))
    require_extra("adbc_driver_manager", _EXTRA)
    import adbc_driver_manager

    try:
        connection = _duckdb(source) if url.scheme == _DUCKDB else _postgres(address)
        with closing(connection), closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT * FROM {name}")
            frame = cast(pl.DataFrame, pl.from_arrow(cursor.fetch_arrow_table()))
    except (adbc_driver_manager.Error, pl.exceptions.PolarsError) as error:
        raise TableError(f"{source} cannot be read: {str(error).strip().splitlines()[0]}") from None
    return with_plain_types(frame)


def _duckdb(source: str) -> Any:
    """Return a read-only connection."""
    require_extra("adbc_driver_duckdb", _EXTRA)
    import adbc_driver_duckdb
    from adbc_driver_manager import dbapi

    options = {"path": str(database_file(source)), "access_mode": "READ_ONLY"}
    driver = adbc_driver_duckdb.driver_path()
    return dbapi.connect(driver=driver, entrypoint="duckdb_adbc_init", db_kwargs=options, autocommit=True)


def _postgres(address: str) -> Any:
    require_extra("adbc_driver_postgresql", _EXTRA)
    from adbc_driver_postgresql import dbapi

    return dbapi.connect(address, autocommit=True)
