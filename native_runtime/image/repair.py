"""Completes picture files that end early, so that the part that exists can be seen.

A decoder refuses a cut file as a whole. The parts that are missing are filled here with something neutral, in the
file's own form.
"""

from __future__ import annotations

import struct
import zlib

_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_BLOCK = 1 << 20
# A picture with less than this share of its data shows nobody; completing it would only cost time and memory.
_LEAST_SHARE = 0.05


def complete(kind: str, data: bytes) -> bytes | None:
    """Return the file completed, or None where that cannot be done (or nothing of the picture is there)."""
    if kind == "JPEG":
        # The entropy-coded data may stop anywhere: decoders fill up with grey once they meet the end marker.
        return data + b"\xff\xd9" if b"\xff\xda" in data else None
    if kind == "PNG":
        return _complete_png(data)
    if kind == "BMP":
        return _complete_bmp(data)
    return None


def _complete_png(data: bytes) -> bytes | None:
    """Unpack the image data as far as it goes, add rows of zeros, and pack it again. Interlaced files are not
    repaired.
    """
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if interlace:
        return None
    row = 1 + (width * _PNG_SAMPLES[colour] * depth + 7) // 8
    chunks: list[tuple[bytes, bytes]] = []
    packed = bytearray()
    place = 8
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        if name == b"IDAT":
            packed += body
        elif name in (b"IHDR", b"PLTE", b"tRNS") and len(body) == length:
            chunks.append((name, body))
        place += 12 + length

    expected = row * height
    pixels = bytearray()
    unpacker = zlib.decompressobj()
    try:
        for start in range(0, len(packed), _BLOCK):
            pixels += unpacker.decompress(bytes(packed[start : start + _BLOCK]), expected - len(pixels) + 1)
            if len(pixels) >= expected:
                break
    except zlib.error:
        pass
    rows = min(len(pixels) // row, height)
    if rows < max(1, height * _LEAST_SHARE):
        return None
    whole = bytes(pixels[: rows * row]) + bytes((height - rows) * row)
    chunks += [(b"IDAT", zlib.compress(whole, 1)), (b"IEND", b"")]
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _complete_bmp(data: bytes) -> bytes | None:
    """Add zeros for the missing rows of an uncompressed file of 16 bits a pixel or more."""
    start, header, width, height, _, bits = struct.unpack_from("<IIiiHH", data, 10)
    if header == 12 or bits < 16:
        return None
    size = (width * bits + 31) // 32 * 4 * abs(height)
    if len(data) - start < size * _LEAST_SHARE:
        return None
    return data + bytes(max(start + size - len(data), 0))
