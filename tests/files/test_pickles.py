"""What a pickle of annotations may hold, and that nothing of it is run."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.errors import FileError
from native_runtime.files.pickles import read_pickle

_CONTENT = {
    "points": np.arange(24.0).reshape(2, 4, 3),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "big": np.arange(4, dtype=">f4"),
    "flags": np.array([True, False]),
    "names": np.array(["a", "bc"]),
    "ragged": np.array([np.zeros(2), np.ones(3)], dtype=object),
    "people": [{"gender": "m", "age": 30, "height": np.float32(1.8)}, (1, None, {2.5}, b"\xff\x00")],
    "ordered": OrderedDict(a=np.zeros(0)),
}


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_plain_values_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(_CONTENT, protocol))
    content = read_pickle(path)
    for name in ("points", "columns", "big", "flags", "names"):
        assert np.array_equal(content[name], _CONTENT[name])
        assert content[name].dtype == _CONTENT[name].dtype
    assert [part.tolist() for part in content["ragged"]] == [[0.0, 0.0], [1.0, 1.0, 1.0]]
    first, second = content["people"]
    assert (first["gender"], first["age"], float(first["height"])) == ("m", 30, pytest.approx(1.8))
    assert second == (1, None, {2.5}, b"\xff\x00")
    assert content["ordered"]["a"].shape == (0,)


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    """Whose strings hold both texts and the bytes of arrays."""
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01K\x02\x85" + dtype + b"\x89U\x10" + np.array([1.5, -2.0], "<f8").tobytes() + b"tb"
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02}U\x04pose" + array + state + b"s.")
    assert read_pickle(path)["pose"].tolist() == [1.5, -2.0]


class _Runs:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._what = function, arguments

    def __reduce__(self) -> Any:
        return self._what


@pytest.mark.parametrize("function", [os.mkdir, eval, getattr, np.load, print, type, object.__reduce_ex__])
def test_nothing_else_is_named_or_run(tmp_path: Path, function: Any) -> None:
    path, made = tmp_path / "a.pkl", tmp_path / "made"
    argument = f"__import__('os').mkdir({str(made)!r})" if function is eval else str(made)
    path.write_bytes(pickle.dumps({"poses": [_Runs(function, argument)]}))
    with pytest.raises(FileError, match=r"a\.pkl is refused: it names .*hold arrays and plain values only"):
        read_pickle(path)
    assert not made.exists()


def test_arrays_of_objects_hold_no_code_either(tmp_path: Path) -> None:
    path, made = tmp_path / "a.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps(np.array([_Runs(os.mkdir, str(made))], dtype=object)))
    with pytest.raises(FileError, match="is refused"):
        read_pickle(path)
    assert not made.exists()


_HOSTILE = {
    "nothing": b"",
    "no pickle": b"hello",
    "a name that is no text": b"\x80\x04\x93.",
    "another's state on a class": b"cnumpy\ndtype\n}b.",
    "attributes on a class": b"cnumpy\nndarray\n(N}U\x0c__setstate__Nstb.",
    "an object of an enormous number": b"\x80\x02Nr\xff\xff\xff\x7f",
    "a piece of an enormous length": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00",
    "a persistent id": b"Pevil\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "an array larger than its bytes": pickle.dumps(np.zeros(3)).replace(b"K\x03\x85", b"K\x63\x85"),
    "an array of records": pickle.dumps(np.zeros(2, dtype=[("a", "f8")])),
    "an array without content": b"cnumpy.core.multiarray\n_reconstruct\n)R.",
    "a function of numpy": b"cnumpy\nload\n.",
    "codecs": b"c_codecs\nencode\n(VYQ==\nVbase64\ntR.",
    "endless": b"(" * 100_000,
    "deep": b"(l" * 20_000 + b"a" * 19_999 + b".",
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_bytes_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(_HOSTILE[name])
    with pytest.raises(FileError, match=r"a\.pkl"):
        read_pickle(path)


def test_a_cut_off_pickle_is_told(tmp_path: Path) -> None:
    whole, path = pickle.dumps(_CONTENT), tmp_path / "a.pkl"
    for length in range(2, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"a\.pkl"):
            read_pickle(path)


def test_values_within_themselves_and_shared_ones_are_read_once(tmp_path: Path) -> None:
    wide: list[Any] = [np.zeros(2)]
    for _ in range(60):  # 2 ** 60 of them, were each read for itself
        wide = [wide, wide]
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(wide))
    read = read_pickle(path)
    assert read[0] is read[1]
    endless: list[Any] = [1]
    endless.append(endless)
    path.write_bytes(pickle.dumps(endless))
    assert read_pickle(path)[0] == 1
