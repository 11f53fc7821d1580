"""A character of an import's first step, and what becomes of it when the last step comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.engines.base import ROUGH
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.pipeline.requests import EstimateRequest
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.handles import pending
from sam3db_blender.handles.handles import State, by_keypoint, state_of
from sam3db_blender.handles.loop import UNDO_STEP
from sam3db_blender.handles.session import is_rough
from sam3db_blender.jobs.photo import ImportJob, LastStep
from sam3db_blender.jobs.worker import State as JobState
from sam3db_blender.operators.import_character import SAM3DB_OT_import_character
from sam3db_blender.rig.pose import read_parameters
from sam3db_blender.scene import snapshots
from sam3db_blender.scene.provenance import read_origin
from tests.support.posing_stage import WRIST, Stage, estimate_of_person, install_body, set_up, write_photo


@dataclass
class Awaited:
    """The rest of an import, which comes when the test wants it."""

    state: JobState = "running"
    status: str = "Refining person 1 of 1"
    error: str = ""
    kind: str = ""
    estimate: Path | None = None
    texture: None = None

    def poll(self) -> bool:
        return self.state != "running"


@pytest.fixture
def stage(small_body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A photo with a person whose hands are rough, and the loop."""
    photo = write_photo(tmp_path)
    install_body(small_body, tmp_path / "models")
    monkeypatch.setattr(places, "models_folder", lambda: tmp_path / "models")
    with monkeypatch.context() as first_step:
        of_person = "tests.support.posing_stage.estimate_of_person"
        first_step.setattr(of_person, lambda body, seed: rough(estimate_of_person(body, seed)))
        stage = set_up(small_body, tmp_path, photo)
    assert is_rough(read_origin(stage.rig)) == "hands"
    return stage


def rough(estimate: Estimate) -> Estimate:
    return replace(estimate, details=estimate.details | {ROUGH: "hands"})


def expect(stage: Stage) -> Awaited:
    """What the import operator does: the step that it ends shows that something is awaited."""
    awaited = Awaited()
    stage.loop.expect(stage.character.id, awaited)
    assert pending.unanswered() == {stage.character.id: 0}
    stage.wait()
    assert stage.state == "waiting"
    return awaited


def arrive(stage: Stage, awaited: Awaited, folder: Path, seed: int = 7) -> Estimate:
    estimate = estimate_of_person(stage.body, seed)
    awaited.estimate, _ = estimate.save(folder / "last")
    awaited.state = "done"
    stage.wait()
    stage.wait(0.0)
    bpy.context.view_layer.update()
    return estimate


def test_the_last_step_poses_the_character_in_place(stage: Stage, tmp_path: Path) -> None:
    rig, before = stage.rig, len(bpy.data.objects)
    awaited = expect(stage)
    assert not stage.worker.asked
    last = arrive(stage, awaited, tmp_path)
    assert stage.state == "idle"
    assert (stage.rig, len(bpy.data.objects)) == (rig, before)
    assert read_parameters(rig, stage.body)[0] == pytest.approx(last.model_parameters, abs=1e-5)
    assert read_origin(rig).arrays["model_parameters"] == pytest.approx(last.model_parameters)
    assert not is_rough(read_origin(rig))
    assert stage.artist.pushed == [UNDO_STEP]
    assert pending.unanswered() == {}
    assert pending.ended(rig) == 1  # whoever undoes from here passes the rough step
    assert [name for name, _ in snapshots.entries(rig)] == [snapshots.IMPORTED]


def test_what_the_artist_did_meanwhile_stays(stage: Stage, tmp_path: Path) -> None:
    awaited = expect(stage)
    bone = stage.rig.pose.bones["l_uparm"]
    before = read_parameters(stage.rig, stage.body)[0]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler.rotate_axis("Z", 0.4)
    bpy.context.view_layer.update()
    edited = read_parameters(stage.rig, stage.body)[0]
    touched = np.abs(edited - before) > 1e-3
    assert touched.any()
    last = arrive(stage, awaited, tmp_path)
    now = read_parameters(stage.rig, stage.body)[0]
    assert now[touched] == pytest.approx(edited[touched], abs=1e-4)
    assert now[~touched] == pytest.approx(last.model_parameters[~touched], abs=1e-4)


