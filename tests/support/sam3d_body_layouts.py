"""A checkpoint as other programs store it: the look-alikes of every layout, made of tensors under official names."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.checkpoints import BFloat16, write_safetensors, write_torch
from tests.support.torch_archive import write_archive

Tensors = Mapping[str, Any]
"""Official name -> array, or ``BFloat16``."""

COMFYUI_FILE = "sam_3d_body_dinov3_bf16.safetensors"
_RENAMED = (
    (r"backbone\.encoder\.blocks\.(\d+)\.attn\.proj\.", r"backbone.layer.\1.attention.o_proj."),
    (r"backbone\.encoder\.blocks\.(\d+)\.ls(\d)\.gamma", r"backbone.layer.\1.layer_scale\2.lambda1"),
    (r"backbone\.encoder\.blocks\.(\d+)\.mlp\.w1\.", r"backbone.layer.\1.mlp.gate_proj."),
    (r"backbone\.encoder\.blocks\.(\d+)\.mlp\.w2\.", r"backbone.layer.\1.mlp.up_proj."),
    (r"backbone\.encoder\.blocks\.(\d+)\.mlp\.w3\.", r"backbone.layer.\1.mlp.down_proj."),
    (r"backbone\.encoder\.blocks\.(\d+)\.norm", r"backbone.layer.\1.norm"),
    (r"backbone\.encoder\.cls_token", "backbone.embeddings.cls_token"),
    (r"backbone\.encoder\.storage_tokens", "backbone.embeddings.register_tokens"),
    (r"backbone\.encoder\.patch_embed\.proj\.", "backbone.embeddings.patch_embeddings."),
    (r"backbone\.encoder\.norm\.", "backbone.norm."),
)
_RIG = {
    "base_shape": "character_torch.blend_shape.base_shape",
    "identity_basis": "character_torch.blend_shape.shape_vectors",
    "expr_basis": "face_expressions_model.shape_vectors",
    "param_transform": "character_torch.parameter_transform.parameter_transform",
    "skel_joint_translation_offsets": "character_torch.skeleton.joint_translation_offsets",
    "skel_joint_prerotations": "character_torch.skeleton.joint_prerotations",
    "skel_joint_parents": "character_torch.skeleton.joint_parents",
    "lbs_skin_indices": "character_torch.linear_blend_skinning.skin_indices_flattened",
    "lbs_skin_weights": "character_torch.linear_blend_skinning.skin_weights_flattened",
    "lbs_vert_indices": "character_torch.linear_blend_skinning.vert_indices_flattened",
    "pose_corr_sparse_indices": "pose_correctives_model.pose_dirs_predictor.0.sparse_indices",
    "pose_corr_sparse_weight": "pose_correctives_model.pose_dirs_predictor.0.sparse_weight",
    "pose_corr_weight": "pose_correctives_model.pose_dirs_predictor.2.weight",
}
_JIT = {
    "base_shape": "blend_shape.base_shape",
    "identity_basis": "blend_shape.shape_vectors",
    "expr_basis": "face_expressions.shape_vectors",
    "param_transform": "parameter_transform",
    "skel_joint_translation_offsets": "skeleton.joint_translation_offsets",
    "skel_joint_prerotations": "skeleton.joint_prerotations",
    "skel_joint_parents": "skeleton.joint_parents",
    "lbs_skin_indices": "lbs.skin_indices_flattened",
    "lbs_skin_weights": "lbs.skin_weights_flattened",
    "lbs_vert_indices": "lbs.vert_indices_flattened",
    "pose_corr_sparse_indices": "pose_correctives.sparse_indices",
    "pose_corr_sparse_weight": "pose_correctives.sparse_weight",
    "pose_corr_weight": "pose_correctives.linear_weight",
}
_HEAD = (
    "head_pose.",
    "head_pose_hand.",
    "head_camera.",
    "head_camera_hand.",
    "bbox_embed.",
    "init_pose",
    "init_camera",
)


def write_official(folder: Path, tensors: Tensors, rig: Mapping[str, Any]) -> Path:
    """``model.ckpt`` and ``assets/mhr_model.pt``; the folder."""
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    write_torch(folder / "model.ckpt", tensors)
    write_archive(folder / "assets" / "mhr_model.pt", rig)
    return folder


def comfyui_tensors(tensors: Tensors, rig: Mapping[str, Any] | None) -> dict[str, Any]:
    """What ComfyUI's single file holds, its own tensors included."""
    found: dict[str, Any] = {"face_landmarker.blaze.conv.weight": np.ones((3, 3), np.float32)}
    found["head_pose.face_region_rgb"] = np.zeros((len(np.ravel(tensors["head_pose.faces"])), 3), np.float32)
    for name, value in tensors.items():
        if name.endswith(("bias_mask", "rope_embed.periods", "mask_token", "hand_pose_comps_ori")):
            continue
        if match := re.fullmatch(r"backbone\.encoder\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)", name):
            for which, part in zip("qkv", _thirds(value)):
                if (which, match[2]) != ("k", "bias"):
                    found[f"backbone.layer.{match[1]}.attention.{which}_proj.{match[2]}"] = part
            continue
        for pattern, replacement in _RENAMED:
            name = re.sub(f"^{pattern}", replacement, name)
        found[name] = value
    return found | (comfyui_rig(rig) if rig is not None else {})


