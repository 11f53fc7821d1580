"""Float16, where it serves: modules are changed before they are traced.

The encoder runs wholly in float16 from the normalised pixels on, as the reference runs it. In the decoders only the
linear layers of the transformer and the attention between them are float16 (they are nearly all of the weights, and the
keys and values nearly all of what is handed on). The tokens themselves, norms, heads, rotations, MHR, the camera
and all that is measured in pixels or metres stay float32: the 11 bits of a float16 are a pixel at 2000 and a millimetre
at 2 m.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .backbones import Encoder
from .context import Context
from .decoder import Decoder


def halve(module: Encoder | Context | Decoder) -> None:
    """Let `module` compute in float16 where the module docstring says so."""
    if isinstance(module, Encoder):
        for part in module.modules():
            _halve_tensors(part)
        return
    for layer in module.network.part("decoder", module.kind).layers:
        for part in layer.modules():
            if isinstance(part, nn.Linear):
                _halve_tensors(part)
                part.register_forward_pre_hook(_halve_argument)


def _halve_tensors(module: nn.Module) -> None:
    # Not Module.half(), which cannot replace tensors without memory.
    for name, parameter in list(module.named_parameters(recurse=False)):
        setattr(module, name, nn.Parameter(parameter.detach().half()))
    for name, buffer in list(module.named_buffers(recurse=False)):
        setattr(module, name, buffer.half())


def _halve_argument(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    (x,) = arguments
    return (x.half(),)
