"""The random checkpoint as other programs store it: ComfyUI's single file, its older one, slices.

Names as in `native_runtime.build.sam3d_body.layouts`, written here a second time, so that a mistake there shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .checkpoint import NOTICE, Weights
from .container import Module, Tensor, to_bfloat16, write_safetensors
from .rig import Surface, rig_module

LAYOUTS = ("official", "comfyui", "comfyui-older", "slices")

_COMFYUI = "sam_3d_body_dinov3_bf16.safetensors"
_OLDER = "sam3d_body.safetensors"
_LARGE = 64
"""Matrices of the backbone that slices hold in half precision are at least as large in both directions."""
_LEFT_OUT = ("bias_mask", "rope_embed.periods")
_QKV = re.compile(r"backbone\.encoder\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)")
_RENAMED = (
    ("encoder.blocks.", "layer."),
    ("encoder.patch_embed.proj", "embeddings.patch_embeddings"),
    ("encoder.storage_tokens", "embeddings.register_tokens"),
    ("encoder.cls_token", "embeddings.cls_token"),
    ("encoder.norm.", "norm."),
    ("attn.proj", "attention.o_proj"),
    ("ls1.gamma", "layer_scale1.lambda1"),
    ("ls2.gamma", "layer_scale2.lambda1"),
    ("mlp.w1", "mlp.gate_proj"),
    ("mlp.w2", "mlp.up_proj"),
    ("mlp.w3", "mlp.down_proj"),
)
_SKIN, _CORRECTIVES = ("character_torch", "linear_blend_skinning"), ("pose_correctives_model", "pose_dirs_predictor")
_RIG = {
    ("mhr.base_shape", "blend_shape.base_shape"): ("character_torch", "blend_shape", "base_shape"),
    ("mhr.identity_basis", "blend_shape.shape_vectors"): ("character_torch", "blend_shape", "shape_vectors"),
    ("mhr.expr_basis", "face_expressions.shape_vectors"): ("face_expressions_model", "shape_vectors"),
    ("mhr.param_transform", "parameter_transform"): ("character_torch", "parameter_transform", "parameter_transform"),
    ("mhr.skel_joint_translation_offsets", "skeleton.joint_translation_offsets"): (
        "character_torch",
        "skeleton",
        "joint_translation_offsets",
    ),
    ("mhr.skel_joint_prerotations", "skeleton.joint_prerotations"): (
        "character_torch",
        "skeleton",
        "joint_prerotations",
    ),
    ("mhr.skel_joint_parents", "skeleton.joint_parents"): ("character_torch", "skeleton", "joint_parents"),
    ("mhr.lbs_vert_indices", "lbs.vert_indices_flattened"): (*_SKIN, "vert_indices_flattened"),
    ("mhr.lbs_skin_indices", "lbs.skin_indices_flattened"): (*_SKIN, "skin_indices_flattened"),
    ("mhr.lbs_skin_weights", "lbs.skin_weights_flattened"): (*_SKIN, "skin_weights_flattened"),
    ("mhr.pose_corr_sparse_indices", "pose_correctives.sparse_indices"): (*_CORRECTIVES, "0", "sparse_indices"),
    ("mhr.pose_corr_sparse_weight", "pose_correctives.sparse_weight"): (*_CORRECTIVES, "0", "sparse_weight"),
    ("mhr.pose_corr_weight", "pose_correctives.linear_weight"): (*_CORRECTIVES, "2", "weight"),
}
"""Names in ComfyUI's file and beside slices: place in `mhr_model.pt`."""
_HEAD = ("head_pose", "head_camera", "bbox_embed.", "init_pose", "init_camera")


def place_of(layout: str, folder: Path) -> Path:
    """What is converted: a file, or a folder of slices. All but the official one lie apart from `mhr_model.pt`."""
    names = {"official": "model.ckpt", "comfyui": f"comfyui/{_COMFYUI}", "comfyui-older": f"older/{_OLDER}"}
    return folder / names.get(layout, layout)


def write_layout(layout: str, weights: Weights, surface: Surface, folder: Path) -> None:
    """Write the checkpoint of a layout other than the official one."""
    place = place_of(layout, folder)
    place.parent.mkdir(exist_ok=True)
    if layout == "comfyui":
        write_safetensors(place, _comfyui(weights) | _rig(surface, 0), NOTICE)
    elif layout == "comfyui-older":
        write_safetensors(place, _official(weights) | _rig(surface, 0), NOTICE)
    else:
        place.mkdir(exist_ok=True)
        for part, tensors in _slices(weights).items():
            write_safetensors(place / f"sam3d_body_dinov3{part}.safetensors", tensors, NOTICE)
        write_safetensors(place / "sam3d_body_mhr_jit.safetensors", _rig(surface, 1), NOTICE)


def _official(weights: Weights) -> dict[str, Tensor]:
    return {name: Tensor(kind, shape, partial(weights.values, name)) for name, (shape, kind) in weights.layout.items()}


def _comfyui(weights: Weights) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in _official(weights).items():
        if name.endswith(_LEFT_OUT):
            continue
        if match := _QKV.fullmatch(name):
            for index, which in enumerate("qkv"):
                if (which, match[2]) != ("k", "bias"):
                    shape = (tensor.shape[0] // 3, *tensor.shape[1:])
                    part = Tensor(tensor.dtype, shape, partial(_third, tensor, index))
                    found[f"backbone.layer.{match[1]}.attention.{which}_proj.{match[2]}"] = part
            continue
        if name.startswith("backbone."):
            for ours, its in _RENAMED:
                name = name.replace(ours, its)
        found[name] = tensor
    return found


def _third(tensor: Tensor, index: int) -> Iterator[NDArray]:
    whole = np.concatenate([np.ravel(block) for block in tensor.blocks()])
    yield np.split(whole, 3)[index]


def _slices(weights: Weights) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {"": {}, "_decoder": {}, "_mhr_head": {}}
    for name, tensor in _official(weights).items():
        if name.startswith("backbone."):
            matrix = len(tensor.shape) == 2 and min(tensor.shape) >= _LARGE
            kind = "float16" if matrix else "float32"
            parts[""][name] = Tensor(kind, tensor.shape, partial(_as_stored, tensor.blocks))
        else:
            parts["_mhr_head" if name.startswith(_HEAD) else "_decoder"][name] = tensor
    return parts


def _as_stored(blocks: Callable[[], Iterator[NDArray]]) -> Iterator[NDArray]:
    """The numbers that the official file holds: bfloat16 as float32."""
    for block in blocks():
        yield (to_bfloat16(block).astype(np.uint32) << 16).view(np.float32)


def _rig(surface: Surface, which: int) -> Mapping[str, Tensor]:
    module: Module = rig_module(surface)
    found: dict[str, Tensor] = {}
    for names, path in _RIG.items():
        node = module
        for key in path:
            node = node[key]
        assert isinstance(node, Tensor)
        found[names[which]] = node
    return found
