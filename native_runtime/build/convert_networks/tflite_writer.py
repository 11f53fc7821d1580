"""Writes the operators of a TensorFlow Lite graph as ONNX operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .graph_writer import TO_CHANNELS_FIRST, GraphWriter
from .tflite_reader import Graph, Operator


def convert(
    graph: Graph, name: str, input_name: str, output_names: Sequence[str], maps: Mapping[str, int] | None = None
) -> onnx.ModelProto:
    """Return the ONNX model that computes what `graph` computes, for any batch size.

    Inputs and outputs keep the order of dimensions that they have in TensorFlow Lite; the first one is the batch.

    `maps`: further outputs by their names: numbers of the graph's tensors that are computed on the way.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != len(output_names):
        raise ValueError(f"{name}: expected one input and {len(output_names)} outputs")
    writer = _Writer(graph, input_name)
    for operator in graph.operators:
        writer.add(operator)
    outputs = [*zip(output_names, graph.outputs, strict=True), *(maps or {}).items()]
    for output_name, tensor in outputs:
        writer.node("Identity", [writer.plain(tensor)], output_name)

    def value(value_name: str, tensor: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(value_name, TensorProto.FLOAT, ["batch", *graph.shapes[tensor][1:]])

    return writer.model(
        name,
        [value(input_name, graph.inputs[0])],
        [value(output_name, tensor) for output_name, tensor in outputs],
    )


class _Writer(GraphWriter[int]):
    """The growing ONNX graph."""

    def __init__(self, graph: Graph, input_name: str) -> None:
        super().__init__()
        self.graph = graph
        self._constants = dict(graph.constants)
        self._uses = Counter(t for operator in graph.operators for t in operator.inputs) + Counter(graph.outputs)
        self._plain = {graph.inputs[0]: input_name}
        self._folded_padding: dict[int, tuple[int, NDArray[np.int32]]] = {}
        self._handlers: dict[str, Callable[[Operator], None]] = {
            "ADD": self._add,
            "CONCATENATION": self._concatenation,
            "CONV_2D": self._convolution,
            "DENSIFY": self._decode,
            "DEPTHWISE_CONV_2D": self._convolution,
            "DEPTH_TO_SPACE": self._depth_to_space,
            "DEQUANTIZE": self._decode,
            "FULLY_CONNECTED": self._fully_connected,
            "LOGISTIC": self._logistic,
            "Landmarks2TransformMatrix": self._window_matrix,
            "MAX_POOL_2D": self._max_pool,
            "MEAN": self._mean,
            "MUL": self._multiply,
            "PAD": self._pad,
            "PRELU": self._prelu,
            "RELU": self._relu,
            "RESHAPE": self._reshape,
            "RESIZE_BILINEAR": self._resize,
            "STRIDED_SLICE": self._whole,
            "TransformLandmarks": self._move_points,
            "TransformTensorBilinear": self._window,
        }

    def add(self, operator: Operator) -> None:
        """Append what `operator` computes."""
        if operator.name not in self._handlers:
            raise ValueError(f"operator {operator.name} is not supported")
        self._handlers[operator.name](operator)

    # --- tensors -----------------------------------------------------------------------------------------------

    def values(self, tensor: int) -> NDArray[Any]:
        if tensor not in self._constants:
            raise ValueError(f"tensor {tensor} was expected to be a constant")
        return self._constants[tensor]

    def _activate(self, name: str, kind: int, tensor: int) -> None:
        """Bind `tensor` to the channels-first value `name` after its fused activation."""
        if kind == tflite.ActivationFunctionType.RELU:
            name = self.node("Relu", [name], f"t{tensor}_relu")
        elif kind == tflite.ActivationFunctionType.RELU6:
            name = self.clip(name, 0.0, 6.0, f"t{tensor}")
        elif kind != tflite.ActivationFunctionType.NONE:
            raise ValueError(f"fused activation {kind} is not supported")
        self._picture[tensor] = name

    # --- operators ---------------------------------------------------------------------------------------------

    def _decode(self, operator: Operator) -> None:
        # Half-precision and sparse constants were already read as dense arrays.
        self._constants[operator.outputs[0]] = self.values(operator.inputs[0])

    def _padding(self, tensor: int, kernel: Sequence[int], strides: Sequence[int], kind: int) -> tuple[int, list[int]]:
        """The tensor to read and the ONNX pads (top, left, bottom, right), with a preceding PAD operator folded in."""
        if tensor in self._folded_padding:
            source, amounts = self._folded_padding[tensor]
            if kind != tflite.Padding.VALID:
                raise ValueError("a padded tensor is padded again")
            return source, [int(amounts[1, 0]), int(amounts[2, 0]), int(amounts[1, 1]), int(amounts[2, 1])]
        if kind == tflite.Padding.VALID:
            return tensor, [0, 0, 0, 0]
        size = self.graph.shapes[tensor][1:3]
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, strides, strict=True)]
        # SAME puts the odd pixel at the bottom and the right.
        return tensor, [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]

    def _convolution(self, operator: Operator) -> None:
        tensor, weights_tensor, bias_tensor = operator.inputs
        output, options = operator.outputs[0], operator.options
        weights = self.values(weights_tensor)
        depthwise = operator.name == "DEPTHWISE_CONV_2D"
        kernel = weights.shape[1:3]
        # Ordinary weights are (out, h, w, in); depthwise ones (1, h, w, channels * multiplier).
        weights = weights.transpose(3, 0, 1, 2) if depthwise else weights.transpose(0, 3, 1, 2)
        strides = [options.StrideH(), options.StrideW()]
        if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
            raise ValueError("dilated convolutions are not supported")
        tensor, pads = self._padding(tensor, kernel, strides, options.Padding())
        name = self.node(
            "Conv",
            [
                self.picture(tensor),
                self.constant(f"w{output}", weights),
                self.constant(f"b{output}", self.values(bias_tensor)),
            ],
            f"t{output}",
            kernel_shape=list(kernel),
            strides=strides,
            pads=pads,
            group=self.graph.shapes[tensor][3] if depthwise else 1,
        )
        self._activate(name, options.FusedActivationFunction(), output)

    def _max_pool(self, operator: Operator) -> None:
        tensor, output, options = operator.inputs[0], operator.outputs[0], operator.options
        kernel = [options.FilterHeight(), options.FilterWidth()]
        strides = [options.StrideH(), options.StrideW()]
        tensor, pads = self._padding(tensor, kernel, strides, options.Padding())
        name = self.node(
            "MaxPool", [self.picture(tensor)], f"t{output}", kernel_shape=kernel, strides=strides, pads=pads
        )
        self._activate(name, options.FusedActivationFunction(), output)

    def _pad(self, operator: Operator) -> None:
        tensor, output = operator.inputs[0], operator.outputs[0]
        amounts = self.values(operator.inputs[1]).reshape(4, 2)
        consumers = [o for o in self.graph.operators if output in o.inputs]
        spatial_only = not amounts[[0, 3]].any()
        if spatial_only and all(o.name in ("CONV_2D", "DEPTHWISE_CONV_2D") for o in consumers):
            self._folded_padding[output] = (tensor, amounts)
            return
        pads = np.array([*amounts[list(TO_CHANNELS_FIRST), 0], *amounts[list(TO_CHANNELS_FIRST), 1]], dtype=np.int64)
        self._picture[output] = self.node(
            "Pad", [self.picture(tensor), self.constant(f"p{output}", pads)], f"t{output}"
        )

    def _add(self, operator: Operator) -> None:
        output = operator.outputs[0]
        name = self.node("Add", [self.picture(t) for t in operator.inputs], f"t{output}")
        self._activate(name, operator.options.FusedActivationFunction(), output)

    def _prelu(self, operator: Operator) -> None:
        tensor, slope_tensor = operator.inputs
        output = operator.outputs[0]
        slope = self.constant(f"s{output}", self.values(slope_tensor).transpose(2, 0, 1))
        self._picture[output] = self.node("PRelu", [self.picture(tensor), slope], f"t{output}")

    def _relu(self, operator: Operator) -> None:
        self._activate(self.picture(operator.inputs[0]), tflite.ActivationFunctionType.RELU, operator.outputs[0])

    def _resize(self, operator: Operator) -> None:
        tensor, output, options = operator.inputs[0], operator.outputs[0], operator.options
        if options.AlignCorners():
            mode = "align_corners"
        else:
            mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        source, target = self.graph.shapes[tensor], self.graph.shapes[output]
        scales = np.array([1.0, 1.0, target[1] / source[1], target[2] / source[2]], dtype=np.float32)
        self._picture[output] = self.node(
            "Resize",
            [self.picture(tensor), "", self.constant(f"z{output}", scales)],
            f"t{output}",
            mode="linear",
            coordinate_transformation_mode=mode,
        )

    def _depth_to_space(self, operator: Operator) -> None:
        output = operator.outputs[0]
        self._picture[output] = self.node(
            "DepthToSpace",
            [self.picture(operator.inputs[0])],
            f"t{output}",
            blocksize=operator.options.BlockSize(),
            mode="DCR",
        )

    def _reshape(self, operator: Operator) -> None:
        tensor, output = operator.inputs[0], operator.outputs[0]
        shape = np.array([0, *self.graph.shapes[output][1:]], dtype=np.int64)  # 0: the batch size of the input
        self._plain[output] = self.node(
            "Reshape", [self.plain(tensor), self.constant(f"r{output}", shape)], f"t{output}"
        )

    def _concatenation(self, operator: Operator) -> None:
        output = operator.outputs[0]
        if operator.options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise ValueError("concatenation with an activation is not supported")
        self._plain[output] = self.node(
            "Concat", [self.plain(t) for t in operator.inputs], f"t{output}", axis=operator.options.Axis()
        )

    def _logistic(self, operator: Operator) -> None:
        tensor, output = operator.inputs[0], operator.outputs[0]
        layout = self._plain if tensor in self._plain else self._picture
        layout[output] = self.node("Sigmoid", [layout[tensor]], f"t{output}")

    def _mean(self, operator: Operator) -> None:
        tensor, output = operator.inputs[0], operator.outputs[0]
        if sorted(self.values(operator.inputs[1]).tolist()) != [1, 2]:
            raise ValueError("only the mean over a picture is supported")
        if operator.options.KeepDims():
            self._picture[output] = self.node("GlobalAveragePool", [self.picture(tensor)], f"t{output}")
        else:
            pooled = self.node("GlobalAveragePool", [self.picture(tensor)], f"t{output}_pooled")
            self._plain[output] = self.node("Flatten", [pooled], f"t{output}")

    def _fully_connected(self, operator: Operator) -> None:
        tensor, weights_tensor, bias_tensor = operator.inputs
        output = operator.outputs[0]
        if operator.options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise ValueError("fully connected layers with an activation are not supported")
        self._plain[output] = self.node(
            "Gemm",
            [
                self.plain(tensor),
                self.constant(f"w{output}", self.values(weights_tensor)),
                self.constant(f"b{output}", self.values(bias_tensor)),
            ],
            f"t{output}",
            transB=1,
        )

    def _multiply(self, operator: Operator) -> None:
        tensor, factor = operator.inputs
        if operator.options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise ValueError("a product with an activation is not supported")
        output = operator.outputs[0]
        values = self.values(factor).astype(np.float32)
        self._plain[output] = self.node("Mul", [self.plain(tensor), self.constant(f"f{output}", values)], f"t{output}")

    def _whole(self, operator: Operator) -> None:
        tensor, output = operator.inputs[0], operator.outputs[0]
        begin, end, strides = (self.values(index) for index in operator.inputs[1:])
        if begin.any() or (strides != 1).any() or tuple(end) != self.graph.shapes[tensor]:
            raise ValueError("slices of a tensor are not supported")
        self._plain[output] = self.plain(tensor)

    # --- MediaPipe's own operators, as mediapipe/util/tflite/operations (version 2) defines them ----------------

    def _window_matrix(self, operator: Operator) -> None:
        """(batch, 4, 4) from pixels of a window around some landmarks, upright by two of them, to the picture's."""
        points, output, options = self.plain(operator.inputs[0]), operator.outputs[0], operator.options
        label = f"t{output}"
        if options["target_rotation_radians"] != 0:
            raise ValueError("windows that are not upright are not supported")

        def numbers(name: str, values: Any) -> str:
            return self.constant(f"{label}_{name}", np.asarray(values, np.float32))

        def whole(name: str, values: Any) -> str:
            return self.constant(f"{label}_{name}", np.asarray(values, np.int64))

        def of(kind: str, name: str, *inputs: str, **attributes: Any) -> str:
            return self.node(kind, inputs, f"{label}_{name}", **attributes)

        def part(of_what: str, name: str, index: int) -> str:
            """(batch, 1): one number of each (batch, 2)."""
            return of("Gather", name, of_what, whole(f"{name}_at", [index]), axis=1)

        flat = of("Gather", "xy", points, whole("xy_at", [0, 1]), axis=2)
        ends = [
            of("Gather", name, flat, whole(f"{name}_at", options[f"{name}_rotation_idx"]), axis=1)
            for name in ("left", "right")
        ]
        along = of("Sub", "along", ends[1], ends[0])
        length = of("ReduceL2", "length", along, axes=[1], keepdims=1)
        unit = of("Div", "unit", along, length)
        cos, sin = part(unit, "cos", 0), part(unit, "sin", 1)
        minus_sin = of("Neg", "minus_sin", sin)
        # The window's axes in the picture as rows: points @ axes^T are along the window.
        axes = of(
            "Reshape", "axes", of("Concat", "axes_flat", cos, sin, minus_sin, cos, axis=1), whole("two", [0, 2, 2])
        )
        turned_axes = of("Transpose", "axes_t", axes, perm=[0, 2, 1])
        subset = of("Gather", "subset", flat, whole("subset_at", options["subset_idxs"]), axis=1)
        along_window = of("MatMul", "turned", subset, turned_axes)
        high = of("ReduceMax", "high", along_window, axes=[1], keepdims=1)
        low = of("ReduceMin", "low", along_window, axes=[1], keepdims=1)
        middle = of("Mul", "middle", of("Add", "sum", high, low), numbers("half", 0.5))
        size = of("Sub", "size", high, low)
        pixels = np.array([options["output_width"], options["output_height"]], np.float32)
        steps = of("Mul", "steps", size, numbers("per_pixel", [options["scale_x"], options["scale_y"]] / pixels))
        # picture = (pixel - pixels / 2) * steps @ axes + middle @ axes
        corner = of("Sub", "corner", middle, of("Mul", "reach", steps, numbers("middle_pixel", pixels / 2)))
        shift = of("Transpose", "shift", of("MatMul", "corner_in", corner, axes), perm=[0, 2, 1])
        linear = of("Mul", "linear", turned_axes, steps)
        nothing = of("Mul", "nothing", shift, numbers("zero", 0.0))
        rows = of("Concat", "rows", linear, nothing, shift, axis=2)
        rest = of("Mul", "rest_zero", rows, numbers("zero_rest", 0.0))
        last = of("Add", "rest", rest, numbers("rest_values", [[[0, 0, 1, 0], [0, 0, 0, 1]]]))
        self._plain[output] = of("Concat", "matrix", rows, last, axis=1)

    def _affine(self, matrix: int, label: str) -> tuple[str, str]:
        """The linear part, transposed (batch, 2, 2), and the shift (batch, 1, 2) of a (batch, 4, 4) tensor."""
        first, name = self.constant(f"{label}_rows", np.array([0, 1])), self.plain(matrix)
        rows = self.node("Gather", [name, first], f"{label}_top", axis=1)
        turned = self.node("Transpose", [rows], f"{label}_columns", perm=[0, 2, 1])
        linear = self.node("Gather", [turned, first], f"{label}_linear", axis=1)
        last = self.constant(f"{label}_last", np.array([3]))
        return linear, self.node("Gather", [turned, last], f"{label}_shift", axis=1)

    def _move_points(self, operator: Operator) -> None:
        points, matrix = operator.inputs
        output = operator.outputs[0]
        if self.graph.shapes[points][-1] != 2:
            raise ValueError("only points in the picture can be moved")
        linear, shift = self._affine(matrix, f"t{output}")
        moved = self.node("MatMul", [self.plain(points), linear], f"t{output}_turned")
        self._plain[output] = self.node("Add", [moved, shift], f"t{output}")

    def _window(self, operator: Operator) -> None:
        """Bilinear samples; whatever lies outside the picture is zero, without a soft edge."""
        tensor, matrix = operator.inputs
        output, options = operator.outputs[0], operator.options
        label = f"t{output}"
        width, height = options["output_width"], options["output_height"]
        rows, columns = np.mgrid[:height, :width] + 0.5
        pixels = np.stack([columns, rows], axis=-1).reshape(1, -1, 2).astype(np.float32)
        linear, shift = self._affine(matrix, label)
        turned = self.node("MatMul", [self.constant(f"{label}_pixels", pixels), linear], f"{label}_turned")
        half = self.constant(f"{label}_half", np.array(0.5, np.float32))
        places = self.node("Sub", [self.node("Add", [turned, shift], f"{label}_edge"), half], f"{label}_places")
        limits = np.array(self.graph.shapes[tensor][2:0:-1], np.float32) - 1
        scale = self.constant(f"{label}_scale", 2 / limits)
        one = self.constant(f"{label}_one", np.array(1.0, np.float32))
        fractions = self.node("Sub", [self.node("Mul", [places, scale], f"{label}_doubled"), one], f"{label}_fractions")
        shape = self.constant(f"{label}_shape", np.array([0, height, width, 2]))
        grid = self.node("Reshape", [fractions, shape], f"{label}_grid")
        sampled = self.node(
            "GridSample", [self.picture(tensor), grid], f"{label}_sampled",
            mode="bilinear", padding_mode="zeros", align_corners=1,
        )  # fmt: skip
        off = self.node("ReduceMax", [self.node("Abs", [grid], f"{label}_abs")], f"{label}_off", axes=[3], keepdims=0)
        inside = self.node("LessOrEqual", [off, one], f"{label}_inside")
        mask = self.node("Cast", [inside], f"{label}_mask", to=TensorProto.FLOAT)
        flat = self.constant(f"{label}_axis", np.array([1]))
        self._picture[output] = self.node(
            "Mul", [sampled, self.node("Unsqueeze", [mask, flat], f"{label}_mask_map")], f"{label}"
        )
