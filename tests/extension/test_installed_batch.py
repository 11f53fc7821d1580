"""A batch in a real Blender with the installed zip: the worker starts another Blender for the characters."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.real_blender import build_extension, install, python_of, result_of, run_blender

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

RUN_BATCH = """
import json, os, bpy

batch = bpy.context.window_manager.sam3db_batch
batch.folder, batch.out = os.environ["SAM3DB_TEST_PHOTOS"], os.environ["SAM3DB_TEST_OUT"]
batch.previews, batch.exports, batch.names = {"overlay"}, {"glb"}, "mixamo"
outcome = {"operator": list(bpy.ops.sam3db.run_batch())}
from bl_ext.user_default.sam3db_blender.jobs.batch import slot
outcome["state"], outcome["summary"], outcome["result"] = slot.job.state, slot.job.summary, slot.job.result
outcome["detail"] = slot.job.detail
print("RESULT " + json.dumps(outcome))
"""


def test_a_folder_becomes_characters(real_blender: str, models: Path, photos: Path, tmp_path: Path) -> None:
    extension = build_extension(python_of(real_blender), models, tmp_path / "dist")
    environment = install(real_blender, extension, tmp_path / "user")
    folder, out = tmp_path / "photos", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(photos / "dancing.jpg", folder / "sub")
    (folder / "broken.jpg").write_text("no picture")
    script = tmp_path / "batch.py"
    script.write_text(RUN_BATCH)
    modules = set((tmp_path / "user").glob("extensions/.local/lib/*/site-packages/*"))
    environment |= {
        "SAM3DB_TEST_PHOTOS": str(folder),
        "SAM3DB_TEST_OUT": str(out),
        "SAM3DB_MODELS": str(tmp_path / "none"),  # an artist has only those of the zip
    }
    outcome = result_of(run_blender(real_blender, environment, "--python-exit-code", "1", "--python", str(script)))
    assert outcome["state"] == "done", outcome
    assert outcome["operator"] == ["FINISHED"]
    assert (outcome["result"]["photos"], outcome["result"]["failed"]) == (2, 1)
    assert outcome["summary"] == "1 of 2 photos are done; 1 failed"
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*") if path.name[0] != ".")
    assert made == [
        "contact_sheet.html", "contact_sheet.png", "manifest.jsonl", "sub/dancing_person0.blend",
        "sub/dancing_person0.json", "sub/dancing_person0.npz", "sub/dancing_person0_mixamo.glb",
        "sub/dancing_person0_overlay.jpg",
    ]  # fmt: skip
    assert modules
    assert set((tmp_path / "user").glob("extensions/.local/lib/*/site-packages/*")) == modules

    # The same folder from a terminal, as a farm's task does it: all is there, and the broken photo is no failure.
    words = ["batch", str(folder), "--out", str(out), "--engine", "landmarks", "--preview", "overlay"]
    words += ["--export", "glb:mixamo", "--accept-bad-photos", "--shard", "1/1"]
    done = run_blender(real_blender, environment | {"SAM3DB_MODELS": ""}, "--command", "sam3db", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 photos is done, 0 were processed now." in done.stdout, done.stdout + done.stderr
