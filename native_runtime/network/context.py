"""The graphs ``body_context`` and ``hand_context``: all of a decoder that depends on the image alone."""

from __future__ import annotations

from torch import Tensor, nn

from .conditioning import RayConditioning
from .layers import PromptableDecoder
from .network import Kind, SAM3DBody


class Context(nn.Module):
    """Image features with mask and rays added, and every layer's keys and values of them.

    A new prompt changes none of this, so it is computed once for a photo's person or hand.
    """

    input_names = ("features", "rays", "mask", "mask_score")

    def __init__(self, network: SAM3DBody, kind: Kind) -> None:
        super().__init__()
        self.network = network
        self.kind = kind

    @property
    def output_names(self) -> tuple[str, ...]:
        """``context``, then keys and values layer by layer."""
        return ("context", *key_value_names(self.network))

    def conditioned(self, features: Tensor, rays: Tensor, mask: Tensor, mask_score: Tensor) -> Tensor:
        """The features (B, h * w, C) that the decoder attends to; arguments as in ``forward``."""
        configuration = self.network.configuration
        margin = mask.shape[3] * configuration.margin // configuration.image_size[1]
        if configuration.margin:
            mask = mask.narrow(3, margin, mask.shape[3] - 2 * margin)
        tokens = self.network.prompt_encoder.masked(features.flatten(2).mT, mask, mask_score)
        mix: RayConditioning = self.network.part("ray_cond_emb", self.kind)
        return mix(tokens, rays.flatten(2).mT)

    def positions(self, rows: int, columns: int) -> Tensor:
        """The positional encoding (rows * columns, C) of crops with so many rows and columns of patches."""
        configuration = self.network.configuration
        cut = columns * configuration.margin // configuration.image_size[1]
        return self.network.image_positions(self.kind).grid(rows, columns, cut)

    def forward(self, features: Tensor, rays: Tensor, mask: Tensor, mask_score: Tensor) -> tuple[Tensor, ...]:
        """Prepare B crops.

        Args:
            features: (B, C, h, w) of the encoder.
            rays: (B, 2, h, w) x and y, at depth 1, of the direction in which each feature is seen.
            mask: (B, 1, H, W) of the whole crop, values as given to the reference (0/1 or 0/255).
            mask_score: (B,) its weight; 0 for none.

        Returns:
            context (B, C, h, w), then keys and values (B, h * w, inner) of each layer.
        """
        tokens = self.conditioned(features, rays, mask, mask_score)
        rows, columns = (side // self.network.configuration.patch for side in mask.shape[2:])
        positions = self.positions(rows, columns)
        decoder: PromptableDecoder = self.network.part("decoder", self.kind)
        attended = [part for layer in decoder.layers for part in layer.keys_and_values(tokens, positions)]
        return tokens.mT.unflatten(2, features.shape[2:]), *attended


def key_value_names(network: SAM3DBody) -> tuple[str, ...]:
    """Names of the per-layer outputs of a context, which are inputs of its decoder."""
    return tuple(f"kv.{layer}.{part}" for layer in range(network.configuration.depth) for part in ("keys", "values"))
