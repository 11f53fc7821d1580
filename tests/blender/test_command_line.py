"""The command line as a command of Blender."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("bpy")
pytestmark = [pytest.mark.bpy]


@pytest.mark.models
def test_a_command_runs_beside_blender_with_its_models(
    models: Path, blender_factory: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from sam3db_blender import places
    from sam3db_blender.jobs import command_line

    monkeypatch.delenv("SAM3DB_MODELS", raising=False)
    monkeypatch.setattr(places, "models_folder", lambda: models)
    assert command_line.run(["models", "list"]) == 0
    assert str(models) in capfd.readouterr().out


def test_without_a_command_they_are_listed(blender_factory: None, capfd: pytest.CaptureFixture[str]) -> None:
    from sam3db_blender.jobs import command_line

    assert command_line.run([]) == 2
    assert "a folder of photos to characters" in capfd.readouterr().err


def test_what_needs_blender_itself_says_what_does_it(capfd: pytest.CaptureFixture[str]) -> None:
    from sam3db_blender.jobs import command_line

    assert command_line.run(["--json", "character", "photo.jpg"]) == 2
    assert "by `batch`" in capfd.readouterr().err


def test_the_doctors_page_names_this_blender(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import bpy

    from sam3db_blender.jobs import command_line

    command_line.run(["doctor", "--models", str(tmp_path), "--engine", "landmarks"])
    assert f"\n- Blender {bpy.app.version_string}\n" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        ("models get instanthmr", True),
        ("--json gpu install", True),
        ("models list", False),
        ("batch farm -o out", False),
        ("farm flamenco check --manager farm:8080", True),
        ("farm flamenco submit photos -o out --manager=192.168.1.7", True),
        ("farm flamenco submit photos -o out --manager=farm --dry-run", False),
        ("farm flamenco status 17 --manager localhost", False),
        ("farm flamenco job-type", False),
        ("farm flamenco check --manager ftp://farm", False),
    ],
)
def test_what_asks_other_machines_needs_online_access(
    words: str, needs: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import subprocess

    import bpy

    from sam3db_blender.jobs import command_line

    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **more: started.append(given) or SimpleNamespace(wait=int))
    assert not bpy.app.online_access
    assert command_line.run(words.split()) == (2 if needs else 0)
    assert bool(started) is not needs
    assert ("--online-mode" in capfd.readouterr().err) is needs


def test_building_models_is_not_a_matter_of_online_access_where_it_cannot_be_done(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command refuses then, with advice that leads somewhere."""
    import subprocess

    from native_runtime.build import catalogue
    from sam3db_blender.jobs import command_line

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: SimpleNamespace(wait=int))
    assert command_line.run(["models", "build"]) == 2
    assert "--online-mode" in capfd.readouterr().err
    monkeypatch.setattr(catalogue, "_BUILDERS", ("no_such_builder",))
    assert command_line.run(["models", "build"]) == 0
    assert capfd.readouterr().err == ""
