"""A checkpoint and MHR become a models folder: what ``sam3db convert-checkpoint`` does.

Everything is checked before the first byte is written. The graphs are made in a folder of their own, which takes the
place of an earlier conversion at the very end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from native_runtime.build import official
from native_runtime.errors import ModelError, UsageError
from native_runtime.files.disks import free_bytes, nearest_existing
from native_runtime.files.hashes import remember, sha256_of
from native_runtime.files.staging import staged
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, SAM3D_BODY_FOLDER, models_dir
from native_runtime.proof.pictures import bundled_pictures
from native_runtime.proof.weights import FILE as PROBES

from . import facts, rig_buffers
from .attach import attach_weights, attached_bytes, check_sources
from .checkpoint import Checkpoint
from .content import Part, check_content
from .keypoint_support import keypoint_support
from .layer_choice import chosen, layers_of
from .layer_precision import Choice, choose, settle
from .layouts import official_names
from .opening import opened_files
from .probed import Probed
from .published import Published, check_published
from .published import published as what_is_published
from .rig_source import find_rig
from .template import Template
from .tensors import Joined, MappingSource
from .variants import TEMPLATES, Variant, known_variants, recognise

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done. It may raise to stop the work."""

CONVERTER_VERSION = 1
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
INFERENCES = {True: ("full", "body"), False: ("body",)}
"""What a model can infer, by whether it has the parts for hands."""

_CHECK, _READ, _CHOSEN, _SETTLED, _WRITE = 0.1, 0.25, 0.6, 0.8, 0.95
"""How far things are when all but the numbers is checked, when everything is, when an encoder's layers are chosen, when
the graphs are written but for such an encoder, and when all are."""
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
        layout: key of the layout in which the checkpoint was stored.
        inferences: what it can infer, as the engine names it.
        notes: what the user should know, in whole sentences.
    """

    folder: Path
    variant: str
    title: str
    precision: str
    size: int
    body: str
    layout: str
    inferences: tuple[str, ...]
    notes: tuple[str, ...]


def convert_checkpoint(
    checkpoint: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    mhr: str | os.PathLike[str] | None = None,
    models: str | os.PathLike[str] | None = None,
    precision: str = "fp32",
    templates: Path = TEMPLATES,
    progress: Progress | None = None,
    published: Published | None = None,
    own_weights: bool = False,
) -> Converted:
    """Convert a checkpoint, and make the body that it was trained with.

    Args:
        checkpoint: ``model.ckpt``, a safetensors file, several, the folder or the zip archive of a download.
        mhr: ``mhr_model.pt``, or MHR's release (``assets.zip`` or its folder); None to look for it (``rig_source``).
        models: the models folder.
        precision: a key of ``PRECISIONS``.
        templates: where the graphs without weights lie, one folder a variant.
        progress: called with the progress.
        published: files and numbers whose hashes are known; None for all that are.
        own_weights: the weights are the user's own (another training): they need not be the released ones.

    Raises:
        ModelError: a file is missing, damaged, not the released model, or there is not enough space.
        UsageError: the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"There is no precision {precision!r}. There are: {', '.join(PRECISIONS)}.")
    tell = progress or (lambda fraction, text: None)
    given = [checkpoint] if isinstance(checkpoint, (str, os.PathLike)) else list(checkpoint)
    sources = [Path(path).expanduser() for path in given]
    tell(0, f"Reading {sources[0].name}")
    folder = models_dir(models)
    with opened_files(sources, folder) as opened:
        known = what_is_published() if published is None else published
        rig = None if mhr is None else Path(mhr).expanduser()
        plan = _plan(opened, rig, folder, precision, templates, known, own_weights, tell)
        return _write(plan, folder / SAM3D_BODY_FOLDER, tell)


@dataclass(frozen=True)
class _Plan:
    """What is to be written, checked.

    Attributes:
        variant, precision, graphs: which graphs.
        weights: the checkpoint's tensors, and those made of MHR.
        constants: what ``constants.npz`` will hold.
        body: MHR with the checkpoint's keypoints.
        origin: where the weights come from, for manifests.
        rig: name of the file that the body comes from.
        layout: in which they were stored.
        hands: whether it has the parts for hands.
        notes: what the user should know.
        whole_numbers: which layers compute in whole numbers, and what that costs (`layer_precision.Choice.facts`).
    """

    variant: Variant
    precision: str
    graphs: Sequence[Template]
    weights: Probed
    constants: Mapping[str, NDArray[Any]]
    body: Body
    origin: Mapping[str, Any]
    rig: str = ""
    layout: str = ""
    hands: bool = True
    notes: tuple[str, ...] = ()
    whole_numbers: Mapping[str, Any] | None = None


