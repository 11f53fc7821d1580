"""Meta's own names: the release, slices of it, files with the rig beside it (an older file for ComfyUI).

Where all of the tensors that hold nothing learned are left out, they are made again.
"""

from __future__ import annotations

from native_runtime.build.sam3d_body.tensors import StoredTensors

from .layout import Layout, Shapes
from .rebuilds import PERIODS, bias_mask, periods
from .recipes import Kept, Recipe
from .transformers import FOREIGN, RIG

_BIAS, _MASK = ".attn.qkv.bias", ".attn.qkv.bias_mask"


def _recipes(source: StoredTensors, shapes: Shapes) -> dict[str, Recipe]:
    names = source.names()
    recipes: dict[str, Recipe] = {}
    if (
        PERIODS in shapes
        and PERIODS not in names
        and any(name.startswith("backbone.encoder.blocks.") for name in names)
    ):
        recipes[PERIODS] = periods(shapes[PERIODS][0])
    if not any(name.endswith(_MASK) for name in names):
        for name in names:
            mask = f"{name.removesuffix(_BIAS)}{_MASK}"
            if name.endswith(_BIAS) and mask in shapes:
                recipes[mask] = bias_mask(Kept(name), source)
    return recipes


LAYOUT = Layout(
    key="official",
    title="Meta's names",
    marker="init_pose.weight",
    recipes=_recipes,
    foreign=FOREIGN,
    rig=RIG,
)
