"""The zip in a real Blender: installed as an artist would, it makes characters of photos with nothing else at hand.

Needs a Blender executable (``SAM3DB_BLENDER``), the models, and a photo; downloads the wheels for that Blender's
Python the first time.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.real_blender import USER, build_extension, install, python_of, result_of, run_blender

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

# Runs inside Blender. No network, no pip, nothing of this checkout: only what the zip brought.
MAKE_CHARACTER = """
import json, os, sys, time
import bpy

outcome = {}
start = time.perf_counter()
outcome["operator"] = list(bpy.ops.sam3db.import_character(filepath=os.environ["SAM3DB_TEST_PHOTO"]))
outcome["seconds"] = round(time.perf_counter() - start, 2)
import native_runtime, onnxruntime, cv2, numpy
outcome["modules"] = {module.__name__: module.__file__ for module in (native_runtime, onnxruntime, cv2, numpy)}
outcome["python"] = "%d.%d" % sys.version_info[:2]
worn = [o for o in bpy.data.objects if o.type == "MESH" and o.find_armature()]
meshes = [o for o in worn if o.get("sam3db_body")]
outcome["worn"] = len(worn) - len(meshes)
armatures = [o.find_armature() for o in meshes]
outcome["bones"] = [len(o.data.bones) for o in armatures]
outcome["vertices"] = [len(o.data.vertices) for o in meshes]
outcome["shape_keys"] = [len(o.data.shape_keys.key_blocks) for o in meshes]
camera = bpy.context.scene.camera
outcome["camera"] = camera is not None
outcome["resolution"] = [bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y]
outcome["background"] = [b.image.size[:] for b in camera.data.background_images if b.image] if camera else []
bpy.ops.wm.save_as_mainfile(filepath=os.environ["SAM3DB_TEST_BLEND"])
add_on = next(name for name in bpy.context.preferences.addons.keys() if name.endswith(".sam3db_blender"))
bpy.ops.preferences.addon_disable(module=add_on)
outcome["operators_left"] = "import_character" in dir(bpy.ops.sam3db)
print("RESULT " + json.dumps(outcome, default=list))
"""

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


@pytest.fixture(scope="module")
def python_of_blender(real_blender: str) -> str:
    return python_of(real_blender)


@pytest.fixture(scope="module")
def extension(python_of_blender: str, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension(python_of_blender, models, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(real_blender: str, extension: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Blender user who has just installed the zip and nothing else."""
    return install(real_blender, extension, tmp_path_factory.mktemp("user"))


def test_blender_validates_the_zip(real_blender: str, extension: Path) -> None:
    done = run_blender(real_blender, {}, "--command", "extension", "validate", str(extension), background=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_photo_becomes_a_character(
    real_blender: str, installed: dict[str, str], photos: Path, tmp_path: Path, python_of_blender: str
) -> None:
    blend = tmp_path / "character.blend"
    environment = installed | {
        "SAM3DB_TEST_PHOTO": str(photos / "dancing.jpg"),
        "SAM3DB_TEST_BLEND": str(blend),
        # What the artist lacks: a models folder of their own.
        "SAM3DB_MODELS": str(tmp_path / "none"),
    }
    script = tmp_path / "make.py"
    script.write_text(MAKE_CHARACTER)
    done = run_blender(real_blender, environment, "--python-exit-code", "1", "--python", str(script))
    outcome = result_of(done)
    assert outcome["operator"] == ["FINISHED"], done.stdout + done.stderr
    assert outcome["python"] == python_of_blender
    for name in ("native_runtime", "onnxruntime", "cv2"):
        assert outcome["modules"][name].startswith(installed[USER])
    assert not outcome["modules"]["numpy"].startswith(installed[USER])
    (bones,), (vertices,), (keys,) = outcome["bones"], outcome["vertices"], outcome["shape_keys"]
    assert bones >= 127
    assert vertices > 1000
    assert keys > 50
    assert outcome["worn"] > 0  # lashes at least
    assert outcome["camera"]
    assert outcome["resolution"] == [2250, 1500]
    assert outcome["background"] == [[2250, 1500]]
    assert outcome["operators_left"] is False
    assert blend.is_file()


def test_a_folder_becomes_characters(real_blender: str, extension: Path, photos: Path, tmp_path: Path) -> None:
    """The worker starts another Blender for the characters."""
    user = tmp_path / "user"
    folder, out = tmp_path / "photos", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(photos / "dancing.jpg", folder / "sub")
    (folder / "broken.jpg").write_text("no picture")
    script = tmp_path / "batch.py"
    script.write_text(RUN_BATCH)
    installed = install(real_blender, extension, user)
    modules = set(user.glob("extensions/.local/lib/*/site-packages/*"))
    environment = installed | {
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
    assert set(user.glob("extensions/.local/lib/*/site-packages/*")) == modules

    # The same folder from a terminal, as a farm's task does it: all is there, and the broken photo is no failure.
    words = ["batch", str(folder), "--out", str(out), "--engine", "landmarks", "--preview", "overlay"]
    words += ["--export", "glb:mixamo", "--accept-bad-photos", "--shard", "1/1"]
    done = run_blender(real_blender, environment | {"SAM3DB_MODELS": ""}, "--command", "sam3db", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 photos is done, 0 were processed now." in done.stdout, done.stdout + done.stderr


def test_a_damaged_extension_says_that_files_are_missing(
    real_blender: str, installed: dict[str, str], tmp_path: Path
) -> None:
    (handles,) = Path(installed[USER]).glob("extensions/*/sam3db_blender/handles")
    handles.rename(tmp_path / "handles")
    try:
        done = run_blender(real_blender, installed, "--command", "sam3db", "doctor")
    finally:
        (tmp_path / "handles").rename(handles)
    assert done.returncode == 1
    assert "error: Files of the extension are missing (handles). Remove the extension" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
