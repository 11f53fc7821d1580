"""The add-on in Blender: registration, and the import operator with a real worker process and an engine that sees
no picture.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import cv2
import numpy as np
import pytest

import native_runtime
import sam3db_blender
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.service.client import Event, WorkerClient
from sam3db_blender import places, registration
from sam3db_blender.handles import session
from sam3db_blender.jobs import photo as photo_jobs
from sam3db_blender.jobs.engines import settings_for
from sam3db_blender.jobs.photo import ImportJob
from sam3db_blender.operators import draw_person
from sam3db_blender.operators.importing import add_to_scene
from sam3db_blender.previews import thumbnails
from sam3db_blender.properties.import_options import OPTION_NAMES, to_request
from sam3db_blender.rig.pose import read_parameters
from sam3db_blender.scene.photo import PATH
from sam3db_blender.scene.provenance import is_character, read_origin


@pytest.fixture
def add_on() -> Iterator[None]:
    sam3db_blender.register()
    yield
    sam3db_blender.unregister()


@pytest.fixture(scope="module")
def models_folder(small_body: Body, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder whose default body is the small made-up one."""
    folder = tmp_path_factory.mktemp("models")
    bodies = folder / "bodies"
    bodies.mkdir()
    small_body.save(bodies / "default.npz")
    manifest.write(bodies, {"default.npz": manifest.describe(bodies / "default.npz")})
    return folder


@pytest.fixture(scope="module")
def client(repository: Path) -> Iterator[WorkerClient]:
    """A worker with the engine of ``posed_engine``; warm from test to test."""
    client = WorkerClient(engines="posed_engine")
    client.start(python=sys.executable, paths=[*places.worker_paths(), Path(__file__).parent])
    yield client
    client.stop()


