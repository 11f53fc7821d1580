"""Which cluster does the work, and what folders are called there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from native_runtime.errors import UsageError

_LOCAL = re.compile(r"local:(\d{1,3})", re.ASCII)
MOST_LOCAL = 64
PROTOCOLS = ("tcp", "tls", "ucx", "ws", "wss")
"""Of a scheduler's address, as Dask knows them; without one it is tcp. "inproc" reaches no other process."""
_GB = 1 << 30


@dataclass(frozen=True)
class PathMap:
    """What a folder of this machine is called on the workers.

    Attributes:
        pairs: beginnings of paths, here and there; the longest that fits counts.
    """

    pairs: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(texts: Sequence[str]) -> PathMap:
        """The map that is written ``HERE=THERE``, once for each folder.

        Raises:
            UsageError: it is none.
        """
        pairs = []
        for text in texts:
            here, equals, there = text.partition("=")
            if not (here and equals and there):
                raise UsageError(f"A folder's names are written HERE=THERE, as /mnt/show=//server/show, not {text!r}.")
            pairs.append((_slashes(here), _slashes(there)))
        return PathMap(tuple(pairs))

    def there(self, path: str) -> str:
        """What the workers call a path; the same where nothing is said about it."""
        plain = _slashes(path)
        fitting = [(here, there) for here, there in self.pairs if plain == here or plain.startswith(f"{here}/")]
        if not fitting:
            return path
        here, there = max(fitting, key=lambda pair: len(pair[0]))
        return there + plain[len(here) :] or "/"


def _slashes(path: str) -> str:
    """With "/", which Windows takes as well, and none at the end. A "\\" of a path that begins with "/" is a name's."""
    return (path if path.startswith("/") else path.replace("\\", "/")).rstrip("/")


@dataclass(frozen=True)
class ClusterChoice:
    """A cluster.

    Attributes:
        address: of a scheduler; empty for one that is started on this machine.
        workers: how many of this machine are started.
        memory: bytes, above which a worker of this machine is restarted; None: its share of the machine's.
        paths: what folders are called there.
    """

    address: str = ""
    workers: int = 0
    memory: int | None = None
    paths: PathMap = PathMap()

    def __str__(self) -> str:
        return self.address or f"on this machine ({self.workers} workers)"

    @staticmethod
    def parse(text: str, memory_gb: float | None = None, paths: Sequence[str] = ()) -> ClusterChoice:
        """The cluster that is written ``local:N``, or by its scheduler's address.

        Raises:
            UsageError: it is none, or what is said of it does not fit it.
        """
        mapping = PathMap.parse(paths)
        local = _LOCAL.fullmatch(text)
        if local is None:
            if text.startswith("local") or ":" not in text or not text.rpartition(":")[2].isdigit():
                raise UsageError(
                    f"A cluster is named by its scheduler's address, as tcp://host:8786, or as local:N, not {text!r}."
                )
            protocol, separated, _ = text.partition("://")
            if separated and protocol not in PROTOCOLS:
                raise UsageError(
                    f"A scheduler's address begins with {', '.join(PROTOCOLS[:-1])} or {PROTOCOLS[-1]}, as "
                    f"tcp://host:8786, not with {protocol!r}."
                )
            if memory_gb is not None:
                raise UsageError("Who starts a worker limits its memory: that is only for local:N.")
            return ClusterChoice(address=text, paths=mapping)
        if not 1 <= int(local[1]) <= MOST_LOCAL:
            raise UsageError(f"Between 1 and {MOST_LOCAL} workers can work on this machine, not {local[1]}.")
        if memory_gb is not None and not memory_gb >= 1.0:
            raise UsageError(f"A worker needs at least 1 GB, not {memory_gb:g}.")
        if mapping.pairs:
            raise UsageError("Workers on this machine find every folder under its own name.")
        return ClusterChoice(workers=int(local[1]), memory=None if memory_gb is None else round(memory_gb * _GB))
