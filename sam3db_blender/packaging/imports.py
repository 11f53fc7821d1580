"""Whether everything that our code imports is there for each Python: read from the code, without running it.

What it imports must be in a bundled wheel, in the standard library of that Python, in Blender, or our own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from .content import Content

#: What every Blender from 4.2 on brings for its scripts.
BLENDER = frozenset(
    (
        *("addon_utils", "aud", "bl_ui", "blf", "bmesh", "bpy", "bpy_extras", "gpu", "gpu_extras", "idprop", "imbuf"),
        *("io_scene_fbx", "mathutils", "numpy"),
    )
)

#: Modules that newer Pythons no longer have, from "What's New In Python 3.12" and "... 3.13" (PEP 594 among others).
REMOVED = {
    (3, 12): frozenset(("asynchat", "asyncore", "distutils", "imp", "smtpd")),
    (3, 13): frozenset(
        (
            *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        )
    ),
}

#: What our code may do without: imported only where it is asked for, with a message where it is missing.
OPTIONAL = {
    "h5py": "reads annotations of one data set, for evaluation",
    "pyarrow": "reads and writes data sets for training",
    "native_runtime.synthetic": "makes pictures for training, in a checkout only",
    "native_runtime.training": "trains networks, in a checkout only",
    "native_runtime.network": "PyTorch's definition of networks, in a checkout only",
    "native_runtime.compact": "a network in the making, in a checkout only",
    "native_runtime.build.landmark_networks": "builds models, in a checkout only",
    "native_runtime.build.default_body": "builds models, in a checkout only",
    "sam3db_blender": "the builder of a batch, which puts a package of this name on the path itself",
}


@dataclass(frozen=True)
class Import:
    """One import in a file of ours."""

    file: str
    line: int
    #: The module's dotted name; of a relative import from the root of the package, after a dot.
    module: str
    #: What is taken from it, a module within it perhaps.
    name: str | None
    #: Inside a function, or where a missing module is caught: the file works without it until it is used.
    lazy: bool


def standard_library(python: str) -> frozenset[str]:
    """The top modules of a Python's standard library, as in "3.13", told from those of the Python that runs this.

    What a newer Python has added is not in it: our code has to run on the oldest.
    """
    version = tuple(int(part) for part in python.split("."))
    gone = frozenset().union(*(names for since, names in REMOVED.items() if version >= since))
    return frozenset(sys.stdlib_module_names) - gone


def missing_imports(content: Content, pythons: Iterable[str]) -> list[str]:
    """What our code imports and would not find with one of the Pythons; a line each, with file and line."""
    found: list[str] = []
    bundled = {python: _bundled(content, python) for python in pythons}
    for files, package in ((content.files, ""), (content.own_wheel.files, "native_runtime")):
        own = {name: files[path].decode("utf-8") for path, name in _sources(files)}
        for one in (one for file in files if file.endswith(".py") for one in imports_of(file, files[file].decode())):
            top = one.module.partition(".")[0]
            if one.lazy and any(name in OPTIONAL for name in _parents(_full(one))):
                continue
            if one.module.startswith(".") or top == package:
                if not _is_own(one, own):
                    found.append(f"{one.file}:{one.line}: there is no {_full(one)} in the zip")
                continue
            for python, modules in bundled.items():
                if one.module not in modules and top not in _around(python, bool(package)):
                    found.append(f"{one.file}:{one.line}: there is no {one.module} for Python {python}")
    return list(dict.fromkeys(found))


def _is_own(one: Import, own: dict[str, str]) -> bool:
    """Whether a module of ours is there, and what is taken from it is a module or is at least spoken of in it."""
    module = one.module.removeprefix(".")
    if module not in own:
        return False
    if one.name in (None, "*") or _full(one) in own:
        return True
    return re.search(rf"\b{one.name}\b", own[module]) is not None


def _full(one: Import) -> str:
    return ".".join(part for part in (one.module.removeprefix("."), one.name) if part)


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _sources(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Path and dotted name of each Python file; the file at the root of a package is the empty name."""
    for path in files:
        if path.endswith(".py"):
            yield path, path.removesuffix(".py").removesuffix("__init__").rstrip("/").replace("/", ".")


def _bundled(content: Content, python: str) -> frozenset[str]:
    return frozenset().union(*(wheel.modules for wheel in content.wheels_for(python)))


@cache
def _around(python: str, in_wheel: bool) -> frozenset[str]:
    """The top modules that a Python in Blender has besides; of Blender's, our wheel may know NumPy alone."""
    return standard_library(python) | (BLENDER & {"numpy"} if in_wheel else BLENDER)


def imports_of(file: str, text: str) -> Iterator[Import]:
    """The imports of a file, but for those that only a type checker sees."""
    yield from _walk(file, ast.parse(text, file).body, lazy=False)


def _walk(file: str, statements: Iterable[ast.AST], lazy: bool) -> Iterator[Import]:
    for one in statements:
        if isinstance(one, ast.Import):
            yield from (Import(file, one.lineno, alias.name, None, lazy) for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            yield from (Import(file, one.lineno, _module(file, one), alias.name, lazy) for alias in one.names)
        else:
            late = lazy or isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) or _catches_missing(one)
            unseen = isinstance(one, ast.If) and _for_types_only(one.test)
            for part in ("body", "handlers", "cases", "orelse", "finalbody"):
                if not (unseen and part == "body"):
                    yield from _walk(file, getattr(one, part, ()), late)


def _module(file: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = file.split("/")[: -node.level]
    return "." + ".".join([*package, *([node.module] if node.module else [])])


def _for_types_only(test: ast.expr) -> bool:
    return (test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")) == "TYPE_CHECKING"


def _catches_missing(node: ast.AST) -> bool:
    if not isinstance(node, ast.Try):
        return False
    types = [kind for handler in node.handlers if handler.type for kind in ast.walk(handler.type)]
    caught = {kind.id for kind in types if isinstance(kind, ast.Name)}
    return bool(caught & {"ImportError", "ModuleNotFoundError", "Exception"})
