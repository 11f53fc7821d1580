"""Installations for the doctor: a models folder that is whole, with networks of a few bytes, and Pythons that lack
something.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, NETWORKS, NETWORKS_FOLDER
from native_runtime.onnx.probe import _TINY

ROOT = Path(__file__).resolve().parents[2]
_RUN = "import sys; sys.path[:0] = {paths!r}; from native_runtime.cli.main import run; sys.argv = {words!r}; run()"


def write_models(folder: Path) -> Path:
    """A models folder with everything that the engine `landmarks` has, each of a few bytes."""
    for name, files in ((NETWORKS_FOLDER, [f"{n}.onnx" for n in NETWORKS]), (BODIES_FOLDER, ["default.npz"])):
        (folder / name).mkdir(parents=True)
        for file in files:
            (folder / name / file).write_bytes(_TINY)
        manifest.write(folder / name, {file: manifest.describe(folder / name / file) for file in files})
    return folder


def write_module(folder: Path, name: str, text: str) -> None:
    """A module of that name, in place of the real one for whoever looks into this folder first."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text(text, encoding="utf-8")


def site_without(folder: Path, names: Iterable[str]) -> Path:
    """A folder of this environment's packages without some of them."""
    left_out = set(names)
    folder.mkdir(parents=True)
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.name.partition("-")[0].partition(".")[0] not in left_out and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


def run_sam3db(site: Path, *words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `sam3db` by this machine's Python with no other packages than those of a folder."""
    begin = _RUN.format(paths=[str(ROOT), str(site)], words=["sam3db", *words])
    return subprocess.run(
        [str(Path(sys.base_prefix) / "bin" / Path(sys.executable).resolve().name), "-I", "-S", "-c", begin],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )
