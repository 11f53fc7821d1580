"""Brings the files of an item from one of its sources into the folder of downloads.

What is there already is kept. A file whose SHA-256 nobody publishes is held to that of its first download, which is
remembered for good (`PINS`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.models import hub, manifest, web
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import CONNECTIONS, Progress, check_room, download
from native_runtime.models.download.part import arrived_bytes
from native_runtime.models.store import models_dir

from .items import HUB, RELEASES, RemoteFile, Role, ShelfItem, Source
from .state import SOURCES_FOLDER, downloads_folder, entries_of, is_downloaded

PINS = "pins"
"""Fact of the manifest in the folder of all downloads: ``ITEM/FILE`` -> its SHA-256 when it first came."""
LICENCES = "licences"
"""Folder of the licences' texts, beside the files that stand under them."""


@dataclass(frozen=True)
class Services:
    """Where repositories are; others for mirrors and tests."""

    hub: str = HUB
    releases: str = RELEASES

    @classmethod
    def at(cls, address: str | None) -> Services:
        """Both at one address; None: the usual ones."""
        return cls(address, address) if address else cls()


@dataclass(frozen=True)
class Brought:
    """The files of a source, verified.

    Attributes:
        files: by what they are for.
        source: which source it was.
        revision: of its repository, as exactly as the service says.
        sha256: by the files' names.
    """

    files: dict[Role, Path]
    source: Source
    revision: str
    sha256: dict[str, str]


@dataclass(frozen=True)
class _Wanted:
    """A file that has to come, with what is known of it by now."""

    file: RemoteFile
    repository: str
    url: str
    path: str
    size: int
    sha256: str
    revision: str
    on_hub: hub.RemoteFile | None = None


def bring(
    item: ShelfItem,
    source: Source,
    models: str | os.PathLike[str] | None = None,
    token: AccessToken | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    services: Services | None = None,
    slowest: float = 0.0,
    room: int = 0,
) -> Brought:
    """Fetch all files of a source; those that are there already are kept.

    Args:
        token: the user's, which only gated sources are sent.
        progress: called with the progress; may raise to stop, which keeps what has arrived.
        cancelled: asked now and then; True ends it and keeps what has arrived.
        slowest: bytes per second; a source that stays below is given up.
        room: bytes that must be free beside the downloads.

    Raises:
        ModelError: the files cannot be had, there is no room, or they are not what they should be.
        DownloadCancelledError: `cancelled` said so.
    """
    tell = progress or (lambda fraction, text: None)
    where = services or Services()
    folder = downloads_folder(item, models)
    tell(0.0, "Looking for earlier downloads")
    pins = _pins(models)
    missing = [file for file in source.files if not _adopted(item, source, file, folder, pins)]
    wanted = []
    for needed in missing:
        tell(0.0, f"Asking for {needed.name}")
        wanted.append(_described(item, source, needed, token, where, pins))
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, room + sum(file.size - arrived_bytes(folder / file.file.name) for file in wanted))
    keep_licences(item, folder)
    total, done = sum(file.size for file in wanted), 0
    for file in wanted:
        share, before = file.size / max(total, 1), done / max(total, 1)

        def tell_part(fraction: float, text: str, share: float = share, before: float = before) -> None:
            tell(before + share * fraction, text)

        _fetch(file, folder / file.file.name, token if source.kind == "gated" else None, tell_part, cancelled, slowest)
        _record(item, file, folder, models)
        done += file.size
    entries = entries_of(folder)
    tell(1.0, f"{item.title} is downloaded")
    first = entries[source.files[0].name]["source"]
    return Brought(
        {file.role: folder / file.name for file in source.files},
        source,
        str(first.get("version", source.revision)),
        {file.name: str(entries[file.name]["sha256"]) for file in source.files},
    )


def keep_licences(item: ShelfItem, folder: Path) -> list[str]:
    """Write the texts of an item's terms beside its files; their paths in the folder."""
    for terms in item.terms:
        path = folder / LICENCES / terms.file_name
        if not path.is_file() or path.read_bytes() != terms.data:
            write_atomically(path, terms.data)
    return [f"{LICENCES}/{terms.file_name}" for terms in item.terms]


def licence_of(item: ShelfItem) -> str:
    """The licences of an item's files, for manifests."""
    return "; ".join(f"{terms.title}, {terms.date}" for terms in item.terms)


