"""A made-up SAM 3D Body release of tiny dimensions: checkpoint, ``mhr_model.pt`` and graphs without weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.build.sam3d_body.template import Template, Weight
from native_runtime.mhr.rotations import quaternion_to_matrix
from native_runtime.onnx.rotation import rotated
from tests.support.bodies import toy_body
from tests.support.official_release import torchscript_content
from tests.support.torch_archive import write_archive
from tests.support.toy_graphs import FLOAT, model, node

OPTIONAL = ("head_pose.hand_pose_comps_ori", "head_pose_hand.hand_pose_comps_ori")
HEADS = ("head_pose", "head_pose_hand")
WIDTH, DEPTH = 300, 200
# fmt: off
HAND_ANGLES = (
    93, 77, 88, 89, 90, 92, 76, 85, 86, 87, 94, 78, 82, 83, 84, 91, 75, 79, 80, 81, 68, 69, 70, 71, 72, 73, 74,
)
# fmt: on
"""A hand's pose parameters as public outputs of the released model tell them: the right hand's."""
OF_THE_RIGHT_HAND = frozenset((*range(6), *range(68, 95), 144, *range(154, 179)))
"""Parameters that the release's ``nonhand_param_idxs`` leaves out."""
BACKBONES = {
    "dinov3": "backbone.encoder.blocks.0.attn.qkv.weight",
    "vith": "backbone.blocks.0.attn.qkv.weight",
}


def write_mhr(path: Path, seed: int = 0) -> Path:
    """The toy body as ``mhr_model.pt``; made-up correctives are written beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_archive(path, torchscript_content(toy_body(45, 72, seed), path.parent))


def tensors(variant: str = "dinov3", seed: int = 0) -> dict[str, np.ndarray]:
    """All tensors of the toy model by their official names; the large ones hold numbers that bfloat16 can hold."""
    rng = np.random.default_rng(seed)
    body = toy_body(45, 72)
    rest, wrist = body.skeleton.rest, body.joint_index("r_wrist")

    def some(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape).astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)

    mapping = np.zeros((308, body.vertex_count + 127), np.float32)
    mapping[np.arange(308), rng.integers(0, mapping.shape[1], 308)] = 0.75
    mapping[np.arange(308), rng.permutation(mapping.shape[1])[:308]] += 0.25
    rig = {
        "joint_rotation": quaternion_to_matrix(body.skeleton.prerotations).astype(np.float32),
        "scale_mean": some(68),
        "scale_comps": some(28, 68),
        "faces": body.triangles.astype(np.int64),
        "hand_pose_mean": some(54),
        "hand_pose_comps": np.eye(54, dtype=np.float32),
        "hand_joint_idxs_left": np.array(HAND_ANGLES) + 27,
        "hand_joint_idxs_right": np.array(HAND_ANGLES),
        "keypoint_mapping": mapping,
        "right_wrist_coords": (rest.translations[wrist] / 100).astype(np.float32),
        "root_coords": (rest.translations[body.joint_index("root")] / 100).astype(np.float32),
        "local_to_world_wrist": rest.rotations[wrist].T.astype(np.float32),
        "nonhand_param_idxs": np.array([i for i in range(204) if i not in OF_THE_RIGHT_HAND]),
    }
    found = {f"{head}.{name}": array.copy() for head in HEADS for name, array in rig.items()}
    for suffix in ("", "_hand"):
        found[f"init_pose{suffix}.weight"] = some(1, 519)
        found[f"init_camera{suffix}.weight"] = some(1, 3)
        found[f"decoder{suffix}.layers.0.ln1.weight"] = some(WIDTH)
        found[f"decoder{suffix}.layers.0.ffn.layers.1.weight"] = some(WIDTH, DEPTH)
    found[BACKBONES[variant]] = some(WIDTH, DEPTH)
    return found


def write_templates(folder: Path) -> Path:
    """Templates of both variants in every precision, as the export would write them."""
    for variant, backbone in BACKBONES.items():
        place = folder / variant
        for graph in GRAPHS:
            kind = "_hand" if graph.startswith("hand") else ""
            weight = backbone if graph == "encoder" else f"decoder{kind}.layers.0.ffn.layers.1.weight"
            for precision in ("fp32", "fp16", *(["int8"] if graph == "encoder" else [])):
                _template(graph, precision, weight, f"decoder{kind}.layers.0.ln1.weight").save(place)
        named = {name: [list(array.shape), str(array.dtype)] for name, array in tensors(variant).items()}
        named |= {name: [[54, 54], "float32"] for name in OPTIONAL}
        size = [32, 32] if variant == "dinov3" else [32, 24]
        constants = {"image_size": [512, 512], "feature_size": size, "opset": 17}
        content = {"variant": variant, "tensors": named, "optional": list(OPTIONAL), "constants": constants}
        (place / "variant.json").write_text(json.dumps(content))
    return folder


def _template(graph: str, precision: str, weight: str, scale: str) -> Template:
    """y = (x W^T) * s; the decoders also give the places of the keypoints' pairs."""
    half = "float16" if precision == "fp16" else "float32"
    kind = 10 if precision == "fp16" else FLOAT
    nodes = [node("MatMul", ["x", "w"], ["p"]), node("Mul", ["p", "s"], ["y"])]
    rotate: dict[str, np.ndarray] = {}
    weights = [Weight("w", half, weight, "transpose", (DEPTH, WIDTH)), Weight("s", half, scale, "copy", (WIDTH,))]
    if precision == "int8":
        # Whole numbers are those of the rotated weight.
        rotate["turn"] = rotated(np.eye(DEPTH, dtype=np.float32))
        nodes = [node("DequantizeLinear", ["v", "q"], ["w0"]), node("MatMul", ["turn", "w0"], ["w"]), *nodes]
        weights[:1] = [
            Weight("v", "int8", weight, "int8-values", (DEPTH, WIDTH)),
            Weight("q", "float32", weight, "int8-scales", (WIDTH,)),
        ]
    outputs: dict[str, tuple[int, list[int | str]]] = {"y": (kind, ["B", WIDTH])}
    if graph.endswith("decoder"):
        nodes.append(node("Identity", ["places"], ["places_out"]))
        weights.append(Weight("places", "float32", "mhr:pair_places"))
        outputs["places_out"] = (FLOAT, ["n"])
    graph_bytes = model(nodes, {"x": (kind, ["B", DEPTH])}, outputs, weights=rotate)
    return Template(graph, precision, graph_bytes, tuple(weights))


def expected(found: Mapping[str, np.ndarray], graph: str, x: np.ndarray, variant: str = "dinov3") -> np.ndarray:
    """What a graph's ``y`` must be."""
    kind = "_hand" if graph.startswith("hand") else ""
    weight = BACKBONES[variant] if graph == "encoder" else f"decoder{kind}.layers.0.ffn.layers.1.weight"
    return (x @ found[weight].T) * found[f"decoder{kind}.layers.0.ln1.weight"]
