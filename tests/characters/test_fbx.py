"""Binary FBX files whose texts are shortened."""

from __future__ import annotations

import struct

import pytest

from native_runtime.characters.exports.fbx import without_text
from native_runtime.errors import Sam3dbError


def _text(value: str) -> bytes:
    return b"S" + struct.pack("<I", len(value.encode())) + value.encode()


def _record(head: str, name: bytes, properties: list[bytes], nested: list, place: int) -> bytes:
    """A record of name, properties and records of the same kind, at a place of the file."""
    size = struct.calcsize(head)
    body = bytes([len(name)]) + name + b"".join(properties)
    inside = b""
    for child in nested:
        inside += _record(head, *child, place + size + len(body) + len(inside))
    if nested:
        inside += bytes(size + 1)
    return struct.pack(head, place + size + len(body) + len(inside), len(properties), len(b"".join(properties))) + (
        body + inside
    )


def _file(version: int, folder: str) -> bytes:
    """A file with a text in a folder, among properties of all types."""
    head = "<3Q" if version >= 7500 else "<3I"
    others = [b"Y\1\0", b"C\1", b"I" + bytes(4), b"D" + bytes(8), b"d" + struct.pack("<3I", 1, 0, 8) + bytes(8)]
    raw = b"R" + struct.pack("<I", 3) + b"x/x"  # what is no text stays
    video = (b"Video", [*others, raw], [(b"Filename", [_text(f"/home/{folder}a.png")], []), (b"Empty", [], [])])
    data = b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", version)
    data += _record(head, b"Objects", [], [video, (b"Last", [_text("ä")], [])], len(data))
    data += _record(head, b"Takes", [], [], len(data)) + bytes(struct.calcsize(head) + 1)
    data += b"\xfa" * 16 + bytes(4)
    return data + bytes(16 - len(data) % 16) + struct.pack("<I", version) + bytes(120) + b"\xf8" * 16


@pytest.mark.parametrize("version", [7400, 7500])
@pytest.mark.parametrize("length", range(1, 18))
def test_a_text_goes_and_all_else_stays(version, length, tmp_path):
    path = tmp_path / "a.fbx"
    path.write_bytes(_file(version, "x" * length + "/"))
    without_text(path, "x" * length + "/")
    # offsets and padding are those of a file that was made without it
    assert path.read_bytes() == _file(version, "")


BROKEN = {
    "cut in a record": lambda data: data[: data.index(b"a.png") + 5],
    "cut in the footer": lambda data: data[:-20],
    "text": lambda data: b"; FBX 7.4\n/tmp/a.png",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_is_no_binary_fbx_is_refused(broken, tmp_path):
    path = tmp_path / "a.fbx"
    path.write_bytes(broken(_file(7400, "/tmp/")))
    with pytest.raises(Sam3dbError, match="no binary FBX"):
        without_text(path, "tmp/")
