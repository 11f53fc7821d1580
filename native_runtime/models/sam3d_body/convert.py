"""A checkpoint and ``mhr_model.pt`` become a models folder: what ``sam3db convert-checkpoint`` does.

Everything is checked before the first byte is written. The graphs are made in a folder of their own, which takes the
place of an earlier conversion at the very end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.models import manifest, official, stamps
from native_runtime.models.staging import staged
from native_runtime.models.store import BODIES_FOLDER, SAM3D_BODY_FOLDER, models_dir

from . import rig_buffers
from .attach import attach_weights, attached_bytes, check_sources
from .checkpoint import MHR_FILE, Checkpoint, find_mhr, open_checkpoint
from .keypoint_support import keypoint_support
from .template import Template
from .tensors import Joined, MappingSource, TensorSource
from .variants import TEMPLATES, Variant, known_variants, recognise

Progress = Callable[[float, str], None]
"""Called with the fraction that is done (0..1) and what is being done, for people. It may raise to stop the work."""

CONVERTER_VERSION = 1
COMMAND = "sam3db convert-checkpoint"
LICENCE = "SAM License (Meta Platforms, SAM 3D Body)"
CONSTANTS = "constants.npz"
GRAPHS = ("encoder", "body_context", "body_decoder", "hand_context", "hand_decoder")
PRECISIONS: dict[str, dict[str, str]] = {
    "fp32": dict.fromkeys(GRAPHS, "fp32"),
    "fp16": dict.fromkeys(GRAPHS, "fp16"),
    # Nearly all of the time is spent in the encoder; the decoders stay exact.
    "int8": dict.fromkeys(GRAPHS, "fp32") | {"encoder": "int8"},
}
"""The precision of each graph by what the user chooses."""

_READ, _WRITE = 0.15, 0.95
"""How far things are when everything is read and checked, and when the graphs are written."""
_SPARE = 256 << 20


@dataclass(frozen=True)
class Converted:
    """What a conversion made.

    Attributes:
        folder: where the graphs lie.
        variant: name of the released model.
        title: what people call it.
        precision: as chosen.
        size: bytes of all files.
        body: name of the body that belongs to it.
    """

    folder: Path
    variant: str
    title: str
    precision: str
    size: int
    body: str


def convert_checkpoint(
    checkpoint: str | os.PathLike[str],
    mhr: str | os.PathLike[str] | None = None,
    models: str | os.PathLike[str] | None = None,
    precision: str = "fp32",
    templates: Path = TEMPLATES,
    progress: Progress | None = None,
) -> Converted:
    """Convert a checkpoint, and make the body that it was trained with.

    Args:
        checkpoint: ``model.ckpt``, a safetensors file, or the folder that the release was downloaded to.
        mhr: ``mhr_model.pt``; None to look for it in that folder.
        models: the models folder.
        precision: a key of ``PRECISIONS``.
        templates: where the graphs without weights lie, one folder a variant.

    Raises:
        ModelError: a file is missing, damaged, not the released model, or there is not enough space.
        UsageError: the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"There is no precision {precision!r}. There are: {', '.join(PRECISIONS)}.")
    tell = progress or (lambda fraction, text: None)
    source = Path(checkpoint).expanduser()
    tell(0, f"Reading {source.name}")
    with open_checkpoint(source) as opened:
        folder = source if source.is_dir() else source.parent
        rig = Path(mhr).expanduser() if mhr is not None else find_mhr(folder)
        variant, tensors = recognise(opened, known_variants(templates), opened.path.name)
        graphs = [Template.load(variant.folder, graph, kind) for graph, kind in PRECISIONS[precision].items()]
        origin = _origin(opened, variant)
        tell(0.05, f"Reading {rig.name}")
        body, buffers = _body(rig, tensors, origin)
        tell(_READ, f"SAM 3D Body {variant.title}: everything is there")
        target = models_dir(models) / SAM3D_BODY_FOLDER
        return _write(target, variant, precision, graphs, tensors, body, buffers, origin, tell)


def _origin(checkpoint: Checkpoint, variant: Variant) -> dict[str, Any]:
    """Where the weights come from, for manifests."""
    hashes = {file.name: manifest.sha256_of(file) for file in checkpoint.files}
    return {
        "package": f"facebook/sam-3d-body-{variant.name}",
        "file": checkpoint.path.name,
        "sha256": hashes[checkpoint.path.name],
        "files": hashes,
        "stored_as": sorted({checkpoint.kind(name) for name in checkpoint.names()}),
    }


