"""Who makes which part of a data set: each part once at a time, and no parts of another division beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from native_runtime.errors import UsageError
from native_runtime.files.locks import HeldError, lock

_NAME = ".part-{}-of-{}.lock"
_PATTERN = re.compile(_NAME.replace(".", r"\.").format("([0-9]+)", "([0-9]+)"))


@contextmanager
def alone(out: Path, number: int, count: int) -> Iterator[None]:
    """Make part ``number`` of ``count`` of the set in ``out``, until the end of the block.

    Parts of one division share no shard; parts of two do, and each process removes what it takes for leavings of a
    shard of its own. A process takes its own lock before it looks at the others': of two, at least one sees the other.

    Raises:
        UsageError: another process makes this part, or a part of another division.
        OSError: a lock cannot be made.
    """
    try:
        held = lock(out / _NAME.format(number, count))
    except HeldError as error:
        raise UsageError(f"Another process makes part {number}/{count} of {out}. Wait until it is done.") from error
    with held:
        _refuse_other_divisions(out, count)
        yield


def _refuse_other_divisions(out: Path, count: int) -> None:
    for path in sorted(out.glob(_NAME.format("*", "*"))):
        found = _PATTERN.fullmatch(path.name)
        if found is None or int(found[2]) == count:
            continue
        try:
            lock(path).close()
        except HeldError as error:
            raise UsageError(
                f"Another process makes part {found[1]}/{found[2]} of {out}. Divide the work into {found[2]} parts as "
                "well, or wait until it is done."
            ) from error
