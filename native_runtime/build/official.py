"""Imports the official MHR assets: what `sam3db models import` does.

The release (facebookresearch/MHR, Apache-2.0) comes as `assets.zip`. It is read from the archive, from its unpacked
folder, or from one `lodN.fbx` beside `compact_v6_1.model`; the pose correctives' files may be missing. The TorchScript
file `mhr_model.pt`, which SAM 3D Body's checkpoints come with, holds LOD 1 with everything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError, UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.mhr import Body, Parameterisation, RigFacts, load_rig_facts
from native_runtime.mhr.official import (
    ModelDefinition,
    Source,
    assemble,
    body_name,
    check_definition,
    check_same_skeleton,
    check_skeleton,
    parse_model,
    read_activation,
    read_correctives,
    read_rig,
    read_torchscript,
)
from native_runtime.mhr.official.assemble import LICENCE
from native_runtime.mhr.official.source import ACTIVATION, LEVELS, MODEL, blendshapes_name, fbx_name
from native_runtime.models import manifest
from native_runtime.models.manifest import IMPORT_COMMAND
from native_runtime.models.store import BODIES_FOLDER, models_dir

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done."""

Levels = Sequence[int] | Literal["all"] | None

FINEST_BY_DEFAULT = 1
"""LOD 0 has 73,639 vertices: for close-ups on film, not for posing. It is imported on request."""
ORIGIN = "facebookresearch/MHR"


@dataclass(frozen=True)
class Imported:
    """What an import made.

    Attributes:
        folder: where the bodies lie.
        bodies: their names, finest first.
        notes: what the user should know, for people (no correctives, limits that were skipped, ...).
    """

    folder: Path
    bodies: tuple[str, ...]
    notes: tuple[str, ...]


def import_official(
    source: str | os.PathLike[str],
    models: str | os.PathLike[str] | None = None,
    levels: Levels = None,
    progress: Progress | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Imported:
    """Make bodies of official MHR assets and list them in the models folder's manifest.

    All levels are read and checked against each other before the first is written.

    Args:
        source: `assets.zip`, its unpacked folder, one `lodN.fbx` in it, or `mhr_model.pt`.
        models: the models folder.
        levels: levels of detail, 0 (finest) to 6; "all" that are there, or None for all of these but 0.
        progress: called with the progress.
        provenance: what else is known about the source (its address, its hash); the manifest will say so.

    Raises:
        ModelError: something is missing, damaged, or does not belong together.
        UsageError: `levels` asks for what cannot be.
    """
    tell = progress or (lambda fraction, text: None)
    path = Path(source).expanduser()
    notes: list[str] = []
    single = re.fullmatch(r"lod([0-6])\.fbx", path.name) if path.is_file() else None
    if path.suffix.lower() == ".pt":
        _only(1, levels, path)
        bodies = [read_torchscript_body(path)]
    elif single:
        _only(int(single[1]), levels, path)
        bodies = _from_release(path.parent, [int(single[1])], tell, notes)
    else:
        bodies = _from_release(path, levels, tell, notes)
    origin = {"package": ORIGIN, "file": path.name, **(provenance or {})}
    folder = models_dir(models) / BODIES_FOLDER
    write_bodies(bodies, folder, origin, tell)
    return Imported(folder, tuple(body.name for body in bodies), tuple(notes))


def _only(level: int, levels: Levels, path: Path) -> None:
    if levels is not None and levels != "all" and set(levels) != {level}:
        raise UsageError(f"{path.name} holds level of detail {level} only. Name assets.zip or its folder for others.")


def read_torchscript_body(path: Path) -> Body:
    """The body of ``mhr_model.pt``: LOD 1.

    Raises:
        ModelError: the file is missing, damaged, or not MHR.
    """
    rig, correctives = read_torchscript(path)
    origin = {"source": ORIGIN, "files": {path.name: f"sha256:{sha256_of(path)}"}}
    return assemble(1, rig, load_rig_facts().parameterisation, correctives, origin, path.name)


def read_release_body(path: Path, level: int) -> Body:
    """One level of detail of a release (`assets.zip` or its folder); errors as of `import_official`."""
    return _from_release(path, [level], lambda fraction, text: None, [])[0]


def _from_release(path: Path, levels: Levels, tell: Progress, notes: list[str]) -> list[Body]:
    with Source(path) as source:
        wanted = _wanted_levels(source, levels)
        facts = load_rig_facts()
        definition = _definition(source, facts)
        notes += definition.notes
        activation = _activation(source, len(facts.joint_names))
        bodies: list[Body] = []
        for number, level in enumerate(wanted):
            tell(0.8 * number / len(wanted), f"Reading {fbx_name(level)}")
            body = _level(source, level, definition.parameterisation(len(facts.joint_names)), activation)
            if bodies:
                check_same_skeleton(bodies[0].skeleton, body.skeleton, bodies[0].name, body.name)
            bodies.append(body)
        plain = [level for level, body in zip(wanted, bodies) if body.correctives is None]
        if plain:
            notes.append(_without_correctives(plain, source))
        return bodies


def _level(
    source: Source, level: int, parameterisation: Parameterisation, activation: NDArray[np.float32] | None
) -> Body:
    """Read one level of detail, with its pose correctives where they are there."""
    mesh, shapes = fbx_name(level), blendshapes_name(level)
    rig = read_rig(source.read(mesh), mesh)
    check_skeleton(rig.skeleton, mesh)
    correctives = None
    if activation is not None and shapes in source.names:
        with source.open(shapes) as file:
            correctives = read_correctives(file, shapes, activation, len(rig.vertices))
    used = [mesh, MODEL] + ([ACTIVATION, shapes] if correctives is not None else [])
    origin = {"source": ORIGIN, "files": {name: f"sha256:{source.sha256(name)}" for name in used}}
    return assemble(level, rig, parameterisation, correctives, origin, mesh)


def _wanted_levels(source: Source, levels: Levels) -> list[int]:
    if levels is not None and levels != "all":
        unknown = sorted(set(levels) - set(LEVELS))
        if unknown:
            raise UsageError(f"There is no level of detail {unknown[0]}; there are 0 (finest) to {LEVELS[-1]}.")
    there = source.levels
    if not there:
        raise ModelError(f"{source.path} holds no lodN.fbx. Name the MHR release's assets.zip or its unpacked folder.")
    if levels == "all":
        return list(there)
    if levels is None:
        return [level for level in there if level >= FINEST_BY_DEFAULT] or list(there)
    missing = sorted(set(levels) - set(there))
    if missing:
        raise ModelError(f"{source.path} lacks {fbx_name(missing[0])} (there: {', '.join(map(fbx_name, there))}).")
    return sorted(set(levels))


def _definition(source: Source, facts: RigFacts) -> ModelDefinition:
    try:
        text = source.read(MODEL).decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"{MODEL} is not a text file. Take the file from the MHR release.") from None
    definition = parse_model(text, facts.joint_names, MODEL)
    check_definition(definition, facts, MODEL)
    return definition


