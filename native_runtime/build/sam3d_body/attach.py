"""Graph without weights + tensors of the checkpoint = graph that ONNX Runtime loads.

Tensors are read, changed and written one by one, so memory holds one at a time. Weights of ``INLINE_BELOW`` bytes or
more lie in ``GRAPH.weights``, each at a multiple of ``ALIGNMENT``, so that ONNX Runtime can map them into memory on
every system (64 KiB is what Windows asks for); smaller ones lie in the graph itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from native_runtime.errors import ModelError

from . import operations
from .initializers import External, Inline, model_of
from .template import Template, Weight, weight_bytes
from .tensors import TensorSource

ALIGNMENT = 1 << 16
INLINE_BELOW = 1 << 14


def attach_weights(
    template: Template, tensors: TensorSource, folder: Path, advance: Callable[[int], None] | None = None
) -> None:
    """Write ``folder/GRAPH.onnx``, and ``folder/GRAPH.weights`` where weights are large; a failure leaves neither.

    Args:
        advance: called with the number of bytes of weights written; what it raises stops the work.

    Raises:
        ModelError: a tensor is missing, has another shape than the recipe says, or does not fit its type.
        OSError: the files cannot be written.
    """
    check_sources(template, tensors)
    model, weights = folder / f"{template.graph}.onnx", folder / f"{template.graph}.weights"
    try:
        initializers = _write_weights(template, tensors, weights, advance or (lambda written: None))
        if weights.stat().st_size == 0:
            weights.unlink()
        with model.open("wb") as file:
            file.write(template.model)
            file.write(model_of(initializers))
    except BaseException:
        weights.unlink(missing_ok=True)
        model.unlink(missing_ok=True)
        raise


def check_sources(template: Template, tensors: TensorSource) -> None:
    """Make sure that everything that the recipe asks for is there.

    Raises:
        ModelError: it is not.
    """
    missing = sorted({weight.source for weight in template.weights} - set(tensors.names()))
    if missing:
        named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise ModelError(f"The graph {template.graph} needs tensors that the checkpoint lacks: {named}.")


def attached_bytes(template: Template, tensors: TensorSource) -> int:
    """How much disk space the graph will take with its weights, about."""
    return len(template.model) + sum(
        weight_bytes(weight, tensors.shape(weight.source)) + ALIGNMENT // 2 for weight in template.weights
    )


def _write_weights(
    template: Template, tensors: TensorSource, path: Path, advance: Callable[[int], None]
) -> list[External | Inline]:
    initializers: list[External | Inline] = []
    read: str | None = None
    with path.open("wb") as file:
        for weight in template.weights:
            if weight.source != read:
                tensor, read = tensors.read(weight.source), weight.source
            array = operations.apply(weight.operation, tensor, weight.dtype, weight.name)
            _check_shape(weight, array.shape, template.graph)
            if array.nbytes < INLINE_BELOW:
                initializers.append(Inline(weight.name, array))
                continue
            offset = -(-file.tell() // ALIGNMENT) * ALIGNMENT
            file.seek(offset)
            file.write(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
            initializers.append(External(weight.name, weight.dtype, array.shape, path.name, offset, array.nbytes))
            advance(file.tell())
    return initializers


def _check_shape(weight: Weight, shape: tuple[int, ...], graph: str) -> None:
    if weight.shape is not None and weight.shape != shape:
        raise ModelError(
            f"The weight {weight.name} of {graph} would have the shape {shape} instead of {weight.shape}: the tensor "
            f"{weight.source} is not that of the released model."
        )
