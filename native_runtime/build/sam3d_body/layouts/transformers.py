"""ComfyUI's single file: the backbone under the names of Hugging Face's transformers, the rig inside.

Queries, keys and values stand apart (the keys without a bias), gate and up projections are ``w1`` and ``w2``.
Everything outside the backbone keeps its official name. ``face_landmarker.*`` and ``head_pose.face_region_rgb`` are
ComfyUI's own.

Names: Comfy-Org/ComfyUI, ``comfy/ldm/sam3d_body``; huggingface/transformers, ``models/dinov3_vit``.
"""

from __future__ import annotations

import re

from native_runtime.build.sam3d_body.tensors import StoredTensors

from .layout import Layout, Shapes
from .rebuilds import PERIODS, bias_mask, periods
from .recipes import Kept, Recipe, Stacked

FOREIGN = ("face_landmarker.", "head_pose.face_region_rgb")
RIG = "mhr."
_BLOCK = re.compile(r"backbone\.layer\.(\d+)\.")
_OF_A_BLOCK = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "attn.proj.weight": "attention.o_proj.weight",
    "attn.proj.bias": "attention.o_proj.bias",
    "ls1.gamma": "layer_scale1.lambda1",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "mlp.w1.weight": "mlp.gate_proj.weight",
    "mlp.w1.bias": "mlp.gate_proj.bias",
    "mlp.w2.weight": "mlp.up_proj.weight",
    "mlp.w2.bias": "mlp.up_proj.bias",
    "mlp.w3.weight": "mlp.down_proj.weight",
    "mlp.w3.bias": "mlp.down_proj.bias",
    "ls2.gamma": "layer_scale2.lambda1",
}
_OF_ALL = {
    "cls_token": "embeddings.cls_token",
    "storage_tokens": "embeddings.register_tokens",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.bias",
    "norm.weight": "norm.weight",
    "norm.bias": "norm.bias",
}


def _recipes(source: StoredTensors, shapes: Shapes) -> dict[str, Recipe]:
    names = frozenset(source.names())
    blocks = sorted({int(match[1]) for name in names if (match := _BLOCK.match(name))})
    recipes: dict[str, Recipe] = {f"backbone.encoder.{ours}": Kept(f"backbone.{its}") for ours, its in _OF_ALL.items()}
    for block in blocks:
        ours, its = f"backbone.encoder.blocks.{block}", f"backbone.layer.{block}"
        recipes |= {f"{ours}.{one}": Kept(f"{its}.{other}") for one, other in _OF_A_BLOCK.items()}
        weight, bias = (tuple(f"{its}.attention.{p}_proj.{what}" for p in "qkv") for what in ("weight", "bias"))
        whole = Stacked((bias[0], bias[1] if bias[1] in names else None, bias[2]))
        recipes[f"{ours}.attn.qkv.weight"], recipes[f"{ours}.attn.qkv.bias"] = Stacked(weight), whole
        if names.issuperset(whole.parts):
            recipes[f"{ours}.attn.qkv.bias_mask"] = bias_mask(whole, source)
    if PERIODS in shapes:
        recipes[PERIODS] = periods(shapes[PERIODS][0])
    return recipes


LAYOUT = Layout(
    key="transformers",
    title="ComfyUI's file",
    marker="backbone.layer.0.attention.q_proj.weight",
    recipes=_recipes,
    foreign=FOREIGN,
    rig=RIG,
)
