"""The command line as a command of Blender."""

from __future__ import annotations

from pathlib import Path

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


def test_what_needs_blender_itself_says_what_does_it(capfd: pytest.CaptureFixture[str]) -> None:
    from sam3db_blender.jobs import command_line

    assert command_line.run(["--json", "character", "photo.jpg"]) == 2
    assert "by `batch`" in capfd.readouterr().err