def _plan(
    checkpoint: Checkpoint,
    mhr: Path | None,
    models: Path,
    precision: str,
    templates: Path,
    published: Published,
    own_weights: bool,
    tell: Progress,
) -> _Plan:
    """Read and check everything; of large weights that nothing is published of, only names, shapes and types."""
    known_file = check_published(checkpoint.files, published)
    title, variants = checkpoint.path.name, known_variants(templates)
    shapes = {name: shape for known in variants for name, (shape, _) in known.tensors.items()}
    laid = official_names(checkpoint, shapes, title)
    found = recognise(laid.tensors, variants, title)
    variant, tensors, hands = found.variant, found.tensors, found.hands
    graphs = [Template.load(variant.folder, graph, kind) for graph, kind in _graphs(precision, hands).items()]
    facts.check_tensors(tensors, variant.name)
    buffers = rig_buffers.read_buffers(tensors, hands)
    rounding = facts.rounding_of(tensors)
    facts.check_buffers(buffers, rounding)
    origin = _origin(checkpoint, variant)
    tell(_CHECK / 2, "Reading MHR")
    mapping = buffers["keypoint_mapping"]
    rig = find_rig(mhr, checkpoint.path.parent, laid.rig, models)
    check_published(rig.files, published)
    body, notes = rig.read(checkpoint, buffers["faces"], models)
    rig_buffers.check_against(body, buffers, rounding)
    origin["released"] = known_file
    if not known_file and not own_weights:
        content = check_content(
            tensors,
            variant,
            published.contents,
            laid.guessed,
            lambda done: tell(_CHECK + (_READ - _CHECK) * done, "Comparing the numbers with the release"),
        )
        origin["released"] = len(content.released) == len(get_args(Part))
        notes += content.notes
    if not hands:
        notes.append("The checkpoint lacks the parts for hands, so the model infers bodies only: inference 'body'.")
    support = keypoint_support(body, mapping)
    made = MappingSource({f"mhr:{name}": array for name, array in support.items()})
    weights = Probed(Joined(tensors, made))
    for graph in graphs:
        check_sources(graph, weights)
    keypoints = {"source": origin["package"], "sha256": origin["sha256"], "licence": LICENCE}
    body = rig_buffers.with_exact_keypoints(body, mapping, keypoints)
    tell(_READ, f"SAM 3D Body {variant.title}: everything is present")
    constants = rig_buffers.constants(tensors, buffers, hands)
    plan = _Plan(variant, precision, graphs, weights, constants, body, origin)
    return replace(plan, rig=rig.name(checkpoint), layout=laid.layout, hands=hands, notes=tuple(notes))


def _graphs(precision: str, hands: bool) -> dict[str, str]:
    """The precision of each graph that there will be."""
    chosen = PRECISIONS[precision]
    return {graph: kind for graph, kind in chosen.items() if hands or not graph.startswith("hand_")}


def _origin(checkpoint: Checkpoint, variant: Variant) -> dict[str, Any]:
    """Where the weights come from, for manifests."""
    hashes = {file.name: sha256_of(file) for file in checkpoint.files}
    return {
        "package": f"facebook/sam-3d-body-{variant.name}",
        "file": checkpoint.path.name,
        "sha256": hashes[checkpoint.path.name],
        "files": hashes,
        "stored_as": sorted({checkpoint.kind(name) for name in checkpoint.names()}),
    }


def _write(plan: _Plan, target: Path, tell: Progress) -> Converted:
    _check_space(target, sum(attached_bytes(graph, plan.weights) for graph in _smallest(plan.graphs)))
    choice = _choice(plan, tell)
    graphs = [graph for graph in plan.graphs if choice is None or graph.graph != choice.template.graph]
    sizes = [attached_bytes(graph, plan.weights) for graph in graphs]
    whole = 0 if choice is None else attached_bytes(choice.graph, plan.weights)
    _check_space(target, sum(sizes) + whole)
    span = (_READ, _WRITE) if choice is None else (_CHOSEN, _SETTLED)
    try:
        with staged(target) as folder:
            for number, graph in enumerate(graphs):
                attach_weights(graph, plan.weights, folder, _share(graph, sizes, number, span, tell))
            if choice is not None:
                plan = _settled(plan, choice, folder, tell)
            write_arrays(folder / CONSTANTS, plan.constants)
            write_arrays(folder / PROBES, {"weights": _recipes(plan.graphs), **plan.weights.arrays()})
            tell(_WRITE, "Writing the manifest")
            entries = _describe(plan, folder)
            source = {"package": official.ORIGIN, "file": plan.rig}
            known = {"licence": f"{official.LICENCE}; keypoints: {LICENCE}", "command": manifest.CONVERT_COMMAND}
            official.write_bodies(
                [plan.body], target.parent / BODIES_FOLDER, source, None, **known, notes=list(plan.notes)
            )
    except OSError as error:
        raise ModelError(
            f"The converted model cannot be written to {target} ({error.strerror or error}). Make space there, close "
            "the programs that use it, or choose another folder."
        ) from error
    for name, entry in entries.items():
        remember(target / name, entry["sha256"])
    tell(1.0, "The model is ready")
    size = sum(int(entry["size"]) for entry in entries.values())
    variant = plan.variant
    return Converted(
        target,
        variant.name,
        variant.title,
        plan.precision,
        size,
        plan.body.name,
        layout=plan.layout,
        inferences=INFERENCES[plan.hands],
        notes=plan.notes,
    )


