"""What stands on the shelf, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Literal

HUB = "https://huggingface.co"
"""Where repositories of the hub are."""
RELEASES = "https://github.com"
"""Where repositories whose releases have files are."""

Role = Literal["checkpoint", "config", "rig", "rig_archive", "network", "assets"]
"""What a file is for: weights, their settings, ``mhr_model.pt``, an archive that holds it, a finished ONNX file, MHR's
release."""
Kind = Literal["gated", "public", "file"]
Site = Literal["hub", "release"]
State = Literal["absent", "partly", "downloaded", "ready", "broken"]


@dataclass(frozen=True)
class Figure:
    """A published or measured number.

    Attributes:
        label: what was measured, for people.
        value, unit: the number.
        source: who measured it.
    """

    label: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Terms:
    """A licence that must be accepted.

    Attributes:
        key: what `--accept` and provenance call it.
        title: for people.
        date: of this version of it.
        url: where it is published.
        origin: where the text was taken from, with revision.
        points: common questions, each answered in one plain sentence; only the text is binding.
        forbidden: uses and people that it excludes, one plain sentence each.
        commercial: whether it allows commercial use.
        verbatim: whether `text` is the licence itself; False: a note by this project, because there is no text.
    """

    key: str
    title: str
    date: str
    url: str
    origin: str
    points: tuple[str, ...]
    forbidden: tuple[str, ...]
    commercial: bool = True
    verbatim: bool = True

    @property
    def file_name(self) -> str:
        """Name of its text, here and beside what was downloaded and converted."""
        return f"{self.key}.txt"

    @cached_property
    def data(self) -> bytes:
        """Its full text as it was published."""
        return resources.files(__package__).joinpath("licences", self.file_name).read_bytes()

    @property
    def text(self) -> str:
        """Its full text, for people."""
        return self.data.decode("utf-8")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a source.

    Attributes:
        path: in the repository; with `pattern`, what it is called here.
        size: bytes; None where it is not known beforehand.
        sha256: in hexadecimal; None where it is not known: the first one that comes is recorded, and must come again.
        role: what it is for.
        pattern: regular expression of the path, where the exact name is not known; the repository is asked then.
        repository, revision, site: where it lies, if not where its source says.
    """

    path: str
    size: int | None
    sha256: str | None
    role: Role
    pattern: str | None = None
    repository: str | None = None
    revision: str | None = None
    site: Site | None = None

    @property
    def name(self) -> str:
        """What it is called in the folder of downloads."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """Somebody who has the files.

    Attributes:
        key: what `--source` calls it.
        title: for people; names who it is.
        kind: "gated": the owner decides who may have it, and an access token is needed; "public": anybody may fetch
            it; "file": a file that the user has.
        repository: ``owner/name``; "" for a file of the user.
        revision: commit, tag or branch. A branch is no promise; what is downloaded is held to its SHA-256.
        files: all that is needed.
        note: what the user should know of it, in whole sentences.
        site: what kind of place it is.
    """

    key: str
    title: str
    kind: Kind
    repository: str
    revision: str
    files: tuple[RemoteFile, ...]
    note: str
    site: Site = "hub"

    @property
    def size(self) -> int | None:
        """Bytes of all its files; None where one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def page(self) -> str:
        """Where people read about it; "" for a file of the user."""
        if not self.repository:
            return ""
        return f"{HUB if self.site == 'hub' else RELEASES}/{self.repository}"

    @property
    def pinned(self) -> bool:
        """Whether its revision is a commit, which nobody can change."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None


@dataclass(frozen=True)
class ShelfItem:
    """One thing that can be had.

    Attributes:
        name: what `sam3db models get` calls it.
        title: for people.
        gives: what it is good for, in one or two sentences.
        engine: the engine that works with it; None: it is no network.
        figures: how good it is.
        seconds: of one person on two processor cores, about; None where it was not measured.
        disk_bytes: of what stays once it is ready, about.
        terms: what must be accepted.
        sources: who has it; where the user leaves the choice open, public ones are tried in this order.
        commercial: whether the results may be used commercially; None: unclear.
        folder: of its downloads, in the models folder's ``sources``.
        choices: precisions that the conversion offers; empty: nothing is converted.
    """

    name: str
    title: str
    gives: str
    engine: str | None
    figures: tuple[Figure, ...]
    seconds: float | None
    disk_bytes: int
    terms: tuple[Terms, ...]
    sources: tuple[Source, ...]
    commercial: bool | None
    folder: str
    choices: tuple[str, ...] = ()

    def source(self, key: str) -> Source | None:
        """The source that is called `key`."""
        return next((source for source in self.sources if source.key == key), None)

    @property
    def download_bytes(self) -> int | None:
        """Of the first source whose size is known."""
        return next((source.size for source in self.sources if source.files and source.size is not None), None)

    @property
    def forbidden(self) -> tuple[str, ...]:
        """What all its terms exclude together."""
        return tuple(dict.fromkeys(line for terms in self.terms for line in terms.forbidden))


@dataclass(frozen=True)
class Needs:
    """A file that is not there.

    Attributes:
        name: of the file.
        size: bytes; None where it is not known.
    """

    name: str
    size: int | None


@dataclass(frozen=True)
class ItemState:
    """How things stand with an item.

    Attributes:
        state: "absent"; "partly" downloaded; "downloaded" but not converted; "ready"; "broken": it was ready, and a
            file is missing or damaged, or the networks failed their last proof.
        missing: what is not there.
        bytes_there: of its downloads, parts included, and of what was made of them.
        downloaded: bytes of its downloads alone.
        detail: one line for people: what it is, or what is wrong.
        folder: where the finished files lie, once it is ready.
        terms: keys of the terms that were accepted when it was installed.
        commercial: whether the user said that the use is commercial; None: nobody asked.
    """

    state: State
    missing: tuple[Needs, ...] = ()
    bytes_there: int = 0
    downloaded: int = field(default=0, kw_only=True)
    detail: str = ""
    folder: Path | None = None
    terms: tuple[str, ...] = ()
    commercial: bool | None = None
