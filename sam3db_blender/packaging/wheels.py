"""The wheels that a zip holds: our own, built here, and those of other makers, downloaded once and checked."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from native_runtime.errors import Sam3dbError

from .targets import PLATFORMS, ROOT, Target
from .trimming import trimmed

log = logging.getLogger("sam3db.packaging")

CACHE = ROOT / ".build" / "wheels"

#: Rooms of our wheel that serve only those who train networks, most with PyTorch.
NOT_IN_WHEEL = ("cluster", "compact", "network", "synthetic", "training")

#: What builds the models that the zip brings along: it fetches their sources with pip, which no extension may.
BUILDERS = (
    "native_runtime/build/commands.py",
    "native_runtime/build/convert_networks",
    "native_runtime/build/default_body",
    "native_runtime/build/landmark_networks.py",
    "native_runtime/build/node.py",
    "native_runtime/build/pose_prior",
)

#: 2020-01-01, in seconds since 1970: the date of every file in our wheel, so that the same sources give the same bytes.
SOURCE_DATE = 1577836800


def collect_wheels(target: Target, wheels: Path, scratch: Path) -> None:
    """Put all wheels of a target into the folder ``wheels``.

    Raises:
        Sam3dbError: a wheel cannot be built or had.
    """
    build_own_wheel(wheels, scratch / "source")
    unused: dict[str, list[str]] = {}
    for distribution, pattern in PLATFORMS[target.platform].unused:
        unused.setdefault(distribution, []).append(pattern)
    for python in target.pythons:
        for wheel in bundled_wheels(target.platform, python):
            patterns = unused.get(wheel.name.partition("-")[0], [])
            if patterns and not target.untouched:
                trimmed(wheel, wheels, patterns)
            else:
                shutil.copy2(wheel, wheels)


def build_own_wheel(wheels: Path, source: Path) -> None:
    """Build the wheel with `native_runtime` and `rig_templates` alone, from a copy of the sources without add-on."""
    copy_sources(source)
    for name in ("pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md"):
        shutil.copy2(ROOT / name, source)
    # The wheel records modes, which the checkout's umask decided.
    for path in (source, *source.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    program = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"
    _run("-c", program, str(wheels.resolve()), cwd=source, environment={"SOURCE_DATE_EPOCH": str(SOURCE_DATE)})


def copy_sources(source: Path) -> None:
    """Copy what our wheel is built of into a new folder: code and data, without what stays at home."""
    source.mkdir()
    for name in ("native_runtime", "rig_templates"):
        shutil.copytree(ROOT / name, source / name, ignore=_not_in_wheel)


def _not_in_wheel(folder: str, names: list[str]) -> set[str]:
    """Which names of a folder of sources stay at home, as `shutil.copytree` asks it."""
    place = Path(folder).relative_to(ROOT)
    rooms = {f"native_runtime/{name}" for name in NOT_IN_WHEEL}
    return {
        name
        for name in names
        if name == "__pycache__" or name.endswith(".pyc") or (place / name).as_posix() in {*rooms, *BUILDERS}
    }


def bundled_wheels(platform_name: str, python: str) -> list[Path]:
    """The locked wheels of other makers for a platform and a Python; downloaded once, with their hashes checked."""
    wanted = PLATFORMS[platform_name]
    key = hashlib.sha256(wanted.lock.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{platform_name}-{python}-{key}"
    if not folder.is_dir():
        log.info("Fetching wheels for %s, Python %s", platform_name, python)
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        tags = [word for tag in wanted.tags for word in ("--platform", tag)]
        python_options = ["--implementation", "cp", "--python-version", python]
        _run(
            "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--only-binary", ":all:",
            "--require-hashes", "-r", str(wanted.lock), *python_options, *tags, "--dest", str(part),
        )  # fmt: skip
        part.replace(folder)
    return sorted(folder.glob("*.whl"))


def _run(*words: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> None:
    """Run this Python, which makes files for all to read."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | (environment or {}), umask=0o022, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Sam3dbError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
