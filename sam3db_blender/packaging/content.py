"""What is in a zip, read from the zip itself: the add-on's files, the wheels, and the modules that they bring."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

#: What may follow a module's name: sources, and native modules of each system.
_MODULE_ENDINGS = (".py", ".so", ".pyd")
OWN_WHEEL = "sam3db"


@dataclass(frozen=True)
class Wheel:
    """A bundled wheel and its files."""

    name: str
    content: bytes = field(repr=False)

    @property
    def distribution(self) -> str:
        return self.name.partition("-")[0]

    @property
    def tags(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Pythons, ABIs and platforms, as the name has them."""
        python, abi, platform = self.name.removesuffix(".whl").split("-")[-3:]
        return frozenset(python.split(".")), frozenset(abi.split(".")), frozenset(platform.split("."))

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Path -> content. What a wheel keeps aside for the folder of modules stands where it will be."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return {_installed(info.filename): archive.read(info) for info in archive.infolist() if not info.is_dir()}

    def runs_on(self, python: str) -> bool:
        """Whether a Python, as in "3.11", takes this wheel."""
        pythons, abis, _ = self.tags
        major, minor = python.split(".")
        exact = f"cp{major}{minor}"
        if exact in pythons or f"py{major}" in pythons or f"py{major}{minor}" in pythons:
            return True
        older = any(tag[:3] == f"cp{major}" and tag[3:].isdigit() and int(tag[3:]) <= int(minor) for tag in pythons)
        return f"abi{major}" in abis and older

    @property
    def modules(self) -> frozenset[str]:
        """The dotted names that can be imported."""
        return frozenset(modules_of(self.files))


@dataclass(frozen=True)
class Content:
    """A zip's files, without what is in the wheels, and its wheels."""

    files: dict[str, bytes] = field(repr=False)
    wheels: tuple[Wheel, ...]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return tomllib.loads(self.files["blender_manifest.toml"].decode("utf-8"))

    def wheels_for(self, python: str) -> list[Wheel]:
        """The wheels that Blender would install for a Python."""
        return [wheel for wheel in self.wheels if wheel.runs_on(python)]

    @property
    def own_wheel(self) -> Wheel:
        (own,) = (wheel for wheel in self.wheels if wheel.distribution == OWN_WHEEL)
        return own

    def sources(self) -> Iterator[tuple[str, str]]:
        """Path and text of every Python file of our own; the wheel's files keep their paths within it."""
        for files in (self.files, self.own_wheel.files):
            for name in sorted(files):
                if name.endswith(".py"):
                    yield name, files[name].decode("utf-8")


def read(archive: Path) -> Content:
    """The content of a zip."""
    with zipfile.ZipFile(archive) as opened:
        return _sorted({info.filename: opened.read(info) for info in opened.infolist() if not info.is_dir()})


def read_folder(stage: Path) -> Content:
    """The content of the folder that becomes a zip."""
    files = (path for path in stage.rglob("*") if path.is_file())
    return _sorted({path.relative_to(stage).as_posix(): path.read_bytes() for path in files})


def modules_of(files: dict[str, bytes]) -> Iterator[str]:
    """The dotted names of the modules and packages among files."""
    for name in files:
        folder, _, last = name.rpartition("/")
        if last.endswith(_MODULE_ENDINGS) and last.partition(".")[0].isidentifier():
            parts = [part for part in folder.split("/") if part]
            if all(part.isidentifier() for part in parts):
                stem = last.partition(".")[0]
                yield ".".join(parts if stem == "__init__" else [*parts, stem])


def _installed(name: str) -> str:
    head, _, rest = name.partition("/")
    kind, _, tail = rest.partition("/")
    return tail if head.endswith(".data") and kind in ("purelib", "platlib") else name


def _sorted(files: dict[str, bytes]) -> Content:
    wheels = {name: files.pop(name) for name in sorted(files) if name.endswith(".whl")}
    return Content(files, tuple(Wheel(name.rpartition("/")[2], content) for name, content in wheels.items()))