def comfyui_rig(rig: Mapping[str, Any]) -> dict[str, Any]:
    """The 17 tensors ``mhr.*`` of a rig's content (``official_release.torchscript_content``)."""
    found = {f"mhr.{name}": _at(rig, path) for name, path in _RIG.items()}
    joints = len(found["mhr.skel_joint_parents"])
    sparse = np.array([found["mhr.pose_corr_weight"].shape[1], 6 * (joints - 2)])
    return found | {
        "mhr.lbs_inverse_bind_pose": np.zeros((joints, 8), np.float32),
        "mhr.skel_pmi": np.zeros((2, 266), np.int64),
        "mhr.skel_pmi_buffer_sizes": np.array([65, 56, 62, 83]),
        "mhr.pose_corr_sparse_shape": sparse,
    }


def write_comfyui(path: Path, tensors: Tensors, rig: Mapping[str, Any] | None) -> Path:
    """The single file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_safetensors(path, comfyui_tensors(tensors, rig))


def write_comfyui_older(path: Path, tensors: Tensors, rig: Mapping[str, Any]) -> Path:
    """Official names for everything, with the rig inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_safetensors(path, {**tensors, **comfyui_rig(rig)})


def in_slices(tensors: Tensors, large: int = 64) -> dict[str, Any]:
    """The tensors with the numbers that slices hold: backbone matrices as float16, its other tensors as float32."""
    return {
        name: value.values.astype(np.float16 if _is_matrix(value.values, large) else np.float32)
        if isinstance(value, BFloat16)
        else value
        for name, value in tensors.items()
    }


def write_slices(folder: Path, tensors: Tensors, tag: str = "dinov3", untagged: bool = True) -> Path:
    """Three files by module, for DINOv3-H+ two of them also without the tag; the folder.

    Args:
        tensors: of ``in_slices``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, dict[str, Any]] = {"": {}, "_decoder": {}, "_mhr_head": {}}
    for name, value in tensors.items():
        part = "" if name.startswith("backbone.") else "_mhr_head" if name.startswith(_HEAD) else "_decoder"
        parts[part][name] = value
    for part, content in parts.items():
        write_safetensors(folder / f"sam3d_body_{tag}{part}.safetensors", content)
        if untagged and part:
            write_safetensors(folder / f"sam3d_body{part}.safetensors", content)
    return folder


def write_rig_slice(folder: Path, rig: Mapping[str, Any]) -> Path:
    """``sam3d_body_mhr_jit.safetensors`` and its JSON."""
    content = {_JIT[name]: _at(rig, path) for name, path in _RIG.items()}
    content["skeleton.pmi"] = np.zeros((2, 266), np.int64)
    content["lbs.inverse_bind_pose"] = np.zeros((127, 8), np.float32)
    (folder / "sam3d_body_mhr_jit.json").write_text(json.dumps({"scalars": {"pmi_buffer_sizes": [65, 56, 62, 83]}}))
    return write_safetensors(folder / "sam3d_body_mhr_jit.safetensors", content)


def write_assets_zip(path: Path, mhr_model: Path) -> Path:
    """MHR's release with ``mhr_model.pt`` in it, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(mhr_model, "assets/mhr_model.pt")
        file.writestr("assets/compact_v6_1.model", "not read")
    return path


def _thirds(value: Any) -> list[Any]:
    if isinstance(value, BFloat16):
        return [BFloat16(part) for part in np.split(value.values, 3)]
    return list(np.split(value, 3))


def _is_matrix(values: np.ndarray, large: int) -> bool:
    return values.ndim == 2 and min(values.shape) >= large


def _at(content: Mapping[str, Any], path: str) -> np.ndarray:
    node: Any = content
    for key in path.split("."):
        node = node[key]
    assert isinstance(node, np.ndarray)
    return node
