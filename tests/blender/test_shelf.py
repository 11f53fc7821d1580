"""The model shelf in Blender: what dialog, offer and panel say, what is asked before anything is fetched, and the way
from the dialog through a worker to an engine that is used, or to a sentence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.models import manifest
from native_runtime.models.shelf import shelf
from native_runtime.models.shelf.state import downloads_folder
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.service import client as service_client
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import shelf as shelf_files
from sam3db_blender.handles import people
from sam3db_blender.jobs import moving
from sam3db_blender.jobs.photo import ImportJob
from sam3db_blender.jobs.shelf import slot
from sam3db_blender.operators import get_model as operators
from sam3db_blender.operators.get_model import SAM3DB_OT_get_model
from sam3db_blender.operators.model_dialog import draw_dialog, fill_lines
from sam3db_blender.properties import model_choice, secret
from sam3db_blender.shelf import facts
from sam3db_blender.ui import panel as import_panel
from sam3db_blender.ui.import_options import draw_options
from sam3db_blender.ui.shelf import draw_offer, draw_shelf
from tests.support.hub import TOKEN, hub
from tests.support.layout import Layout, drawn
from tests.support.told_worker import Worker

PATIENCE_S = 60.0
ACCEPTED = (True, True, False, False)
SAM3D_BODY, INSTANTHMR = "sam3d_body", "instanthmr"
META = "facebook/sam-3d-body-dinov3"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The add-on with an empty models folder, on a machine without a token."""
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    sam3db_blender.register()
    yield tmp_path / "models"
    sam3db_blender.unregister()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The preferences of an installed extension."""
    made = SimpleNamespace(offer_models=True, models_folder="", requested_providers=lambda: None)
    for module in ("sam3db_blender.operators.get_model", "sam3db_blender.ui.shelf"):
        monkeypatch.setattr(f"{module}.preferences", lambda: made)
    return made


class _Line(SimpleNamespace):
    pass


class _Lines(list[_Line]):
    def add(self) -> _Line:
        self.append(_Line())
        return self[-1]


class Dialog(SimpleNamespace):
    """What the operator's dialog holds."""

    def __init__(self, family: str, item: str, source: str = facts.ANY, **more: Any) -> None:
        given = {"precision": "BEST", "commercial": model_choice.UNSAID, "shown_terms": "", "complaint": ""}
        ticks = {"accepted": [False] * 4, "accept_all": False}
        lines = {"lines": _Lines(), "line": 0, "lines_of": ""}
        super().__init__(family=family, item=item, source=source, **given | ticks | lines | more)

    def text(self) -> str:
        layout = Layout()
        fill_lines(self)
        draw_dialog(layout, self, bpy.context)
        return "\n".join(layout.drawn)


def offer() -> str:
    return drawn(draw_offer, 200)


def panel() -> str:
    return drawn(draw_shelf, 200)


def scene_content() -> dict[str, int]:
    return {
        name: len(getattr(bpy.data, name))
        for name in dir(bpy.data)
        if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)
    }


def write_converted(models: Path) -> None:
    """Lists a converted model and its body, as the converter does."""
    for folder, name, facts_of in (
        ("sam3d_body", "encoder.onnx", {"variant": "dinov3", "precision": "int8"}),
        ("bodies", "mhr-lod1.npz", {}),
    ):
        (models / folder).mkdir(parents=True)
        (models / folder / name).write_bytes(bytes(1_300_000))
        entry = manifest.describe(models / folder / name)
        manifest.write(models / folder, {name: entry}, **facts_of)


def test_each_engine_has_figures_terms_and_sources_in_its_dialog(models: Path) -> None:
    for family in facts.families():
        for item in family.items:
            dialog = Dialog(family.key, item.name)
            text = dialog.text()
            assert item.gives in text.replace("\n", " ")
            for figure in item.figures:
                assert f"{figure.value:,g} {figure.unit}".strip() in text
                assert figure.source in text
            for terms in item.terms:
                dialog.shown_terms = terms.key
                shown = dialog.text()
                words = terms.text.split()
                assert [word for line in dialog.lines for word in line.text.split()] == words
                for point in terms.points:
                    assert " ".join(point.split()[:4]) in shown
                assert terms.url.removeprefix("https://") in shown
            assert max(len(line.text) for line in dialog.lines) <= 78
            for source in item.sources:
                assert " ".join(source.note.split()[:4]) in Dialog(family.key, item.name, source.key).text()


