"""A growing ONNX graph, whose pictures are channels-first while its source's are channels-last.

TensorFlow holds pictures as (batch, height, width, channels), ONNX Runtime's fast kernels want (batch, channels,
height, width). A four-dimensional tensor is therefore kept channels-first inside the graph (`GraphWriter.picture`);
where an operator needs the original order (the reshapes of the heads, the graph's outputs), it is turned back
(`GraphWriter.plain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)

Tensor = TypeVar("Tensor", int, str)
"""How the source names its tensors."""


class GraphWriter(Generic[Tensor]):
    """Nodes and constants of an ONNX graph, and under which names the source's tensors are in it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._plain: dict[Tensor, str] = {}
        self._picture: dict[Tensor, str] = {}

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Append a node; returns the name of what it computes."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add an initializer. Half-precision values are stored as such and widened in the graph (once, at load)."""
        if values.dtype == np.float16:
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name + "_half"))
            return self.node("Cast", [name + "_half"], name, to=TensorProto.FLOAT)
        # (ascontiguousarray would turn a scalar into a vector)
        self.initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def picture(self, tensor: Tensor) -> str:
        """The name of a four-dimensional tensor in channels-first order."""
        if tensor not in self._picture:
            self._picture[tensor] = self.node(
                "Transpose", [self._plain[tensor]], f"{self._label(tensor)}_first", perm=TO_CHANNELS_FIRST
            )
        return self._picture[tensor]

    def plain(self, tensor: Tensor) -> str:
        """The name of a tensor in its original order of dimensions."""
        if tensor not in self._plain:
            self._plain[tensor] = self.node(
                "Transpose", [self._picture[tensor]], f"{self._label(tensor)}_last", perm=TO_CHANNELS_LAST
            )
        return self._plain[tensor]

    def clip(self, name: str, low: float, high: float, label: str) -> str:
        """Append the bounds of an activation such as ReLU6 to the value `name`."""
        first = self.constant(f"{label}_low", np.array(low, np.float32))
        last = self.constant(f"{label}_high", np.array(high, np.float32))
        return self.node("Clip", [name, first, last], f"{label}_clip")

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The checked model of what was written."""
        proto = helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.initializers)
        model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="sam3db")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model

    @staticmethod
    def _label(tensor: Tensor) -> str:
        """The beginning of names for what is made of a tensor of the source; none of the source's own has a "#"."""
        return f"t{tensor}" if isinstance(tensor, int) else f"{tensor}#"
