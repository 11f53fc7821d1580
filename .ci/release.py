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
from sam3db_blender.packaging import report

ROOT = Path(__file__).resolve().parents[1]


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


def main() -> int:
    """Make the files; 1 where the checkout is not ready."""
    version, dist = native_runtime.__version__, ROOT / "dist"
    try:
        check_ready(version)
        notes = release_notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except NotReadyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    models = fresh_models()
    command = [sys.executable, "-m", "sam3db_blender.packaging", "--platform", "all", "--twice"]
    subprocess.run([*command, "--models", models, "--out", dist], cwd=ROOT, check=True)
    zips = sorted(dist.glob(f"sam3db_blender-{version}-*.zip"))
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in zips]
    (dist / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    files = report.markdown([report.describe(file) for file in zips])
    (dist / "notes.md").write_text(f"{notes}\n{files}", encoding="utf-8")
    (dist / "tag.txt").write_text(f"Version {version}\n\n{notes}", encoding="utf-8")
    print(f"Next: git tag --annotate v{version} --cleanup=whitespace --file=dist/tag.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
