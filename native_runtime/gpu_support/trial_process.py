"""The process that tries providers: settings, JSON, from standard input; answers, JSON lines, on standard output.

``python -m native_runtime.gpu_support.trial_process``; `apart` starts it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from .apart import Trial


def tried() -> Trial:
    """What this process finds."""
    from native_runtime import gpu_runtime

    status = gpu_runtime.loaded()
    import onnxruntime

    from native_runtime.onnx.probe import fault_of
    from native_runtime.onnx.providers import Candidate, available

    faults = {provider.short: fault_of(Candidate(provider)) or "" for provider in available()}
    return Trial(status.name, status.fault, onnxruntime.__version__, faults)


def _answers(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if settings["do"] == "time":
        from .timing import timed_here  # loads ONNX Runtime only when it is asked to

        yield from timed_here(settings["provider"], settings["models"])
        return
    yield asdict(tried())


def main() -> int:
    """Do what standard input says; answers on standard output."""
    from native_runtime.files.streams import take_stdout

    out = take_stdout(sys.stderr)
    for answer in _answers(json.load(sys.stdin)):
        out.write(json.dumps(dict(answer)) + "\n")
        out.flush()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Libraries for cards may be slow to wind down, or crash over it: nothing is left to do for them.
    os._exit(code)
