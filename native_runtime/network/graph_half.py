"""Float16, where it serves: modules are changed before they are traced.

Float16 are the weights of the transformers' linear layers, their matrix products, and the attention between them: they
are nearly all of the work and of the weights, and keys and values nearly all of what is handed on. Everything else
stays float32. In the encoder these are the residual stream, norms, layer scales and gates: float16 ends at 65,504, and
the released DINOv3-H+ has been seen to reach 49,378 in its residual stream on one picture. Layers that write to the
stream multiply shrunk numbers and are enlarged again in float32, so that no product can overflow before; powers of two
change no digit. In the decoders they are the tokens, norms, heads, rotations, MHR, the camera and all that is measured
in pixels or metres: the 11 bits of a float16 are a pixel at 2000 and a millimetre at 2 m.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .backbones import Encoder
from .context import Context
from .decoder import Decoder

_SHRINK = 2.0**-4
"""Factor on what enters a layer that writes to the residual stream."""
_WRITERS = (".proj", ".w3", ".fc2", ".ffn.layers.1")
_GATES = (".w1", ".w2")
"""Their results are multiplied with each other, which may exceed float16 though neither does."""


def halve(module: Encoder | Context | Decoder) -> None:
    """Let `module` compute in float16 where the module docstring says so."""
    if isinstance(module, Encoder):
        for name, part in module.named_modules():
            if isinstance(part, nn.Linear):
                _halve_linear(name, part)
            elif name.endswith("rope_embed"):
                part.register_forward_hook(_halve_results)
        module.register_forward_hook(_halve_result)
        return
    for name, part in module.network.part("decoder", module.kind).named_modules():
        if isinstance(part, nn.Linear):
            _halve_linear(name, part)


def _halve_linear(name: str, linear: nn.Linear) -> None:
    if name.endswith(_WRITERS):
        linear.weight = _half(linear.weight)
        # On the instance, in front of the method.
        linear.__dict__["forward"] = partial(_write, linear)
        return
    # Not Module.half(), which cannot replace tensors without memory.
    for tensor, parameter in list(linear.named_parameters(recurse=False)):
        setattr(linear, tensor, _half(parameter))
    for tensor, buffer in list(linear.named_buffers(recurse=False)):
        setattr(linear, tensor, buffer.half())
    linear.register_forward_pre_hook(_halve_argument)
    if name.endswith(_GATES):
        linear.register_forward_hook(_widen_result)


def _write(linear: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """What a layer adds to the residual stream, float32."""
    product = functional.linear((x * _SHRINK).half(), linear.weight)
    return product.float() * (1 / _SHRINK) + linear.bias


def _half(parameter: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(parameter.detach().half())


def _halve_argument(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
    (x,) = arguments
    return (x.half(),)


def _halve_result(_module: nn.Module, _arguments: Any, result: torch.Tensor) -> torch.Tensor:
    return result.half()


def _halve_results(_module: nn.Module, _arguments: Any, results: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(result.half() for result in results)


def _widen_result(_module: nn.Module, _arguments: Any, result: torch.Tensor) -> torch.Tensor:
    return result.float()