def test_a_handle_that_was_dragged_meanwhile_counts_instead(stage: Stage, tmp_path: Path) -> None:
    awaited = expect(stage)
    stage.drag(WRIST, 12, 4)
    stage.wait()
    assert [pin[0] for pin in stage.worker.asked[0]["pins"]] == [WRIST]
    arrive(stage, awaited, tmp_path)
    assert is_rough(read_origin(stage.rig))  # what the import brought was not taken
    answer = stage.answer(seed=9)
    assert read_parameters(stage.rig, stage.body)[0] == pytest.approx(answer.model_parameters, abs=1e-5)
    assert state_of(by_keypoint(stage.rig)[WRIST]) is State.PINNED
    assert not is_rough(read_origin(stage.rig))
    assert snapshots.entries(stage.rig)[0][0] == snapshots.IMPORTED


def test_a_drag_before_the_first_tick_counts_too(stage: Stage) -> None:
    stage.loop.expect(stage.character.id, Awaited())
    stage.drag(WRIST, 12, 4)
    stage.wait()
    assert len(stage.worker.asked) == 1


def test_who_cancels_keeps_the_rough_character(stage: Stage, tmp_path: Path) -> None:
    before = read_parameters(stage.rig, stage.body)[0]
    awaited = expect(stage)
    stage.loop.cancel(stage.character.id)
    arrive(stage, awaited, tmp_path)
    assert stage.state == "idle"
    assert (read_parameters(stage.rig, stage.body)[0] == before).all()
    assert is_rough(read_origin(stage.rig)) == "hands"


@pytest.mark.parametrize("kind", ["WorkerError", "ModelError"])
def test_a_last_step_that_fails_keeps_the_rough_character(stage: Stage, kind: str) -> None:
    """A worker that died is asked again, as after a drag."""
    before = read_parameters(stage.rig, stage.body)[0]
    awaited = expect(stage)
    awaited.state, awaited.kind, awaited.error = "failed", kind, "There is no memory left."
    stage.wait()
    stage.wait()
    assert (read_parameters(stage.rig, stage.body)[0] == before).all()
    assert len(stage.worker.asked) == (kind == "WorkerError")
    assert stage.loop.status(stage.character.id).text == ("Starting" if kind == "WorkerError" else awaited.error)


class _Client:
    """Says what an import's worker says, one event a poll."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)

    def request(self, do: str, *, timeout_s: float | None = None, **keys: object) -> int:
        return 7

    def poll(self) -> list[Event]:
        return [self.events.pop(0)] if self.events else []

    def cancel(self, number: int) -> None: ...


def _people(*names: str) -> dict[str, list[dict[str, str]]]:
    return {"people": [{}, *({"estimate": f"/{name}.npz"} for name in names)]}


def test_an_import_can_end_at_its_first_step_and_bring_the_last_later() -> None:
    events = Event(7, "estimates", result=_people("a", "b")), Event(7, "done", result=_people("c", "d"))
    job = ImportJob(_Client(*events), EstimateRequest(photo=Path("/p.jpg"), steps=True))
    enough = SAM3DB_OT_import_character.enough
    assert not enough(None, bpy.context, job)
    assert not job.poll()
    assert (job.state, job.early, job.estimates) == ("running", [Path("/a.npz"), Path("/b.npz")], [])
    assert enough(None, bpy.context, job)
    rest = [LastStep(job, place) for place in range(2)]
    assert rest[0].estimate is None
    assert rest[0].poll()
    assert [one.estimate for one in rest] == [Path("/c.npz"), Path("/d.npz")]
    assert rest[1].poll()
    assert rest[1].state == "done"
    assert not enough(None, bpy.context, job)
