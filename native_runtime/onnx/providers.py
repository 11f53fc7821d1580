"""Which execution providers of ONNX Runtime to try, best first.

A provider that is compiled in may still not work on this machine (a missing driver or CUDA library); only a session
that has computed something proves it. `sessions` does that; this module only says what is worth trying.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime

from native_runtime.errors import UsageError

CPU = "CPUExecutionProvider"

SHORT_NAMES: dict[str, str] = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": CPU,
}
"""What users may write, best first. The CPU comes last and is always there."""


def available() -> list[str]:
    """The providers of this program's list that the installed ONNX Runtime was built with, best first."""
    built_in = onnxruntime.get_available_providers()
    return [name for name in SHORT_NAMES.values() if name in built_in]


def candidates(requested: Sequence[str] | None = None) -> list[str]:
    """The providers to try, in order: all that are built in, or just the `requested` ones (short or full names).

    Raises:
        UsageError: a requested provider is unknown, or not part of the installed ONNX Runtime.
    """
    there = available()
    if requested is None:
        return there
    names = [SHORT_NAMES.get(name.lower(), name) for name in requested]
    short = {full: name for name, full in SHORT_NAMES.items()}
    choices = ", ".join(short[name] for name in there)
    for name in names:
        if name not in short:
            raise UsageError(f"Unknown compute provider {name!r}. Here one can choose: {choices}.")
        if name not in there:
            raise UsageError(
                f"The installed ONNX Runtime has no {short[name]} support. Here one can choose: {choices}. "
                "For an NVIDIA card install onnxruntime-gpu instead of onnxruntime."
            )
    if not names:
        raise UsageError(f"No compute provider was named. Here one can choose: {choices}.")
    return names
