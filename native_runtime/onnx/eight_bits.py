"""Whether this processor's products of unsigned and signed numbers of eight bits are exact.

Without dot product instructions (x86: VNNI), ONNX Runtime's quickest kernel adds two products in 16 bits, which
overflows without a word at the ends of the range; weights of seven bits never do (2 x 255 x 63 < 2^15).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

# An ONNX model (opset 17): y [m, n] int32 = x [m, k] uint8 times w [k, n] int8.
_PRODUCT = (
    b'\x08\x08:b\n\x18\n\x01x\n\x01w\x12\x01y"\rMatMulInteger\x12\x01gZ\x15\n\x01x\x12\x10\n\x0e\x08\x02\x12\n\n\x03'
    b"\x12\x01m\n\x03\x12\x01kZ\x15\n\x01w\x12\x10\n\x0e\x08\x03\x12\n\n\x03\x12\x01k\n\x03\x12\x01nb\x15\n\x01y\x12"
    b"\x10\n\x0e\x08\x06\x12\n\n\x03\x12\x01m\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)
_INNER, _OUTER = 64, 16

WEIGHT_BITS = "sam3db.weight_bits"
"""Key of an ONNX file's metadata: weights in whole numbers have so many bits. With "7" the quickest kernel is exact."""


LARGEST = 127
"""Of weights of eight bits."""


def products_are_exact(largest: int = LARGEST) -> bool:
    """Whether the quickest kernel multiplies weights up to `largest` exactly: matrices, and single rows, which
    have a kernel of their own.
    """
    weights = np.full((_INNER, _OUTER), largest, np.int8)
    inputs = (np.full((rows, _INNER), 255, np.uint8) for rows in (1, 8))
    products = (_session().run(None, {"x": rows, "w": weights})[0] for rows in inputs)
    return all(bool((product == _INNER * 255 * largest).all()) for product in products)


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])
