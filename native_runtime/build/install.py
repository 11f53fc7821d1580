"""Makes an item of the shelf ready: downloads it, checks it, converts it, lets it prove itself, and puts it in place.

All is made in a folder of its own (`STAGE`), which takes the place of what was there at the very end, and only if the
networks proved themselves. Whoever ends this process, at whatever moment, leaves either what was there before or what
is new; downloads go on where they stopped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.build import official
from native_runtime.build.sam3d_body.convert import convert_checkpoint
from native_runtime.build.sam3d_body.variants import TEMPLATES
from native_runtime.engines.instanthmr.network import HmrNetwork
from native_runtime.errors import ModelError, Remedy, UsageError
from native_runtime.files import staging
from native_runtime.files.atomic import atomic_file
from native_runtime.files.hashes import remember, sha256_of
from native_runtime.files.locks import HeldError, lock
from native_runtime.files.moving import replace
from native_runtime.models import instanthmr, manifest
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import DownloadCancelledError, NoRoomError, Progress
from native_runtime.models.shelf import ShelfItem, Source, shelf, shelf_item, state_of
from native_runtime.models.shelf.fetch import Brought, Services, bring, keep_licences, licence_of
from native_runtime.models.shelf.state import PROVENANCE, installed_folder, installed_name
from native_runtime.models.store import (
    BODIES_FOLDER,
    INSTANTHMR_FOLDER,
    NETWORKS_FOLDER,
    SAM3D_BODY_FOLDER,
    models_dir,
)
from native_runtime.models.web import NoConnectionError
from native_runtime.onnx.probe import probe
from native_runtime.proof import Report, prove

STAGE = ".install"
"""Folder in the models folder where things are made; what a killed process left there is made again."""
LOCK = ".install.lock"
"""File in the models folder that an installation holds while it runs; it stays there."""
SLOWEST = 100e3
"""Bytes per second; a slower source is given up as long as another one is left."""

_DOWNLOADED, _CONVERTED = 0.75, 0.9
_ON_PROCESSORS = ("cpu", "openvino")

Prove = Callable[[Sequence[str], Path, Progress], Report]
"""Lets engines prove themselves with the networks of a models folder."""


@dataclass(frozen=True)
class Installed:
    """What is ready.

    Attributes:
        item: its name.
        source: key of the source that it came from; "" where it was ready before.
        folder: where it lies.
        size: bytes of its files.
        detail: for people: precision, what it is.
        bodies: names of bodies that were made.
        notes: what the user should know, in whole sentences.
        proof: the proof; None for what is no network, and where nothing was done.
    """

    item: str
    source: str
    folder: Path
    size: int
    detail: str
    bodies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    proof: Report | None = None


@dataclass(frozen=True)
class OwnFiles:
    """What the user has.

    Attributes:
        file: the checkpoint or its folder, the network, the release's archive.
        mhr: ``mhr_model.pt``, if it lies elsewhere.
    """

    file: Path
    mhr: Path | None = None


def install(
    item: str | ShelfItem,
    source: str | None = None,
    models: str | os.PathLike[str] | None = None,
    accepted: Collection[str] = (),
    token: AccessToken | None = None,
    precision: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    own: OwnFiles | None = None,
    commercial: bool | None = None,
    services: Services | None = None,
    templates: Path = TEMPLATES,
    proving: Prove | None = None,
) -> Installed:
    """Make an item ready. What is ready already is left as it is.

    Args:
        item: it, or its name.
        source: key of the source; None for the public ones, one after the other until one has all, and then the gated
            ones if there is a token.
        models: the models folder.
        accepted: keys of the terms that the user has read and accepted.
        token: the user's access token, for gated sources.
        precision: of the converted networks; None for the best for this machine.
        progress: called with the progress; may raise to stop.
        cancelled: asked now and then; True ends it. What has arrived is kept.
        own: the user's files, instead of a download.
        commercial: whether the use is commercial; must be said where the terms forbid that.
        services: where repositories are.
        templates: recipes of SAM 3D Body's graphs.
        proving: instead of `native_runtime.proof.prove`.

    Raises:
        UsageError: there is no such item, source or precision; the terms are not accepted or do not allow the use.
        ModelError: no source has the files, they are not what they should be, the networks failed their proof, or
            another installation into this folder is running.
        DownloadCancelledError: `cancelled` said so.
    """
    chosen = shelf_item(item) if isinstance(item, str) else item
    check_terms(chosen, accepted, commercial)
    sources = _candidates(chosen, source, token, own)
    if precision is not None and precision not in chosen.choices:
        offered = ", ".join(chosen.choices) or "none"
        raise UsageError(f"{chosen.title} cannot be had in the precision {precision!r}; there are: {offered}.")
    watch = _Watch(progress or (lambda fraction, text: None), cancelled or (lambda: False))
    kind = precision or _best_precision(chosen)
    state = state_of(chosen, models)
    if own is None and state.state == "ready" and (not chosen.choices or precision in (None, state.detail)):
        if chosen.engine == "instanthmr":
            instanthmr.choose(installed_name(chosen), models)
        watch.tell(1.0, f"{chosen.title} is ready")
        return Installed(chosen.name, "", installed_folder(chosen, models), state.bytes_there, state.detail)
    work = _Work(chosen, models_dir(models), kind, accepted, commercial, watch, templates, proving or _prove)
    with _alone(work.root):
        if own is not None:
            return work.make(own, sources[0], None, ())
        brought, notes = _download(chosen, sources, models, token, services, watch)
        rig = brought.files.get("rig") or brought.files.get("rig_archive")
        first = next(path for role, path in brought.files.items() if role not in ("rig", "rig_archive", "config"))
        return work.make(OwnFiles(first, rig), brought.source, brought, notes)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other installations out of a models folder.

    Raises:
        ModelError: one is running there, or the folder takes no files or no locks.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        held = lock(root / LOCK)
    except HeldError as error:
        raise ModelError(f"Another installation into {root} is running; wait for it or cancel it.") from error
    except OSError as error:
        raise ModelError(
            f"{root} cannot be written or locked ({error.strerror or error}). Choose another folder for the models."
        ) from error
    with held:
        yield


def check_terms(item: ShelfItem, accepted: Collection[str], commercial: bool | None) -> None:
    """See to it that the user has accepted an item's terms, and that they allow the use.

    Raises:
        UsageError: they are not, or do not.
    """
    known = {terms.key for other in shelf().values() for terms in other.terms}
    if unknown := sorted(set(accepted) - known):
        own = ", ".join(terms.key for terms in item.terms) or "none"
        raise UsageError(f"There are no terms {', '.join(unknown)}; those of {item.name} are: {own}.")
    missing = [terms for terms in item.terms if terms.key not in accepted]
    if missing:
        texts = "; ".join(f"{terms.title}, {terms.date} ({terms.url})" for terms in missing)
        raise UsageError(
            f"{item.title} must not be used before its terms are read and accepted: {texts}.", Remedy.ACCEPT_TERMS
        )
    if item.commercial is False:
        if commercial is None:
            raise UsageError(
                f"{item.title} is not for commercial use. Say first whether yours is commercial.", Remedy.SAY_USE
            )
        if commercial:
            raise UsageError(
                f"{item.title} is not for commercial use. Take one that is, such as instanthmr_medium_commercial or "
                "sam3d_body."
            )


class _Watch:
    """Progress, and where it ends."""

    def __init__(self, progress: Progress, cancelled: Callable[[], bool]) -> None:
        self._progress = progress
        self.cancelled = cancelled

    def tell(self, fraction: float, text: str) -> None:
        if self.cancelled():
            raise DownloadCancelledError("Cancelled. What has arrived is kept; the next time continues from there.")
        self._progress(min(fraction, 1.0), text)

    def part(self, start: float, end: float) -> Progress:
        """Progress of one step among all."""
        return lambda fraction, text: self.tell(start + (end - start) * fraction, text)


def _candidates(item: ShelfItem, key: str | None, token: AccessToken | None, own: OwnFiles | None) -> list[Source]:
    """The sources to try, in this order."""
    if own is not None or key == "file":
        if own is None:
            raise UsageError("Name the file that you have.")
        if key not in (None, "file"):
            raise UsageError("Name either a source or a file that you have.")
        return [source for source in item.sources if source.kind == "file"]
    if key is not None:
        source = item.source(key)
        if source is None:
            there = ", ".join(source.key for source in item.sources)
            raise UsageError(f"{item.title} has no source {key!r}; there are: {there}.")
        return [source]
    found = [source for source in item.sources if source.kind == "public"]
    if token is not None or not found:
        found += [source for source in item.sources if source.kind == "gated"]
    return found


def _best_precision(item: ShelfItem) -> str:
    """Of an item's choices, what suits this machine; "" where there are none."""
    if not item.choices:
        return ""
    provider = probe().provider
    on_card = provider is not None and provider.short not in _ON_PROCESSORS
    return "fp16" if on_card else "int8"


