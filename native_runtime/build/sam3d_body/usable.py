"""What is said of files that hold the model in a form that cannot be converted."""

from __future__ import annotations

USABLE = (
    "Take model.ckpt as Meta published it, ComfyUI's sam_3d_body_dinov3_bf16.safetensors, or slices of it in 16 or 32 "
    "bits."
)
ROUNDED = (
    "they are rounded for one program already, and cannot be converted. "
    + USABLE
    + " Converted to int8, it is as small."
)


class UnusableError(ValueError):
    """The file is whole, but of no use; the message continues the file's name."""
