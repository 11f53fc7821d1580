"""Networks that can be trained: what the trainer asks of them, and SAM 3D Body's body branch as one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from native_runtime.network.backbones import Encoder
from native_runtime.network.context import Context
from native_runtime.network.decoder import Decoder
from native_runtime.network.heads import CameraPrediction, PosePrediction, View
from native_runtime.network.mhr import KeypointSupport, keypoints
from native_runtime.network.network import SAM3DBody

from .losses.total import Answer, HandAnswer


class Crops(NamedTuple):
    """The pictures of B people, cut out of their photos.

    Attributes:
        pixels: (B, H, W, 3) uint8 RGB.
        masks: (B, 1, H, W) 0 or 1, the person's own; all 0 where nobody knows it.
        other_masks: (B, 1, H, W) as ``masks``, of somebody else in the crop.
        rays: (B, 2, h, w) x and y, at depth 1, of the direction in which each feature is seen.
        condition: (B, 3) place and size of the crop, to the focal length.
        view: where the crops lie in their photos.
    """

    pixels: Tensor
    masks: Tensor
    other_masks: Tensor
    rays: Tensor
    condition: Tensor
    view: View

    def each(self, change: Callable[[Tensor], Tensor]) -> Crops:
        """The same of changed arrays: of some people, or on another device."""
        pictures = {name: change(getattr(self, name)) for name in self._fields if name != "view"}
        return Crops(**pictures, view=View(*map(change, self.view)))


class Answers(NamedTuple):
    """What a network says of B people in one round.

    Attributes:
        layers: of each decoder layer, the last one last.
        hands: where the last one sees hands; None if it does not look for them.
        estimate: (B, n) in the form in which the network takes it as the previous estimate of the next round.
    """

    layers: list[Answer]
    hands: HandAnswer | None
    estimate: Tensor


class PromptableModel(Protocol):
    """What can be trained."""

    def read(self, crops: Crops, masks: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        """All that depends on the pictures alone.

        Args:
            masks: (B, 1, H, W) the masks that are given as prompts.
            scores: (B,) 1 where there is one, otherwise 0.
        """

    def answer(self, read: tuple[Tensor, ...], crops: Crops, prompts: Tensor, previous: Tensor | None) -> Answers:
        """The answer to prompts (B, P, 3), going on from the previous estimate."""


class BodyBranch(nn.Module):
    """SAM 3D Body's encoder and body decoder, with the released names inside ``network``.

    The encoder is frozen unless it is asked for: its gradients are most of the memory, and the paper's decoders learn
    from features that hardly change.
    """

    def __init__(
        self,
        network: SAM3DBody,
        support: KeypointSupport,
        train_encoder: bool = False,
        surface: KeypointSupport | None = None,
    ) -> None:
        """``surface``: points of the surface (``surface.surface_support``) that answers have, too; None for none."""
        super().__init__()
        self.network = network
        self.train_encoder = train_encoder
        for name, parameter in network.named_parameters():
            used = not name.split(".")[0].endswith("_hand") and not name.startswith("hand_pe_layer")
            parameter.requires_grad_(used and (train_encoder or not name.startswith("backbone.")))
        self.has_surface = surface is not None
        for name, points in (("support", support), ("surface", surface or ())):
            for number, array in enumerate(points):
                self.register_buffer(f"_{name}_{number}", array, persistent=False)
        # kept out of the modules' tree: they hold the same network once more
        self._parts = (
            Encoder(network.backbone, network.configuration.margin),
            Context(network, "body"),
            Decoder(network, "body"),
        )

    @property
    def support(self) -> KeypointSupport:
        """MHR, reduced to the keypoints, on the device of the weights."""
        return self._points("support")

    @property
    def surface(self) -> KeypointSupport:
        """MHR, reduced to the points of the surface; only where the answers have them."""
        return self._points("surface")

    def _points(self, name: str) -> KeypointSupport:
        return KeypointSupport(*(getattr(self, f"_{name}_{number}") for number in range(len(KeypointSupport._fields))))

    def read(self, crops: Crops, masks: Tensor, scores: Tensor) -> tuple[Tensor, ...]:
        """See ``PromptableModel``."""
        encoder, context, _ = self._parts
        with torch.set_grad_enabled(self.train_encoder and torch.is_grad_enabled()):
            features = encoder(crops.pixels)
        read: tuple[Tensor, ...] = context(features, crops.rays, masks, scores)
        return read

    def answer(self, read: tuple[Tensor, ...], crops: Crops, prompts: Tensor, previous: Tensor | None) -> Answers:
        """See ``PromptableModel``; the estimate is (B, 522)."""
        *_, decoder = self._parts
        context, *keys_and_values = read
        if previous is None:
            initial = torch.cat(
                [self.network.part(f"init_{what}", "body").weight for what in ("pose", "camera")], dim=1
            )
            previous = initial.expand(len(crops.condition), -1)
        tokens, positions = decoder.first_tokens(prompts, previous, crops.condition)
        states = list(decoder.layers(tokens, positions, crops.view, self.support, context, tuple(keys_and_values)))
        boxes, logits = decoder.hands(states[-1].result)
        last = states[-1]
        answers = [_answer(state.pose, state.camera) for state in states]
        if self.has_surface:
            vertices = keypoints(self.surface, last.pose.joints, last.pose.shape)
            answers[-1] = answers[-1]._replace(vertices=vertices)
        return Answers(
            answers,
            HandAnswer(boxes, logits),
            torch.cat([*_numbers(last.pose), last.camera.camera], dim=1),
        )


def _answer(pose: PosePrediction, camera: CameraPrediction) -> Answer:
    return Answer(
        keypoints_2d=camera.crop,
        keypoints_3d=pose.keypoints,
        pose=pose.raw,
        hands=pose.hand,
        scale=pose.scale,
        shape=pose.shape,
        model_parameters=pose.model_parameters,
    )


def _numbers(pose: PosePrediction) -> tuple[Tensor, ...]:
    """The estimate (B, 519), in its parts."""
    return pose.raw, pose.shape, pose.scale, pose.hand, pose.face
