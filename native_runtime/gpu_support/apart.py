"""Trying providers in a process of its own (`trial_process`): a driver that ends it ends nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native_runtime.gpu_runtime import VARIABLE
from native_runtime.process.child import exit_in_words

_ROOT = Path(__file__).resolve().parents[2]
_LOOK_S = 0.1
PATIENCE_S = 180.0
"""So long the process may be silent: a large network on a slow processor takes a minute."""


@dataclass(frozen=True)
class Trial:
    """What a process found when it loaded ONNX Runtime with GPU support.

    Attributes:
        name: of the GPU support that it used; "" for none.
        fault: why installed GPU support was not used, a sentence; "" where it was, or there is none.
        onnxruntime: the version that it loaded.
        faults: of each provider, best first, by its short name: why it does not work, a sentence; "" where it does.
        error: what ended the process, a sentence; then all else is empty.
    """

    name: str = ""
    fault: str = ""
    onnxruntime: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def try_out(folder: Path | None, look: Callable[[], None] | None = None) -> Trial:
    """Load ONNX Runtime with the GPU support of `folder`, if any, and let each provider compute a few bytes.

    Args:
        folder: that of GPU support.
        look: called now and then; may raise to stop.
    """
    answers, error = ask({"do": "try"}, folder, look)
    return Trial(error=error) if error or not answers else Trial(**answers[-1])


def ask(
    settings: Mapping[str, Any],
    folder: Path | None,
    look: Callable[[], None] | None = None,
    heard: Callable[[dict[str, Any]], None] | None = None,
    patience_s: float = PATIENCE_S,
) -> tuple[list[dict[str, Any]], str]:
    """Start the process and wait for its end.

    Args:
        settings: what it shall do.
        folder: that of GPU support; None for none.
        look: called now and then; may raise to stop, which ends the process.
        heard: called with each answer as it comes.
        patience_s: seconds without an answer after which the process is ended.

    Returns:
        its answers, and how it ended where that was before its time, a sentence; else "".
    """
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    # This process's GPU support, which may be another one, is not on the path of the other.
    own = os.environ.get(VARIABLE, "")
    paths = [str(_ROOT), *(path for path in sys.path if path and not (own and path.startswith(own)))]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    if folder is not None:
        environment[VARIABLE] = str(folder)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-s", "-X", "utf8", "-m", "native_runtime.gpu_support.trial_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        lines: list[str] = []
        assert process.stdin is not None
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True)
        answers: list[dict[str, Any]] = []
        try:
            try:
                with process.stdin as stdin:
                    stdin.write(json.dumps(dict(settings)))
            except OSError:  # it has ended already
                pass
            reader.start()
            last = time.monotonic()
            while reader.is_alive():
                if look is not None:
                    look()
                reader.join(_LOOK_S)
                new = _new(lines, len(answers), heard)
                answers += new
                last = time.monotonic() if new else last
                if time.monotonic() - last > patience_s:
                    return answers, f"It took longer than {patience_s:.0f} seconds and was ended."
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        answers += _new(lines, len(answers), heard)
        if code == 0:
            return answers, ""
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().splitlines()[-1:] if code > 0 else []
    return answers, f"The process that tried it {exit_in_words(code)}{': ' + said[0] if said else ''}.".replace(
        "..", "."
    )


def _new(lines: list[str], known: int, heard: Callable[[dict[str, Any]], None] | None) -> list[dict[str, Any]]:
    found = [dict(json.loads(line)) for line in lines[known:]]
    for answer in found if heard is not None else ():
        assert heard is not None
        heard(answer)
    return found