def _recipes(graphs: Sequence[Template]) -> NDArray[np.str_]:
    """(M, 4): graph, initializer, tensor and operation of each weight, for proofs."""
    return np.array([(graph.graph, w.name, w.source, w.operation) for graph in graphs for w in graph.weights])


def _smallest(graphs: Sequence[Template]) -> list[Template]:
    """The graphs with all layers in whole numbers that can be."""
    return [chosen(graph, ()) if layers_of(graph) else graph for graph in graphs]


def _choice(plan: _Plan, tell: Progress) -> Choice | None:
    """Which layers of the encoder compute in whole numbers, as far as that can be said before it is run."""
    for graph in plan.graphs:
        if layers_of(graph):
            pictures = bundled_pictures()
            return choose(graph, plan.weights, pictures, plan.variant.image_size[0], _part(_READ, _CHOSEN, tell))
    return None


def _part(start: float, stop: float, tell: Progress) -> Callable[[float], None]:
    return lambda done: tell(start + (stop - start) * done, "Trying out which layers bear whole numbers")


def _settled(plan: _Plan, choice: Choice, folder: Path, tell: Progress) -> _Plan:
    """Write the encoder; the plan with it, and with what it costs."""
    choice = settle(choice, plan.weights, folder, plan.constants, _part(_SETTLED, _WRITE, tell))
    graphs = [choice.graph if graph.graph == choice.template.graph else graph for graph in plan.graphs]
    count = len(choice.errors)
    note = (
        "These weights do not bear whole numbers of eight bits: the encoder stays in float32, and is no faster."
        if len(choice.exact) == count
        else f"{count - len(choice.exact)} of the encoder's {count} layers compute in whole numbers of eight bits. "
        f"Keypoints of {len(choice.views)} test pictures move by {choice.loss:.2f} mm on average."
    )
    return replace(plan, graphs=graphs, whole_numbers=choice.facts(), notes=(*plan.notes, note))


def _share(
    graph: Template, sizes: Sequence[int], number: int, span: tuple[float, float], tell: Progress
) -> Callable[[int], None]:
    """Progress of writing one graph among all."""

    def advance(written: int) -> None:
        done = sum(sizes[:number]) + min(written, sizes[number])
        tell(span[0] + (span[1] - span[0]) * done / sum(sizes), f"Writing {graph.graph} ({graph.precision})")

    return advance


def _describe(plan: _Plan, folder: Path) -> dict[str, dict[str, Any]]:
    """Write the manifest; its entries."""
    variant = plan.variant
    templates = {graph.graph: graph for graph in plan.graphs}
    entries = {}
    for path in sorted(folder.iterdir()):
        known: dict[str, Any] = {"variant": variant.title}
        if path.stem in templates:
            graph = templates[path.stem]
            known = {"variant": f"{variant.title} {graph.precision}", "template": graph.hash}
        entries[path.name] = manifest.describe(
            path, **known, source=dict(plan.origin), licence=LICENCE, command=manifest.CONVERT_COMMAND
        )
    manifest.write(
        folder,
        entries,
        model="sam3d_body",
        variant=variant.name,
        precision=plan.precision,
        graphs={graph.graph: graph.precision for graph in plan.graphs},
        image_size=list(variant.image_size),
        size_step=variant.size_step,
        feature_size=list(variant.feature_size),
        opset=variant.opset,
        layout=plan.layout,
        inferences=list(INFERENCES[plan.hands]),
        notes=list(plan.notes),
        checkpoint=dict(plan.origin),
        body={"name": plan.body.name, "content": plan.body.hash},
        converter=CONVERTER_VERSION,
        **({} if plan.whole_numbers is None else {"whole_numbers": plan.whole_numbers}),
    )
    return entries


def _check_space(target: Path, needed: int) -> None:
    place = nearest_existing(target)
    free = free_bytes(place)
    if free < needed + _SPARE:
        raise ModelError(
            f"The converted model takes {needed / 1e9:.1f} GB, but only {free / 1e9:.1f} GB are free at {place}. "
            "Make space, choose another models folder, or a smaller model: the precision int8 or fp16."
        )