def _adopted(item: ShelfItem, source: Source, file: RemoteFile, folder: Path, pins: dict[str, str]) -> bool:
    """Whether a file is there and right. One that lost its entry (the program was killed then) gets it again."""
    entry = entries_of(folder).get(file.name)
    if entry is not None and is_downloaded(file, {file.name: entry}, folder):
        return manifest.fault(folder, file.name, entry, from_memory=True) is None
    known = file.sha256 or pins.get(_pin(item, file))
    path = folder / file.name
    if known is None or not path.is_file() or sha256_of(path) != known:
        return False
    repository = file.repository or source.repository
    origin = {"package": repository, "version": file.revision or source.revision, "file": file.path}
    manifest.update(folder, {file.name: manifest.describe(path, source=origin, licence=licence_of(item))})
    return True


def _described(
    item: ShelfItem, source: Source, file: RemoteFile, token: AccessToken | None, where: Services, pins: dict[str, str]
) -> _Wanted:
    """Where exactly a file is, and what it must be."""
    repository, revision = file.repository or source.repository, file.revision or source.revision
    known = file.sha256 or pins.get(_pin(item, file))
    if (file.site or source.site) == "release":
        if known is None or file.size is None:
            raise AssertionError(file)  # a release states neither
        url = f"{where.releases}/{repository}/releases/download/{revision}/{file.path}"
        return _Wanted(file, repository, url, file.path, file.size, known, revision)
    place = hub.Repository(repository, where.hub, source.kind == "gated" and file.repository is None)
    mine = token if place.gated else None
    path = hub.find(place, file.pattern, mine, revision) if file.pattern else file.path
    found = hub.describe(place, path, mine, file.size, None if file.pattern else known, revision)
    if known is not None and found.sha256 != known:
        raise ModelError(
            f"{path} of {repository} is not the same file as when it first came (SHA-256 {found.sha256}, then "
            f"{known}). If you trust the new one, fetch it with your browser and name it here as a file that you have."
        )
    return _Wanted(file, repository, found.url, path, found.size, found.sha256, found.commit, found)


def _fetch(
    file: _Wanted,
    target: Path,
    token: AccessToken | None,
    tell: Progress,
    cancelled: Callable[[], bool] | None,
    slowest: float,
) -> None:
    if file.on_hub is not None:
        service = file.url.partition(f"/{file.repository}/resolve/")[0]
        place = hub.Repository(file.repository, service, token is not None)
        hub.fetch(place, file.on_hub, target, token, tell, cancelled, slowest)
        return
    try:
        download(file.url, target, file.sha256, file.size, tell, cancelled, connections=CONNECTIONS, slowest=slowest)
    except web.RefusedError as error:
        if error.status in (401, 403):
            raise ModelError(f"{file.repository} is not open to everybody any more ({error.status}).") from None
        raise


def _record(item: ShelfItem, file: _Wanted, folder: Path, models: str | os.PathLike[str] | None) -> None:
    """Pin what nobody publishes; then list the file, which makes it count."""
    if file.file.sha256 is None:
        root = models_dir(models) / SOURCES_FOLDER
        manifest.update(root, {}, **{PINS: {**_pins(models), _pin(item, file.file): file.sha256}})
    origin: dict[str, Any] = {
        "package": file.repository,
        "version": file.revision,
        "file": file.path,
        "url": web.bare(file.url),
    }
    entry = {"sha256": file.sha256, "size": file.size, "source": origin, "licence": licence_of(item)}
    manifest.update(folder, {file.file.name: entry})


def _pin(item: ShelfItem, file: RemoteFile) -> str:
    return f"{item.name}/{file.name}"


def _pins(models: str | os.PathLike[str] | None) -> dict[str, str]:
    """What came before; nothing where it cannot be read."""
    try:
        pins = manifest.read(models_dir(models) / SOURCES_FOLDER).get(PINS)
    except ModelError:
        return {}
    if not isinstance(pins, dict):
        return {}
    return {str(name): sha256 for name, sha256 in pins.items() if isinstance(sha256, str)}


def remove_downloads(item: ShelfItem, models: str | os.PathLike[str] | None = None) -> int:
    """Delete what was downloaded of an item, whole or in parts; the bytes that are free now. What is ready stays.

    Raises:
        ModelError: it is in use.
    """
    folder = downloads_folder(item, models)
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ModelError(f"{folder} cannot be removed ({error.strerror or error}). Close what is using it.") from error
    return freed
