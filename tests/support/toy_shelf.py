"""An item of the shelf whose files are a made-up SAM 3D Body release; as a program, one attempt to install it.

    python -m tests.support.toy_shelf RELEASE TEMPLATES MODELS SERVICE

The files are fetched in small blocks, so that an attempt can be ended at many different moments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime

from native_runtime.build.install import Installed, install
from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.files.hashes import sha256_of
from native_runtime.models.download import ranges, whole
from native_runtime.models.shelf import RemoteFile, ShelfItem, Source, shelf
from native_runtime.models.shelf.fetch import Services
from native_runtime.proof import Report
from native_runtime.proof.report import Check
from tests.support import toy_sam3d_body
from tests.support.checkpoints import write_torch

CHECKPOINT, RIG = "model.ckpt", "assets/mhr_model.pt"
ACCEPTED = ("sam", "dinov3")
BLOCK = 50_000


def write_release(folder: Path) -> Path:
    """model.ckpt and assets/mhr_model.pt, a megabyte and more."""
    (folder / "assets").mkdir(parents=True)
    write_torch(folder / CHECKPOINT, toy_sam3d_body.tensors())
    toy_sam3d_body.write_mhr(folder / RIG)
    return folder


def files_of(release: Path) -> dict[str, bytes]:
    """What a hub serves."""
    return {path: (release / path).read_bytes() for path in (CHECKPOINT, RIG)}


def item_of(release: Path, keys: Sequence[str] = ("meta", "maccap", "jetjodh", "file")) -> ShelfItem:
    """The shelf's own item, with the sizes and hashes of these files."""
    files = tuple(
        RemoteFile(path, (release / path).stat().st_size, sha256_of(release / path), role)
        for path, role in ((CHECKPOINT, "checkpoint"), (RIG, "rig"))
    )
    item = shelf()["sam3d_body"]

    def with_files(source: Source) -> Source:
        return replace(source, files=files) if source.files else source

    sources = tuple(with_files(source) for source in item.sources if source.key in keys)
    return replace(item, sources=sources, disk_bytes=1000)


def proving(passes: bool = True) -> Callable[..., Report]:
    """Lets the toy's graphs prove that they hold the toy's weights."""

    def prove(names: Sequence[str], models: Path, progress: Callable[[float, str], None]) -> Report:
        tensors = toy_sam3d_body.tensors()
        x = np.random.default_rng(1).normal(size=(2, toy_sam3d_body.DEPTH)).astype(np.float32)
        checks = []
        for graph in GRAPHS:
            progress(0.5, f"Proving {graph}")
            path = models / "sam3d_body" / f"{graph}.onnx"
            y = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
            right = toy_sam3d_body.expected(tensors, graph, x)
            well = bool(np.abs(y - right).max() < 0.02 * np.abs(right).max()) and passes
            checks.append(Check(names[0], "toy", "", well, f"{graph} is as it must be, or not."))
        return Report(tuple(names), tuple(checks), "now")

    return prove


def bring(item: ShelfItem, templates: Path, models: Path, service: str, **options: object) -> Installed:
    """Install it."""
    given: dict[str, object] = {"accepted": ACCEPTED, "precision": "int8", "proving": proving()} | options
    return install(item, models=models, services=Services.at(service), templates=templates, **given)  # type: ignore[arg-type]


def main() -> None:
    release, templates, models = map(Path, sys.argv[1:4])
    whole.BLOCK, ranges.WAIT_S, ranges.NOTE_S = BLOCK, 0.05, 0.0

    def tell(fraction: float, text: str) -> None:
        print(f"{fraction:.3f} {text}", flush=True)

    print("begun", flush=True)
    made = bring(item_of(release), templates, models, sys.argv[4], progress=tell)
    print(f"done {made.source}", flush=True)


if __name__ == "__main__":
    main()
