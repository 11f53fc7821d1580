"""Numbers that the weights of converted networks must have: read from the files, without running anything.

Facts of the released SAM 3D Body are from public documents: biases of queries, keys and values are all zero, the gains
of LayerScale (DINOv3-H+) reach 13.6, the periods of the rotary embedding are 100^(i / 16). All other bounds are only
plausible ones, wide enough for any trained network: they find what is no weight at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.models import manifest
from native_runtime.onnx.initializers import Initializers
from native_runtime.onnx.rotation import unrotated

from .probes import probe
from .report import Check

Array = NDArray[np.float64]

FILE = "probes.npz"
"""``names`` (N,) of the checkpoint's tensors and their ``probes`` (N, 5); ``weights`` (M, 4): graph, initializer, and
the tensor and operation that made it."""

_SMALLEST_RMS, _LARGEST_RMS = 1e-6, 30.0
_LARGEST_GAIN = 100.0
_GAINS = {"dinov3": 13.6}
"""The largest gain as published, by variant."""
_PERIODS = {"dinov3": 100.0 ** (np.arange(16) / 16)}
_PERIODS_AGREE = 0.01
_MATRIX = 4096
"""Numbers that make a tensor large enough for two equal ones to be no accident."""
_TRAINED = re.compile(r"^(backbone|decoder|decoder_hand)\.")
"""Weights that training cannot have left at 0."""
_FLOAT32_AGREES, _FLOAT16_AGREES, _DEVIATIONS = 3e-5, 3e-3, 6.0


@dataclass(frozen=True)
class _Weight:
    """One weight of a graph: its probe (5,), count, axes, and how far rounding may move its probe."""

    graph: str
    name: str
    probe: Array
    size: int
    axes: int
    rounding: float

    @property
    def rms(self) -> float:
        return float(self.probe[-1] / math.sqrt(self.size))


def weights_checks(engine: str, folder: Path, advance: Callable[[float], None] | None = None) -> list[Check]:
    """Check all networks of a folder that has a manifest.

    Args:
        advance: called with the fraction done; may raise to stop.

    Raises:
        ModelError: a network or the manifest cannot be read.
    """
    facts = manifest.read(folder)
    graphs = sorted(path for path in folder.glob("*.onnx") if path.name in facts["files"])
    recipes = _recipes(folder)
    opened = {path.stem: Initializers(path) for path in graphs}
    found: list[_Weight] = []
    total = sum(map(len, opened.values())) or 1
    for graph, initializers in opened.items():
        for name in initializers:
            if advance is not None:
                advance(len(found) / total)
            found.append(_measured(graph, name, initializers, recipes))
    known = [weight for weight in found if np.isfinite(weight.probe).all()]
    variant = str(facts.get("variant", ""))
    checks = [_finite(engine, found)]
    if recipes:
        checks += [_like_the_source(engine, folder, known, recipes), *_plausible(engine, known)]
    if facts.get("model") == "sam3d_body":
        checks += _published(engine, variant, opened.get("encoder", {}))
    return checks


def _recipes(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """(graph, initializer) -> (tensor, operation); empty where the conversion noted none."""
    if not (folder / FILE).is_file():
        return {}
    with np.load(folder / FILE, allow_pickle=False) as archive:
        return {(graph, name): (source, operation) for graph, name, source, operation in archive["weights"].tolist()}


def _measured(
    graph: str, name: str, initializers: Initializers, recipes: Mapping[tuple[str, str], tuple[str, str]]
) -> _Weight:
    array = np.asarray(initializers[name])
    source, operation = recipes.get((graph, name), (name, "copy"))
    rounding, dtype = 0.0, str(array.dtype)
    if operation == "transpose":
        array = np.swapaxes(array, -1, -2)
    elif operation in _WHOLE:
        scales = np.asarray(
            next(initializers[other] for (where, other), made in recipes.items()
                 if where == graph and made == (source, _WHOLE[operation]))
        )  # fmt: skip
        array = unrotated(array.T.astype(np.float32) * scales[:, None])
        rounding = _DEVIATIONS * math.sqrt(float(np.sum(scales.astype(np.float64) ** 2)) * array.shape[1] / 12)
    with np.errstate(all="ignore"):
        found = probe(array) if array.size else np.zeros(5)
    rounding += float(found[-1]) * (_FLOAT16_AGREES if dtype == "float16" else _FLOAT32_AGREES)
    return _Weight(graph, name, found, max(1, array.size), array.ndim, rounding)


def _finite(engine: str, found: Sequence[_Weight]) -> Check:
    broken = [weight.name for weight in found if not np.isfinite(weight.probe).all()]
    text = f"All {len(found)} weights are finite." if not broken else f"{_some(broken)} not finite numbers."
    return Check(engine, "weights:finite", "", not broken, text, float(len(broken)), 0.0, "weights")


def _like_the_source(
    engine: str, folder: Path, found: Sequence[_Weight], recipes: Mapping[tuple[str, str], tuple[str, str]]
) -> Check:
    """Each weight against the projections of the tensor that it was made of."""
    with np.load(folder / FILE, allow_pickle=False) as archive:
        sources = dict(zip(archive["names"].tolist(), archive["probes"]))
    differing, compared, worst = [], 0, 0.0
    for weight in found:
        source, operation = recipes.get((weight.graph, weight.name), ("", ""))
        if operation not in _UNDONE or source not in sources:
            continue
        compared += 1
        excess = float(np.abs(weight.probe - sources[source]).max()) / max(weight.rounding, 1e-30)
        worst = max(worst, excess)
        if excess > 1:
            differing.append(f"{weight.name} of {weight.graph}")
    made = [key for key, (_, operation) in recipes.items() if operation in _UNDONE]
    passed = not differing and compared == len(made)
    text = f"{compared} of {len(made)} weights equal the tensors of the checkpoint that they were made of"
    text += f"; {_some(differing)} something else." if differing else "."
    return Check(engine, "weights:source", "", passed, text, worst, 1.0, "of what rounding explains")


_WHOLE = {"int8-values": "int8-scales", "int7-values": "int7-scales"}
"""Operations that make whole numbers of rotated weights, and what makes their steps."""
_UNDONE = ("copy", "transpose", *_WHOLE)


def _plausible(engine: str, found: Sequence[_Weight]) -> list[Check]:
    """Bounds that hold for any trained network."""
    matrices = [w for w in found if w.size >= _MATRIX and w.axes > 1 and not w.name.startswith("mhr:")]
    odd = [w for w in matrices if w.rms > _LARGEST_RMS or (w.rms < _SMALLEST_RMS and _TRAINED.search(w.name))]
    text = f"Each of {len(matrices)} matrices has a root mean square between {_SMALLEST_RMS:g} and {_LARGEST_RMS:g}."
    if odd:
        text = f"{_some([w.name for w in odd])} no plausible weights (root mean square {odd[0].rms:.3g})."
    size = Check(engine, "weights:size", "", not odd, text, max((w.rms for w in matrices), default=0.0), _LARGEST_RMS)
    seen: dict[tuple[str, bytes], str] = {}
    twice = []
    for weight in matrices:
        other = seen.setdefault((weight.graph, weight.probe.tobytes()), weight.name)
        if other != weight.name:
            twice.append(f"{other} and {weight.name}")
    text = "No two matrices are equal." if not twice else f"{_some(twice)} equal."
    return [size, Check(engine, "weights:distinct", "", not twice, text, float(len(twice)), 0.0, "pairs")]


def _published(engine: str, variant: str, encoder: Mapping[str, NDArray]) -> list[Check]:
    """What public documents say about the released weights."""
    gains = [encoder[name] for name in encoder if re.search(r"\.ls\d\.gamma$", name)]
    biases = [encoder[name] for name in encoder if name.endswith(".attn.qkv.bias")]
    checks = []
    if gains:
        largest = float(max(np.abs(np.asarray(gain, np.float32)).max() for gain in gains))
        text = f"The largest gain of LayerScale is {largest:.2f} (plausible: at most {_LARGEST_GAIN:g})."
        checks.append(Check(engine, "weights:gains", "", largest <= _LARGEST_GAIN, text, largest, _LARGEST_GAIN))
        if variant in _GAINS:
            text = f"The largest gain of LayerScale is {largest:.2f}; published is {_GAINS[variant]:g}."
            same = abs(largest - _GAINS[variant]) <= 0.06
            checks.append(Check(engine, "weights:gain", "", same, text, largest, _GAINS[variant], gate=False))
    if biases:
        largest = float(max(np.abs(np.asarray(bias, np.float32)).max() for bias in biases))
        text = f"The largest bias of queries, keys and values is {largest:.3g}; published is 0."
        checks.append(Check(engine, "weights:bias", "", largest == 0, text, largest, 0.0, gate=False))
    periods = next((encoder[name] for name in encoder if name.endswith("rope_embed.periods")), None)
    if periods is not None and variant in _PERIODS:
        expected = _PERIODS[variant]
        away = (
            float(np.abs(np.asarray(periods, np.float64) / expected - 1).max())
            if periods.shape == expected.shape
            else math.inf
        )
        text = f"The periods of the rotary embedding are within {100 * away:.2f} % of 100^(i / 16) (at most 1 %)."
        checks.append(Check(engine, "weights:periods", "", away <= _PERIODS_AGREE, text, away, _PERIODS_AGREE))
    return checks


def _some(names: Sequence[str]) -> str:
    """A few names and a verb."""
    more = f" and {len(names) - 2} more are" if len(names) > 2 else " are" if len(names) > 1 else " is"
    return ", ".join(names[:2]) + more
