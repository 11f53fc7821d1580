"""The image encoders of SAM 3D Body in PyTorch: DINOv3 ViT-H+/16, ViT-H, and the convolution of small test cases."""

from __future__ import annotations

from .dinov3 import Dinov3, Dinov3Dimensions
from .encoder import Encoder, build_backbone, build_encoder
from .patches import Patches
from .vit import Vit, VitDimensions

__all__ = [
    "Dinov3",
    "Dinov3Dimensions",
    "Encoder",
    "Patches",
    "Vit",
    "VitDimensions",
    "build_backbone",
    "build_encoder",
]
