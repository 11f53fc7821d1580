"""Writes the operators of a TensorFlow graph (as `tfjs_reader` reads it) as ONNX operators.

Whole numbers are 64 bits wide throughout: ONNX wants that of shapes and indices, and TensorFlow's 32 hold the same
values. The semantics are those of TensorFlow's raw operators (https://www.tensorflow.org/api_docs/python/tf/raw_ops).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .graph_writer import TO_CHANNELS_FIRST, TO_CHANNELS_LAST, GraphWriter
from .tfjs_reader import Graph, Node

_ELEMENTWISE = {
    "Abs": "Abs",
    "AddN": "Sum",
    "AddV2": "Add",
    "Equal": "Equal",
    "Exp": "Exp",
    "FloorDiv": "Div",  # of whole numbers that are not negative, which ONNX divides alike
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Identity": "Identity",
    "Less": "Less",
    "LogicalAnd": "And",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Reciprocal": "Reciprocal",
    "Select": "Where",
    "Sigmoid": "Sigmoid",
    "Sqrt": "Sqrt",
    "Sub": "Sub",
}
_TYPES = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT64, "DT_BOOL": TensorProto.BOOL}


def convert(
    graph: Graph, name: str, input_name: str, output_name: str, stride: int, maps: Mapping[str, str] | None = None
) -> onnx.ModelProto:
    """Return the ONNX model that computes what `graph` computes.

    The input is a picture (1, height, width, 3) whose values are whole numbers 0..255 as float32. Free heights and
    widths must be multiples of `stride`, and their names in the model say so.

    `maps`: further outputs by their names: nodes of `graph` that compute pictures (1, h, w, channels) on the way.
    """
    writer = _Writer(graph, input_name)
    for node in graph.nodes:
        writer.add(node)
    writer.node("Identity", [writer.plain(graph.output)], output_name)
    inner = []
    for map_name, tensor in (maps or {}).items():
        writer.node("Identity", [writer.plain(tensor)], map_name)
        inner.append(helper.make_tensor_value_info(map_name, TensorProto.FLOAT, [1, None, None, None]))
    free = (f"{stride}*{side}" for side in ("height", "width"))
    sizes = [next(free) if size is None else size for size in graph.input_shape]
    return writer.model(
        name,
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, graph.output_shape), *inner],
    )


class _Writer(GraphWriter[str]):
    """The growing ONNX graph."""

    def __init__(self, graph: Graph, input_name: str) -> None:
        super().__init__()
        self._input = graph.input
        self._plain = {graph.input: input_name}
        self._constants = {
            name: values.astype(np.int64) if values.dtype == np.int32 else values
            for name, values in graph.constants.items()
        }
        handlers: dict[str, Callable[[Node], None]] = {
            "ArgMax": self._arg_max,
            "Cast": self._cast,
            "ConcatV2": self._concatenate,
            "DepthwiseConv2dNative": self._convolution,
            "ExpandDims": self._expand_dims,
            "Fill": self._fill,
            "FusedDepthwiseConv2dNative": self._convolution,
            "GatherNd": self._gather_nd,
            "Max": self._max,
            "MaxPool": self._max_pool,
            "Pack": self._pack,
            "Range": self._range,
            "Reshape": self._reshape,
            "ResizeBilinear": self._resize,
            "Shape": self._shape,
            "Size": self._size,
            "Split": self._split,
            "SquaredDifference": self._squared_difference,
            "Squeeze": self._squeeze,
            "StridedSlice": self._strided_slice,
            "Sum": self._sum,
            "Tile": self._tile,
            "TopKV2": self._top_k,
            "Unpack": self._unpack,
            "_FusedConv2D": self._convolution,
        }
        self._handlers = handlers | dict.fromkeys(_ELEMENTWISE, self._elementwise)

    def add(self, node: Node) -> None:
        """Append what `node` computes."""
        if node.kind not in self._handlers:
            raise ValueError(f"operator {node.kind} is not supported")
        self._handlers[node.kind](node)

    # --- tensors -----------------------------------------------------------------------------------------------

    def plain(self, tensor: str) -> str:
        if tensor in self._constants and tensor not in self._plain:
            self._plain[tensor] = self.constant(tensor, self._constants[tensor])
        return super().plain(tensor)

    def values(self, tensor: str) -> NDArray[Any]:
        if tensor not in self._constants:
            raise ValueError(f"{tensor} was expected to be a constant")
        return self._constants[tensor]

    def whole(self, name: str, values: Sequence[int] | int) -> str:
        """Add whole numbers as a constant."""
        return self.constant(name, np.array(values, np.int64))

    # --- pictures ----------------------------------------------------------------------------------------------

    def _convolution(self, node: Node) -> None:
        tensor, weights_tensor, *bias = node.inputs
        weights, attributes = self.values(weights_tensor), node.attributes
        depthwise = "Depthwise" in node.kind
        kernel, strides = list(weights.shape[:2]), attributes["strides"][1:3]
        if attributes["dilations"] != [1, 1, 1, 1] or attributes["data_format"] != "NHWC":
            raise ValueError(f"{node.name}: dilated and channels-first convolutions are not supported")
        # Ordinary weights are (h, w, in, out); depthwise ones (h, w, in, multiplier), which ONNX has as (out, 1, h, w).
        group = weights.shape[2] if depthwise else 1
        weights = weights.reshape(*kernel, 1, -1) if depthwise else weights
        fused = attributes.get("fused_ops", [])
        inputs = [self.picture(tensor), self.constant(f"{node.name}#w", weights.transpose(3, 2, 0, 1))]
        if fused[:1] == ["BiasAdd"]:
            inputs.append(self.constant(f"{node.name}#b", self.values(bias[0])))
        name = self.node(
            "Conv", inputs, node.name, kernel_shape=kernel, strides=strides, group=group, auto_pad=_padding(node)
        )
        for activation in fused[1:] if inputs[2:] else fused:
            if activation == "Relu":
                name = self.node("Relu", [name], f"{node.name}#relu")
            elif activation == "Relu6":
                name = self.clip(name, 0.0, 6.0, f"{node.name}#relu6")
            else:
                raise ValueError(f"{node.name}: {activation} is not supported")
        self._picture[node.name] = name

    def _max_pool(self, node: Node) -> None:
        self._picture[node.name] = self.node(
            "MaxPool",
            [self.picture(node.inputs[0])],
            node.name,
            kernel_shape=node.attributes["ksize"][1:3],
            strides=node.attributes["strides"][1:3],
            auto_pad=_padding(node),
        )

    def _resize(self, node: Node) -> None:
        if not node.attributes["half_pixel_centers"] or node.attributes["align_corners"]:
            raise ValueError(f"{node.name}: only centres of pixels are supported")
        source, name = self.picture(node.inputs[0]), node.name
        kept = self.node("Shape", [source], f"{name}#kept", start=0, end=2)
        sizes = self.node("Concat", [kept, self.plain(node.inputs[1])], f"{name}#sizes", axis=0)
        self._picture[name] = self.node(
            "Resize", [source, "", "", sizes], name, mode="linear", coordinate_transformation_mode="half_pixel"
        )

    # --- any number of dimensions ------------------------------------------------------------------------------

    def _elementwise(self, node: Node) -> None:
        computed = [tensor for tensor in node.inputs if tensor not in self._constants]
        if computed and all(tensor in self._picture for tensor in computed):
            inputs = [
                self._picture_constant(f"{node.name}#{number}", tensor) if tensor in self._constants else
                self._picture[tensor]
                for number, tensor in enumerate(node.inputs)
            ]  # fmt: skip
            self._picture[node.name] = self.node(_ELEMENTWISE[node.kind], inputs, node.name)
        else:
            inputs = [self.plain(tensor) for tensor in node.inputs]
            self._plain[node.name] = self.node(_ELEMENTWISE[node.kind], inputs, node.name)

    def _picture_constant(self, name: str, tensor: str) -> str:
        """A constant that is combined with a picture, in channels-first order: it may have fewer dimensions."""
        values = self._constants[tensor]
        full = values.reshape((1,) * (4 - values.ndim) + values.shape)
        return self.constant(name, full.transpose(TO_CHANNELS_FIRST))

    def _squared_difference(self, node: Node) -> None:
        difference = self.node("Sub", [self.plain(t) for t in node.inputs], f"{node.name}#difference")
        self._plain[node.name] = self.node("Mul", [difference, difference], node.name)

    def _cast(self, node: Node) -> None:
        tensor, wanted = node.inputs[0], node.attributes["DstT"]
        if tensor == self._input:
            # TensorFlow's input is of whole numbers; ours is of float32 already.
            if wanted != "DT_FLOAT":
                raise ValueError("the input is used as whole numbers")
            self._plain[node.name] = self._plain[tensor]
        else:
            layout, source = (
                (self._picture, self._picture[tensor]) if tensor in self._picture else (self._plain, self.plain(tensor))
            )
            layout[node.name] = self.node("Cast", [source], node.name, to=_TYPES[wanted])

    def _shape(self, node: Node) -> None:
        tensor = node.inputs[0]
        if tensor in self._plain or tensor not in self._picture:
            self._plain[node.name] = self.node("Shape", [self.plain(tensor)], node.name)
        else:
            first = self.node("Shape", [self._picture[tensor]], f"{node.name}#first")
            order = self.whole(f"{node.name}#order", TO_CHANNELS_LAST)
            self._plain[node.name] = self.node("Gather", [first, order], node.name)

    def _size(self, node: Node) -> None:
        self._plain[node.name] = self.node("Size", [self.plain(node.inputs[0])], node.name)

    def _reshape(self, node: Node) -> None:
        self._plain[node.name] = self.node("Reshape", [self.plain(t) for t in node.inputs], node.name)

    def _expand_dims(self, node: Node) -> None:
        axes = self.whole(f"{node.name}#axes", [int(self.values(node.inputs[1]))])
        self._plain[node.name] = self.node("Unsqueeze", [self.plain(node.inputs[0]), axes], node.name)

    def _squeeze(self, node: Node) -> None:
        axes = self.whole(f"{node.name}#axes", node.attributes["squeeze_dims"])
        self._plain[node.name] = self.node("Squeeze", [self.plain(node.inputs[0]), axes], node.name)

    def _pack(self, node: Node) -> None:
        axis = node.attributes["axis"]
        axes = self.whole(f"{node.name}#axes", [axis])
        parts = [
            self.node("Unsqueeze", [self.plain(tensor), axes], f"{node.name}#{number}")
            for number, tensor in enumerate(node.inputs)
        ]
        self._plain[node.name] = self.node("Concat", parts, node.name, axis=axis)

    def _unpack(self, node: Node) -> None:
        source = self.plain(node.inputs[0])
        for number in range(node.attributes["num"]):
            index = self.whole(f"{node.name}#index{number}", number)
            tensor = _output(node, number)
            self._plain[tensor] = self.node("Gather", [source, index], tensor, axis=node.attributes["axis"])

    def _split(self, node: Node) -> None:
        outputs = [_output(node, number) for number in range(node.attributes["num_split"])]
        axis, source = int(self.values(node.inputs[0])), self.plain(node.inputs[1])
        self.nodes.append(helper.make_node("Split", [source], outputs, name=node.name, axis=axis))
        self._plain |= {output: output for output in outputs}

    def _concatenate(self, node: Node) -> None:
        *tensors, axis = node.inputs
        self._plain[node.name] = self.node(
            "Concat", [self.plain(t) for t in tensors], node.name, axis=int(self.values(axis))
        )

    def _strided_slice(self, node: Node) -> None:
        """A slice as `tensor[begin:end, None, 3]`: of each entry, bits say which of the three it is."""
        begin, end, strides = (self.values(tensor) for tensor in node.inputs[1:])
        masks = {key: node.attributes[f"{key}_mask"] for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
        if masks["ellipsis"]:
            raise ValueError(f"{node.name}: an ellipsis is not supported")
        cut: list[tuple[int, int, int, int]] = []  # axis, start, end, step
        dropped: list[int] = []
        added: list[int] = []
        source_axis = result_axis = 0
        for entry in range(len(begin)):
            bit = 1 << entry
            if masks["new_axis"] & bit:
                added.append(result_axis)
                result_axis += 1
                continue
            start = int(begin[entry])
            if masks["shrink_axis"] & bit:
                cut.append((source_axis, start, np.iinfo(np.int64).max if start == -1 else start + 1, 1))
                dropped.append(source_axis)
            else:
                first = 0 if masks["begin"] & bit else start
                last = np.iinfo(np.int64).max if masks["end"] & bit else int(end[entry])
                cut.append((source_axis, first, int(last), int(strides[entry])))
                result_axis += 1
            source_axis += 1
        if min(strides) < 1:
            raise ValueError(f"{node.name}: slices backwards are not supported")
        name = self.plain(node.inputs[0])
        if cut:
            axes, starts, ends, steps = (list(values) for values in zip(*cut, strict=True))
            options = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
            inputs = [self.whole(f"{node.name}_{key}", values) for key, values in options.items()]
            name = self.node("Slice", [name, *inputs], f"{node.name}#cut")
        if dropped:
            name = self.node("Squeeze", [name, self.whole(f"{node.name}#dropped", dropped)], f"{node.name}#squeezed")
        if added:
            name = self.node("Unsqueeze", [name, self.whole(f"{node.name}#added", added)], f"{node.name}#unsqueezed")
        self._plain[node.name] = name

    def _gather_nd(self, node: Node) -> None:
        self._plain[node.name] = self.node("GatherND", [self.plain(t) for t in node.inputs], node.name)

    def _arg_max(self, node: Node) -> None:
        self._plain[node.name] = self.node(
            "ArgMax", [self.plain(node.inputs[0])], node.name, axis=int(self.values(node.inputs[1])), keepdims=0
        )

    def _top_k(self, node: Node) -> None:
        count = self.whole(f"{node.name}#count", [int(self.values(node.inputs[1]))])
        outputs = [_output(node, 0), _output(node, 1)]
        self.nodes.append(helper.make_node("TopK", [self.plain(node.inputs[0]), count], outputs, name=node.name))
        self._plain |= {output: output for output in outputs}

    def _sum(self, node: Node) -> None:
        axes = self.whole(f"{node.name}#axes", self.values(node.inputs[1]).ravel().tolist())
        self._plain[node.name] = self.node(
            "ReduceSum", [self.plain(node.inputs[0]), axes], node.name, keepdims=int(node.attributes["keep_dims"])
        )

    def _max(self, node: Node) -> None:
        self._plain[node.name] = self.node(
            "ReduceMax",
            [self.plain(node.inputs[0])],
            node.name,
            axes=self.values(node.inputs[1]).ravel().tolist(),
            keepdims=int(node.attributes["keep_dims"]),
        )

    def _tile(self, node: Node) -> None:
        self._plain[node.name] = self.node("Tile", [self.plain(t) for t in node.inputs], node.name)

    def _fill(self, node: Node) -> None:
        sizes, value = (self.plain(tensor) for tensor in node.inputs)
        self._plain[node.name] = self.node("Expand", [value, sizes], node.name)

    def _range(self, node: Node) -> None:
        self._plain[node.name] = self.node("Range", [self.plain(t) for t in node.inputs], node.name)


def _output(node: Node, number: int) -> str:
    return f"{node.name}:{number}" if number else node.name


def _padding(node: Node) -> str:
    """ONNX's name; both put the odd pixel of SAME at the bottom and the right."""
    return {"SAME": "SAME_UPPER", "VALID": "VALID"}[node.attributes["padding"]]
