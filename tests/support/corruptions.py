"""Twenty-two ways in which a checkpoint can be wrong, each with who must notice it.

A corruption changes tensors (under official names), the written file, or the rig. ``by`` says who can notice it when
the file is in nobody's list of published files:

* ``reader``: the conversion refuses it, by structure, by numbers that cannot be, or by public facts
* ``proof``: names, shapes and facts are right; only what the network makes of pictures is wrong

A file that claims to be a published one by its size is refused in any case, by its hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.support.checkpoints import BFloat16

Tensors = dict[str, Any]
"""Official name -> array, or ``BFloat16``."""


@dataclass(frozen=True)
class Corruption:
    """One way.

    Attributes:
        name: what is done, as a word of its own.
        by: who must notice it.
        tensors: makes the wrong tensors of the right ones; a new dictionary.
        file: spoils the written checkpoint.
        rig: makes the wrong content of ``mhr_model.pt`` (nested dictionaries of arrays) of the right one.
        match: what the reader's message says (a regular expression); "" where the proof must notice it.
    """

    name: str
    by: Literal["reader", "proof"]
    tensors: Callable[[Mapping[str, Any]], Tensors] = dict
    file: Callable[[Path], None] | None = None
    rig: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    match: str = ""


_BLOCKS = r"^backbone\.encoder\.blocks\.\d+\."


def _map(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The changed numbers in the same storage format."""
    if isinstance(value, BFloat16):
        return BFloat16(change(value.values))
    return np.ascontiguousarray(change(value)).astype(value.dtype)


def _where(pattern: str, change: Callable[[np.ndarray], np.ndarray], first: bool = False) -> Callable[..., Tensors]:
    """Change all tensors whose names fit, or the first alone."""

    def changed(tensors: Mapping[str, Any]) -> Tensors:
        found = dict(tensors)
        names = [name for name in found if re.search(pattern, name)]
        assert names, f"no tensor is called {pattern}"
        for name in names[: 1 if first else None]:
            found[name] = _map(found[name], change)
        return found

    return changed


def _without(pattern: str) -> Callable[..., Tensors]:
    return lambda tensors: {name: value for name, value in tensors.items() if not re.search(pattern, name)}


def _exchanged(one: str, other: str) -> Callable[..., Tensors]:
    """Tensors whose names begin with ``one`` under the names that begin with ``other``, and the other way round."""

    def changed(tensors: Mapping[str, Any]) -> Tensors:
        found = dict(tensors)
        for name in tensors:
            twin = other + name[len(one) :]
            if (
                name.startswith(one)
                and twin in tensors
                and _values(tensors[name]).shape == _values(tensors[twin]).shape
            ):
                found[name], found[twin] = tensors[twin], tensors[name]
        assert any(found[name] is not tensors[name] for name in found)
        return found

    return changed


def _values(value: Any) -> np.ndarray:
    return value.values if isinstance(value, BFloat16) else value


def _queries_for_keys(weight: np.ndarray) -> np.ndarray:
    q, k, v = np.split(weight, 3)
    return np.concatenate([k, q, v])


def _spoiled(index: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        found = array.copy()
        found.flat[index] = value
        return found

    return change


def _block_copied(tensors: Mapping[str, Any]) -> Tensors:
    """The first block of the backbone also stands in the place of the second."""
    found = dict(tensors)
    for name in tensors:
        if ".blocks.1." in name:
            found[name] = tensors[name.replace(".blocks.1.", ".blocks.0.")]
    return found


def _other_training(tensors: Mapping[str, Any]) -> Tensors:
    """The body's decoder of a model that was trained apart: the same spread, other numbers."""
    rng = np.random.default_rng(17)

    def again(values: np.ndarray) -> np.ndarray:
        return rng.permutation(values.ravel()).reshape(values.shape)

    return _where(r"^decoder\.layers\..*(_proj|proj|layers\.\d(\.0)?)\.weight$", again)(tensors)


def _gate_and_up(tensors: Mapping[str, Any]) -> Tensors:
    found = dict(tensors)
    for name in tensors:
        if re.search(_BLOCKS + r"mlp\.w1\.(weight|bias)$", name):
            found[name], found[name.replace(".w1.", ".w2.")] = tensors[name.replace(".w1.", ".w2.")], tensors[name]
    return found


def _as_integers(tensors: Mapping[str, Any]) -> Tensors:
    found = dict(tensors)
    name = next(name for name in found if name.endswith("mlp.w1.weight"))
    found[name] = np.clip(_values(found[name]) * 127, -127, 127).astype(np.int32)
    return found


def _twice(tensors: Mapping[str, Any]) -> Tensors:
    return {f"{prefix}{name}": value for prefix in ("model.", "ema.") for name, value in tensors.items()}


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])


