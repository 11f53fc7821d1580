"""``mhr_model.pt`` without PyTorch: made-up files of the released structure, real TorchScript, and hostile files."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build.official import import_official
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.official import read_torchscript
from native_runtime.mhr.official.torch_archive import ArchiveError, TorchArchive
from tests.support.bodies import toy_body
from tests.support.official_release import torchscript_content as content
from tests.support.official_release import write_release
from tests.support.torch_archive import write_archive


@pytest.fixture(scope="module")
def toy() -> Body:
    return toy_body(45, 72)


def test_import_gives_the_same_body_as_the_release(toy: Body, tmp_path: Path) -> None:
    release = tmp_path / "release"
    write_release(release, [1])
    file = write_archive(tmp_path / "mhr_model.pt", content(toy, release))
    import_official(release, tmp_path / "a")
    made = import_official(file, tmp_path / "b")
    assert made.bodies == ("mhr-lod1",)
    one, other = (Body.load(tmp_path / m / "bodies" / "mhr-lod1.npz") for m in "ab")
    rng = np.random.default_rng(0)
    arguments = rng.uniform(-0.5, 0.5, 204), rng.normal(size=45), rng.normal(size=72)
    np.testing.assert_allclose(one.vertices(*arguments), other.vertices(*arguments), atol=2e-3)
    assert other.correctives is not None
    with pytest.raises(UsageError, match="level of detail 1 only"):
        import_official(file, tmp_path / "c", [3])


def test_without_correctives(toy: Body, tmp_path: Path) -> None:
    tensors = content(toy, tmp_path)
    del tensors["pose_correctives_model"]
    rig, correctives = read_torchscript(write_archive(tmp_path / "m.pt", tensors))
    assert correctives is None
    np.testing.assert_array_equal(rig.vertices, toy.rest_vertices)


def _set(tensors: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for key in parents:
        tensors = tensors[key]
    tensors[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("character_torch.skeleton.joint_parents", np.zeros(127, np.int32), "do not have MHR's hierarchy"),
        ("character_torch.skeleton.joint_prerotations", np.zeros((127, 3), np.float32), r"expected \(127, 4\)"),
        ("character_torch.parameter_transform.parameter_transform", np.zeros((889, 249), np.float32), "not MHR's"),
        ("character_torch.mesh.faces", np.full((5, 3), 9999, np.int32), "a face points outside"),
        ("character_torch.mesh.texcoord_faces", None, "no tensor character_torch.mesh.texcoord_faces"),
        ("character_torch.blend_shape.base_shape", np.full((1016, 3), np.nan, np.float32), "not finite"),
        ("character_torch.linear_blend_skinning.skin_weights_flattened", np.zeros(7, np.float32), "expected"),
        ("pose_correctives_model.pose_dirs_predictor.2.weight", np.zeros((30, 48), np.float32), r"\(3048, None\)"),
        ("face_expressions_model", 3, "no tensor face_expressions_model"),
    ],
)
def test_wrong_content_is_refused(toy: Body, tmp_path: Path, path: str, value: Any, message: str) -> None:
    tensors = content(toy, tmp_path)
    _set(tensors, path, value)
    with pytest.raises(ModelError, match=message):
        import_official(write_archive(tmp_path / "m.pt", tensors), tmp_path / "models")
    assert not (tmp_path / "models").exists()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("never"),))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_in_the_file_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("evil.pt", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"a": _Evil()}, protocol))
    with pytest.raises(ModelError, match="damaged or not"):
        read_torchscript(Path("evil.pt"))
    assert not Path("never").exists()


def test_tensors_that_reach_beyond_their_numbers_are_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pt", {"x": np.arange(12.0).reshape(3, 4)})
    with TorchArchive(path) as archive:
        np.testing.assert_array_equal(archive.tensor("x", shape=(3, 4)), np.arange(12.0).reshape(3, 4))
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["archive/data/0"] = parts["archive/data/0"][:-8]
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    with TorchArchive(path) as archive, pytest.raises(ArchiveError, match="larger than the numbers"):
        archive.tensor("x", shape=(3, 4))


def test_truncated_and_spoiled_files_are_refused(toy: Body, tmp_path: Path) -> None:
    path = write_archive(tmp_path / "m.pt", content(toy, tmp_path))
    data = path.read_bytes()
    for cut in np.linspace(0, len(data) - 1, 10).astype(int):
        path.write_bytes(data[:cut])
        with pytest.raises(ModelError, match=r"m\.pt is damaged"):
            read_torchscript(path)
    start = data.index(b"\x80\x02")
    rng = np.random.default_rng(4)
    for _ in range(30):
        spoiled = bytearray(data)
        for position in rng.integers(start, start + 2500, 3):
            spoiled[position] = rng.integers(256)
        path.write_bytes(spoiled)
        with pytest.raises(ModelError):  # at the latest the zip file's checksum notices
            read_torchscript(path)


def test_real_torchscript_reads_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Inner(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("numbers", torch.arange(24, dtype=torch.float32).reshape(2, 3, 4).transpose(0, 2))
            self.register_buffer("mask", torch.tensor([True, False]))
            self.sizes = [65, 56]

        def forward(self, x):
            return x + self.numbers.sum() + len(self.sizes)

    class Outer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(Inner(), torch.nn.ReLU(), torch.nn.Linear(4, 3, bias=False))
            self.nothing = None

        def forward(self, x):
            return self.layers(x)

    module = Outer()
    torch.jit.script(module).save(str(tmp_path / "m.pt"))
    with TorchArchive(tmp_path / "m.pt") as archive:
        numbers = archive.tensor("layers", "0", "numbers", shape=(4, 3, 2))
        np.testing.assert_array_equal(numbers, module.layers[0].numbers.numpy())
        weight = archive.tensor("layers", "2", "weight", shape=(3, 4))
        np.testing.assert_array_equal(weight, module.layers[2].weight.detach().numpy())
        np.testing.assert_array_equal(archive.tensor("layers", "0", "mask", shape=(2,)), [True, False])