def test_the_two_licences_of_sam3d_body_are_ticked_each(models: Path) -> None:
    text = Dialog(SAM3D_BODY, SAM3D_BODY).text()
    assert text.count("<accepted>") == 2
    assert text.count("<accept_all>") == 1
    assert "sanctions" in text
    assert "military" in text
    assert Dialog(SAM3D_BODY, "sam3d_body_vith", "meta").text().count("<accepted>") == 1
    choice = Dialog(SAM3D_BODY, SAM3D_BODY, accepted=[True, False, False, False])
    assert model_choice.accepted_keys(choice) == ("sam",)
    assert model_choice.objection(choice) == "Read and accept first: DINOv3 License."


def test_ticks_are_of_the_item_that_they_were_set_for(models: Path) -> None:
    dialog = Dialog(SAM3D_BODY, SAM3D_BODY, accepted=[True, True, False, False])
    fill_lines(dialog)
    assert dialog.accepted == [True, True, False, False]
    dialog.item = "sam3d_body_vith"
    fill_lines(dialog)
    assert not any(dialog.accepted)


def test_only_the_gated_source_asks_for_a_token(models: Path) -> None:
    assert "<access_token>" in Dialog(SAM3D_BODY, SAM3D_BODY, "meta").text()
    for key in (facts.ANY, "maccap", "file"):
        assert "<access_token>" not in Dialog(SAM3D_BODY, SAM3D_BODY, key).text()


def test_without_online_access_the_dialog_has_blenders_own_switch(models: Path) -> None:
    assert not bpy.app.online_access
    assert "<use_online_access>" in Dialog(SAM3D_BODY, SAM3D_BODY).text()
    assert "<use_online_access>" not in Dialog(SAM3D_BODY, SAM3D_BODY, "file").text()
    with hub({}) as service:
        with pytest.raises(RuntimeError, match="may not use the network: switch on 'Allow Online Access'"):
            bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=ACCEPTED, service=service.address)
        assert service.asked == []
    assert not models.exists()


def test_nothing_is_fetched_before_all_terms_are_accepted(models: Path, online: None) -> None:
    with hub({}) as service:
        for accepted in ((False, False, False, False), (True, False, False, False), (False, True, False, False)):
            with pytest.raises(RuntimeError, match="Read and accept first"):
                bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=accepted, service=service.address)
        with pytest.raises(RuntimeError, match="Read and accept first"):  # what was ticked once does not count again
            bpy.ops.sam3db.get_model(item=SAM3D_BODY, service=service.address)
        assert service.asked == []
    assert not models.exists()


