"""Installs GPU support into a folder of the user's, and removes it.

The folder holds one set at a time: its unpacked wheels in a folder of their own, and `gpu_runtime.ACTIVE`, which names
that folder and is written last, in one step. So whoever ends this process, at whatever moment, leaves what was there
before or what is new; downloads (``wheels``) go on where they stopped. What a process still uses on Windows cannot be
deleted; it goes with the next installation or removal.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime import __version__
from native_runtime.errors import FileError, ModelError, Remedy, UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.files.locks import HeldError, lock
from native_runtime.files.moving import replace
from native_runtime.gpu_runtime import ACTIVE, FORMAT, forget_attempts, read_active, unfit
from native_runtime.models.download import CONNECTIONS, DownloadCancelledError, Progress, check_room, download
from native_runtime.models.download.part import arrived_bytes

from .apart import Trial, try_out
from .sets import KINDS, Wheel, WheelSet, host, wheel_set

WHEELS = "wheels"
"""Folder of the downloads; removed when they are unpacked."""
LOCK = ".install.lock"
"""File that an installation holds while it runs; it stays."""
_PART = ".part-"
_SITE = "site"
_DOWNLOADED, _UNPACKED = 0.8, 0.95

Try = Callable[[Path], Trial]
"""Loads the GPU support of a folder in a process of its own."""


@dataclass(frozen=True)
class Installed:
    """What was installed.

    Attributes:
        name: of its kind.
        folder: where its files lie.
        size: bytes of them.
        notes: what the user should know, in whole sentences.
    """

    name: str
    folder: Path
    size: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"name": self.name, "folder": str(self.folder), "bytes": self.size, "notes": list(self.notes)}


@dataclass(frozen=True)
class State:
    """How things stand in a folder.

    Attributes:
        name: of the kind that is installed; "" for none.
        title: for people.
        version: of ONNX Runtime or the plugin.
        size: bytes of its files.
        fault: why it cannot be used by this Python here, in a sentence; "" where it can, as far as its note says.
        outdated: whether this version of the program would install other files.
        downloaded: bytes of an installation that was interrupted.
    """

    name: str = ""
    title: str = ""
    version: str = ""
    size: int = 0
    fault: str = ""
    outdated: bool = False
    downloaded: int = 0

    @property
    def provider(self) -> str:
        """Short name of the provider that it brings; "" for none."""
        return KINDS[self.name].provider if self.name in KINDS else ""


def state_of(folder: Path) -> State:
    """How things stand: cheap, by one small file."""
    there = _bytes_of_downloads(folder)
    entry = read_active(folder)
    if entry is None:
        return State(downloaded=there)
    fault = unfit(entry)
    if not fault and not (folder / entry["folder"]).is_dir():
        fault = "its files are gone. Install it again."
    try:
        outdated = wheel_set(entry["name"]).definition != entry.get("definition")
    except UsageError:
        outdated = False  # this version has nothing better for this Python
    size = entry.get("bytes")
    return State(
        entry["name"],
        entry["title"],
        str(entry.get("version", "")),
        size if isinstance(size, int) else 0,
        fault,
        outdated,
        there,
    )


def install(
    folder: Path,
    name: str,
    accepted: Collection[str] = (),
    files: Sequence[Path] = (),
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    address: str | None = None,
    wanted: WheelSet | None = None,
    attempt: Try = try_out,
) -> Installed:
    """Install GPU support of the kind `name`.

    Args:
        folder: that of GPU support; it is made.
        accepted: keys of the terms that the user accepts.
        files: wheels that the user has; with them nothing is downloaded, and none may be missing or another one.
        progress: called with the progress; may raise to stop, which keeps what has arrived.
        cancelled: asked now and then; True ends it and keeps what has arrived.
        address: of a server that has the index's files; None for the index's own.
        wanted: the wheels; None for those of this platform and Python.
        attempt: loads what was installed, before it counts.

    Raises:
        UsageError: there is no such GPU support for this machine, terms are not accepted, or another installation runs.
        ModelError: a file cannot be had, is another one than it should be, or cannot be loaded; or there is no room.
        DownloadCancelledError: `cancelled` said so.
    """
    tell = progress or (lambda fraction, text: None)
    chosen = wanted or wheel_set(name)
    require_terms(chosen, accepted)
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder):
        _clean_up(folder)
        wheels = _given(chosen, files) if files else _brought(chosen, folder, tell, cancelled, address or host())
        check_room(folder, sum(_unpacked_size(path) for path in wheels))
        # Made in a folder that looks like this one, so that it can be tried before it counts.
        stage = folder / f"{_PART}{secrets.token_hex(4)}"
        try:
            _unpack(wheels, stage / _SITE, tell, cancelled)
            tell(_UNPACKED, "Trying it out")
            entry = _entry(chosen, stage / _SITE)
            notes = _proved(chosen, stage, entry, attempt)
            place = folder / f"{name}-{secrets.token_hex(4)}"
            replace(stage / _SITE, place)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        write_atomically(folder / ACTIVE, json.dumps(entry | {"folder": place.name}, indent=1).encode())
        forget_attempts(folder)
        _clean_up(folder)
        shutil.rmtree(folder / WHEELS, ignore_errors=True)
    tell(1.0, f"{chosen.kind.title} is installed")
    return Installed(name, place, entry["bytes"], notes)


def require_terms(chosen: WheelSet, accepted: Collection[str]) -> None:
    """See to it that all terms are accepted.

    Raises:
        UsageError: some are not, or there are no such terms.
    """
    known = {terms.key: terms for terms in chosen.kind.terms}
    unknown = [key for key in accepted if key not in known]
    if unknown:
        own = ", ".join(known)
        raise UsageError(f"There are no terms {', '.join(unknown)}; those of {chosen.kind.title} are: {own}.")
    missing = [terms for terms in known.values() if terms.key not in accepted]
    if missing:
        texts = "; ".join(f"{terms.key}: {terms.title} ({terms.url})" for terms in missing)
        raise UsageError(
            f"{chosen.kind.title} must not be used before its terms are read and accepted: {texts}.",
            Remedy.ACCEPT_GPU_TERMS,
        )


def remove(folder: Path) -> int:
    """Remove what is installed, and what was downloaded; the bytes that are free now.

    Raises:
        UsageError: an installation runs.
        FileError: the system refuses.
    """
    if not folder.is_dir():
        return 0
    with _held(folder):
        before = _bytes_in(folder)
        try:
            (folder / ACTIVE).unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"{folder / ACTIVE} cannot be removed ({error.strerror or error}).") from error
        shutil.rmtree(folder / WHEELS, ignore_errors=True)
        forget_attempts(folder)
        _clean_up(folder)
        return before - _bytes_in(folder)


def addresses(chosen: WheelSet) -> list[str]:
    """Where the files of a set can be fetched with a browser."""
    return [f"{host()}/{wheel.path}" for wheel in chosen.wheels]


def _given(chosen: WheelSet, files: Sequence[Path]) -> list[Path]:
    """The files that the user has, each recognised by its hash, in whatever order and under whatever name."""
    by_hash = {wheel.sha256: wheel for wheel in chosen.wheels}
    found: dict[str, Path] = {}
    for path in files:
        try:
            digest = sha256_of(path)
        except OSError as error:
            raise FileError(f"{path} cannot be read ({error.strerror or error}).") from error
        if digest not in by_hash:
            named = next((wheel for wheel in chosen.wheels if wheel.file == path.name), None)
            why = (
                f"is damaged or was changed: its SHA-256 is {digest}, not {named.sha256}"
                if named
                else f"is none of the files of {chosen.kind.title} for {chosen.platform} and this Python"
            )
            raise ModelError(f"{path.name} {why}. Nothing was changed.", Remedy.GPU_FILES)
        found[digest] = path
    missing = [wheel for wheel in chosen.wheels if wheel.sha256 not in found]
    if missing:
        lacking = "; ".join(f"{host()}/{wheel.path}" for wheel in missing)
        raise ModelError(f"{len(missing)} of {len(chosen.wheels)} files are missing: {lacking}.", Remedy.GPU_FILES)
    return [found[wheel.sha256] for wheel in chosen.wheels]


def _brought(
    chosen: WheelSet, folder: Path, tell: Progress, cancelled: Callable[[], bool] | None, address: str
) -> list[Path]:
    """The files from the package index; those that are there already are kept."""
    place = folder / WHEELS
    place.mkdir(exist_ok=True)
    needed = [wheel for wheel in chosen.wheels if not _is_there(wheel, place)]
    for other in [path for path in place.iterdir() if not any(path.name.startswith(w.file) for w in chosen.wheels)]:
        other.unlink()  # of another version or kind
    coming = sum(wheel.size - arrived_bytes(place / wheel.file) for wheel in needed)
    check_room(folder, coming + chosen.disk_bytes)
    done = chosen.size - sum(wheel.size for wheel in needed)
    for number, wheel in enumerate(needed, 1):
        before, share = done / chosen.size, wheel.size / chosen.size

        def tell_part(
            fraction: float, text: str, before: float = before, share: float = share, number: int = number
        ) -> None:
            tell(_DOWNLOADED * (before + share * fraction), f"File {number} of {len(needed)}: {text}")

        url = f"{address}/{wheel.path}"
        download(url, place / wheel.file, wheel.sha256, wheel.size, tell_part, cancelled, connections=CONNECTIONS)
        done += wheel.size
    return [place / wheel.file for wheel in chosen.wheels]


def _is_there(wheel: Wheel, place: Path) -> bool:
    path = place / wheel.file
    return path.is_file() and path.stat().st_size == wheel.size and sha256_of(path) == wheel.sha256


def _unpacked_size(wheel: Path) -> int:
    with _opened(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _unpack(wheels: Sequence[Path], place: Path, tell: Progress, cancelled: Callable[[], bool] | None) -> None:
    place.mkdir(parents=True)
    for number, wheel in enumerate(wheels):
        fraction = _DOWNLOADED + (_UNPACKED - _DOWNLOADED) * number / len(wheels)
        with _opened(wheel) as archive:
            for entry in archive.infolist():
                tell(fraction, f"Unpacking {wheel.name}")
                if cancelled is not None and cancelled():
                    raise DownloadCancelledError("Cancelled. The downloads are kept.")
                try:
                    archive.extract(entry, place)
                except OSError as error:
                    raise FileError(f"{wheel.name} cannot be unpacked ({error.strerror or error}).") from error


@contextlib.contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise ModelError(f"{wheel.name} is no wheel ({error}).") from error


def _entry(chosen: WheelSet, site: Path) -> dict[str, Any]:
    """What `ACTIVE` says of a set; ``folder`` is where it lies for now."""
    plugin = chosen.kind.plugin
    return {
        "format": str(FORMAT),
        "name": chosen.kind.name,
        "title": chosen.kind.title,
        "folder": site.name,
        "platform": chosen.platform,
        "python": chosen.python,
        "onnxruntime": chosen.version if plugin is None else "",
        "version": chosen.version,
        "plugin": plugin
        and {"provider": plugin.provider, "module": plugin.module, "libraries": list(plugin.libraries)},
        "definition": chosen.definition,
        "program": __version__,
        "bytes": _bytes_in(site),
        "terms": [terms.key for terms in chosen.kind.terms],
        "wheels": {wheel.file: wheel.sha256 for wheel in chosen.wheels},
    }


def _proved(chosen: WheelSet, stage: Path, entry: dict[str, Any], attempt: Try) -> tuple[str, ...]:
    """What the user should know of a set that this machine can load.

    Raises:
        ModelError: it cannot be loaded at all. That its card or driver is missing is no reason: those may come.
    """
    (stage / ACTIVE).write_text(json.dumps(entry), encoding="utf-8")
    trial = attempt(stage)
    whole = chosen.kind.plugin is None
    if trial.error or (trial.fault and whole):
        raise ModelError(
            f"{chosen.kind.title} cannot be loaded on this machine. {trial.error or trial.fault} Nothing was changed."
        )
    why = trial.fault or trial.faults.get(chosen.kind.provider, "")
    return (f"It is installed, but cannot be used yet. {why}",) if why else ()


def _clean_up(folder: Path) -> None:
    """Remove all but what is active and the downloads; what is in use stays for the next time."""
    entry = read_active(folder)
    kept = {WHEELS, entry["folder"] if entry else ""}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        file = lock(folder / LOCK)
    except HeldError:
        raise UsageError("GPU support is being installed already. Wait for its end, or cancel it.") from None
    with file:
        yield


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _bytes_of_downloads(folder: Path) -> int:
    total = 0
    for path in (folder / WHEELS).glob("*"):
        with contextlib.suppress(OSError):
            if path.suffix == ".part":
                total += arrived_bytes(path.with_suffix(""))
            elif path.is_file() and path.suffix == ".whl":
                total += path.stat().st_size
    return total