def _body(path: Path, tensors: TensorSource, origin: Mapping[str, Any]) -> tuple[Body, dict[str, Any]]:
    """MHR with the checkpoint's keypoints, and what the checkpoint holds of the rig."""
    if not path.is_file():
        raise ModelError(f"There is no file {path}. Name {MHR_FILE}, which comes with the checkpoint, with --mhr.")
    buffers = rig_buffers.read_buffers(tensors)
    body = official.read_torchscript_body(path)
    rig_buffers.check_against(body, buffers)
    keypoints = {"source": origin["package"], "sha256": origin["sha256"], "licence": LICENCE}
    return rig_buffers.with_exact_keypoints(body, buffers["keypoint_mapping"], keypoints), buffers


def _write(
    target: Path,
    variant: Variant,
    precision: str,
    graphs: Sequence[Template],
    tensors: TensorSource,
    body: Body,
    buffers: Mapping[str, Any],
    origin: Mapping[str, Any],
    tell: Progress,
) -> Converted:
    support = keypoint_support(body, buffers["keypoint_mapping"])
    weights = Joined(tensors, MappingSource({f"mhr:{name}": array for name, array in support.items()}))
    constants = rig_buffers.constants(tensors, buffers)
    for graph in graphs:
        check_sources(graph, weights)
    sizes = [attached_bytes(graph, weights) for graph in graphs]
    _check_space(target, sum(sizes))
    try:
        with staged(target) as folder:
            done = 0
            for graph, size in zip(graphs, sizes):
                _attach(graph, weights, folder, done, size, sum(sizes), tell)
                done += size
            write_arrays(folder / CONSTANTS, constants)
            tell(_WRITE, "Noting what was written")
            entries = _describe(folder, variant, precision, graphs, body, origin)
            source = {"package": official.ORIGIN, "file": MHR_FILE}
            facts = {"licence": f"{official.LICENCE}; keypoints: {LICENCE}", "command": COMMAND}
            official.write_bodies([body], target.parent / BODIES_FOLDER, source, None, **facts)
    except OSError as error:
        raise ModelError(
            f"The converted model cannot be written to {target} ({error.strerror or error}). Make space there, close "
            "the programs that use it, or choose another folder."
        ) from error
    for name, entry in entries.items():
        stamps.remember(target / name, entry["sha256"])
    tell(1.0, "The model is ready")
    size = sum(int(entry["size"]) for entry in entries.values())
    return Converted(target, variant.name, variant.title, precision, size, body.name)


def _attach(
    graph: Template, weights: TensorSource, folder: Path, done: int, size: int, total: int, tell: Progress
) -> None:
    def advance(written: int) -> None:
        fraction = (done + min(written, size)) / total
        tell(_READ + (_WRITE - _READ) * fraction, f"Writing {graph.graph} ({graph.precision})")

    advance(0)
    attach_weights(graph, weights, folder, advance)


def _describe(
    folder: Path, variant: Variant, precision: str, graphs: Sequence[Template], body: Body, origin: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Write the manifest; its entries."""
    entries = {}
    for path in sorted(folder.iterdir()):
        graph = next((graph for graph in graphs if graph.graph == path.stem), None)
        facts: dict[str, Any] = {"variant": variant.title}
        if graph is not None:
            facts = {"variant": f"{variant.title} {graph.precision}", "template": graph.hash}
        entries[path.name] = manifest.describe(path, **facts, source=dict(origin), licence=LICENCE, command=COMMAND)
    manifest.write(
        folder,
        entries,
        model="sam3d_body",
        variant=variant.name,
        precision=precision,
        graphs={graph.graph: graph.precision for graph in graphs},
        image_size=list(variant.image_size),
        feature_size=list(variant.feature_size),
        opset=variant.opset,
        checkpoint=dict(origin),
        body={"name": body.name, "content": body.hash},
        converter=CONVERTER_VERSION,
    )
    return entries


def _check_space(target: Path, needed: int) -> None:
    place = next(folder for folder in (target, *target.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < needed + _SPARE:
        raise ModelError(
            f"The converted model takes {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free at {place}. "
            "Make space, choose another folder with -o, or a smaller model with --precision."
        )
