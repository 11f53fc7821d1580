"""Which provider networks will run on, found out quickly with a network of a few bytes.

A provider that passes may still fail for a large network, for want of memory; then `sessions.open_network` says so.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnxruntime

from native_runtime import gpu_runtime
from native_runtime.onnx import providers as provider_choice
from native_runtime.onnx.providers import CPU, PROVIDERS, Candidate, Provider, available, candidates, not_built_in

_log = logging.getLogger(__name__)

# An ONNX model (opset 17): y [1] = x [1] + x [1].
_TINY = (
    b'\x08\x08:5\n\x0e\n\x01x\n\x01x\x12\x01y"\x03Add\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x11"
)

_CODE = re.compile(r"^(\[ONNXRuntimeError\] : \d+ : \w+ : )?(/\S+:\d+ [^)]*\) )?")


@dataclass(frozen=True)
class Probe:
    """What was found out.

    Attributes:
        provider: the best that works; None when none of those that were asked for does.
        notes: why not a better one, for people.
    """

    provider: Provider | None
    notes: tuple[str, ...]


def probe(requested: Sequence[str] | None = None) -> Probe:
    """Try the `requested` providers (None: all that are built in), best first, until one computes.

    Raises:
        UsageError: a requested provider does not exist here.
    """
    notes = []
    if requested is None and (missing := _likely_packages()):
        notes.append(missing)
    for candidate in candidates(requested):
        fault = why_not(candidate)
        if fault is None:
            return Probe(candidate.provider, tuple(notes))
        notes.append(fault)
    return Probe(None, tuple(notes))


def _likely_packages() -> str:
    """That the installed ONNX Runtime supports no graphics card, and which packages do; "" if it supports one."""
    if len(available()) > 1:
        return ""
    packages = {provider.package: provider.title for provider in PROVIDERS if provider.package != "onnxruntime"}
    listed = ", ".join(f"{package} ({title})" for package, title in packages.items())
    return f"The installed onnxruntime computes on the CPU only; for graphics cards there are {listed}."


def why_not(candidate: Candidate) -> str | None:
    """Why a candidate cannot be used, None if it can: ONNX Runtime may not have it, or it does not compute."""
    if candidate.provider not in provider_choice.available():
        return not_built_in(candidate.provider)
    return fault_of(candidate)


@cache
def fault_of(candidate: Candidate) -> str | None:
    """Why the provider does not compute at all, None if it does. Found out once a process: a card takes a second."""
    title = candidate.provider.title
    missing = _preload() if candidate.provider.memory == "cuda" else ""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    try:
        with gpu_runtime.guarded() if candidate.provider.name != CPU else contextlib.nullcontext():
            session = create_session(_TINY, candidate, options)
            (values,) = session.run(None, {"x": np.ones(1, np.float32)})
        if values.tolist() != [2.0]:
            raise RuntimeError("it computes wrongly")
    except Exception as error:  # ONNX Runtime's errors share no public base class
        fault = f"{title} does not work: {missing or in_short(error)}."
        _log.warning(fault)
        return fault
    finally:
        onnxruntime.set_default_logger_severity(2)  # as it was: warnings
    return None


def create_session(
    network: bytes | str, candidate: Candidate, options: onnxruntime.SessionOptions
) -> onnxruntime.InferenceSession:
    """A session for the bytes or the file of a network that the candidate's provider really computes.

    Raises:
        Exception: whatever ONNX Runtime raises; RuntimeError where it would take the CPU without a word.
    """
    name = candidate.provider.name
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if candidate.provider.plugin:
        devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == name]
        if not devices:
            raise RuntimeError("it finds no graphics card or no driver")
        options.add_provider_for_devices(devices[:1], candidate.options())
        session = onnxruntime.InferenceSession(network, options, enable_fallback=0)
    else:
        session = onnxruntime.InferenceSession(network, options, providers=candidate.stack(), enable_fallback=0)
    if name not in session.get_providers():
        raise RuntimeError("its driver or one of its libraries is missing")
    # Known since ONNX Runtime 1.24. A provider may register and then take not one operator.
    assigned = getattr(session, "get_provider_graph_assignment_info", None)
    if assigned is not None and not any(part.ep_name == name for part in assigned()):
        raise RuntimeError("it can compute none of the network's operators")
    return session


def in_short(error: BaseException) -> str:
    """The first line of an error of ONNX Runtime, without codes and places in its source."""
    first_line = str(error).strip().partition("\n")[0]
    return _CODE.sub("", first_line).rstrip(".") or type(error).__name__


def _preload() -> str:
    """Load CUDA and cuDNN from packages beside onnxruntime, where no system looks; what of them is missing."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        onnxruntime.preload_dlls()
    names = re.findall(r"Failed to load ([^\s:]+)", said.getvalue())
    return f"it lacks {', '.join(names)}" if names else ""