@pytest.fixture
def working_add_on(
    add_on: None, client: WorkerClient, models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The add-on, talking to the worker above and writing its log below ``tmp_path``."""
    monkeypatch.setattr("sam3db_blender.jobs.worker.worker", lambda: client)
    monkeypatch.setattr(places, "models_folder", lambda: models_folder)
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path)


def _photo(folder: Path, name: str, size: tuple[int, int] = (160, 120)) -> Path:
    path = folder / name
    done, data = cv2.imencode(path.suffix, np.full((size[1], size[0], 3), 127, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


def _counts() -> dict[str, int]:
    kinds = ("objects", "meshes", "armatures", "cameras", "collections", "images", "materials", "lights", "worlds")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def test_it_registers_while_blender_hides_its_data() -> None:
    """As when an add-on is switched on in the preferences: bpy.data and bpy.context are out of bounds then."""
    from bpy_restrict_state import RestrictBlend

    with RestrictBlend():
        sam3db_blender.register()
    sam3db_blender.unregister()


def test_register_and_unregister_leave_nothing() -> None:
    def traces() -> set[str]:
        found = {f"type {name}" for name in dir(bpy.types) if "SAM3DB" in name.upper()}
        found |= {f"property {name}" for name in dir(bpy.types.WindowManager) if "sam3db" in name}
        menu = getattr(bpy.types.TOPBAR_MT_file_import, "draw", None)
        draws = getattr(menu, "_draw_funcs", [])
        return found | {f"menu {draw.__module__}" for draw in draws if "sam3db" in draw.__module__}

    listed = [cls for cls in registration.CLASSES if issubclass(cls, (bpy.types.Operator, bpy.types.Panel))]
    assert traces() == set()
    for _ in range(2):
        sam3db_blender.register()
        assert len(traces()) >= len(listed)
        sam3db_blender.unregister()
        assert traces() == set()


def test_classes_are_well_named() -> None:
    kinds = {"Operator": "OT", "Panel": "PT", "Menu": "MT"}
    identifiers = []
    for cls in registration.CLASSES:
        for kind, letters in kinds.items():
            if issubclass(cls, getattr(bpy.types, kind)):
                assert re.fullmatch(rf"SAM3DB_{letters}_[a-z][a-z0-9_]+", cls.__name__), cls
        if issubclass(cls, bpy.types.Operator):
            assert cls.bl_idname == "sam3db." + cls.__name__.split("_OT_")[1]
            assert cls.bl_label
            tooltip = getattr(cls, "bl_description", None) or cls.__doc__ or "."
            assert not tooltip.rstrip().endswith("."), f"{cls}: Blender adds the full stop of a tooltip"
            identifiers.append(cls.bl_idname)
        if issubclass(cls, bpy.types.Panel):
            assert cls.bl_label
            # popovers stand in no tab
            assert cls.bl_region_type != "UI" or cls.bl_category
            assert cls.poll if hasattr(cls, "poll") else True
        if issubclass(cls, bpy.types.AddonPreferences):
            assert cls.bl_idname == places.PACKAGE
    assert len(set(identifiers)) == len(identifiers)


def test_properties_have_descriptions(add_on: None) -> None:
    for operator in ("import_character",):
        properties = getattr(bpy.ops.sam3db, operator).get_rna_type().properties
        for name in OPTION_NAMES:
            assert properties[name].name
            assert properties[name].description
            assert not properties[name].description.endswith(".")
            items = getattr(properties[name], "enum_items", [])
            assert all(item.description for item in items)


def test_import_in_background(working_add_on: None, small_body: Body, tmp_path: Path) -> None:
    photo = _photo(tmp_path, "somebody.png")
    assert bpy.ops.sam3db.import_character(texture=False, filepath=str(photo)) == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    assert is_character(rig)
    origin = read_origin(rig)
    assert origin.details["photo"] == "somebody.png"
    assert origin.details["version"] == native_runtime.__version__
    parameters, _ = read_parameters(rig, small_body, near=np.zeros(204))
    assert parameters[small_body.parameter_index("l_elbow_bend")] == pytest.approx(0.7, abs=1e-5)
    assert bpy.context.scene.render.resolution_x == 160


def test_a_dropped_photo_takes_the_settings_of_the_panel(working_add_on: None, tmp_path: Path) -> None:
    photo = _photo(tmp_path, "two people.png")
    bpy.context.window_manager.sam3db.persons = "all"
    bpy.context.window_manager.sam3db.texture = False
    assert bpy.ops.sam3db.drop_photo(filepath=str(photo)) == {"FINISHED"}
    assert sum(is_character(obj) for obj in bpy.data.objects) == 2
    with pytest.raises(RuntimeError, match=r"missing\.png"):
        bpy.ops.sam3db.drop_photo(filepath=str(tmp_path / "missing.png"))


def test_every_kind_of_photo_may_be_dropped(add_on: None) -> None:
    handler = bpy.types.FileHandler.bl_rna_get_subclass_py("SAM3DB_FH_photo")
    for ending in (".jpg", ".jpeg", ".png", ".webp", ".heic"):
        assert ending in handler.bl_file_extensions.split(";")
    assert handler.bl_import_operator == "sam3db.drop_photo"


def test_everyone_and_the_lens(working_add_on: None, tmp_path: Path) -> None:
    photo = _photo(tmp_path, "two people.png")
    result = bpy.ops.sam3db.import_character(
        texture=False, filepath=str(photo), persons="all", lens="fov", fov=float(np.radians(60)), light=False
    )
    assert result == {"FINISHED"}
    rigs = [obj for obj in bpy.data.objects if is_character(obj)]
    assert sorted(read_origin(rig).details["person"] for rig in rigs) == [0, 1]
    assert bpy.context.scene.camera.data.angle == pytest.approx(np.radians(60), abs=1e-4)
    assert len(bpy.data.lights) == 0


def test_a_photo_that_lies_on_its_side_is_turned(working_add_on: None, tmp_path: Path) -> None:
    """The character, the camera and the picture behind it are all those of the turned photo."""
    assert bpy.ops.sam3db.import_character(texture=False, filepath=str(_photo(tmp_path, "one.png")), turn="90") == {
        "FINISHED"
    }
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == (120, 160)
    picture = bpy.context.scene.camera.data.background_images[0].image
    assert tuple(picture.size) == (120, 160)
    assert PATH not in picture  # posing must not read the file, which lies on its side
    rig = next(obj for obj in bpy.data.objects if is_character(obj))
    assert read_origin(rig).details["details"]["photo_turned"] == 90


def test_people_are_found_before_and_some_are_chosen(working_add_on: None, tmp_path: Path) -> None:
    state = bpy.context.window_manager.sam3db
    with pytest.raises(RuntimeError, match="Choose a photo"):
        bpy.ops.sam3db.find_people()
    state.photo = str(_photo(tmp_path, "two.png"))
    assert state.chosen_numbers == ""
    assert bpy.ops.sam3db.find_people() == {"FINISHED"}
    assert len(state.found) == 2
    assert state.chosen_numbers == "0,1"
    assert set(thumbnails._previews) == {person.key_of(number) for number, person in enumerate(state.found)}
    state.found[0].chosen = False
    assert bpy.ops.sam3db.import_character(texture=False, filepath=state.photo, numbers=state.chosen_numbers) == {
        "FINISHED"
    }
    (rig,) = (obj for obj in bpy.data.objects if is_character(obj))
    assert read_origin(rig).details["person"] == 1
    # another photo, other people
    state.photo = str(_photo(tmp_path, "nobody.png"))
    assert state.chosen_numbers == ""
    with pytest.raises(RuntimeError, match="nobody"):
        bpy.ops.sam3db.find_people()


def test_somebody_is_made_of_a_box(working_add_on: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outline that is drawn around somebody on the photo of a character becomes the box of an import."""
    asked: list[EstimateRequest] = []

    class Watched(photo_jobs.ImportJob):
        def __post_init__(self) -> None:
            asked.append(self.request)
            # the stand-in for an engine takes no boxes, and a texture of its body takes a minute
            self.request = replace(self.request, boxes=None, texture=False)
            super().__post_init__()

    monkeypatch.setattr(photo_jobs, "ImportJob", Watched)
    photo = _photo(tmp_path, "somebody.png")
    with pytest.raises(RuntimeError, match="four numbers"):
        bpy.ops.sam3db.import_character(texture=False, filepath=str(photo), box="10,10,5")
    assert bpy.ops.sam3db.import_character(texture=False, filepath=str(photo)) == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    draw_person.make_of_outline(bpy.context, rig, [(20.0, 30.0), (70.0, 35.0), (50.0, 110.0)])
    assert asked[0].boxes is None
    assert asked[1].boxes == ((20.0, 30.0, 70.0, 110.0),)
    assert asked[1].focal_px == pytest.approx(read_origin(rig).arrays["intrinsics"][1, 1], rel=1e-4)
    assert sum(is_character(obj) for obj in bpy.data.objects) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody.png", "nobody was found"),
        ("crash.png", "worker"),
        ("missing.png", "missing.png"),
        ("broken.png", "intrinsics"),
        ("foreign.png", "another body"),
    ],
)
def test_failures_leave_the_scene_alone(working_add_on: None, tmp_path: Path, name: str, message: str) -> None:
    photo = tmp_path / name if "missing" in name else _photo(tmp_path, name)
    before = _counts()
    resolution = bpy.context.scene.render.resolution_x
    with pytest.raises(RuntimeError, match=message) as raised:
        bpy.ops.sam3db.import_character(texture=False, filepath=str(photo))
    assert len(str(raised.value).strip().splitlines()) == 1
    assert _counts() == before
    assert bpy.context.scene.render.resolution_x == resolution
    assert bpy.context.scene.camera is None
    assert message in (tmp_path / "import.log").read_text()


