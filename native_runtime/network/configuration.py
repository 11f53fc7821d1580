"""The dimensions and switches of one SAM 3D Body network, read off its tensors and the reference's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

from native_runtime.errors import ModelError
from native_runtime.models.sam3d_body_layout import CAMERA, ESTIMATE, KEYPOINTS

Shapes = Mapping[str, tuple[int, ...]]

JOINTS = 127
MAPPED_KEYPOINTS = 308
"""Rows of ``keypoint_mapping``; the network uses the first 70."""
CONDITION = 3

# What the reference's code can do otherwise and no release does. A network that wants it would be computed wrongly.
_REQUIRED = {
    "DECODER.TYPE": "sam",
    "DECODER.LAYER_SCALE_INIT": 0.0,
    "DECODER.FFN_TYPE": "origin",
    "DECODER.ENABLE_TWOWAY": False,
    "DECODER.REPEAT_PE": True,
    "DECODER.CONDITION_TYPE": "cliff",
    "DECODER.USE_INTRIN_CENTER": True,
    "DECODER.DO_INTERM_PREDS": True,
    "DECODER.DO_KEYPOINT_TOKENS": True,
    "DECODER.DO_HAND_DETECT_TOKENS": True,
    "DECODER.KEYPOINT_TOKEN_UPDATE": "v2",
    "DECODER.DO_KEYPOINT3D_TOKENS": True,
    "PROMPT_ENCODER.ENABLE": True,
    "PROMPT_ENCODER.PROMPT_KEYPOINTS": "mhr70",
    "PROMPT_ENCODER.MASK_EMBED_TYPE": "v2",
    "PROMPT_ENCODER.MASK_PROMPT": "v1",
    "PERSON_HEAD.POSE_TYPE": "mhr",
    "PERSON_HEAD.CAMERA_TYPE": "perspective",
    "MHR_HEAD.MLP_DEPTH": 2,
    "MHR_HEAD.MLP_CHANNEL_DIV_FACTOR": 1,
    "CAMERA_HEAD.MLP_DEPTH": 2,
    "CAMERA_HEAD.MLP_CHANNEL_DIV_FACTOR": 1,
}

_NARROW_BACKBONE, _NARROW_MARGIN = "vit_hmr_512_384", 64
_RELEASED_HEADS = 8
_RELEASED_IMAGE_SIZE = (512, 512)
_RELEASED_HAND_CAMERA_SCALE = 10.0


@dataclass(frozen=True)
class ModelConfiguration:
    """What the modules need to know to be built.

    Attributes:
        image_size: height and width of a crop, pixels.
        margin: pixel columns of the crop that the backbone does not see, on either side.
        patch: pixels to a feature, along either axis.
        channels: C of the image features.
        width: of the decoder's tokens.
        depth, heads, inner, hidden: the decoder's layers, and the widths of their attention and feed-forward parts.
        vertices, faces: of the MHR mesh that ``keypoint_mapping`` refers to.
        hand_camera_scale: factor on the size of hand crops in the camera head.
    """

    image_size: tuple[int, int]
    margin: int
    patch: int
    channels: int
    width: int
    depth: int
    heads: int
    inner: int
    hidden: int
    vertices: int
    faces: int
    hand_camera_scale: float

    @property
    def feature_size(self) -> tuple[int, int]:
        """Rows and columns of the image features."""
        height, width = self.image_size
        return height // self.patch, (width - 2 * self.margin) // self.patch

    @property
    def size_step(self) -> int:
        """Sides of crops must be multiples of so many pixels: patches, and margins, where there are any, are whole."""
        height, width = self.image_size
        return height // gcd(height // self.patch, width // self.patch, self.margin // self.patch)

    @staticmethod
    def of(shapes: Shapes, settings: Mapping[str, Any] | None = None) -> ModelConfiguration:
        """Read a configuration off the tensors' shapes (by official name) and the reference's ``settings``.

        What ``settings`` leave out is as in the releases.

        Raises:
            ModelError: tensors are missing, or the two contradict each other or what this program can compute.
        """
        given = _flat((settings or {}).get("MODEL", {}))
        for name, wanted in _REQUIRED.items():
            if given.get(name, wanted) != wanted:
                raise ModelError(
                    f"This SAM 3D Body network was configured with {name} = {given[name]!r}; only {wanted!r}, as "
                    "released, is supported. Use the configuration that came with the checkpoint."
                )
        width, first = _shape(shapes, "init_to_token_mhr.weight", 2)
        if first != CONDITION + ESTIMATE + CAMERA:
            raise ModelError(f"This checkpoint starts from {first} numbers a person, not SAM 3D Body's 525.")
        depth = len({name.split(".")[2] for name in shapes if name.startswith("decoder.layers.")})
        inner, _ = _shape(shapes, "decoder.layers.0.self_attn.q_proj.weight", 2)
        hidden, _ = _shape(shapes, "decoder.layers.0.ffn.layers.0.0.weight", 2)
        rows, columns = _shape(shapes, "head_pose.keypoint_mapping", 2)
        heads = given.get("DECODER.HEADS", _RELEASED_HEADS)
        _agree(given, "DECODER.DIM", width)
        _agree(given, "DECODER.DEPTH", depth)
        _agree(given, "DECODER.MLP_DIM", hidden)
        _agree(given, "DECODER.DIM_HEAD", inner / heads)
        if rows != MAPPED_KEYPOINTS or columns <= JOINTS or inner % heads:
            raise ModelError(
                f"This checkpoint does not fit SAM 3D Body: {rows} x {columns} keypoint weights, {inner} channels of "
                f"attention for {heads} heads."
            )
        patch = _patch(shapes)
        margin = _margin(shapes, given)
        height, breadth = given.get("IMAGE_SIZE", _RELEASED_IMAGE_SIZE)
        if height % patch or breadth % patch or margin % patch:
            raise ModelError(f"Crops of {height} x {breadth} pixels cannot be cut into patches of {patch}.")
        return ModelConfiguration(
            image_size=(height, breadth),
            margin=margin,
            patch=patch,
            channels=_shape(shapes, "prompt_to_token.weight", 2)[1],
            width=width,
            depth=depth,
            heads=heads,
            inner=inner,
            hidden=hidden,
            vertices=columns - JOINTS,
            faces=_shape(shapes, "head_pose.faces", 2)[0],
            hand_camera_scale=float(given.get("CAMERA_HEAD.DEFAULT_SCALE_FACTOR_HAND", _RELEASED_HAND_CAMERA_SCALE)),
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _shape(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or len(shape) != dimensions:
        what = "lacks it" if shape is None else f"has it with {len(shape)} dimensions instead of {dimensions}"
        raise ModelError(f"SAM 3D Body needs the tensor {name}; this checkpoint {what}.")
    return tuple(shape)


def _agree(settings: Mapping[str, Any], name: str, found: float) -> None:
    if settings.get(name, found) != found:
        raise ModelError(
            f"The configuration says {name} = {settings[name]}, the checkpoint's tensors {found:g}. They do not belong "
            "together."
        )


def _patch(shapes: Shapes) -> int:
    """The side of a patch: that of the backbone's only convolution."""
    sides = {shape[-1] for name, shape in shapes.items() if name.startswith("backbone.") and len(shape) == 4}
    if len(sides) != 1 or _shape(shapes, "keypoint_embedding.weight", 2)[0] != KEYPOINTS:
        raise ModelError("This checkpoint has no image encoder that SAM 3D Body is released with.")
    return sides.pop()


def _margin(shapes: Shapes, settings: Mapping[str, Any]) -> int:
    """Columns cut: by the backbone's type where it is given, otherwise by its tensors."""
    kind = settings.get("BACKBONE.TYPE")
    if kind is None:
        return _NARROW_MARGIN if "backbone.pos_embed" in shapes else 0
    if kind == _NARROW_BACKBONE:
        return _NARROW_MARGIN
    if str(kind).startswith("dinov3"):
        return 0
    raise ModelError(
        f"SAM 3D Body with the image encoder {kind!r} is not supported, only DINOv3 and {_NARROW_BACKBONE}."
    )
