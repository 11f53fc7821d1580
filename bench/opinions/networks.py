"""The networks that look at people, those of the engine and others, and one look of each."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy.ndimage import gaussian_filter

from native_runtime.build.convert_networks import tensorflow_writer, tfjs_reader
from native_runtime.detection import pose
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import COCO_IN_BODY, COCO_POINTS
from native_runtime.detection.multipose import MIRRORED
from native_runtime.models import store
from native_runtime.onnx.sessions import Network, open_network

Array = NDArray[np.float64]
Look = tuple[Array, Array]
"""(17, 2) px and (17,) scores 0..1, COCO's points; not a number where the network does not know the point."""
Read = Callable[[Picture, Crop, bool], Look]
"""What a network sees in a window of a picture, which is mirrored or not."""

_IN_BODY = np.array(COCO_IN_BODY)
_TRUNK = [COCO_POINTS.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("shoulder", "hip")]
_MPII = {
    "right_shoulder": 2, "right_elbow": 3, "right_wrist": 4, "left_shoulder": 6, "left_elbow": 7, "left_wrist": 8,
    "right_hip": 10, "right_knee": 11, "right_ankle": 12, "left_hip": 13, "left_knee": 14, "left_ankle": 15,
}  # fmt: skip
"""Where EfficientPose's maps (MPII's sixteen joints) have COCO's joints."""
_MODELS = {"lightning": "movenet-lightning", "efficientpose": "efficientpose"}


