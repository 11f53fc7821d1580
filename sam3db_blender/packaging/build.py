"""Builds one zip: wheels, add-on and models into a folder, checks, and the packing."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from native_runtime import __version__
from native_runtime.build import catalogue
from native_runtime.errors import Sam3dbError, UsageError

from .archive import differences, validate, write_zip
from .stage import check_no_weights, fill
from .targets import PLATFORMS, Target
from .wheels import collect_wheels

log = logging.getLogger("sam3db.packaging")

#: Blender's extension platform takes no larger zip.
LARGEST_ZIP = 200_000_000


def zip_name(platform_name: str) -> str:
    """A zip's name, as ``blender --command extension build --split-platforms`` forms it: id, version, platform."""
    return f"sam3db_blender-{__version__}-{platform_name.replace('-', '_')}.zip"


def build(target: Target, out: Path, models: Path) -> Path:
    """Build, check and validate the zip for ``target``; its path.

    Raises:
        ModelError: the models in ``models`` are not complete.
        UsageError: there are no wheels for the platform.
        Sam3dbError: a wheel cannot be had, the zip is too large, or Blender's own validation refuses it.
    """
    if target.platform not in PLATFORMS:
        raise UsageError(f"There are no wheels for {target.platform}; there are for: {', '.join(PLATFORMS)}.")
    catalogue.verify_models(models)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sam3db-extension-") as temporary:
        stage = Path(temporary) / "stage"
        wheels = stage / "wheels"
        wheels.mkdir(parents=True)
        log.info("Building the extension for %s, Python %s", target.platform, ", ".join(target.pythons))
        collect_wheels(target, wheels, Path(temporary))
        fill(stage, models, target.platform)
        check_no_weights(stage)
        finished = out / zip_name(target.platform)
        part = finished.with_suffix(".part.zip")
        try:
            write_zip(stage, part)
            size = part.stat().st_size
            if size > LARGEST_ZIP:
                raise Sam3dbError(
                    f"The zip for {target.platform} takes {size / 1e6:.0f} MB, and Blender's extension "
                    "platform takes 200 MB at most: build it for fewer Pythons."
                )
            validate(part)
            part.replace(finished)
            log.info(
                "%s takes %.1f MB of at most %.0f", finished.name, finished.stat().st_size / 1e6, LARGEST_ZIP / 1e6
            )
        finally:
            part.unlink(missing_ok=True)
    return finished


def check(archive: Path, target: Target) -> None:
    """Look for what Blender's validation cannot see: wheels, imports, native libraries and licences.

    Raises:
        Sam3dbError: something is wrong; the message names it.
    """
    # The readers of native libraries are no dependency of who only builds.
    from . import checks, content

    found = checks.faults(content.read(archive), target.pythons)
    if found:
        raise Sam3dbError(f"{archive.name} is not fit to be passed on: {'; '.join(found[:10])}.")
    log.info("Wheels, imports, native libraries and licences are in order")


def build_again(target: Target, models: Path, first: Path) -> None:
    """Build ``target`` once more elsewhere and compare it with ``first``.

    Raises:
        Sam3dbError: the two are not equal byte for byte; the message names what differs.
    """
    with tempfile.TemporaryDirectory(prefix="sam3db-again-") as temporary:
        found = differences(first, build(target, Path(temporary), models))
    if found:
        raise Sam3dbError(f"Two builds of {first.name} differ: {'; '.join(found[:10])}")
    log.info("A second build of %s is equal byte for byte", first.name)
