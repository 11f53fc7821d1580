"""Files that hold the model in fewer bits than it needs: refused, each kind with its own sentence."""

from __future__ import annotations

from native_runtime.build.sam3d_body.tensors import StoredTensors
from native_runtime.build.sam3d_body.usable import ROUNDED
from native_runtime.errors import ModelError

_SCALES = (".weight_scale", ".scale_weight", ".comfy_quant", ".input_scale", ".weight_scale_2", ".scales", ".absmax")
"""What stands beside the weights of a quantised file."""
_MARKS = frozenset(("scaled_fp8",))


def check_usable(source: StoredTensors, title: str) -> None:
    """Refuse a quantised file.

    Raises:
        ModelError: it is one.
    """
    names = source.names()
    rotated = any(".convrot" in name or "hadamard" in name for name in names)
    coarse = [name for name in names if name.endswith(".weight") and source.kind(name) in ("int8", "uint8")]
    if coarse:
        kind = "8-bit integers" + (" after a rotation (ConvRot)" if rotated else "")
        raise ModelError(f"{title} holds weights as {kind} ({coarse[0][:80]}): {ROUNDED}")
    if any(name.endswith(_SCALES) or name in _MARKS for name in names):
        raise ModelError(f"{title} holds weights in eight bits with scales beside them (fp8 or the like): {ROUNDED}")