class TransposedWriter(tensorflow_writer._Writer):
    """Writes EfficientPose's transposed convolutions, too; each enlarges by its stride (padding SAME)."""

    def __init__(self, graph: tfjs_reader.Graph, input_name: str) -> None:
        super().__init__(graph, input_name)
        self._handlers["Conv2DBackpropInput"] = self._transposed

    def _transposed(self, node: tfjs_reader.Node) -> None:
        _, weights, tensor = node.inputs
        values = self.values(weights)  # (h, w, out, in)
        kernel, strides = list(values.shape[:2]), node.attributes["strides"][1:3]
        cut = [side - stride for side, stride in zip(kernel, strides)]
        pads = [one // 2 for one in cut] + [one - one // 2 for one in cut]
        inputs = [self.picture(tensor), self.constant(f"{node.name}#w", values.transpose(3, 2, 0, 1))]
        self._picture[node.name] = self.node(
            "ConvTranspose", inputs, node.name, kernel_shape=kernel, strides=strides, pads=pads
        )


def converted(package: Path, name: str, folder: Path) -> Path:
    """A network of the package as ONNX: ``image`` to ``points`` or ``maps``."""
    with tarfile.open(package) as tar:
        for ending in ("json", "bin"):
            member = tar.extractfile(f"package/models/{_MODELS[name]}.{ending}")
            if member is None:
                raise SystemExit(f"{package} holds no {_MODELS[name]}.")
            (folder / f"{name}.{ending}").write_bytes(member.read())
    graph = tfjs_reader.read(folder / f"{name}.json", folder / f"{name}.bin")
    path = folder / f"{name}.onnx"
    if name == "lightning":
        onnx.save(tensorflow_writer.convert(graph, name, "image", "points", 32), path)
        return path
    writer, needed = TransposedWriter(graph, "image"), {graph.output}
    for node in reversed(graph.nodes):  # the sizes of what is enlarged are known, and nobody computes them
        if node.name in needed:
            needed |= set(node.inputs[1:] if node.kind == "Conv2DBackpropInput" else node.inputs)
    for node in (node for node in graph.nodes if node.name in needed):
        writer.add(node)
    writer.node("Identity", [writer.plain(graph.output)], "maps")
    given, made = (
        [name, TensorProto.FLOAT, shape]
        for name, shape in (("image", graph.input_shape), ("maps", [1, None, None, 16]))
    )
    model = writer.model(name, [helper.make_tensor_value_info(*given)], [helper.make_tensor_value_info(*made)])
    onnx.save(model, path)
    return path


def _window(picture: Picture, crop: Crop, side: int, mirrored: bool) -> NDArray[np.float32]:
    """(1, side, side, 3) 0..255, black beyond the picture."""
    window = picture.sample(crop, side, cv2.BORDER_CONSTANT).astype(np.float32)
    return np.ascontiguousarray(window[:, ::-1] if mirrored else window)[None]


def placed(crop: Crop, fractions: Array, scores: Array, mirrored: bool) -> Look:
    """A look from points (17, 2) in fractions of a window, which the network saw mirrored or not."""
    if mirrored:
        fractions, scores = (fractions * (-1.0, 1.0) + (1.0, 0.0))[MIRRORED], scores[MIRRORED]
    return crop.from_fractions(fractions), scores


def _blazepose(network: Network) -> Read:
    def read(picture: Picture, crop: Crop, mirrored: bool) -> Look:
        seen = pose.read_pose(network, picture, crop, mirrored)
        return seen.points[_IN_BODY], seen.visibility[_IN_BODY]

    return read


def _movenet(network: Network, side: int) -> Read:
    def read(picture: Picture, crop: Crop, mirrored: bool) -> Look:
        found = network.run(image=_window(picture, crop, side, mirrored))["points"][0, 0].astype(float)
        return placed(crop, found[:, 1::-1], found[:, 2], mirrored)

    return read


def _multipose(network: Network) -> Read:
    """Whoever's trunk is nearest to the middle of the window; doubtful people count as farther away."""

    def read(picture: Picture, crop: Crop, mirrored: bool) -> Look:
        people = network.run(image=_window(picture, crop, 256, mirrored))["people"][0].astype(float)
        points = people[:, :51].reshape(-1, 17, 3)
        away = np.linalg.norm(points[:, _TRUNK, 1::-1].mean(axis=1) - 0.5, axis=1) - 0.2 * people[:, 55]
        best = points[int(np.argmin(away))]
        return placed(crop, best[:, 1::-1], best[:, 2], mirrored)

    return read


def _efficientpose(network: Network) -> Read:
    """The middle of each map's peak. Pixels are from -1 to 1 (the authors' preprocessing of the Lite models)."""

    def read(picture: Picture, crop: Crop, mirrored: bool) -> Look:
        maps = network.run(image=_window(picture, crop, 368, mirrored) / 127.5 - 1.0)["maps"][0]
        points, scores = np.full((17, 2), np.nan), np.zeros(17)
        for name, column in _MPII.items():
            smooth, row = gaussian_filter(maps[..., column], 1.0), COCO_POINTS.index(name)
            y, x = np.unravel_index(int(smooth.argmax()), smooth.shape)
            top, left = max(int(y) - 6, 0), max(int(x) - 6, 0)
            peak = np.maximum(smooth[top : y + 7, left : x + 7] - smooth[y, x] / 2, 0.0) + 1e-9
            rows, columns = np.mgrid[top : top + peak.shape[0], left : left + peak.shape[1]]
            middle = np.array([(peak * columns).sum(), (peak * rows).sum()]) / peak.sum()
            points[row], scores[row] = (middle + 0.5) / smooth.shape[0], smooth[y, x]
        return placed(crop, points, scores, mirrored)

    return read


def readers(package: Path | None) -> dict[str, Read]:
    """What looks at people, by name."""
    own = {
        name: open_network(store.network_path(name))
        for name in ("pose_landmark", "movenet_thunder", "movenet_multipose")
    }
    found = {
        "BlazePose": _blazepose(own["pose_landmark"]),
        "Thunder": _movenet(own["movenet_thunder"], 256),
        "MultiPose": _multipose(own["movenet_multipose"]),
    }
    if package is not None:
        with tempfile.TemporaryDirectory() as work:
            paths = {name: converted(package, name, Path(work)) for name in _MODELS}
            found["Lightning"] = _movenet(open_network(paths["lightning"]), 192)
            found["EfficientPose"] = _efficientpose(open_network(paths["efficientpose"]))
    return found
