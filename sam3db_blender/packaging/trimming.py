"""Leaves files out of a wheel that nothing loads.

Blender's extension platform asks for wheels as they were published; `Target.untouched` is for it. The new wheel says
what it is: its name and its ``WHEEL`` file carry a build number, as wheels do that were built again, and its ``RECORD``
lists what is in it. Everything else is as published.
"""

from __future__ import annotations

import base64
import csv
import fnmatch
import hashlib
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from native_runtime.errors import Sam3dbError

from .archive import add

#: The build number of trimmed wheels, between version and Python in their names.
BUILD = "1trimmed"


def trimmed(wheel: Path, folder: Path, patterns: Iterable[str]) -> Path:
    """Write a wheel without the files that match ``patterns`` into ``folder``; its path.

    Raises:
        Sam3dbError: a pattern matches nothing, or something that Python would import: the wheel is not the one that
            the pattern was written for.
    """
    name, version, *tags = wheel.name.split("-")
    info = f"{name}-{version}.dist-info"
    place = folder / "-".join([name, version, BUILD, *tags])
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(place, "w") as target:
        names = [member.filename for member in source.infolist() if not member.is_dir()]
        gone: set[str] = set()
        for pattern in patterns:
            matches = set(fnmatch.filter(names, pattern))
            if not matches or any(match.endswith((".py", ".pyd")) or info in match for match in matches):
                raise Sam3dbError(f"{wheel.name} holds nothing that may be left out as {pattern}.")
            gone |= matches
        record_name = f"{info}/RECORD"
        wheel_text = source.read(f"{info}/WHEEL").rstrip(b"\r\n") + f"\nBuild: {BUILD}\n".encode()
        for member in names:
            if member in gone or member == record_name:
                continue
            content = wheel_text if member == f"{info}/WHEEL" else source.read(member)
            add(target, member, content, mode=source.getinfo(member).external_attr >> 16)
        record = _record(source.read(record_name).decode("utf-8"), gone, f"{info}/WHEEL", wheel_text)
        add(target, record_name, record.encode("utf-8"))
    return place


def _record(text: str, gone: set[str], changed: str, content: bytes) -> str:
    """The list of a wheel's files without those that are gone, and with the changed file's new hash."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    kept = io.StringIO()
    writer = csv.writer(kept, lineterminator="\n")
    for row in csv.reader(io.StringIO(text)):
        if row and row[0] not in gone:
            writer.writerow([changed, f"sha256={digest}", len(content)] if row[0] == changed else row)
    return kept.getvalue()
