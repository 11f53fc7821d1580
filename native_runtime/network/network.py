"""SAM 3D Body under the official tensor names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from native_runtime.errors import ModelError
from native_runtime.models.sam3d_body_layout import CAMERA, ESTIMATE, KEYPOINTS

from .conditioning import PromptEncoder, RayConditioning
from .configuration import CONDITION, ModelConfiguration
from .heads import MHRHead, PerspectiveHead
from .layers import FeedForward, Perceptron, PositionEncoding, PromptableDecoder

Kind = Literal["body", "hand"]
KINDS: tuple[Kind, ...] = ("body", "hand")

HANDS = 2

TRAINING_ONLY = (
    "backbone.encoder.mask_token",
    "head_pose.hand_pose_comps_ori",
    "head_pose_hand.hand_pose_comps_ori",
)
"""Tensors of the reference's modules that its inference never reads; the released files do not hold them."""


class SAM3DBody(nn.Module):
    """Every tensor of the released file, and the modules that use them.

    The two decoders are twins: what belongs to the hand's has ``_hand`` behind its name. ``part`` gives either. The
    prompt encoder and the tokens and heads that find the hands are shared. What runs are the graphs: ``Encoder``,
    ``Context`` and ``Decoder``.
    """

    def __init__(self, configuration: ModelConfiguration, backbone: nn.Module | None = None) -> None:
        """``backbone``: the image encoder; None where only the decoders are wanted."""
        super().__init__()
        self.configuration = configuration
        channels, width = configuration.channels, configuration.width
        if backbone is not None:
            self.backbone = backbone
        for kind in KINDS:
            parts: dict[str, nn.Module] = {
                "head_pose": MHRHead(configuration, hand=kind == "hand"),
                "head_camera": PerspectiveHead(
                    width, configuration.image_size, configuration.hand_camera_scale if kind == "hand" else 1.0
                ),
                "init_pose": nn.Embedding(1, ESTIMATE),
                "init_camera": nn.Embedding(1, CAMERA),
                "init_to_token_mhr": nn.Linear(CONDITION + ESTIMATE + CAMERA, width),
                "prev_to_token_mhr": nn.Linear(ESTIMATE + CAMERA, width),
                "ray_cond_emb": RayConditioning(channels),
                "decoder": PromptableDecoder(
                    width,
                    channels,
                    configuration.inner,
                    configuration.heads,
                    configuration.hidden,
                    configuration.depth,
                ),
                "keypoint_embedding": nn.Embedding(KEYPOINTS, width),
                "keypoint_posemb_linear": FeedForward(2, width, width, nn.ReLU()),
                "keypoint_feat_linear": nn.Linear(channels, width),
                "keypoint3d_embedding": nn.Embedding(KEYPOINTS, width),
                "keypoint3d_posemb_linear": FeedForward(3, width, width, nn.ReLU()),
            }
            for name, module in parts.items():
                self.add_module(self.name(name, kind), module)
        self.prompt_encoder = PromptEncoder(channels, KEYPOINTS)
        self.hand_pe_layer = PositionEncoding(channels)
        self.prompt_to_token = nn.Linear(channels, width)
        self.hand_box_embedding = nn.Embedding(HANDS, width)
        self.hand_cls_embed = nn.Linear(width, HANDS)
        self.bbox_embed = Perceptron(width, 4)

    @staticmethod
    def name(part: str, kind: Kind) -> str:
        """The official name of a decoder's part."""
        return f"{part}_hand" if kind == "hand" else part

    def part(self, part: str, kind: Kind) -> Any:
        """A decoder's part."""
        return self.get_submodule(self.name(part, kind))

    def image_positions(self, kind: Kind) -> PositionEncoding:
        """The encoding of the image's positions."""
        return self.hand_pe_layer if kind == "hand" else self.prompt_encoder.pe_layer


def load_tensors(network: SAM3DBody, tensors: Mapping[str, Tensor]) -> None:
    """Take over a checkpoint's tensors by their official names; not copied where their type fits.

    Raises:
        ModelError: a tensor is missing, too many, or of another shape.
    """
    wanted = network.state_dict()
    given = {name: tensor for name, tensor in tensors.items() if name not in TRAINING_ONLY}
    missing = sorted(wanted.keys() - given.keys())
    unknown = sorted(given.keys() - wanted.keys())
    misshapen = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & given.keys())
        if given[name].shape != wanted[name].shape
    ]
    faults = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for what, names in (("missing", missing), ("unknown", unknown), ("of another shape", misshapen))
        if names
    ]
    if faults:
        raise ModelError(f"These are not the tensors of this SAM 3D Body network: {'; '.join(faults)}.")
    typed = {name: tensor.to(wanted[name].dtype) for name, tensor in given.items()}
    network.load_state_dict(typed, strict=True, assign=True)
