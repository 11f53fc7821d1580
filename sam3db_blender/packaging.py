"""Builds the extension's zip: ``python -m sam3db_blender.packaging``, or ``make extension``.

What goes in: the manifest, the add-on's code, ``wheels/`` (our own, with `native_runtime` and `rig_templates`, and with
the graphs of SAM 3D Body, which hold none of its weights; ONNX Runtime, OpenCV, pi-heif and Pillow as their makers
built them, for each Python that the targeted Blenders run; never NumPy, which Blender brings) and ``models/``
(converted networks and default bodies). Nothing is downloaded when it works: an artist needs no network and no pip.

This file is not part of the zip, and it never imports bpy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from native_runtime import __version__
from native_runtime.build import catalogue
from native_runtime.cli.remedies import advised
from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.models import manifest
from native_runtime.models.store import BODIES_FOLDER, NETWORKS_FOLDER, models_dir

from .local_guide import write_guide

log = logging.getLogger("sam3db.packaging")

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "extension.txt"
CACHE = ROOT / ".build" / "wheels"

# Pythons of the Blenders we serve: 4.2 to 5.0 run 3.11, 5.1 and 5.2 run 3.13, distributions build theirs with newer
# ones.
PYTHONS = ("3.11", "3.13", "3.14")

# Blender's name of a platform -> the wheel tags that fit it, as pip wants them.
PLATFORMS: dict[str, tuple[str, ...]] = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_11_0_arm64"),
}

# Body files of this name and beginning are built by the project itself and may be passed on.
BUNDLED_BODY = "default"

# Files of the package that have no place in the add-on.
NOT_IN_ADD_ON = ("packaging.py", "local_guide.py", "__main__.py")

# Rooms of our wheel that serve only those who train networks, most with PyTorch.
NOT_IN_WHEEL = ("compact", "network", "synthetic", "training")

# Files that hold somebody else's weights; whoever has them may not pass them on as they like.
WEIGHTS = (".ckpt", ".pt", ".pth", ".safetensors", ".weights", ".data")
# A graph without weights takes some hundred kilobytes; one with them would take hundreds of megabytes.
LARGEST_TEMPLATE = 4 << 20

# Every entry of the zip gets this date, so that the same sources give the same file.
_ZIP_DATE = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Target:
    """What a zip is built for."""

    platform: str
    pythons: tuple[str, ...]


def this_platform() -> str:
    """Blender's name of the platform this runs on."""
    system = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}.get(
        platform.system(), platform.system().lower()
    )
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return f"{system}-{machine}"


def build(target: Target, out: Path, models: Path) -> Path:
    """Build and validate the zip for ``target``; its path.

    Raises:
        ModelError: the models in ``models`` are not complete.
        Sam3dbError: a wheel cannot be had, or Blender's own validation refuses the zip.
    """
    if target.platform not in PLATFORMS:
        raise UsageError(f"There are no wheels for {target.platform}; there are for: {', '.join(PLATFORMS)}.")
    catalogue.verify_models(models)
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sam3db-extension-") as temporary:
        stage = Path(temporary) / "stage"
        wheels = stage / "wheels"
        wheels.mkdir(parents=True)
        log.info("Building our own wheel")
        build_own_wheel(wheels, Path(temporary) / "source")
        for python in target.pythons:
            for wheel in bundled_wheels(target.platform, python):
                shutil.copy2(wheel, wheels)
        copy_add_on(stage)
        copy_models(models, stage / "models")
        write_guide(stage)
        for name in ("LICENSE", "THIRD_PARTY.md"):
            shutil.copy2(ROOT / name, stage)
        names = sorted(wheel.name for wheel in wheels.iterdir())
        (stage / "blender_manifest.toml").write_text(
            complete_manifest(manifest, target.platform, names), encoding="utf-8"
        )

        check_no_weights(stage)
        finished = out / f"sam3db_blender-{__version__}-{target.platform.replace('-', '_')}.zip"
        part = finished.with_suffix(".part.zip")
        try:
            write_zip(stage, part)
            validate(part)
            part.replace(finished)
        finally:
            part.unlink(missing_ok=True)
    return finished


