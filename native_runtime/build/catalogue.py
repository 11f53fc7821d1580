"""What the command `sam3db models` does: list, build and verify all model files of a models folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from native_runtime.errors import ModelError, NewerFormatError, Remedy, UsageError
from native_runtime.models import manifest
from native_runtime.models.store import (
    BODIES_FOLDER,
    INSTANTHMR_FOLDER,
    NETWORKS,
    NETWORKS_FOLDER,
    SAM3D_BODY_FOLDER,
    models_dir,
)

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done."""

_BUILT = ("networks", "bodies")
_CONVERTED = "sam3d_body"
_RELEASED = "instanthmr"
_BUILDERS = ("landmark_networks", "default_body")
_FOLDERS = {
    "networks": NETWORKS_FOLDER,
    "bodies": BODIES_FOLDER,
    _CONVERTED: SAM3D_BODY_FOLDER,
    _RELEASED: INSTANTHMR_FOLDER,
}


@dataclass(frozen=True)
class ModelStatus:
    """One model file. `state` is "ok", "missing", "damaged", "unreadable" (the system refuses it) or "newer" (a newer
    version of the program wrote the list); `detail` says more, for people.
    """

    name: str
    kind: str  # "networks" | "bodies" | "sam3d_body" | "instanthmr"
    path: Path
    state: str
    size: int  # bytes, as the manifest says; 0 where nothing is known
    detail: str


def list_models(models: str | os.PathLike[str] | None = None) -> list[ModelStatus]:
    """Every file that should be in the models folder, whether it is there or not. Hashes are verified.

    What nobody has to have, a converted checkpoint and networks of InstantHMR, is listed where it is there.
    """
    root = models_dir(models)
    kinds = _BUILT + tuple(kind for kind in (_CONVERTED, _RELEASED) if (root / _FOLDERS[kind]).is_dir())
    return [status for kind in kinds for status in _list_kind(root, kind)]


def verify_models(models: str | os.PathLike[str] | None = None) -> list[ModelStatus]:
    """As `list_models`, but raise where something is wrong.

    Raises:
        ModelError: names every file that is missing or damaged.
        NewerFormatError: a newer version of the program wrote a list of them.
    """
    found = list_models(models)
    faulty = [status for status in found if status.state != "ok"]
    if newer := next((status for status in faulty if status.state == "newer"), None):
        raise NewerFormatError(newer.detail)
    if faulty:
        raise ModelError("; ".join(map(_sentence, faulty)) + ".", remedy(faulty))
    return found


def _sentence(status: ModelStatus) -> str:
    """What is wrong with a file, without a full stop."""
    if status.state == manifest.UNREADABLE and status.size:
        return f"{status.path} {status.detail.rstrip('.')}"
    return f"{status.path} is {status.state}"


def remedy(faulty: Sequence[ModelStatus]) -> Remedy | None:
    """How to come by what is missing or damaged; None where that would not help: a newer version's list
    refuses to be built upon, and what cannot be read needs other permissions.
    """
    kinds = {status.kind for status in faulty if status.state != manifest.UNREADABLE}
    if not kinds or any(status.state == "newer" for status in faulty):
        return None
    if kinds <= set(_BUILT):
        return Remedy.BUILD_MODELS
    if kinds & set(_BUILT):
        return Remedy.BUILD_AND_CONVERT
    return Remedy.CONVERT_CHECKPOINT if _CONVERTED in kinds else Remedy.GET_MODEL


def can_build() -> bool:
    """Whether this copy of the program has what builds networks and bodies; the extension's has not."""
    return all(find_spec(f"{__package__}.{name}") is not None for name in _BUILDERS)


def build_models(
    models: str | os.PathLike[str] | None = None,
    what: Sequence[str] = ("networks", "bodies"),
    progress: Progress | None = None,
) -> Path:
    """Build what is missing or damaged of the `what` kinds of models and return the models folder.

    Raises:
        ModelError: a source cannot be fetched or is not what it should be.
        UsageError: there is no such kind, or this is the extension's own copy of the program.
    """
    unknown = sorted(set(what) - set(_BUILT))
    if unknown:
        raise UsageError(f"Unknown kind of models: {', '.join(unknown)}. There are: {', '.join(_BUILT)}.")
    if not can_build():
        raise UsageError("The program that comes with the extension builds no models.", Remedy.BUILD_MODELS)
    root = models_dir(models)
    for index, kind in enumerate(what):
        part = None if progress is None else _part(progress, index, len(what))
        _builder(kind)(root, part)
    return root


def _builder(kind: str) -> Callable[[Path, Progress | None], object]:
    """What builds a kind of models. It needs much that listing models does not."""
    try:
        if kind == "networks":
            from native_runtime.build import landmark_networks

            return landmark_networks.build
        from native_runtime.build import default_body

        return default_body.build
    except ModuleNotFoundError as error:
        raise UsageError(f"Only a checkout of the program can build models ({error}).") from error


def _part(progress: Progress, index: int, count: int) -> Progress:
    """Progress of one step among `count` steps of equal weight."""
    return lambda fraction, text: progress((index + fraction) / count, text)


def _list_kind(root: Path, kind: str) -> list[ModelStatus]:
    folder = root / _FOLDERS[kind]
    expected = {
        "networks": [f"{name}.onnx" for name in NETWORKS],
        "bodies": ["default.npz"],
        _CONVERTED: ["encoder.onnx"],
        _RELEASED: [],
    }[kind]
    if not (folder / manifest.NAME).is_file():
        return [ModelStatus(Path(n).stem, kind, folder / n, "missing", 0, "not built yet") for n in expected]
    try:
        content = manifest.read(folder)
    except (ModelError, NewerFormatError) as error:
        refused = manifest.UNREADABLE if isinstance(error.__cause__, OSError) else "damaged"
        state = "newer" if isinstance(error, NewerFormatError) else refused
        listed = expected or [manifest.NAME]
        return [ModelStatus(Path(n).stem, kind, folder / n, state, 0, str(error)) for n in listed]
    entries = content["files"]
    expected = [name for name in expected if Path(name).stem not in content.get("left_out", ())]
    statuses = []
    for name in [*expected, *sorted(set(entries) - set(expected))]:
        entry = entries.get(name)
        state = "missing" if entry is None else manifest.fault(folder, name, entry) or "ok"
        size = 0 if entry is None else int(entry["size"])
        # A graph and its weights differ in their endings only.
        title = name if kind == _CONVERTED else Path(name).stem
        detail = manifest.why_unreadable(folder / name) if state == manifest.UNREADABLE else _detail(entry)
        statuses.append(ModelStatus(title, kind, folder / name, state, size, detail))
    return statuses


def _detail(entry: object) -> str:
    """Where a file came from, as far as its manifest entry says so."""
    if not isinstance(entry, dict):
        return "not in the list of model files"
    source = entry.get("source")
    facts = [str(entry["variant"])] if "variant" in entry else []
    if isinstance(source, dict) and "package" in source:
        facts.append(f"from {source['package']} {source.get('version', '')}".rstrip())
    if "licence" in entry:
        facts.append(str(entry["licence"]))
    return ", ".join(facts)
