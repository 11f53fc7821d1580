"""The zip in a real Blender: installed as an artist would, it makes a character of a photo with nothing else at hand.

Needs a Blender executable (``SAM3DB_BLENDER``), the models, and a photo; downloads the wheels for that Blender's
Python the first time.
"""

from __future__ import annotations

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