def complete_manifest(manifest: str, platform_name: str, wheels: Iterable[str]) -> str:
    """The manifest's text with version, platform and wheels: top-level keys, so they stand before the first table."""
    lines = [f'version = "{__version__}"', f'platforms = ["{platform_name}"]', "wheels = ["]
    lines += [f'  "./wheels/{name}",' for name in wheels]
    added = "\n".join([*lines, "]", "", ""])
    first_table = re.search(r"^\[", manifest, re.MULTILINE)
    place = first_table.start() if first_table else len(manifest)
    return manifest[:place] + added + manifest[place:]


def build_own_wheel(wheels: Path, source: Path) -> None:
    """Build the wheel with `native_runtime` and `rig_templates` alone, from a copy of the sources without add-on."""
    source.mkdir()
    for name in ("native_runtime", "rig_templates"):
        skip = shutil.ignore_patterns("__pycache__", "*.pyc", *NOT_IN_WHEEL)
        shutil.copytree(ROOT / name, source / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md"):
        shutil.copy2(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))


def bundled_wheels(platform_name: str, python: str) -> list[Path]:
    """The locked wheels of other makers for a platform and a Python; downloaded once, with their hashes checked."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{platform_name}-{python}-{key}"
    if not folder.is_dir():
        log.info("Fetching wheels for %s, Python %s", platform_name, python)
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        tags = [word for tag in PLATFORMS[platform_name] for word in ("--platform", tag)]
        python_options = ["--implementation", "cp", "--python-version", python]
        _pip(
            "download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK),
            *python_options, *tags, "--dest", str(part),
        )  # fmt: skip
        part.replace(folder)
    return sorted(folder.glob("*.whl"))


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


def write_zip(stage: Path, path: Path) -> None:
    """Pack a folder. Wheels and networks hardly compress and are stored as they are."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(stage.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(stage).as_posix(), _ZIP_DATE)
                entry.external_attr = 0o644 << 16
                stored = file.suffix in (".whl", ".npz", ".onnx")
                entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                with archive.open(entry, "w") as target, file.open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)


def validate(archive: Path) -> None:
    """Let Blender's own extension tool, which the bpy package carries and which runs without Blender, check the zip."""
    tool = _extension_tool()
    if tool is None:
        log.warning("bpy is not installed: the zip is not validated (blender --command extension validate does it too)")
        return
    done = subprocess.run(
        [sys.executable, str(tool), "validate", str(archive)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Sam3dbError(f"Blender refuses the zip: {(done.stdout + done.stderr).strip()}")
    log.info("Blender's validation found nothing wrong")


def _extension_tool() -> Path | None:
    from importlib.util import find_spec

    spec = find_spec("bpy")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    return found[-1] if found else None


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Sam3dbError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")


def main(argv: Sequence[str] | None = None) -> int:
    """Build as the command line says; print the zip's path."""
    parser = argparse.ArgumentParser(
        prog="python -m sam3db_blender.packaging", description="Build the Blender extension."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument(
        "--platform", default=this_platform(), help="linux-x64, windows-x64 or macos-arm64 (default: this one)"
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="X.Y",
        help=f"Python of the Blender meant; may be repeated (default: {', '.join(PYTHONS)})",
    )
    parser.add_argument("--models", metavar="DIR", help="models folder (default: SAM3DB_MODELS, else the user's cache)")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    target = Target(arguments.platform, tuple(arguments.python or PYTHONS))
    try:
        finished = build(target, arguments.out, models_dir(arguments.models))
    except Sam3dbError as error:
        log.error("%s", advised(str(error), error.remedy))
        return 2 if isinstance(error, UsageError) else 1
    sys.stdout.write(json.dumps({"extension": str(finished), "bytes": finished.stat().st_size}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
