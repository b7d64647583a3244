"""Rows of Parquet and Arrow files, as Hugging Face's ``datasets`` publish and save them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError, MissingExtra

PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
"""What such files begin with."""

_ROWS_AT_ONCE = 1024


def table_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, without the columns in which they are null.

    InputError where the file cannot be read, MissingExtra where pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException  # an extra
    except ImportError as error:
        raise MissingExtra("Reading Parquet and Arrow", "eurus-core[parquet]") from error
    try:
        for batch in _batches(path):
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                for data in batch.slice(start, _ROWS_AT_ONCE).to_pylist():
                    yield {key: value for key, value in data.items() if value is not None}
    except (ArrowException, OSError) as error:
        raise InputError(f"not a table that can be read ({error})", file=path) from error


def _batches(path: Path) -> Iterator[Any]:
    from pyarrow import ipc, memory_map, parquet

    with path.open("rb") as stream:
        start = stream.read(len(ARROW_FILE))
    if start == ARROW_FILE:
        with memory_map(str(path)) as source, ipc.open_file(source) as table:
            yield from map(table.get_batch, range(table.num_record_batches))
    elif start.startswith(ARROW_STREAM):
        with memory_map(str(path)) as source, ipc.open_stream(source) as table:
            yield from table
    else:
        with parquet.ParquetFile(path) as table:
            yield from table.iter_batches(batch_size=_ROWS_AT_ONCE)