def _overwritten(path: Path) -> None:
    """A piece in the middle that came as something else."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = bytes(byte ^ 0x5A for byte in data[middle : middle + 4096])
    path.write_bytes(data)


def _longer_arms(rig: Mapping[str, Any]) -> dict[str, Any]:
    """The rig of somebody else: all bones a twentieth longer."""
    content = {**rig, "character_torch": dict(rig["character_torch"])}
    skeleton = dict(content["character_torch"]["skeleton"])
    skeleton["joint_translation_offsets"] = (skeleton["joint_translation_offsets"] * 1.05).astype(np.float32)
    content["character_torch"]["skeleton"] = skeleton
    return content


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("truncated", "reader", file=_cut, match="damaged|neither"),
    Corruption("a piece of something else", "reader", file=_overwritten, match="damaged"),
    Corruption("a tensor is missing", "reader", _without(r"^decoder\.layers\.1\.ln2_1\.weight$"), match="missing"),
    Corruption("half of the hands is missing", "reader", _without(r"^decoder_hand\.layers\.0\."), match="missing"),
    Corruption("the model twice", "reader", _twice, match="2 times"),
    Corruption("one block in two places", "reader", _block_copied, match="the same numbers"),
    Corruption(
        "a matrix transposed", "reader", _where(r"mlp\.w1\.weight$", np.transpose, first=True), match="another shape"
    ),
    Corruption("not a number", "reader", _where(r"attn\.proj\.weight$", _spoiled(7, np.nan), True), match="not finite"),
    Corruption(
        "infinite", "reader", _where(r"^decoder_hand\..*ln1\.weight$", _spoiled(3, np.inf), True), match="not finite"
    ),
    Corruption("weights as integers", "reader", _as_integers, match="int32 instead of"),
    Corruption("another rig", "reader", rig=_longer_arms, match="same release"),
    Corruption(
        "heads disagree", "reader", _where(r"^head_pose_hand\.scale_mean$", lambda x: x + 0.01), match="disagree about"
    ),
    Corruption("another rotary base", "reader", _where(r"rope_embed\.periods$", lambda x: x**2), match=r"not 100\^"),
    Corruption("gains far too large", "reader", _where(r"\.ls\d\.gamma$", lambda x: 100 * x), match="far beyond"),
    Corruption("queries and keys exchanged", "proof", _where(r"attn\.qkv\.weight$", _queries_for_keys)),
    Corruption("blocks exchanged", "proof", _exchanged("backbone.encoder.blocks.0.", "backbone.encoder.blocks.2.")),
    Corruption("gate and up exchanged", "proof", _gate_and_up),
    Corruption("a square matrix transposed", "proof", _where(_BLOCKS + r"attn\.proj\.weight$", np.transpose)),
    Corruption("weights scaled", "proof", _where(_BLOCKS + r"mlp\.w3\.weight$", lambda x: 8 * x)),
    Corruption("a decoder of another training", "proof", _other_training),
    Corruption("decoders of body and hands exchanged", "proof", _exchanged("decoder.", "decoder_hand.")),
    Corruption("channels permuted", "proof", _where(r"^backbone\.encoder\.norm\.weight$", lambda x: x[::-1])),
)
