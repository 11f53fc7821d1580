"""From a trained ``compact`` to the file that the project ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from native_runtime.compact.inputs import POINT_CHANNELS, VIEW_CHANNELS
from native_runtime.compact.network import OUTPUTS
from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.files.atomic import atomic_file

from .model import CELLS, COARSE, FINE, CompactNetwork, Exported

_OPSET = 17


def export(network: CompactNetwork, path: Path) -> float:
    """Write the network as ONNX with half-precision weights; the largest difference to PyTorch, in what is told.

    Raises:
        OSError: it cannot be written.
    """
    import onnx
    import onnxruntime

    example = tuple(
        torch.randn(2, *shape)
        for shape in ((len(BODY_POINTS), POINT_CHANNELS), (VIEW_CHANNELS,), (CELLS, COARSE), (len(BODY_POINTS), FINE))
    )
    names = ("points", "view", "coarse", "fine")
    wrapped = Exported(network).eval()
    with atomic_file(path) as part:
        torch.onnx.export(
            wrapped, example, str(part), input_names=list(names), output_names=list(OUTPUTS), opset_version=_OPSET,
            dynamic_axes={name: {0: "looks"} for name in (*names, *OUTPUTS)}, dynamo=False,
        )  # fmt: skip
        model = onnx.load(str(part))
        halve(model)
        onnx.save(model, str(part))
        session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
        told = session.run(None, {name: value.numpy() for name, value in zip(names, example, strict=True)})
    with torch.no_grad():
        wanted = wrapped(*example)
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(told, wanted, strict=True))


def halve(model: object) -> None:
    """Store large weights in half precision; the graph casts them back, which ONNX Runtime does once, on opening."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    assert isinstance(model, onnx.ModelProto)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 1024:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
