"""The folder whose content becomes a zip: the add-on, the models, the licences and the completed manifest."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from native_runtime import __version__
from native_runtime.errors import Sam3dbError
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, NETWORKS_FOLDER

from ..local_guide import write_guide
from .targets import ROOT

#: Parts of the package that have no place in the add-on.
NOT_IN_ADD_ON = ("packaging", "local_guide.py", "__main__.py")

#: What writes further files of the add-on, such as its documentation: each is called with the folder of the zip's
#: content, adds its files, and writes the same bytes each time.
WRITERS: tuple[Callable[[Path], object], ...] = (write_guide,)

#: Body files of this name and beginning are built by the project itself and may be passed on.
BUNDLED_BODY = "default"

#: Files that hold somebody else's weights; whoever has them may not pass them on as they like.
WEIGHTS = (".ckpt", ".pt", ".pth", ".safetensors", ".weights", ".data")
#: A graph without weights takes some hundred kilobytes; one with them would take hundreds of megabytes.
LARGEST_TEMPLATE = 4 << 20


def fill(stage: Path, models: Path, platform_name: str) -> None:
    """Put everything but the wheels, which are there already, into the folder ``stage``."""
    copy_add_on(stage)
    for write in WRITERS:
        write(stage)
    copy_models(models, stage / "models")
    for name in ("LICENSE", "THIRD_PARTY.md"):
        shutil.copy2(ROOT / name, stage)
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    names = sorted(wheel.name for wheel in (stage / "wheels").iterdir())
    with (stage / "blender_manifest.toml").open("w", encoding="utf-8", newline="\n") as file:
        file.write(complete_manifest(text, platform_name, names))


def complete_manifest(manifest: str, platform_name: str, wheels: Iterable[str]) -> str:
    """The manifest's text with version, platform and wheels: top-level keys, so they stand before the first table."""
    lines = [f'version = "{__version__}"', f'platforms = ["{platform_name}"]', "wheels = ["]
    lines += [f'  "./wheels/{name}",' for name in wheels]
    added = "\n".join([*lines, "]", "", ""])
    first_table = re.search(r"^\[", manifest, re.MULTILINE)
    place = first_table.start() if first_table else len(manifest)
    return manifest[:place] + added + manifest[place:]


def copy_add_on(stage: Path) -> None:
    """Copy the add-on's code to the root of the zip."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc", *NOT_IN_ADD_ON)
    shutil.copytree(ROOT / "sam3db_blender", stage, ignore=skip, dirs_exist_ok=True)


def copy_models(models: Path, place: Path) -> None:
    """Copy the networks and the bundled bodies, each with a manifest that names just them.

    Bodies that a user imported (MHR's official ones) stay at home: they are not ours to pass on.
    """
    for folder_name in (NETWORKS_FOLDER, BODIES_FOLDER):
        source, target = models / folder_name, place / folder_name
        target.mkdir(parents=True, exist_ok=True)
        content = manifest.read(source)
        bundled = {
            name: entry
            for name, entry in content["files"].items()
            if folder_name == NETWORKS_FOLDER or name.startswith(BUNDLED_BODY)
        }
        for name in bundled:
            shutil.copy2(manifest.verified_path(source, name), target)
        facts = {key: value for key, value in content.items() if key not in ("format", "files", "downloads")}
        manifest.write(target, bundled, **facts)


def check_no_weights(stage: Path) -> None:
    """See to it that nothing of a released checkpoint goes into the zip, neither beside our wheel nor in it.

    Raises:
        Sam3dbError: something does; the message names it.
    """
    sizes = {file.relative_to(stage).as_posix(): file.stat().st_size for file in stage.rglob("*") if file.is_file()}
    for wheel in stage.glob("wheels/sam3db-*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            sizes |= {f"{wheel.name}/{info.filename}": info.file_size for info in archive.infolist()}
    for name, size in sizes.items():
        parts = PurePosixPath(name).parts
        if name.endswith(WEIGHTS) or ("templates" in parts and size > LARGEST_TEMPLATE):
            raise Sam3dbError(f"{name} holds weights, which are not ours to pass on; remove it.")
