"""Rows in parquet files, read and written with pyarrow; pictures lie beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from native_runtime.errors import FileError, UsageError
from native_runtime.files.atomic import atomic_file

from .rows import Row
from .runs import Runs

#: Files of a data set are counted: 000000.parquet, 000001.parquet, ...
SHARD = "{:06}.parquet"
_SHARD = re.compile(r"\d{6}\.parquet")
_AT_ONCE = 256

T = TypeVar("T")


def write(path: Path, rows: Iterable[Row]) -> int:
    """Write rows, in groups so that memory stays small; how many there were. Completely or not at all."""
    arrow, parquet = library()
    schema = _schema(arrow)
    count = 0
    with atomic_file(path) as part, parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        for columns in _grouped(row.columns() for row in rows):  # masks become small one by one
            writer.write_table(arrow.Table.from_pylist(columns, schema=schema))
            count += len(columns)
    return count


def read(path: Path) -> Iterator[Row]:
    """The rows of a file, one after the other; columns that are not known are passed over.

    Raises:
        FileError: the file is damaged, or a row of it holds something else than it should.
    """
    return _read(path, Row.of)


def read_with_runs(path: Path) -> Iterator[tuple[Row, Runs | None]]:
    """The rows of a file without their masks, and these as they were written; raises as ``read``, but for masks."""
    return _read(path, Row.with_runs)


def _read(path: Path, made: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    arrow, parquet = library()
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                for columns in batch.to_pylist():
                    try:
                        yield made(columns)
                    except ValueError as error:
                        raise FileError(f"{path}, row {number}: {error}.") from error
                    number += 1
    except (OSError, arrow.ArrowException) as error:
        raise _unreadable(path, error) from error


def columns(path: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Some columns of every row of a file, which is quicker than all of them.

    Raises:
        FileError: the file is damaged, or lacks one of them.
    """
    arrow, parquet = library()
    try:
        found: list[dict[str, Any]] = parquet.read_table(path, columns=list(names)).to_pylist()
    except (OSError, arrow.ArrowException) as error:
        raise _unreadable(path, error) from error
    if found and (lacking := sorted(set(names) - set(found[0]))):
        raise FileError(f"{path} lacks the columns {', '.join(lacking)}.")
    return found


def _unreadable(path: Path, error: Exception) -> FileError:
    reason = str(error).strip().rstrip(".")  # Arrow's messages are sentences already
    return FileError(f"{path} cannot be read as parquet: {reason}.")


def files_of(folder: Path) -> list[Path]:
    """The files of a data set's folder, in order.

    Raises:
        FileError: there are none.
    """
    found = sorted(path for path in folder.glob("*.parquet") if _SHARD.fullmatch(path.name))
    if not found:
        raise FileError(f"'{folder.name}' holds no files of a data set (000000.parquet and so on).")
    return found


def _grouped(entries: Iterable[T]) -> Iterator[list[T]]:
    group: list[T] = []
    for entry in entries:
        group.append(entry)
        if len(group) == _AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _schema(arrow: Any) -> Any:
    numbers = arrow.list_(arrow.float64())
    table = arrow.list_(numbers)
    kinds = {
        "image": arrow.string(),
        "person_id": arrow.int64(),
        "subject_idx": arrow.int64(),
        "subject_cnt": arrow.int64(),
        "keypoints_2d": table,
        "keypoints_3d": table,
        "model_params": numbers,
        "shape_params": numbers,
        "mhr_valid": arrow.bool_(),
        "date": arrow.string(),
        "bbox": numbers,
        "bbox_center": numbers,
        "bbox_scale": numbers,
        "cam_int": table,
        "mask_size": arrow.list_(arrow.int64()),
        "mask_cnts": arrow.binary(),
        "sam3db_quality": arrow.float64(),
        "sam3db_body": arrow.struct({"name": arrow.string(), "hash": arrow.string()}),
        "sam3db_parameters": numbers,
        "sam3db_identity": numbers,
        "sam3db_translation": numbers,
        "sam3db_expression": numbers,
        "sam3db_visible": numbers,
        "sam3db_dense": table,
        "sam3db_pose": arrow.string(),
        "sam3db_held_out": arrow.bool_(),
    }
    return arrow.schema(list(kinds.items()))


def library() -> tuple[Any, Any]:
    """The modules ``pyarrow`` and ``pyarrow.parquet``.

    Raises:
        UsageError: they are not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("Data sets need the package pyarrow: pip install pyarrow.") from error
    return pyarrow, parquet
