"""Tensors out of checkpoints of every form, to the bit; and files that are damaged, hostile or something else."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build.sam3d_body import safetensors
from native_runtime.build.sam3d_body.checkpoint import open_checkpoint
from native_runtime.errors import ModelError
from tests.support.checkpoints import (
    BFloat16,
    Parameter,
    Raw,
    StateDict,
    View,
    safetensors_bytes,
    write_safetensors,
    write_shards,
    write_torch,
)

RNG = np.random.default_rng(0)
PLAIN: dict[str, Any] = {
    "double": RNG.normal(size=3),
    "single": RNG.normal(size=(4, 5)).astype(np.float32),
    "half": RNG.normal(size=(2, 3)).astype(np.float16),
    "brain": BFloat16(RNG.normal(size=(6, 2)).astype(np.float32)),
    "long": RNG.integers(-(2**40), 2**40, (3, 2)),
    "int": np.array([-5, 7], np.int32),
    "short": np.array([-300], np.int16),
    "char": np.array([-3], np.int8),
    "byte": np.array([200], np.uint8),
    "flag": np.array([True, False]),
    "scalar": np.array(2.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
}


def values(stored: Any) -> np.ndarray:
    array = stored.values if isinstance(stored, BFloat16 | View) else stored
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int64)


def check(path: Path, expected: dict[str, Any], prefix: str = "") -> None:
    with open_checkpoint(path) as checkpoint:
        assert sorted(checkpoint.names()) == sorted(prefix + name for name in expected)
        for name, stored in expected.items():
            array = checkpoint.read(prefix + name)
            assert array.dtype in (np.float32, np.int64)
            assert checkpoint.shape(prefix + name) == array.shape
            np.testing.assert_array_equal(array, values(stored), strict=True)


@pytest.mark.parametrize("form", ["torch", "nested", "safetensors", "shards"])
def test_every_type_comes_out_as_it_was_stored(form: str, tmp_path: Path) -> None:
    if form == "torch":
        check(write_torch(tmp_path / "model.ckpt", PLAIN), PLAIN)
    elif form == "nested":
        others = {"epoch": 3, "loss": 0.5, "name": "x", "steps": [1, 2], "big": 2**60, "none": None, "yes": True}
        check(write_torch(tmp_path / "m.ckpt", {"state_dict": StateDict(PLAIN), **others}), PLAIN, "state_dict.")
    elif form == "safetensors":
        check(write_safetensors(tmp_path / "m.safetensors", PLAIN), PLAIN)
    else:
        check(write_shards(tmp_path, PLAIN), PLAIN)


def test_every_bfloat16_is_exact(tmp_path: Path) -> None:
    bits = np.arange(1 << 16, dtype=np.uint16)
    bits = bits[(bits & 0x7F80) != 0x7F80]  # all that are finite
    every = BFloat16(np.zeros(len(bits)))
    every.bits = bits
    for path in (
        write_torch(tmp_path / "a.ckpt", {"x": every}),
        write_safetensors(tmp_path / "a.safetensors", {"x": every}),
    ):
        with open_checkpoint(path) as checkpoint:
            array = checkpoint.read("x")
            assert checkpoint.kind("x") == "bfloat16"
        # independently of bit shifts: sign, exponent and fraction by arithmetic
        sign = np.where(bits >> 15, -1.0, 1.0)
        exponent, fraction = (bits >> 7 & 0xFF).astype(int), (bits & 0x7F) / 128
        number = np.where(exponent == 0, np.ldexp(fraction, -126), np.ldexp(1 + fraction, exponent - 127))
        np.testing.assert_array_equal(array, sign * number)


def test_parameters_views_and_shared_storages(tmp_path: Path) -> None:
    base = np.arange(100, dtype=np.float32)
    content = {
        "parameter": Parameter(base),
        "part": View(base, 10, (4, 5), (5, 1)),
        "turned": View(base, 10, (5, 4), (1, 5)),
        "sparse": View(base, 3, (10,), (9,)),
        "repeated": View(base, 7, (3, 2), (0, 1)),
        "last": View(base, 99, (), ()),
    }
    path = write_torch(tmp_path / "m.ckpt", content)
    with zipfile.ZipFile(path) as file:
        assert sum("/data/" in name for name in file.namelist()) == 1
    check(path, content | {"parameter": base})


@pytest.mark.parametrize("protocol", [2, 4])
def test_real_torch_files_read_the_same(protocol: int, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(5, 3)
    numbers = torch.arange(30, dtype=torch.float32).reshape(5, 6)
    content = {
        "state_dict": layer.state_dict(),
        "weight": layer.weight,
        "turned": numbers.t(),
        "every_second": numbers[::2, 1:4],
        "expanded": numbers[:, :1].expand(5, 7),
        "brain": torch.randn(7, 3).to(torch.bfloat16),
        "half": torch.randn(3).half(),
        "count": torch.tensor(3),
        "epoch": 2,
        "size": numbers.shape,
        "device": torch.device("cpu"),
        "kind": torch.float16,
    }
    torch.save(content, tmp_path / "m.ckpt", pickle_protocol=protocol)
    expected = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    expected |= {f"state_dict.{name}": value for name, value in layer.state_dict().items()}
    with open_checkpoint(tmp_path / "m.ckpt") as checkpoint:
        assert sorted(checkpoint.names()) == sorted(expected)
        for name, tensor in expected.items():
            plain = tensor.detach().to(torch.float32 if tensor.is_floating_point() else torch.int64).numpy()
            np.testing.assert_array_equal(checkpoint.read(name), plain, strict=True)


def test_a_large_shared_storage_is_not_read_again_for_every_tensor(tmp_path: Path) -> None:
    """All tensors of some repacks lie in one storage: reading one must not cost reading all."""
    base = np.arange(4 << 20, dtype=np.float32)
    step = 1 << 14
    content = {f"t{i}": View(base, i * step, (step,), (1,)) for i in range(256)}
    path = write_torch(tmp_path / "m.ckpt", content)
    with open_checkpoint(path) as checkpoint:
        checkpoint.read("t0")
        spy: list[int] = []
        opened = checkpoint._archive._file  # type: ignore[attr-defined]
        read = opened.read

        class File:
            seek = staticmethod(opened.seek)
            close = staticmethod(opened.close)

            @staticmethod
            def read(size: int) -> bytes:
                spy.append(size)
                return read(size)

        checkpoint._archive._file = File  # type: ignore[attr-defined]
        assert checkpoint.read("t200")[0] == 200 * step
    assert sum(spy) < step * 4 + 100


# --- what is not a checkpoint ---


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch never",))


def _evil(name: str, protocol: int) -> bytes:
    return pickle.dumps({name: _Evil()}, protocol)


def _called(module: str, name: str) -> Raw:
    return Raw(f"c{module}\n{name}\n".encode() + b"(X\x0b\x00\x00\x00touch nevertR")


_FOREIGN = "no checkpoint of this model: .*refused.*made to do harm"
_UNREADABLE = "damaged or not a checkpoint.*(refused|no data)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"x": _called("os", "system")}, _FOREIGN),
        ({"x": _called("builtins", "eval")}, _FOREIGN),
        ({"x": _called("torch.jit._pickle", "build_intlist")}, _UNREADABLE),  # the other dialect's
        ({"x": _called("torch._utils", "_rebuild_tensor_v3")}, _UNREADABLE),
        ({"x": [{"y": _called("posix", "system")}]}, _FOREIGN),
        ({"x": Raw(b"c__torch__.Module\nModule\n)\x81")}, _UNREADABLE),
        ({"x": Raw(b"cnumpy.core.multiarray\n_reconstruct\n(tR")}, _FOREIGN),
    ],
)
def test_nothing_in_a_pickle_is_called(
    content: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_torch(tmp_path / "m.ckpt", {"good": np.ones(3, np.float32), **content})
    with pytest.raises(ModelError, match=rf"m\.ckpt is {said}"):
        open_checkpoint(path)
    assert not Path("never").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_in_a_real_pickle_is_called(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("m.ckpt", "w") as file:
        file.writestr("archive/data.pkl", _evil("x", protocol))
    Path("bare.ckpt").write_bytes(_evil("x", protocol))
    for name in ("m.ckpt", "bare.ckpt"):
        with pytest.raises(ModelError):
            open_checkpoint(Path(name))
    assert not Path("never").exists()


def _tensor_instructions(
    key: str, offset: int, shape: list[int], strides: list[int], kind: str = "FloatStorage"
) -> Raw:
    def number(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    storage = b"(X\x07\x00\x00\x00storage" + f"ctorch\n{kind}\n".encode()
    storage += b"X" + struct.pack("<I", len(key)) + key.encode() + b"X\x03\x00\x00\x00cpu" + number(12) + b"tQ"
    numbers = b"(" + b"".join(map(number, shape)) + b"t(" + b"".join(map(number, strides)) + b"t"
    return Raw(b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + numbers + b"tR")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (_tensor_instructions("0", 0, [13], [1]), "larger than the numbers stored"),
        (_tensor_instructions("0", 8, [5], [1]), "larger than the numbers stored"),
        (_tensor_instructions("0", 0, [3, 3], [5, 1]), "larger than the numbers stored"),
        (_tensor_instructions("0", -1, [3], [1]), "impossible shape"),
        (_tensor_instructions("0", 0, [-3], [1]), "impossible shape"),
        (_tensor_instructions("0", 0, [3], [-1]), "impossible shape"),
        (_tensor_instructions("0", 0, [3, 3], [1]), "impossible shape"),
        (_tensor_instructions("0", 0, [1 << 39, 1 << 39], [0, 0]), "claims"),
        (_tensor_instructions("0", 0, [1 << 39], [1 << 39]), "claims"),
        (_tensor_instructions("9", 0, [3], [1]), "numbers of x are missing"),
        (_tensor_instructions("../../0", 0, [3], [1]), "unexpected way"),
        (_tensor_instructions("/etc/passwd", 0, [3], [1]), "unexpected way"),
        (_tensor_instructions("0", 0, [3], [1], "ComplexFloatStorage"), "unsupported kind 'ComplexFloatStorage'"),
    ],
)
def test_tensors_that_cannot_be(tensor: Raw, message: str, tmp_path: Path) -> None:
    path = write_torch(tmp_path / "m.ckpt", {"good": np.arange(12, dtype=np.float32), "x": tensor})
    with pytest.raises(ModelError, match=message), open_checkpoint(path) as checkpoint:
        checkpoint.read("x")


def _rewrite(path: Path, change: Callable[[dict[str, bytes]], object], **options: Any) -> Path:
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return path


def _read_all(path: Path) -> None:
    with open_checkpoint(path) as checkpoint:
        for name in checkpoint.names():
            checkpoint.read(name)


def test_archives_that_are_not_what_torch_writes(tmp_path: Path) -> None:
    def write(**options: Any) -> Path:
        return write_torch(tmp_path / "m.ckpt", {"x": np.zeros(1 << 20, np.float32)}, **options)

    with pytest.raises(ModelError, match="big-endian"):
        _read_all(write(byteorder="big"))
    with pytest.raises(ModelError, match="compressed, which PyTorch does not"):
        _read_all(_rewrite(write(), lambda parts: None, compression=zipfile.ZIP_DEFLATED))
    huge = {"archive/data.pkl": bytes(64 << 20)}
    bomb = _rewrite(write(), lambda parts: parts.update(huge), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="claims 64 MB"):
        _read_all(bomb)
    with pytest.raises(ModelError, match=r"not a torch\.save archive"):
        _read_all(_rewrite(write(), lambda parts: parts.pop("archive/data.pkl")))
    path = write()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/data/0", b"other numbers")
    with pytest.raises(ModelError, match="holds a record twice"):
        _read_all(path)
    data = bytearray(write().read_bytes())
    data[data.index(bytes(1 << 21)) + 5] = 1  # one bit of the numbers
    path.write_bytes(data)
    with pytest.raises(ModelError, match="CRC"):
        _read_all(path)


def test_records_inside_other_records_are_refused(tmp_path: Path) -> None:
    """A small file could otherwise keep a reader busy for ever."""
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a/data/1", bytes(20_000))
    path = tmp_path / "m.ckpt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", b"\x80\x02}.")
        file.writestr("a/data/0", inner.read_bytes())
        with zipfile.ZipFile(inner) as other:
            (info,) = other.infolist()
        info.header_offset = file.filelist[1].header_offset + 30 + len("a/data/0")
        file.filelist.append(info)
        file.NameToInfo[info.filename] = info
    with zipfile.ZipFile(path) as file:
        assert "a/data/1" in file.namelist()
    with pytest.raises(ModelError, match="overlap"):
        open_checkpoint(path)


def test_files_of_the_safetensors_library_read_the_same(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    arrays = {name: array for name, array in PLAIN.items() if isinstance(array, np.ndarray)}
    library.save_file(arrays, tmp_path / "m.safetensors", metadata={"format": "pt"})
    check(tmp_path / "m.safetensors", arrays)


def _dictionaries() -> bytes:
    """Each holds the last one ten times: 10^39 in all."""
    made = b"}q\x00"
    for level in range(1, 40):
        again = b"".join(b"X\x01\x00\x00\x00" + str(i).encode() + b"h" + bytes([level - 1]) for i in range(1, 10))
        made = b"}(X\x01\x00\x00\x000" + made + again + b"uq" + bytes([level])
    return made


def _tuples() -> bytes:
    """Each holds the last one twice: comparing, hashing or printing the last takes for ever."""
    return (
        b"()q\x00"
        + b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(60))
        + b"t"
    )


@pytest.mark.parametrize(
    "instructions",
    [
        _dictionaries(),
        b"}" + _tuples() + b"Ns",
        b"}(" + _tuples() + b"N" + _tuples() + b"Nu",
        b"(X\x07\x00\x00\x00storage" + _tuples() + b"X\x01\x00\x00\x000NNtQ",
        b"(" + _tuples() * 5 + b"tQ",
        _tuples() + _tuples() + b"\x93",
        _tuples() + b")R",
        b"ccollections\nOrderedDict\n" + _tuples() + b"R",
        b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuples() + b"R",
    ],
)  # fmt: skip
def test_hostile_descriptions_end_soon(instructions: bytes, tmp_path: Path) -> None:
    path = write_torch(tmp_path / "m.ckpt", {"x": Raw(instructions)})
    with pytest.raises(ModelError, match="damaged"):
        open_checkpoint(path)


def test_names_twice(tmp_path: Path) -> None:
    name = b"X\x01\x00\x00\x00x"
    with pytest.raises(ModelError, match="'x' twice"):
        open_checkpoint(write_torch(tmp_path / "m.ckpt", {"y": Raw(b"}(" + name + b"N" + name + b"Nu")}))
    both = {"a.b": np.ones(1, np.float32), "a": {"b": np.zeros(1, np.float32)}}
    with pytest.raises(ModelError, match=r"a\.b twice"):
        open_checkpoint(write_torch(tmp_path / "m.ckpt", both))


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_truncated_files_are_refused(form: str, tmp_path: Path) -> None:
    write = write_torch if form == "torch" else write_safetensors
    path = write(tmp_path / "model.ckpt", PLAIN)
    data = path.read_bytes()
    for cut in np.linspace(0, len(data) - 1, 25).astype(int):
        path.write_bytes(data[:cut])
        with pytest.raises(ModelError, match=r"model\.ckpt is (damaged|neither|empty)"):
            _read_all(path)


@pytest.mark.parametrize("form", ["torch", "safetensors"])
def test_spoiled_files_never_surprise(form: str, tmp_path: Path) -> None:
    write = write_torch if form == "torch" else write_safetensors
    path = write(tmp_path / "model.ckpt", PLAIN)
    data = path.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        spoiled = bytearray(data)
        for position in rng.integers(0, len(data), 3 if form == "torch" else 8):
            spoiled[position] = rng.integers(256)
        path.write_bytes(spoiled)
        try:
            _read_all(path)
        except ModelError:
            refused += 1
    assert refused > 75


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    for stored in (np.array([1, value], np.float32), np.array([value], np.float16), BFloat16(np.array([value]))):
        for path in (
            write_torch(tmp_path / "a.ckpt", {"some.name": stored}),
            write_safetensors(tmp_path / "a.safetensors", {"some.name": stored}),
        ):
            with pytest.raises(ModelError, match=r"some\.name holds values that are not finite"):
                _read_all(path)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "is empty"),
        (b"\x00" * 500, "neither a PyTorch checkpoint nor"),
        (b"<!DOCTYPE html><html>" + b" " * 500, "a web page or a message"),
        (b'{"error": "Access to model facebook/sam-3d-body-dinov3 is restricted"}', "a web page or a message"),
        (b"Access to model facebook/sam-3d-body-dinov3 is restricted.", "a web page or a message"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "only a pointer"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "old format"),
        (pickle.dumps({"x": 1}, 2), "old format"),
    ],
)
def test_other_files_are_told_apart(start: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_bytes(start)
    with pytest.raises(ModelError, match=message):
        open_checkpoint(path)


# --- safetensors ---

ONE = {"x": np.zeros(4, np.float32), "y": np.ones(4, np.float32)}


def _entry(**changes: Any) -> dict[str, Any]:
    return {"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (_entry(shape=[5]), "x is not as large as its shape says"),
        (_entry(shape=[2, 3]), "x is not as large"),
        (_entry(shape=[-4]), "is invalid"),
        (_entry(shape=[1.0]), "is invalid"),
        (_entry(shape=[True]), "is invalid"),
        (_entry(shape=4), "is invalid"),
        (_entry(shape=[1 << 60]), "is invalid"),
        (_entry(shape=[1 << 40] * 3), "x is not as large"),
        (_entry(data_offsets=[16, 0]), "x is not as large"),
        (_entry(data_offsets=[0]), "is invalid"),
        (_entry(data_offsets=[-16, 0]), "is invalid"),
        (_entry(data_offsets=[8, 24]), "overlaps another tensor|follows a gap"),
        (_entry(data_offsets=[16, 32]), "follows a gap"),
        (_entry(data_offsets=[32, 48]), "follows a gap"),
        (_entry(dtype="F8_E4M3"), r"m\.safetensors holds weights in eight bits or fewer \(F8_E4M3"),
        (_entry(dtype="C64"), "unsupported kind 'C64'"),
        (_entry(dtype=["F32"]), "damaged"),
        ({"x": 3}, "does not describe x"),
        ({"z": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "overlaps another tensor"),
        ({"z": {"dtype": "F32", "shape": [4], "data_offsets": [32, 48]}}, "is truncated"),
    ],
)
def test_safetensors_headers_that_lie(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors_bytes(ONE, **changes))
    with pytest.raises(ModelError, match=message):
        open_checkpoint(path)


def test_other_safetensors_that_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    good = safetensors_bytes(ONE)

    def refuse(data: bytes, message: str) -> None:
        path.write_bytes(data)
        with pytest.raises(ModelError, match=message):
            open_checkpoint(path)

    refuse(good + b"more", "data after its tensors")
    text = (
        b'{"x": {"dtype":"F32","shape":[0],"data_offsets":[0,0]},"x": {"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    )
    refuse(struct.pack("<Q", len(text)) + text, "lists something twice")
    refuse(struct.pack("<Q", 9) + b"{" * 9, "cannot be read")
    refuse(struct.pack("<Q", 50_000) + b'{"a":' * 10_000, "cannot be read")
    refuse(struct.pack("<Q", 4) + b"{\xff\xfe}", "cannot be read")
    monkeypatch.setattr(safetensors, "_MAX_HEADER", 10)
    refuse(good, "its header claims")


def test_indices_that_lie(tmp_path: Path) -> None:
    index = write_shards(tmp_path, PLAIN)
    content = json.loads(index.read_text())

    def refuse(message: str, **homes: Any) -> None:
        index.write_text(json.dumps({"weight_map": content["weight_map"] | homes}))
        with pytest.raises(ModelError, match=message):
            open_checkpoint(index)

    for place in ("../m.safetensors", "/etc/m.safetensors", "a\\b.safetensors", "c:m.safetensors", "passwd", 3):
        refuse("it names the file", single=place)
    refuse("is missing beside it", single="other.safetensors")
    refuse("does not expect the tensor", single="model-00001-of-00003.safetensors")
    refuse("is not in model-00001", another="model-00001-of-00003.safetensors")
    for text in ("", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "b.safetensors", "a": "c.safetensors"}}'):
        index.write_text(text)
        with pytest.raises(ModelError, match="damaged"):
            open_checkpoint(index)
