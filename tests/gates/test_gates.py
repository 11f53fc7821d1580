"""The checks that every change must pass do find what they look for: skips, the version, the changelog."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from native_runtime import __version__
from sam3db_blender import packaging
from tests.support.skips import read_allowed

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-12-01

### Added

- Wings.

## [1.1.0] - 2026-11-01
"""


@pytest.fixture(scope="module")
def release(repository: Path) -> ModuleType:
    """The program of ``make release``, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("release", repository / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def strict_run(repository: Path, file: Path, tests: str, reason: str) -> subprocess.CompletedProcess[str]:
    """pytest on a file of tests, of which one kind of skip is allowed."""
    program = (
        "import sys, pytest\n"
        "from tests.support.skips import AllowedSkip, SkipGate\n"
        "path, tests, reason = sys.argv[1:]\n"
        "gate = SkipGate([AllowedSkip(tests, reason, 'a test of the gate')])\n"
        "sys.exit(pytest.main([path, '-q', '-p', 'no:cacheprovider'], plugins=[gate]))\n"
    )
    command = [sys.executable, "-c", program, str(file), tests, reason]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("tests", "reason", "passes"),
    [("*::test_b", "no moon", True), ("*::test_a", "no moon", False), ("*::test_b", "no sun", False)],
)
def test_a_strict_run_fails_on_skips_that_are_not_listed(
    repository: Path, tmp_path: Path, tests: str, reason: str, passes: bool
) -> None:
    file = tmp_path / "test_night.py"
    file.write_text("import pytest\n\ndef test_a(): pass\n\ndef test_b(): pytest.skip('no moon tonight')\n")
    done = strict_run(repository, file, tests, reason)
    assert done.returncode == (0 if passes else 1), done.stdout + done.stderr
    assert ("test_b: Skipped: no moon tonight" in done.stdout) is not passes


def test_a_strict_run_fails_on_modules_that_are_not_listed(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "test_absent.py").write_text("import pytest\n\npytest.importorskip('no_such_module')\n")
    (tmp_path / "test_present.py").write_text("def test_a(): pass\n")
    assert strict_run(repository, tmp_path, "*::test_b", "").returncode == 1
    assert strict_run(repository, tmp_path, "*test_absent.py", "no_such_module").returncode == 0


def test_the_list_of_skips_names_tests_that_exist(repository: Path) -> None:
    for allowed in read_allowed():
        assert allowed.reason, allowed
        assert allowed.why, allowed
        assert list(repository.glob(allowed.tests.partition("::")[0])), f"no file for {allowed.tests}"


def test_the_version_stands_in_one_place(repository: Path) -> None:
    manifest = (repository / "blender_manifest.toml").read_text(encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    assert "version" not in tomllib.loads(manifest)
    assert tomllib.loads(packaging.complete_manifest(manifest, "linux-x64", []))["version"] == __version__


def test_the_changelog_has_the_version(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[0] == "## [Unreleased]"
    assert titles[1].startswith(f"## [{__version__}] - ")


def test_notes_are_cut_from_the_changelog(release: ModuleType) -> None:
    assert release.release_notes(CHANGELOG, "1.2.0") == "### Added\n\n- Wings.\n"


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        (CHANGELOG, "1.3.0"),
        (CHANGELOG, "1.1.0"),
        (CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n- Fins."), "1.2.0"),
        (CHANGELOG.replace(" - 2026-12-01", ""), "1.2.0"),
    ],
    ids=["no section", "an empty section", "unreleased changes", "no date"],
)
def test_an_unready_changelog_is_refused(release: ModuleType, changelog: str, version: str) -> None:
    with pytest.raises(release.NotReadyError):
        release.release_notes(changelog, version)


def test_links_that_lead_nowhere_become_words(release: ModuleType) -> None:
    text = (
        "- [Takes](docs/takes.md) of videos ([how](docs/guide/takes.md#make-it)), by\n  [several\n"
        "  photos](docs/views.md); see [Blender](https://www.blender.org/) (`--age`).\n"
    )
    assert release.without_links(text) == (
        "- Takes of videos, by\n  several\n  photos; see [Blender](https://www.blender.org/) (`--age`).\n"
    )


def test_nothing_old_is_part_of_a_release(release: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ("sam3db_blender-1.2.0-linux_x64.part.zip", "sam3db_blender-1.1.0-linux_x64.zip", "notes.md", "SHA256SUMS")
    for name in (*old, "mine.txt"):
        (tmp_path / name).write_text("old")
    release.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    names = [release.zip_name(platform) for platform in packaging.PLATFORMS]
    for name in (*names, "sam3db_blender-1.2.0-linux_x64.part.zip"):
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.setattr(release.report, "describe", lambda file: file.name)
    for section in ("downloads", "details"):
        monkeypatch.setattr(release.report, section, lambda reports, section=section: f"{section}: {reports}\n")
    release.write_texts(tmp_path, "1.2.0", "### Added\n\n- [Wings](docs/wings.md).\n")
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    notes = (tmp_path / "notes.md").read_text()
    assert notes == f"downloads: {names}\n\n## What is new\n\n### Added\n\n- Wings.\n\ndetails: {names}\n"
    assert (tmp_path / "tag.txt").read_text() == "Version 1.2.0\n\n### Added\n\n- Wings.\n"


def test_a_release_that_fails_leaves_no_notes_of_an_earlier_one(
    release: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "notes.md").write_text("old")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release.native_runtime, "__version__", "1.2.0")
    monkeypatch.setattr(release, "check_ready", lambda version: None)

    def fail() -> Path:
        raise subprocess.CalledProcessError(1, "models build")

    monkeypatch.setattr(release, "fresh_models", fail)
    assert release.main() == 1
    assert "not complete" in capsys.readouterr().err
    assert list((tmp_path / "dist").iterdir()) == []


def test_a_checkout_that_is_not_ready_is_refused(
    release: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=tmp_path, check=True)

    monkeypatch.setattr(release, "ROOT", tmp_path)
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    release.check_ready("1.2.0")
    (tmp_path / "new.txt").touch()
    with pytest.raises(release.NotReadyError, match="uncommitted"):
        release.check_ready("1.2.0")
    (tmp_path / "new.txt").unlink()
    git("tag", "v1.2.0")
    with pytest.raises(release.NotReadyError, match=r"v1\.2\.0 exists"):
        release.check_ready("1.2.0")
    release.check_ready("1.3.0")
