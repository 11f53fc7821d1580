"""Fetches the MHR release and imports it: what the download button does.

No hash of the archive is published. The first download of a release is trusted for coming by https from the project's
own page and for the archive's own checksums; the SHA-256 that was found is kept in `bodies/manifest.json` under
`downloads`, and a later download of that release must have it again.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

from native_runtime.build.official import Imported, Levels, Progress, import_official
from native_runtime.build.official_release import URL
from native_runtime.errors import ModelError
from native_runtime.files.hashes import sha256_of
from native_runtime.models import manifest
from native_runtime.models.download import Download, download
from native_runtime.models.store import BODIES_FOLDER, models_dir

SOURCES_FOLDER = "sources"
ARCHIVE = "mhr-assets.zip"
PINS = "downloads"

# Shares of the whole that the steps take, by their usual times.
_DOWNLOADED, _CHECKED = 0.75, 0.8
_LARGEST_UNPACKED = 16 << 30
_CHUNK = 1 << 20


def download_official(
    models: str | os.PathLike[str] | None = None,
    levels: Levels = None,
    progress: Progress | None = None,
    url: str = URL,
    again: bool = False,
) -> Imported:
    """Fetch the release's `assets.zip` and make bodies of it, as `import_official` does.

    The archive stays in `MODELS/sources`; the next call takes it from there, for instance for other levels.

    Args:
        models: the models folder.
        levels: as for `import_official`.
        progress: called with the progress; may raise to stop, which keeps what has arrived.
        url: the address, where it is another one (a mirror).
        again: fetch the release although it is there, because there may be a newer one.

    Raises:
        ModelError: it cannot be fetched, is damaged, differs from what this release was before, or is no MHR release.
    """
    tell = progress or (lambda fraction, text: None)
    root = models_dir(models)
    folder, archive = root / BODIES_FOLDER, root / SOURCES_FOLDER / ARCHIVE
    tell(0.0, "Looking for an earlier download")
    source = None if again else _kept(archive, folder)
    if source is None:

        def check(found: Download) -> None:
            _check_pin(found, folder)
            _check_archive(found.path, lambda part: tell(_DOWNLOADED + part * (_CHECKED - _DOWNLOADED), "Checking it"))

        found = download(url, archive, check=check, progress=lambda part, text: tell(part * _DOWNLOADED, text))
        source = _pin(found, folder)
    return import_official(
        archive, root, levels, lambda part, text: tell(_CHECKED + part * (1 - _CHECKED), text), source
    )


def _pins(folder: Path) -> dict[str, dict[str, Any]]:
    """What was downloaded before: address -> sha256 and size."""
    try:
        pins = manifest.read(folder).get(PINS)
    except ModelError:
        return {}
    if not isinstance(pins, dict):
        return {}
    return {url: pin for url, pin in pins.items() if isinstance(pin, dict) and isinstance(pin.get("sha256"), str)}


def _kept(archive: Path, folder: Path) -> dict[str, Any] | None:
    """Where an archive that is still there came from; None: there is none, or it is not as it was downloaded."""
    pins = _pins(folder)
    if not pins or not archive.is_file():
        return None
    digest = sha256_of(archive)
    return next(({"url": url, "sha256": digest} for url, pin in pins.items() if pin["sha256"] == digest), None)


def _check_pin(found: Download, folder: Path) -> None:
    pin = _pins(folder).get(found.url)
    if pin is not None and pin["sha256"] != found.sha256:
        raise ModelError(
            f"{found.url} is not the same file as before (SHA-256 {found.sha256}, then {pin['sha256']}). "
            "If you trust the new one, fetch it with your browser and import it from the file."
        )


def _pin(found: Download, folder: Path) -> dict[str, Any]:
    """Remember what the file at its address is; what bodies made of it say about their source."""
    pins = {**_pins(folder), found.url: {"sha256": found.sha256, "size": found.size}}
    manifest.update(folder, {}, **{PINS: pins})
    return {"url": found.url, "sha256": found.sha256}


def _check_archive(path: Path, tell: Any) -> None:
    """Unpack everything to nowhere, which compares each file with its CRC-32.

    As `ZipFile.testzip`, but it reports progress, and does not unpack without end.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            total = sum(info.file_size for info in infos)
            if total > _LARGEST_UNPACKED:
                raise ModelError(f"The archive claims {total >> 30} GB; it is not the MHR release.")
            done = 0
            for info in infos:
                with archive.open(info) as member:
                    while chunk := member.read(_CHUNK):
                        done += len(chunk)
                        tell(done / total)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"The archive is damaged ({error}).") from error