def test_one_tick_accepts_both(models: Path, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(Event(1, "done", result={}))
    monkeypatch.setattr(service_client, "WorkerClient", worker)
    assert bpy.ops.sam3db.get_model(item=SAM3D_BODY, accept_all=True) == {"FINISHED"}
    assert worker.asked == [
        ("install_model", {"item": SAM3D_BODY, "models": str(models), "accepted": ["sam", "dinov3"]})
    ]


def test_what_may_not_be_used_commercially_asks(models: Path, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(Event(1, "done", result={}))
    monkeypatch.setattr(service_client, "WorkerClient", worker)
    given = {"item": "instanthmr_medium", "accepted": ACCEPTED}
    with pytest.raises(RuntimeError, match="say whether your work is commercial"):
        bpy.ops.sam3db.get_model(**given)
    with pytest.raises(
        RuntimeError, match=r"may not be used for commercial work\. Choose InstantHMR medium, for commercial use"
    ):
        bpy.ops.sam3db.get_model(**given, commercial="YES")
    assert worker.asked == []
    assert bpy.ops.sam3db.get_model(**given, commercial="NO") == {"FINISHED"}
    assert worker.asked[0][1]["commercial"] is False
    assert "Is your work commercial?" in Dialog(INSTANTHMR, "instanthmr_medium").text()
    assert "Is your work commercial?" not in Dialog(INSTANTHMR, "instanthmr_medium_commercial").text()
    assert facts.families()[1].first.name == "instanthmr_medium_commercial"  # what everybody may use comes first


def test_what_the_worker_is_asked(models: Path, online: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker = Worker(Event(1, "done", result={}))
    monkeypatch.setattr(service_client, "WorkerClient", worker)
    secret.keep(TOKEN)
    for source, more in (
        ("meta", {"source": "meta", "token": TOKEN}),
        ("maccap", {"source": "maccap"}),  # who has no use for a token does not get it
        (facts.ANY, {}),
    ):
        bpy.ops.sam3db.get_model(item=SAM3D_BODY, source=source, accepted=ACCEPTED, precision="fp16")
        known = {"item": SAM3D_BODY, "models": str(models), "accepted": ["sam", "dinov3"], "precision": "fp16"}
        assert worker.asked.pop() == ("install_model", known | more)
    assert TOKEN not in repr(slot.job)
    file = tmp_path / "model.ckpt"
    bpy.ops.sam3db.install_model_file(item=SAM3D_BODY, accepted=ACCEPTED, filepath=str(file), mhr="/b/assets.zip")
    known = {"item": SAM3D_BODY, "models": str(models), "accepted": ["sam", "dinov3"], "source": "file"}
    assert worker.asked.pop() == ("install_model", known | {"file": str(file), "mhr": "/b/assets.zip"})
    with pytest.raises(RuntimeError, match="Read and accept first"):
        bpy.ops.sam3db.install_model_file(item=SAM3D_BODY, filepath=str(file))
    assert worker.asked == []


def test_a_mirror_of_the_hub_is_asked(models: Path, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(Event(1, "done", result={}))
    monkeypatch.setattr(service_client, "WorkerClient", worker)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=ACCEPTED)
    assert worker.asked[0][1]["service"] == "https://mirror.example"


def test_who_has_no_access_is_told_the_way_and_the_token_leaves_no_trace(
    models: Path, online: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = scene_content()
    given = {"item": SAM3D_BODY, "source": "meta", "accepted": ACCEPTED}
    with hub({}) as service, pytest.raises(RuntimeError, match=r"given only to people .*sign in"):
        bpy.ops.sam3db.get_model(**given, service=service.address)
    assert "sign in, accept the licence" in offer()
    assert "sign in, accept the licence" in panel()
    wrong = TOKEN.replace("A", "B")
    bpy.context.window_manager.sam3db.access_token = f" {wrong} "
    with hub({}) as service, pytest.raises(RuntimeError, match="does not accept the access token"):
        bpy.ops.sam3db.get_model(**given, service=service.address)
    assert scene_content() == before
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), compress=False)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "scene.blend" in written
    assert not [path for path in written if wrong.encode() in path.read_bytes()]
    assert wrong not in "".join(capfd.readouterr())


def test_a_running_download_shows_how_far_it_is_and_can_be_cancelled(models: Path, online: None) -> None:
    item = shelf()[SAM3D_BODY]
    size = item.sources[0].files[0].size
    assert size is not None
    with hub({"model.ckpt": b"x" * 400_000}, token=None) as service:
        server = service.storage["model.ckpt"]
        server.hold = threading.Event()
        service.says["model.ckpt"] = {
            "X-Linked-Size": str(size),
            "X-Linked-ETag": f'"{item.sources[0].files[0].sha256}"',
        }
        service.says["assets/mhr_model.pt"] = {}
        before = scene_content()
        keys = {"item": SAM3D_BODY, "source": "maccap", "models": str(models), "service": service.address}
        slot.start("install_model", keys | {"accepted": ["sam", "dinov3"]})
        end = time.monotonic() + PATIENCE_S
        slot._tick()
        assert "[sam3db.cancel_get_model]" in offer()
        assert "[sam3db.cancel_get_model]" in panel()
        assert "[sam3db.get_model]" not in offer() + panel()
        assert "SAM 3D Body (DINOv3-H+)" in offer()
        with pytest.raises(RuntimeError, match="already being installed"):
            bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=ACCEPTED)
        assert bpy.ops.sam3db.cancel_get_model() == {"FINISHED"}
        assert "Cancelling" in panel()
        while slot._tick() is not None:
            assert time.monotonic() < end
            time.sleep(0.01)
        server.hold.set()
    assert slot.job is not None
    assert slot.job.state in ("cancelled", "failed")
    assert scene_content() == before


def test_what_is_installed_is_used_and_said(
    models: Path, online: None, monkeypatch: pytest.MonkeyPatch, settings: SimpleNamespace
) -> None:
    state = bpy.context.window_manager.sam3db
    assert "Get SAM 3D Body (2.8 GB)" in offer()
    assert "Get InstantHMR" in offer()
    assert model_engine() == "landmarks"

    class Installing(Worker):
        def poll(self) -> list[Event]:
            if not (models / "sam3d_body").exists():
                write_converted(models)
            return super().poll()

    notes = ["maccap-model is gone; another copy was taken."]
    monkeypatch.setattr(service_client, "WorkerClient", Installing(Event(1, "done", result={"notes": notes})))
    assert bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=ACCEPTED) == {"FINISHED"}
    assert state.engine == "auto"
    assert model_engine() == "sam3d_body"
    text = offer()
    assert "SAM 3D Body (DINOv3-H+) is installed and passed its checks." in text
    assert notes[0] in text
    assert "[sam3db.get_model]" not in text
    assert "'Best Available' uses the best engine" in text
    state.engine = "landmarks"
    assert "Your choice of engine stays: Landmarks." in offer()
    assert model_engine() == "landmarks"
    assert "DINOv3-H+: Installed, int8, 1 MB" in panel()
    bpy.ops.sam3db.dismiss_model_offer()
    assert offer() == ""
    assert slot.job is None


