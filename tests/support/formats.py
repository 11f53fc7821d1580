"""The formats of the program, found in its code, and files that state another version or format."""

from __future__ import annotations

import ast
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.files.formats import Format
from native_runtime.mhr.bodyfile import write_arrays

ROOT = Path(__file__).resolve().parents[2]
OLD_FILES = ROOT / "tests" / "fixtures" / "v0.1.0"
FIRST_FILES = ROOT / "tests" / "fixtures" / "since_0_1_0"
"""The first files of formats that 0.1.0 did not have yet."""


def declared(package: str) -> dict[str, Format]:
    """By name, what ``NAME = Format(...)`` says anywhere in a package."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign([ast.Name(name)], ast.Call(ast.Name("Format"))):
                    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                    made = getattr(importlib.import_module(module), name)
                    found[made.name] = made
    return found


def following(made: Format) -> str:
    """What a newer version of the program would write."""
    return f"{made.name}/{made.version + 1}"


def restate(path: Path, stated: str) -> None:
    """Let a file say that it is of another format or version."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            arrays: dict[str, Any] = dict(archive)
        if "about" in arrays:
            arrays["about"] = np.array(json.dumps({**json.loads(str(arrays["about"])), "format": stated}))
        else:
            arrays["format"] = np.array(stated)
        write_arrays(path, arrays)
        return
    if path.suffix == ".safetensors":
        _restate_tensors(path, stated)
        return
    first, line_feed, rest = path.read_text(encoding="utf-8"), "", ""
    if path.suffix == ".jsonl":
        first, line_feed, rest = first.partition("\n")
    content = json.loads(first)
    path.write_text(
        json.dumps({**(content if isinstance(content, dict) else {}), "format": stated}) + line_feed + rest,
        encoding="utf-8",
    )


def _restate_tensors(path: Path, stated: str) -> None:
    """As ``restate``, of a file with a header of JSON behind its length, then tensors."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    facts = header["__metadata__"]
    header["__metadata__"] = {name: json.dumps({**json.loads(text), "format": stated}) for name, text in facts.items()}
    written = json.dumps(header).encode()
    path.write_bytes(len(written).to_bytes(8, "little") + written + content[end:])