def test_the_worker_recovers(working_add_on: None, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="try again"):
        bpy.ops.sam3db.import_character(texture=False, filepath=str(_photo(tmp_path, "crash.png")))
    assert bpy.ops.sam3db.import_character(texture=False, filepath=str(_photo(tmp_path, "fine.png"))) == {"FINISHED"}


def test_poll_gives_reasons(add_on: None, tmp_path: Path) -> None:
    bpy.context.window_manager.sam3db.running = True
    with pytest.raises(RuntimeError, match="Another photo"):
        bpy.ops.sam3db.import_character(texture=False, filepath=str(tmp_path / "a.png"))
    bpy.context.window_manager.sam3db.running = False
    with pytest.raises(RuntimeError, match="Nothing is being imported"):
        bpy.ops.sam3db.cancel_import()
    with pytest.raises(RuntimeError, match="No background process"):
        bpy.ops.sam3db.stop_worker()


def test_cancelled_job(client: WorkerClient, models_folder: Path, tmp_path: Path) -> None:
    job = ImportJob(client, EstimateRequest(photo=_photo(tmp_path, "slow.png"), models=models_folder))
    job.poll()
    job.cancel()
    assert job.poll()
    assert job.state == "cancelled"
    # what the worker says afterwards does not count, and the next job is not disturbed
    next_job = ImportJob(client, EstimateRequest(photo=_photo(tmp_path, "fine.png"), models=models_folder))
    next_job.wait()
    assert next_job.state == "done"
    assert job.state == "cancelled"