def _activation(source: Source, joint_count: int) -> NDArray[np.float32] | None:
    if ACTIVATION not in source.names:
        return None
    with source.open(ACTIVATION) as file:
        return read_activation(file, ACTIVATION, joint_count)


def _without_correctives(levels: Sequence[int], source: Source) -> str:
    names = ", ".join(body_name(level) for level in levels)
    missing = [name for name in (ACTIVATION, *map(blendshapes_name, levels)) if name not in source.names]
    reason = f"not there: {', '.join(missing)}" if missing else "their files hold none"
    return f"No pose correctives for {names} ({reason}). The bodies work without them, but bend less naturally."


def _check_against_others(made: Sequence[Body], folder: Path) -> None:
    """Levels imported earlier must stand on the same joints, so that a character can change its level."""
    new = {body.name for body in made}
    for level in LEVELS:
        path = folder / f"{body_name(level)}.npz"
        if path.stem not in new and path.is_file():
            try:
                other = Body.load(path)
            except ModelError:
                continue  # damaged: `sam3db models verify` reports it
            check_same_skeleton(other.skeleton, made[0].skeleton, f"{path.stem} in {folder}", made[0].name)


def write_bodies(
    made: Sequence[Body], folder: Path, source: Mapping[str, Any], progress: Progress | None = None, **facts: Any
) -> None:
    """Write bodies and list them in the folder's manifest.

    Args:
        source: where they come from, for the manifest.
        facts: what else it should say, or instead of the usual ``licence`` and ``command``.

    Raises:
        ModelError: bodies that are there already stand on other joints.
    """
    tell = progress or (lambda fraction, text: None)
    _check_against_others(made, folder)
    for number, body in enumerate(made):
        tell(0.8 + 0.2 * number / len(made), f"Writing {body.name}")
        path = folder / f"{body.name}.npz"
        body.save(path)
        known = {
            "source": dict(source),
            "licence": LICENCE,
            "content": body.hash,
            "command": IMPORT_COMMAND,
            **facts,
        }
        # One by one, so that the manifest is right about every body even when this is stopped between two.
        manifest.update(folder, {path.name: manifest.describe(path, **known)})
    tell(1.0, "The bodies are ready")
