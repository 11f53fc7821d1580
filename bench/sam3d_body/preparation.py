"""Stages before anything is computed: the random checkpoint, its conversion, opening what was converted."""

from __future__ import annotations

import time
from math import prod
from pathlib import Path
from typing import Any

from native_runtime.build.sam3d_body.convert import GRAPHS, convert_checkpoint
from native_runtime.build.sam3d_body.variants import Variant
from native_runtime.models import manifest, store
from native_runtime.onnx.sessions import open_network

from .checkpoint import NOTICE, Layout, Weights
from .layouts import write_layout
from .person import Person
from .places import Settings
from .rig import Sizes, Surface, write_rig

SOURCE = "random weights (bench)"


def layout_of(variant: Variant) -> Layout:
    """The tensors of a released file and how they are stored."""
    # The backbone, which is listed as it is run, in half precision, is stored as bfloat16.
    halves = {"float16": "bfloat16"}
    return {
        name: (shape, halves.get(kind, kind))
        for name, (shape, kind) in variant.tensors.items()
        if name not in variant.optional
    }


def weights(settings: Settings) -> dict[str, Any]:
    """Write the checkpoint and the rig."""
    layout = layout_of(Variant.load(Path(settings.templates) / settings.variant))
    surface = Surface(Person.standing(), Sizes(), settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    made = Weights(layout, surface, settings.seed, settings.kind)
    if not (settings.mhr.is_file() and settings.checkpoint.is_file()):
        write_rig(settings.mhr, surface, NOTICE)
        made.write(settings.checkpoint)
    if settings.layout != "official":
        write_layout(settings.layout, made, surface, settings.folder)
    seconds = time.perf_counter() - start
    sizes = {path.name: path.stat().st_size for path in (settings.checkpoint, settings.mhr)}
    numbers = sum(prod(shape) for shape, _ in layout.values())
    return {"seconds": seconds, "tensors": len(layout), "numbers": numbers, "bytes": sizes}


def convert(settings: Settings) -> dict[str, Any]:
    """What `sam3db convert-checkpoint` does."""
    start, worked = time.perf_counter(), time.process_time()
    templates = Path(settings.templates)
    mhr = settings.mhr if settings.layout == "official" else None  # other layouts hold the rig
    made = convert_checkpoint(
        settings.converted_from, mhr, settings.models, settings.precision, templates, own_weights=True
    )
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    _say_that_it_is_random(made.folder)
    _say_that_it_is_random(settings.models / "bodies")
    return {"seconds": seconds, "processor": processor, "bytes": made.size}


def _say_that_it_is_random(folder: Path) -> None:
    """Name the true source in a manifest."""
    facts = manifest.read(folder)
    files = facts.pop("files")
    for entry in files.values():
        entry |= {"source": {"package": SOURCE}, "licence": "none"}
    if "checkpoint" in facts:
        facts["checkpoint"]["package"] = SOURCE
    manifest.write(folder, files, **{name: fact for name, fact in facts.items() if name != "format"})


def load(settings: Settings) -> dict[str, Any]:
    """Open all five networks."""
    folder = store.sam3d_body_dir(settings.models)
    kept, seconds = [], {}
    for graph in GRAPHS:
        start = time.perf_counter()
        kept.append(open_network(folder / f"{graph}.onnx", [settings.provider], settings.threads))
        seconds[graph] = time.perf_counter() - start
    return {"seconds": sum(seconds.values()), "graphs": seconds, "provider": kept[0].provider}