class _ScriptedClient:
    """A client that says what a test wants."""

    def __init__(self, *batches: list[Event]) -> None:
        self.batches = list(batches)
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.cancelled: list[int] = []

    def request(self, do: str, *, timeout_s: float | None = None, **keys: Any) -> int:
        self.requests.append((do, keys))
        return 7

    def poll(self) -> list[Event]:
        return self.batches.pop(0) if self.batches else []

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)


def test_job_follows_the_events() -> None:
    client = _ScriptedClient(
        [Event(7, "status", text="Looking"), Event(7, "progress", value=0.4), Event(9, "error", text="another's")],
        [
            Event(7, "warning", text="dark"),
            Event(7, "done", result={"people": [{"estimate": "/a.npz"}, {}], "warnings": ["w"]}),
        ],
    )
    job = ImportJob(client, EstimateRequest(photo=Path("/p.jpg"), focal_px=900.0))
    assert client.requests[0][0] == "estimate"
    assert client.requests[0][1]["focal_px"] == 900.0
    assert not job.poll()
    assert (job.state, job.status, job.progress) == ("running", "Looking", 0.4)
    assert job.poll()
    assert (job.state, job.estimates, job.warnings) == ("done", [Path("/a.npz")], ["dark", "w"])


@pytest.mark.parametrize(
    ("kind", "state"), [("PhotoError", "failed"), ("Cancelled", "cancelled"), ("WorkerError", "failed")]
)
def test_job_ends_with_an_error(kind: str, state: str) -> None:
    job = ImportJob(
        _ScriptedClient([Event(7, "error", error=kind, text="no", detail="trace")]),
        EstimateRequest(photo=Path("/p.jpg")),
    )
    assert job.poll()
    assert job.state == state


def test_options_become_a_request(add_on: None) -> None:
    options = bpy.context.window_manager.sam3db
    options.lens, options.fov, options.persons = "fov", float(np.radians(50)), "all"
    request = to_request(options, Path("/p.jpg"), None)
    assert request.fov_deg == pytest.approx(50)
    assert (request.focal_px, request.persons, request.engine) == (None, "all", "landmarks")


def test_each_engine_is_asked_for_its_own_kind_of_inference(add_on: None) -> None:
    options = bpy.context.window_manager.sam3db
    options.answer = "raw"
    for engine, wanted in (("instanthmr", "raw"), ("landmarks", None)):
        assert settings_for(engine, options.inference, options.answer)["inference"] == wanted
    assert settings_for("instanthmr", "", "")["inference"] is None
    # a drag goes on as the character was made, unless its user chose otherwise
    rig = bpy.data.objects.new("rig", None)
    made = SimpleNamespace(details={"details": {"inference": "raw"}})
    assert settings_for("instanthmr", *session.inferences(rig, made))["inference"] == "raw"
    rig[session.INFERENCE] = "fit"
    assert settings_for("instanthmr", *session.inferences(rig, made))["inference"] == "fit"


def test_a_failed_build_keeps_earlier_characters(
    working_add_on: None, small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bpy.ops.sam3db.import_character(texture=False, filepath=str(_photo(tmp_path, "first.png")))
    before = _counts()
    camera = bpy.context.scene.camera

    def fail(*arguments: Any) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("sam3db_blender.scene.character.pack_photo", fail)
    with pytest.raises(RuntimeError, match="no more"):
        bpy.ops.sam3db.import_character(texture=False, filepath=str(_photo(tmp_path, "second.png", (300, 200))))
    assert _counts() == before
    assert bpy.context.scene.camera == camera
    assert bpy.context.scene.render.resolution_x == 160


def test_nobody_to_add() -> None:
    with pytest.raises(Exception, match="Nobody was found"):
        add_to_scene(bpy.context, EstimateRequest(photo=Path("/p.jpg")), [])
