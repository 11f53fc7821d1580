"""From a batch's request to the words of its command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from native_runtime import __version__
from native_runtime.batch.settings import BatchRequest
from native_runtime.errors import UsageError

PATHS = ("folder", "out", "models", "body_file")
"""What differs on farms whose machines run several systems; kept apart from the other words."""
_TEMPLATE = BatchRequest.__dataclass_fields__
_SWITCHES = ("recursive", "blend", "texture", "wear", "contact_sheet")
_VALUES = {
    "engine": "--engine",
    "inference": "--inference",
    "refine": "--refine",
    "focal_px": "--focal-px",
    "fov_deg": "--fov-deg",
    "turn": "--turn",
    "age": "--age",
    "layout": "--layout",
    "builders": "--builders",
}
NOT_SAID = ("folder", "out", "models", "body", "builder", "shard", "remember")
"""Fields that are no words of a task: paths stand apart, a task has its own part, and each machine its own Blender."""


@dataclass(frozen=True)
class BatchWords:
    """A batch as words.

    Attributes:
        paths: by names of `PATHS`, those that there are; absolute.
        options: everything else, in a form that can be read again.
    """

    paths: Mapping[str, str]
    options: tuple[str, ...]

    def command(
        self,
        part: str | None = None,
        paths: Mapping[str, str] | None = None,
        options: Sequence[str] | None = None,
    ) -> list[str]:
        """The words after `sam3db` for one task.

        Args:
            part: the part of the folder, written ``K/N``; None for a run over all of it.
            paths, options: what stands for them instead, such as the names of a farm's parameters.
        """
        where = self.paths if paths is None else paths
        words = ["batch", where["folder"], "--out", where["out"]]
        words += ["--models", where["models"]] if "models" in where else []
        words += ["--body", where["body_file"]] if "body_file" in where else []
        words += self.options if options is None else options
        return words + (["--shard", part] if part is not None else [])


def batch_words(request: BatchRequest) -> BatchWords:
    """The words of a batch; what has its default is left out, but for the engine.

    Raises:
        UsageError: a path or a pattern cannot be written in a command line.
    """
    paths = {"folder": os.path.abspath(request.folder), "out": os.path.abspath(request.out)}
    if request.models is not None:
        paths["models"] = os.path.abspath(request.models)
    words: list[str] = []
    if str(request.body).endswith(".npz"):
        paths["body_file"] = os.path.abspath(request.body)
    elif request.body != _TEMPLATE["body"].default:
        words += [f"--body={request.body}"]
    for name, option in _VALUES.items():
        value = getattr(request, name)
        if value != _TEMPLATE[name].default:
            words.append(f"{option}={_written(value)}")
    if request.providers:
        words.append(f"--provider={','.join(request.providers)}")
    if request.persons != "largest":
        words += [f"--person={_person(request.persons)}"]
    for name in _SWITCHES:
        if getattr(request, name) != _TEMPLATE[name].default:
            words.append(f"--no-{name.replace('_', '-')}")
    words += [f"--pattern={pattern}" for pattern in request.patterns]
    if request.previews != _TEMPLATE["previews"].default:
        words.append(f"--preview={','.join(request.previews) or 'none'}")
    words += [f"--export={export}" for export in request.exports]
    if request.retry_failed:
        words.append("--retry-failed")
    _check([*paths.values(), *words])
    return BatchWords(paths, (*words, f"--expect-version={__version__}", "--accept-bad-photos"))


def said_fields() -> frozenset[str]:
    """The fields of a request that `batch_words` turns into words; those of `NOT_SAID` are the others."""
    return frozenset(known.name for known in fields(BatchRequest)) - set(NOT_SAID)


def _written(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _person(persons: str | tuple[int, ...]) -> str:
    if isinstance(persons, str):
        return persons
    if len(persons) != 1:
        raise UsageError("A farm's task takes the largest person of each photo, all of them, or one by number.")
    return str(persons[0])


def _check(words: Iterable[str]) -> None:
    for word in words:
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in word):
            raise UsageError(f"{word!r} holds a line break or another control character, which farms cannot pass on.")
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word!r} is no Unicode text, which farms cannot pass on: rename it.") from None