def _download(
    item: ShelfItem,
    sources: Sequence[Source],
    models: str | os.PathLike[str] | None,
    token: AccessToken | None,
    services: Services | None,
    watch: _Watch,
) -> tuple[Brought, tuple[str, ...]]:
    """The files from the first source that has them all, and what happened on the way there."""
    notes: list[str] = []
    unreached: list[str] = []
    tell = watch.part(0.0, _DOWNLOADED)
    for number, source in enumerate(sources):
        slowest = SLOWEST if number + 1 < len(sources) else 0.0
        try:
            brought = bring(item, source, models, token, tell, watch.cancelled, services, slowest, room=item.disk_bytes)
            return brought, tuple(notes)
        except NoRoomError:
            raise
        except ModelError as error:
            notes.append(f"{source.title}: {error}")
            if isinstance(error, NoConnectionError):
                unreached.append(str(error))
            elif len(sources) == 1:
                raise
            if number + 1 < len(sources):
                tell(0.0, f"{source.title} failed; trying the next source")
    if len(unreached) == len(sources):
        raise ModelError(" ".join(dict.fromkeys(unreached)), Remedy.GIVE_FILES)
    raise ModelError(f"None of the sources of {item.title} has it. " + " ".join(notes))


def check_instanthmr(path: Path) -> HmrNetwork:
    """See to it that a file is a network of InstantHMR, by its inputs and outputs, and by what it says of nothing.

    Raises:
        ModelError: it is not.
    """
    try:
        network = HmrNetwork.open(path, ("cpu",))
    except ModelError as error:
        if error.remedy is not Remedy.REMAKE_NETWORK:
            raise
        raise ModelError(
            f"{path.name} is no ONNX network of InstantHMR, or a damaged one. Fetch it again. ({error})"
        ) from error
    picture = np.zeros((3, network.size, network.size), np.float32)
    answer = network.answers([picture], [np.full(3, 0.1, np.float32)])[0]
    if not all(np.isfinite(part).all() for part in (answer.model_parameters, answer.shape, answer.translation)):
        raise ModelError(f"{path.name} answers a black picture with numbers that are not finite. It is damaged.")
    return network


