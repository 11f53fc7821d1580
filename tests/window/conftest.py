"""A windowed Blender for the tests of this folder, which only run when asked for: ``make test-window``.

| variable | default | what |
| --- | --- | --- |
| ``SAM3DB_BLENDER`` | none | a Blender executable; without it all is skipped |
| ``SAM3DB_WINDOW_PICTURES`` | pytest's temporary folder | where pictures of each step and Blender's output are kept |
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pytest

from tests.support.real_blender import build_extension, install, python_of

from .blender import Blender
from .screen import TOOLS, Screen

NOTHING: Mapping[str, str] = MappingProxyType({})


class Opener(Protocol):
    """Starts a Blender in a window of a given size, for a user with a given home folder and environment."""

    def __call__(
        self, width: int, height: int, home: Path | None = None, environment: Mapping[str, str] = NOTHING
    ) -> Blender: ...


MAKING_S = 180.0
"""What a character may take to appear, on a machine that does other things as well."""


@pytest.fixture(scope="session")
def artists_blender(real_blender: str, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user of that Blender who has the extension and nothing else."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no screen to work on: {' and '.join(missing)} not found")
    extension = build_extension(python_of(real_blender), models, tmp_path_factory.mktemp("dist"))
    return install(real_blender, extension, tmp_path_factory.mktemp("user")) | {
        # what the artist lacks: a models folder of their own
        "SAM3DB_MODELS": "/nowhere",
        # Where two versions of Mesa share a cache, one truncates the file that the other has mapped, and kills it.
        "MESA_SHADER_CACHE_DIR": str(tmp_path_factory.mktemp("shaders")),
    }


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """An empty folder for what somebody may want to look at."""
    given = os.environ.get("SAM3DB_WINDOW_PICTURES")
    folder = (Path(given) if given else tmp_path_factory.mktemp("window")) / request.node.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.png"), *folder.glob("*.log")):
        old.unlink()
    return folder


@pytest.fixture
def open_blender(real_blender: str, artists_blender: dict[str, str], kept: Path) -> Iterator[Opener]:
    """Starts a Blender in a window of a given size; it ends with the test."""
    with ExitStack() as stack:

        def opened(
            width: int, height: int, home: Path | None = None, environment: Mapping[str, str] = NOTHING
        ) -> Blender:
            screen = stack.enter_context(Screen(width, height))
            user = artists_blender | ({} if home is None else {"HOME": str(home)}) | dict(environment)
            return stack.enter_context(Blender(real_blender, user, screen, kept / "blender.log"))

        yield opened