def model_engine() -> str:
    from sam3db_blender.properties.import_options import to_request

    return to_request(bpy.context.window_manager.sam3db, Path("/p.jpg"), None).engine


def test_the_offer_leaves_the_room_to_a_character_that_is_worked_on(
    models: Path, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = import_panel.SAM3DB_PT_import

    def draw(layout: Layout) -> None:
        context = SimpleNamespace(
            window_manager=bpy.context.window_manager,
            region=SimpleNamespace(width=300),
            preferences=bpy.context.preferences,
        )
        own.draw(SimpleNamespace(layout=layout, _draw_found=own._draw_found), context)

    monkeypatch.setattr(people, "active_character", lambda context: None)
    assert "[sam3db.get_model]" in drawn(draw)
    monkeypatch.setattr(people, "active_character", lambda context: object())
    assert "[sam3db.get_model]" not in drawn(draw)
    monkeypatch.setattr(slot, "job", SimpleNamespace(state="done", summary="It is installed.", notes=()))
    assert "It is installed." in drawn(draw)


def test_the_offer_can_be_declined_for_good(models: Path, settings: SimpleNamespace) -> None:
    assert "[sam3db.dismiss_model_offer]" in offer()
    bpy.ops.sam3db.dismiss_model_offer()
    assert settings.offer_models is False
    assert offer() == ""
    assert "[sam3db.get_model] Get SAM 3D Body" in panel()


def test_an_interrupted_download_is_continued_and_can_be_removed(models: Path) -> None:
    folder = downloads_folder(shelf()[SAM3D_BODY], models)
    folder.mkdir(parents=True)
    (folder / "model.ckpt.part").write_bytes(bytes(3_000_000))
    shelf_files.forget()
    text = panel()
    assert "DINOv3-H+: Download interrupted: 3 MB are here" in text
    assert "[sam3db.get_model] Continue DINOv3-H+" in text
    assert "[sam3db.remove_model_downloads] Remove Downloads of DINOv3-H+ (3 MB)" in text
    assert "3 MB of it are here already" in Dialog(SAM3D_BODY, SAM3D_BODY).text()
    assert bpy.ops.sam3db.remove_model_downloads(item=SAM3D_BODY) == {"FINISHED"}
    assert not folder.exists()
    assert "Remove Downloads" not in panel()


@pytest.mark.parametrize("busy", [slot, moving.slot], ids=["installing", "moving"])
def test_nothing_is_removed_while_a_job_uses_the_files(
    busy: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = downloads_folder(shelf()[SAM3D_BODY], models)
    folder.mkdir(parents=True)
    (folder / "model.ckpt.part").write_bytes(bytes(1000))
    monkeypatch.setattr(type(busy), "busy", property(lambda slot: slot is busy))
    for operator in (bpy.ops.sam3db.remove_model_downloads, bpy.ops.sam3db.remove_model):
        with pytest.raises(RuntimeError, match="Wait until the running job has ended"):
            operator(item=SAM3D_BODY)
    assert (folder / "model.ckpt.part").is_file()


def test_drawing_neither_searches_nor_hashes(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_converted(models)
    drawn_once = offer() + panel()

    def refused(*arguments: Any, **more: Any) -> Any:
        raise AssertionError("A panel looks at the disk each time it is drawn.")

    monkeypatch.setattr("native_runtime.models.shelf.state_of", refused)
    monkeypatch.setattr(Path, "rglob", refused)
    monkeypatch.setattr(Path, "iterdir", refused)
    monkeypatch.setattr(manifest, "read", refused)
    assert offer() + panel() == drawn_once


def test_a_failed_job_says_why_and_offers_to_go_on(models: Path, online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "The connection to huggingface.co broke. Try again; what has arrived is kept."
    folder = downloads_folder(shelf()[SAM3D_BODY], models)

    class Broken(Worker):
        def poll(self) -> list[Event]:
            folder.mkdir(parents=True)
            (folder / "model.ckpt.part").write_bytes(bytes(3_000_000))
            return super().poll()

    assert "interrupted" not in panel()
    monkeypatch.setattr(service_client, "WorkerClient", Broken(Event(1, "error", error="ModelError", text=said)))
    with pytest.raises(RuntimeError, match="what has arrived is kept"):
        bpy.ops.sam3db.get_model(item=SAM3D_BODY, accepted=ACCEPTED)
    assert said in offer()
    assert "[sam3db.get_model]" in offer()
    assert "Download interrupted: 3 MB are here" in panel()
    assert model_engine() == "landmarks"


def test_in_a_window_what_is_missing_is_asked_for_in_the_same_dialog(
    models: Path, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    def get_model(how: str, **given: Any) -> None:
        assert how == "INVOKE_DEFAULT"
        opened.append(given)

    windowed = SimpleNamespace(
        app=SimpleNamespace(background=False), ops=SimpleNamespace(sam3db=SimpleNamespace(get_model=get_model))
    )
    monkeypatch.setattr(operators, "bpy", windowed)
    said = {"family": SAM3D_BODY, "item": SAM3D_BODY, "source": "meta", "precision": "fp16", "service": ""}
    asked = SimpleNamespace(**said, accepted=[True, False, False, False], commercial=model_choice.UNSAID)
    for name in ("_again", "_said"):
        setattr(asked, name, getattr(SAM3DB_OT_get_model, name).__get__(asked))
    assert SAM3DB_OT_get_model.execute(asked, bpy.context) == {"CANCELLED"}  # type: ignore[arg-type]
    assert opened[0]["complaint"] == "Read and accept first: DINOv3 License."
    assert {key: opened[0][key] for key in said} == said
    assert opened[0]["accepted"] == (True, False, False, False)


def test_what_is_installed_of_an_engine_stands_below_its_choice(models: Path) -> None:
    options = bpy.context.window_manager.sam3db
    options.engine = INSTANTHMR
    assert "InstantHMR is not installed: see the panel 'Models'" in drawn(draw_options, options, 200)
    folder = models / "instanthmr"
    folder.mkdir(parents=True)
    (folder / "small.onnx").write_bytes(bytes(2_000_000))
    manifest.write(folder, {"small.onnx": manifest.describe(folder / "small.onnx")}, chosen="small")
    shown = drawn(draw_options, options, 200)
    assert "Small: Installed, 2 MB" in shown
    assert "Not for commercial use" in shown
    options.engine = "auto"
    assert model_engine() == INSTANTHMR
    assert "Now: InstantHMR" in drawn(draw_options, options, 200)


def test_a_time_that_was_measured_here_is_said_and_no_other(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path)
    assert "About 16 s a person on two processor cores; not measured on this machine yet" in dialog_text()
    worker = Worker(Event(1, "done", result={"people": [{"seconds": {"encoder": 6.5, "mesh": 0.5}}]}))
    assert ImportJob(worker, EstimateRequest(photo=Path("/p.jpg"), engine="sam3d_body")).poll()
    assert "not measured on this machine yet" in dialog_text()  # that model is gone
    write_converted(models)
    assert "7.0 s a person on this machine (measured)" in dialog_text()
    several = Worker(Event(1, "done", result={"people": [{"seconds": {"fit": 1.5}}, {"seconds": {"fit": 9.0}}]}))
    ImportJob(several, EstimateRequest(photo=Path("/p.jpg"), engine="landmarks")).poll()
    assert "What you have\n" in dialog_text()
    one = Worker(Event(1, "done", result={"people": [{"seconds": {"fit": 1.5}}]}))
    ImportJob(one, EstimateRequest(photo=Path("/p.jpg"), engine="landmarks")).poll()
    assert "What you have, 1.5 s" in dialog_text()


def dialog_text() -> str:
    return Dialog(SAM3D_BODY, SAM3D_BODY).text()