def _prove(names: Sequence[str], models: Path, progress: Progress) -> Report:
    return prove(names, models, progress=progress)


@dataclass(frozen=True)
class _Work:
    """The steps after the download."""

    item: ShelfItem
    root: Path
    precision: str
    accepted: Collection[str]
    commercial: bool | None
    watch: _Watch
    templates: Path
    proving: Prove

    def make(self, files: OwnFiles, source: Source, brought: Brought | None, notes: tuple[str, ...]) -> Installed:
        """Convert, prove, put in place."""
        try:
            if self.item.engine is None:
                return self._bodies(files.file, source, brought, notes)
            with self._stage() as stage:
                detail, more = self._convert(files, stage, source, brought)
                made = self._made(stage)
                report = self.proving([self.item.engine], stage, self.watch.part(_CONVERTED, 1.0))
                try:
                    report.demand()
                except ModelError as error:
                    raise ModelError(f"{error} Nothing was installed; what was there before stays in use.") from None
                self._see_unchanged(stage, made)
                bodies = self._publish(stage)
        except OSError as error:
            raise ModelError(
                f"{self.item.title} cannot be written to {self.root} ({error.strerror or error}). Make space there, "
                "close the programs that use it, or choose another folder."
            ) from error
        folder = installed_folder(self.item, self.root)
        self.watch.tell(1.0, f"{self.item.title} is ready")
        size = state_of(self.item, self.root).bytes_there
        return Installed(
            self.item.name, source.key, folder, size, detail, bodies, (*notes, *more, *report.silent), report
        )

    def _bodies(self, archive: Path, source: Source, brought: Brought | None, notes: tuple[str, ...]) -> Installed:
        provenance = self._provenance(source, brought, archive)
        made = official.import_official(
            archive, self.root, None, self.watch.part(_DOWNLOADED, 1.0), {**provenance, "sha256": sha256_of(archive)}
        )
        keep_licences(self.item, made.folder)
        size = sum((made.folder / f"{name}.npz").stat().st_size for name in made.bodies)
        return Installed(
            self.item.name, source.key, made.folder, size, f"{len(made.bodies)} levels of detail", made.bodies,
            (*notes, *made.notes),
        )  # fmt: skip

    @contextlib.contextmanager
    def _stage(self) -> Any:
        """A models folder in the making, with all that the proof needs of the real one."""
        stage = self.root / STAGE / self.item.name
        shutil.rmtree(stage, ignore_errors=True)
        try:
            for folder in (NETWORKS_FOLDER, BODIES_FOLDER):
                _linked(self.root / folder, stage / folder)
            stage.mkdir(parents=True, exist_ok=True)
            yield stage
        finally:
            shutil.rmtree(stage, ignore_errors=True)
            with contextlib.suppress(OSError):
                stage.parent.rmdir()

    def _convert(
        self, files: OwnFiles, stage: Path, source: Source, brought: Brought | None
    ) -> tuple[str, tuple[str, ...]]:
        """Make the networks in the stage, with licences and provenance; a line about them, and notes."""
        tell = self.watch.part(_DOWNLOADED, _CONVERTED)
        if self.item.engine == "instanthmr":
            return self._copy(files.file, stage / INSTANTHMR_FOLDER, source, brought, tell)
        made = convert_checkpoint(files.file, files.mhr, stage, self.precision, self.templates, tell)
        if made.variant != installed_name(self.item):
            raise ModelError(f"{files.file.name} is SAM 3D Body {made.title}, not {self.item.title}.")
        origin = manifest.read(made.folder)["checkpoint"]
        provenance = self._provenance(source, brought, files.file, origin.get("files"))
        provenance["official"] |= bool(origin.get("released"))  # in a layout that nobody has a hash of
        self._sign(made.folder, provenance)
        return made.precision, made.notes

    def _copy(
        self, network: Path, folder: Path, source: Source, brought: Brought | None, tell: Progress
    ) -> tuple[str, tuple[str, ...]]:
        """Put a network of InstantHMR beside the others."""
        tell(0.0, f"Checking {network.name}")
        checked = check_instanthmr(network)
        _linked(self.root / INSTANTHMR_FOLDER, folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{installed_name(self.item)}.onnx"
        tell(0.3, f"Copying {network.name}")
        with atomic_file(folder / name) as part:
            shutil.copyfile(network, part)
        provenance = self._provenance(source, brought, network)
        entry = manifest.describe(
            folder / name, **{PROVENANCE: provenance}, licence=licence_of(self.item),
            image_size=[checked.size, checked.size], wants_focal=checked.wants_focal, command=manifest.GET_COMMAND,
        )  # fmt: skip
        manifest.update(folder, {name: entry}, model="instanthmr", chosen=installed_name(self.item))
        keep_licences(self.item, folder)
        known = self._official_hashes()
        own = () if not known or entry["sha256"] in known else (f"{network.name} is not the file that was released.",)
        return f"{checked.size} px", own

    def _sign(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Say in a folder where its files come from, and on which terms."""
        manifest.update(folder, {}, **{PROVENANCE: dict(provenance)}, licences=keep_licences(self.item, folder))

    def _provenance(
        self, source: Source, brought: Brought | None, file: Path, files: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        hashes = dict(brought.sha256 if brought else files or {file.name: sha256_of(file)})
        known = self._official_hashes()
        return {
            "item": self.item.name,
            "key": source.key,
            "title": source.title,
            "package": source.repository or "a file of the user",
            "version": brought.revision if brought else "",
            "files": hashes,
            "official": bool(known & set(hashes.values())),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "terms": sorted({terms.key for terms in self.item.terms} & set(self.accepted)),
            "commercial": self.item.commercial,
            "used_commercially": self.commercial,
        }

    def _official_hashes(self) -> set[str]:
        """Of the files that hold the weights, as far as they are known."""
        roles = ("checkpoint", "network", "assets")
        return {f.sha256 for source in self.item.sources for f in source.files if f.role in roles and f.sha256}

    @property
    def _networks(self) -> str:
        """Name of the folder of the engine's networks."""
        return SAM3D_BODY_FOLDER if self.item.engine == "sam3d_body" else INSTANTHMR_FOLDER

    def _made(self, stage: Path) -> dict[tuple[str, str], dict[str, Any]]:
        """What the stage's lists say of the files that are new, by folder and name."""
        before = {BODIES_FOLDER: _entries(self.root / BODIES_FOLDER), self._networks: {}}
        if self.item.engine == "instanthmr":  # beside the others
            own = f"{installed_name(self.item)}.onnx"
            before[self._networks] = {n: e for n, e in _entries(stage / self._networks).items() if n != own}
        return {
            (folder, name): entry
            for folder, known in before.items()
            for name, entry in _entries(stage / folder).items()
            if known.get(name) != entry
        }

    def _see_unchanged(self, stage: Path, proved: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """See to it that what is put in place is what was proved.

        Raises:
            ModelError: it is something else.
        """
        changed = [] if self._made(stage) == proved else [manifest.NAME]
        changed += [n for (f, n), entry in proved.items() if manifest.fault(stage / f, n, entry, from_memory=True)]
        if changed:
            raise ModelError(
                f"{', '.join(changed)} changed while {self.item.title} proved itself. Nothing was installed; close "
                "what writes to the models folder, and try again."
            )

    def _publish(self, stage: Path) -> tuple[str, ...]:
        """Put what was made in its place: bodies one by one, then the networks' folder as a whole."""
        made, there = stage / BODIES_FOLDER, self.root / BODIES_FOLDER
        before, bodies = _entries(there), []
        for name, entry in _entries(made).items():
            if before.get(name) != entry:
                there.mkdir(parents=True, exist_ok=True)
                replace(made / name, there / name)
                manifest.update(there, {name: entry})
                bodies.append(Path(name).stem)
        name = self._networks
        staging.clean_up(self.root / name)
        entries = _entries(stage / name)
        staging.take_place(stage / name, self.root / name)
        for file, entry in entries.items():
            remember(self.root / name / file, entry["sha256"])
        return tuple(bodies)


def _entries(folder: Path) -> dict[str, Any]:
    try:
        return dict(manifest.read(folder)["files"])
    except ModelError:
        return {}


def _linked(source: Path, target: Path) -> None:
    """The files of a folder once more: as links where the disk knows them, else as copies. The list is a copy."""
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in source.rglob("*"):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.name == manifest.NAME:
            shutil.copy2(path, place)
        elif path.suffix != ".part" and not path.name.startswith("."):
            try:
                os.link(path, place)
            except OSError:
                shutil.copy2(path, place)
