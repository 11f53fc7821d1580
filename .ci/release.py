"""Writes the files of a release to dist/: the extension for every platform, checksums, the notes and the tag's text.

Run by ``make release``; CONTRIBUTING.md lists the steps before and after. Nothing is tagged, pushed or uploaded here.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import native_runtime
from native_runtime.models import store
from sam3db_blender.packaging import PLATFORMS, report
from sam3db_blender.packaging.build import zip_name

ROOT = Path(__file__).resolve().parents[1]
SUMS, NOTES, TAG = "SHA256SUMS", "notes.md", "tag.txt"
_LINK = r"\[([^\]]+)\]\((?!https?://)[^)]+\)"


class NotReadyError(Exception):
    """The checkout cannot be released as it is; the message says why."""


def release_notes(changelog: str, version: str) -> str:
    """The text of a version's section of a changelog in the form of Keep a Changelog.

    Raises:
        NotReadyError: the version has no dated section, or changes are still listed as unreleased.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    texts = {title.strip(): body.strip() for title, _, body in (section.partition("\n") for section in sections)}
    if texts.get("[Unreleased]"):
        raise NotReadyError("CHANGELOG.md lists unreleased changes: move them to a section of the new version.")
    dated = re.compile(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d")
    for title, text in texts.items():
        if dated.fullmatch(title) and text:
            return text + "\n"
    raise NotReadyError(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'.")


def without_links(text: str) -> str:
    """A text of the changelog where its links lead nowhere: on the page of a release, and in a tag's text.

    Links to pages of this project become plain words, and those that stand in brackets of their own go.
    """
    return re.sub(_LINK, r"\1", re.sub(rf"\s\({_LINK}\)", "", text))


def check_ready(version: str) -> None:
    """Raises NotReadyError where files are not committed, or the version was already tagged."""
    if _git("status", "--porcelain"):
        raise NotReadyError("There are uncommitted changes; commit or remove them first.")
    if _git("tag", "--list", f"v{version}"):
        raise NotReadyError(f"The tag v{version} exists: raise native_runtime.__version__.")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def fresh_models() -> Path:
    """Build all models anew, as a user's folder may hold those of an earlier commit; the folder. Sources stay."""
    folder = ROOT / ".build" / "models"
    for part in (store.NETWORKS_FOLDER, store.BODIES_FOLDER):
        shutil.rmtree(folder / part, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "sam3db_blender", "models", "build", "--models", folder], cwd=ROOT, check=True
    )
    return folder


def clear(dist: Path) -> None:
    """Remove what earlier runs left of what will be written: nothing old is taken for a part of this release."""
    for file in (*dist.glob("sam3db_blender-*.zip"), *(dist / name for name in (SUMS, NOTES, TAG))):
        file.unlink(missing_ok=True)


def write_texts(dist: Path, version: str, notes: str) -> None:
    """Write checksums, notes and the tag's text beside the zips, which are there.

    Args:
        notes: the version's section of the changelog.
    """
    zips = [dist / zip_name(platform) for platform in PLATFORMS]
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in zips]
    (dist / SUMS).write_text("".join(sums), encoding="utf-8")
    reports, plain = [report.describe(file) for file in zips], without_links(notes)
    parts = (report.downloads(reports), f"## What is new\n\n{plain}", report.details(reports))
    (dist / NOTES).write_text("\n".join(parts), encoding="utf-8")
    (dist / TAG).write_text(f"Version {version}\n\n{plain}", encoding="utf-8")


def main() -> int:
    """Make the files; 1 where the checkout is not ready, or something fails, which has been told then."""
    version, dist = native_runtime.__version__, ROOT / "dist"
    try:
        check_ready(version)
        notes = release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except NotReadyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    clear(dist)
    command = [sys.executable, "-m", "sam3db_blender.packaging", "--platform", "all", "--twice"]
    try:
        models = fresh_models()
        subprocess.run([*command, "--models", models, "--out", dist], cwd=ROOT, check=True)
    except subprocess.CalledProcessError:
        print("error: The release is not complete; what is wrong stands above.", file=sys.stderr)
        return 1
    write_texts(dist, version, notes)
    print(f"Written to {dist}: the zips, {SUMS}, {NOTES} and {TAG}.")
    print(f"Next: git tag --annotate v{version} --cleanup=whitespace --file=dist/{TAG}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
