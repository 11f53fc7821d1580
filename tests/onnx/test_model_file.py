"""ONNX files whose weights lie beside them, honest and hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.onnx.model_file import weights_size
from native_runtime.onnx.sessions import open_network
from tests.support.onnx_files import external, external_tensor, field, model, node, scaled, value_info


def test_weights_beside_the_network_are_used_and_counted(tmp_path: Path) -> None:
    path = external(tmp_path / "net.onnx", "net.weights", offset=64)
    (tmp_path / "net.weights").write_bytes(bytes(64) + np.array([1, 2, 3, 4], "<f4").tobytes())
    assert weights_size(path) == path.stat().st_size + 80
    network = open_network(path, ["cpu"])
    assert network.size == weights_size(path)
    np.testing.assert_array_equal(network.run(x=np.ones((2, 4), np.float32))["y"], [[1, 2, 3, 4]] * 2)


def test_weights_within_the_network_are_counted_once(tmp_path: Path) -> None:
    path = scaled(tmp_path / "net.onnx", 2.0)
    assert weights_size(path) == path.stat().st_size


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "a/../../secret",
        "/etc/hostname",
        "C:\\secret",
        "\\\\host\\share",
        "..\\secret",
        "",
        "a\0b",
        "sub/../../x",
    ],
)
def test_weights_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    with pytest.raises(ModelError, match="not in its folder"):
        open_network(external(folder / "net.onnx", location), ["cpu"])


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    (folder / "net.weights").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="leads out of its folder"):
        open_network(external(folder / "net.onnx", "net.weights"), ["cpu"])


def test_missing_and_truncated_weights_are_told_of(tmp_path: Path) -> None:
    path = external(tmp_path / "net.onnx", "net.weights", offset=1000)
    with pytest.raises(ModelError, match=r"'net\.weights' are missing"):
        open_network(path, ["cpu"])
    (tmp_path / "net.weights").write_bytes(bytes(1015))
    with pytest.raises(ModelError, match="1015 of at least 1016 bytes"):
        open_network(path, ["cpu"])


def _hidden(place: str, bad: bytes) -> bytes:
    """A model with a tensor `bad` where few would look."""
    x, y = [value_info("x", [4])], [value_info("y", [4])]
    if place == "constant":
        return model([node("Constant", [], ["y"], field(5, field(1, "value") + field(5, bad)))], x, y)
    if place == "list":
        return model([node("Any", ["x"], ["y"], field(5, field(1, "all") + field(10, bad)))], x, y)
    if place == "sparse":
        return model([], x, y) + field(7, field(15, field(1, bad)))
    if place == "branch":
        branch = field(6, field(5, bad))
        return model([node("If", ["x"], ["y"], field(5, field(1, "then_branch") + branch))], x, y)
    if place == "function":
        return model([], x, y) + field(25, field(7, node("Constant", [], ["y"], field(5, field(5, bad)))))
    assert place == "second graph"
    return model([], x, y) + field(7, field(5, bad))


@pytest.mark.parametrize("place", ["constant", "list", "sparse", "branch", "function", "second graph"])
def test_no_place_for_a_tensor_is_overlooked(tmp_path: Path, place: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(_hidden(place, external_tensor("w", [4], "../secret")))
    with pytest.raises(ModelError, match="not in its folder"):
        weights_size(path)


def test_deep_nesting_is_no_danger(tmp_path: Path) -> None:
    graph = field(5, external_tensor("w", [4], "../secret"))
    for _ in range(3000):
        graph = field(1, node("If", [], [], field(5, field(6, graph))))
    path = tmp_path / "net.onnx"
    path.write_bytes(field(7, graph))
    with pytest.raises(ModelError, match="not in its folder"):
        weights_size(path)


@pytest.mark.parametrize("kind", ["empty", "text", "zeros", "ones", "no graph", "missing"])
def test_what_is_no_network_is_told_plainly(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.onnx"
    data = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "no graph": field(1, 8) + field(8, field(2, 17)),
    }
    if kind in data:
        path.write_bytes(data[kind])
    with pytest.raises(ModelError, match=r"cannot be (used|read)"):
        open_network(path, ["cpu"])


def test_every_truncation_of_a_network_is_a_model_error(tmp_path: Path) -> None:
    whole = scaled(tmp_path / "net.onnx", 3.0).read_bytes()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            open_network(path, ["cpu"])
