"""Answers of the released model that others published, compared where the user has the picture that they are about.

Only figures are here, with their source (``rig_templates/proof/published.json``); the picture is its owner's. Nobody
who made this program could run the released weights: the figures are the one way to hold a conversion to them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.engines.base import Engine
from native_runtime.errors import UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.files.templates import load_json
from native_runtime.image.reading import Photo, read_photo
from native_runtime.models import manifest
from native_runtime.onnx.stages import residual_stream, run_with_stages

from .pictures import FOLDER
from .report import Check

Array = NDArray[np.float64]

FILE = "published.json"
_ENCODER = "encoder.onnx"
_TIMES = {"int8": 30.0}
_TIMES_OTHERWISE = 10.0
"""How many of the published tolerances an output may be away, by precision. They were measured between two ways to
compute the same with a backbone in bfloat16, and ours differ more: float32 is another arithmetic throughout. What is
mixed up is away by hundreds and more."""
_STAGES_AGREE = {"fp32": (0.05, 0.01), "fp16": (0.1, 0.02)}
_STAGES_AGREE_OTHERWISE = 0.4, 0.1
"""Relative difference of the residual stream's largest magnitude, a single number, and of its norm."""


@dataclass(frozen=True)
class Answer:
    """A published answer.

    Attributes:
        title, source: of the picture and of the figures.
        engine, variant, inference: what gave it.
        sha256: of the picture's file.
        size: (width, height) px.
        box: (4,) px; intrinsics: (3, 3) px: as given to the model.
        outputs: largest magnitude, L2 norm and tolerances of both (absolute, relative), by name.
        stages: largest magnitude and L2 norm of the encoder's residual stream in float32, by stage.
    """

    title: str
    source: str
    engine: str
    variant: str
    inference: str
    sha256: str
    size: tuple[int, int]
    box: Array
    intrinsics: Array
    outputs: Mapping[str, Sequence[float]]
    stages: Mapping[str, Sequence[float]]


class _Result(Protocol):
    """A reading that gives the model's own outputs and what its encoder sees."""

    def result(self, person: int = 0, *, inference: str | None = None) -> Any: ...

    def crop(self, person: int = 0) -> NDArray[np.uint8]: ...


def known_answers() -> list[Answer]:
    """All that come with the program."""
    return [
        Answer(
            title=entry["title"],
            source=entry["source"],
            engine=entry["engine"],
            variant=entry["variant"],
            inference=entry["inference"],
            sha256=entry["sha256"],
            size=(entry["size"][0], entry["size"][1]),
            box=np.array(entry["box"], np.float64),
            intrinsics=np.array(entry["intrinsics"], np.float64),
            outputs=entry["outputs"],
            stages=entry["stages"],
        )
        for entry in load_json(FOLDER, FILE)["answers"]
    ]


def answer_about(picture: str | os.PathLike[str]) -> tuple[Answer, Photo]:
    """The published answer about a picture, by its SHA-256, and the picture.

    Raises:
        UsageError: there is none.
        PhotoError: it cannot be read.
    """
    path = Path(picture)
    photo = read_photo(path)
    digest = sha256_of(path)
    answers = known_answers()
    for answer in answers:
        if answer.sha256 == digest:
            return answer, photo
    known = "; ".join(f"{a.title}, {a.size[0]} x {a.size[1]} pixels, SHA-256 {a.sha256}" for a in answers)
    raise UsageError(f"Nothing is published about {path.name} in these very bytes. There is: {known}.")


def answer_checks(name: str, engine: Engine, folder: Path, answer: Answer, photo: Photo) -> list[Check]:
    """Compare an engine with a published answer of its own variant.

    Args:
        folder: of its networks.

    Raises:
        ModelError: a network cannot be run.
    """
    facts = manifest.read(folder)
    precision = str(facts.get("precision", ""))
    reading: Any = engine.read(photo, answer.intrinsics, answer.box[None])
    own: _Result = reading
    checks = []
    stages = residual_stream(folder / _ENCODER) if answer.stages else {}
    if stages:
        # before the engine opens its own: two encoders at a time take much memory
        values = run_with_stages(folder / _ENCODER, stages, crops=own.crop()[None])
        bounds = _STAGES_AGREE.get(precision, _STAGES_AGREE_OTHERWISE)
        checks += [_stage(name, stage, values[stage], answer, bounds) for stage in answer.stages if stage in values]
        del values
    found = _outputs(own.result(inference=answer.inference), answer)
    times = _TIMES.get(precision, _TIMES_OTHERWISE)
    return checks + [_output(name, field, found[field], answer, times) for field in answer.outputs if field in found]


def _outputs(result: Any, answer: Answer) -> dict[str, Array]:
    """The model's outputs by name, and the mesh's vertices in the picture."""
    found = {field: np.asarray(getattr(result, field), np.float64) for field in result.__dataclass_fields__
             if getattr(result, field) is not None}  # fmt: skip
    found["pred_vertices_2d"] = project(found["pred_vertices"] + found["pred_cam_t"], answer.intrinsics)
    return found


def _figures(values: NDArray) -> tuple[float, float]:
    wide = np.asarray(values, np.float64)
    return float(np.abs(wide).max(initial=0.0)), float(np.linalg.norm(wide))


def _output(name: str, field: str, values: Array, answer: Answer, times: float) -> Check:
    largest, norm, absolute, relative = answer.outputs[field]
    own_largest, own_norm = _figures(values)
    away = max(abs(own_largest - largest) / absolute, abs(own_norm - norm) / max(norm, 1.0) / relative)
    away = away if np.isfinite(away) else float("inf")
    text = (
        f"{field}: largest {own_largest:.5g}, norm {own_norm:.6g}; published {largest:.5g} and {norm:.6g}: "
        f"{away:.1f} times the published tolerance (at most {times:g})."
    )
    return Check(name, f"published:{field}", answer.title, bool(away <= times), text, away, times, "tolerances")


def _stage(name: str, stage: str, values: NDArray, answer: Answer, bounds: tuple[float, float]) -> Check:
    largest, norm = answer.stages[stage]
    own_largest, own_norm = _figures(values)
    away = abs(own_largest / largest - 1), abs(own_norm / norm - 1)
    parts = max(part / bound for part, bound in zip(away, bounds))
    parts = parts if np.isfinite(parts) else float("inf")
    text = (
        f"encoder, {stage}: largest {own_largest:.5g}, norm {own_norm:.6g}; published {largest:.5g} and {norm:.6g}: "
        f"{100 * away[0]:.2f} and {100 * away[1]:.2f} % away (at most {100 * bounds[0]:g} and {100 * bounds[1]:g} %)."
    )
    return Check(name, f"published:{stage}", answer.title, bool(parts <= 1), text, parts, 1.0, "of the bounds")
