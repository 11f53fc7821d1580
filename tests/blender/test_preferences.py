"""The extension's preferences: what is drawn, what it does, and that nothing of an artist's settings is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

import sam3db_blender
from native_runtime.doctor.report import Fault, Section
from native_runtime.errors import Remedy
from native_runtime.models import manifest
from native_runtime.onnx.limits import NO_LIMITS, Limits
from native_runtime.service import client
from native_runtime.service.client import Event
from sam3db_blender import places
from sam3db_blender.files import shelf as shelf_files
from sam3db_blender.jobs import doctor, moving
from sam3db_blender.jobs import long as long_jobs
from sam3db_blender.jobs import worker as jobs_worker
from sam3db_blender.operators.preferences import own_names
from sam3db_blender.preferences import SAM3DB_AddonPreferences
from sam3db_blender.properties.defaults import DEFAULTS, fill_in
from sam3db_blender.retarget.assignment import map_titles
from sam3db_blender.ui.preferences.sections import SECTIONS, draw_sections
from tests.support.doctored import write_models
from tests.support.layout import Layout
from tests.support.told_worker import Worker as TellingWorker

#: Names under which Blender keeps what artists have set in earlier versions.
OLDER = {"models_folder", "provider", "remember_photos", "offer_models", "make_controls"}


@pytest.fixture
def settings() -> Iterator[Any]:
    """The preferences of the extension as Blender keeps them, where it is installed."""
    sam3db_blender.register()
    entry = bpy.context.preferences.addons.new()
    entry.module = places.PACKAGE
    yield entry.preferences
    bpy.context.preferences.addons.remove(entry)
    sam3db_blender.unregister()


def names_of(settings: Any) -> set[str]:
    hidden = {prop.identifier for prop in settings.bl_rna.properties if prop.is_hidden}
    return own_names(settings) - hidden


def shown(settings: Any) -> list[str]:
    layout = Layout()
    context = SimpleNamespace(
        region=SimpleNamespace(width=900),
        preferences=bpy.context.preferences,
        window_manager=bpy.context.window_manager,
    )
    draw_sections(layout, settings, context)
    return layout.drawn


def test_each_preference_is_drawn_once(settings: Any) -> None:
    drawn = [line[1:-1] for line in shown(settings) if line.startswith("<") and line[1:-1] in names_of(settings)]
    assert sorted(drawn) == sorted(names_of(settings))


def test_each_section_has_a_key_and_a_title_of_its_own(settings: Any) -> None:
    assert len({section.key for section in SECTIONS}) == len({section.title for section in SECTIONS}) == len(SECTIONS)
    assert [section.title for section in SECTIONS if section.open] == ["Models"]
    assert {section.title for section in SECTIONS} <= set(shown(settings))


def test_what_earlier_versions_kept_is_still_known(settings: Any) -> None:
    assert names_of(settings) >= OLDER
    assert places.preferences() == settings
    assert isinstance(settings, SAM3DB_AddonPreferences)


# --- what new work begins with ---------------------------------------------------------------------------------------


def test_a_new_file_begins_with_the_preferences(settings: Any) -> None:
    settings.new_engine, settings.new_texture = "landmarks", False
    settings.handle_groups, settings.preview_height = {"body", "face"}, 512
    bpy.ops.wm.read_homefile(use_empty=True)
    manager = bpy.context.window_manager
    assert (manager.sam3db.engine, manager.sam3db.texture) == ("landmarks", False)
    assert manager.sam3db.tool_groups == {"body", "face"}
    assert manager.sam3db_previews.size == 512


def test_every_default_is_one_of_a_panel(settings: Any) -> None:
    """And begins as the panel does without it."""
    manager = bpy.context.window_manager
    for default in DEFAULTS:
        state = getattr(manager, default.state)
        assert getattr(settings, default.preference) == getattr(state, default.setting), default
    assert {default.preference for default in DEFAULTS} <= names_of(settings)


def test_a_preference_is_followed_until_the_artist_chooses(settings: Any) -> None:
    state = bpy.context.window_manager.sam3db
    settings.new_persons = "all"
    assert state.persons == "all"
    settings.new_persons = "largest"
    assert state.persons == "largest"
    state.persons = "all"  # in the panel
    settings.new_persons = "all"
    settings.new_persons = "largest"
    state.light = False
    settings.new_light = True
    assert state.light is False


def test_an_operators_own_options_count_before_the_preferences(settings: Any) -> None:
    settings.new_engine, settings.new_worn = "landmarks", False
    given = SimpleNamespace(
        engine="auto",
        worn=True,
        texture=True,
        properties=SimpleNamespace(is_property_set=lambda name: name == "engine"),
    )
    fill_in(given)
    assert (given.engine, given.worn, given.texture) == ("auto", False, True)


def test_the_target_of_exports_is_kept_by_its_name(settings: Any) -> None:
    settings.export_target = "unreal"
    assert settings.export_target_name == "unreal"
    export = bpy.context.window_manager.sam3db_export
    assert (export.names, export.to) == ("unreal", "fbx")
    settings.export_target_name = "gone"
    assert settings.export_target == next(iter(map_titles()))


# --- what the worker may take ----------------------------------------------------------------------------------------


def test_memory_and_threads_are_limited_as_the_preferences_say(settings: Any) -> None:
    assert places.worker_limits() == NO_LIMITS
    settings.memory_limited, settings.memory_limit = True, 2.5
    settings.threads_mode, settings.threads = "FIXED", 3
    assert places.worker_limits() == Limits(3, 2_500_000_000)
    settings.memory_limit = 0.1
    assert places.worker_limits().memory_bytes == 10**9


def test_workers_are_started_with_the_limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []

    class Client(TellingWorker):
        def start(self, **how: Any) -> None:
            started.append(how)

    settings.threads_mode, settings.threads = "FIXED", 1
    monkeypatch.setattr(client, "WorkerClient", Client)
    monkeypatch.setattr(jobs_worker, "_worker", None)
    jobs_worker.worker()
    long_jobs.JobSlot(long_jobs.LongJob).start("ping", {})
    assert [how["limits"] for how in started] == [Limits(1)] * 2


# --- reset -----------------------------------------------------------------------------------------------------------


def test_reset_sets_ours_and_keeps_the_folder_of_the_models(settings: Any, tmp_path: Path) -> None:
    first = {name: getattr(settings, name) for name in own_names(settings)}
    other = bpy.context.preferences.view.show_splash
    bpy.context.preferences.view.show_splash = not other
    settings.models_folder, settings.new_engine, settings.preview_kinds = str(tmp_path), "landmarks", {"wire"}
    settings.threads_mode, settings.make_controls, settings.export_target = "FIXED", False, "unity"
    bpy.ops.sam3db.reset_preferences()
    assert {name: getattr(settings, name) for name in own_names(settings)} == first | {"models_folder": str(tmp_path)}
    assert bpy.context.window_manager.sam3db.engine == "auto"
    assert bpy.context.preferences.view.show_splash is not other
    bpy.context.preferences.view.show_splash = other


# --- diagnostics -----------------------------------------------------------------------------------------------------


def examined(monkeypatch: pytest.MonkeyPatch, *sections: Section) -> None:
    """The doctor's worker finds this."""
    answer = TellingWorker(Event(1, "done", result={"sections": [section.described() for section in sections]}))
    monkeypatch.setattr(client, "WorkerClient", lambda: answer)


def test_the_diagnostics_say_that_all_works_and_copy_the_page(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    examined(monkeypatch, Section("room", "Disks", (f"- {Path.home() / 'x'}: 3 GB are free", "| a | b |")))
    assert not bpy.ops.sam3db.copy_doctor.poll()
    bpy.ops.sam3db.run_doctor()
    drawn = shown(settings)
    assert "Everything works." in drawn
    assert "~/x: 3 GB are free" in drawn
    assert doctor.slot.job is not None
    assert doctor.slot.job.page.splitlines()[:3] == ["## Disks", "", "- ~/x: 3 GB are free"]
    assert doctor.slot.job.page.endswith("Everything works.\n")


def test_the_diagnostics_word_what_to_do_for_artists(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    examined(monkeypatch, Section("models", "Models", faults=(Fault("A file is missing.", Remedy.BUILD_MODELS),)))
    bpy.ops.sam3db.run_doctor()
    drawn = "\n".join(shown(settings))
    assert "1 thing must be put right" in drawn
    assert "A file is missing. Remove the extension, restart Blender, and install it again" in drawn


def test_the_doctor_is_asked_about_this_blender(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "user_folder", lambda name: tmp_path / name)
    settings.models_folder, settings.provider = str(tmp_path), "cpu"
    asked = doctor.request()
    assert (asked.models, asked.providers, asked.more_models) == (tmp_path, ("cpu",), None)
    assert asked.blender == bpy.app.version_string
    assert asked.user_folder == tmp_path


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def models(settings: Any, tmp_path: Path) -> Path:
    """The models folder that the preferences name."""
    settings.models_folder = str(write_models(tmp_path / "models"))
    return tmp_path / "models"


def test_what_everybody_has_is_listed_with_its_size(settings: Any, models: Path) -> None:
    (models / "bodies" / "manifest.json").unlink()
    drawn = shown(settings)
    assert any(line.startswith("Networks: 10 files, 1 MB, in ") for line in drawn)
    assert "Bodies: missing" in drawn


def test_models_are_really_verified_and_moved(settings: Any, models: Path, tmp_path: Path) -> None:
    bpy.ops.sam3db.verify_models()
    assert "All 11 model files are as they should be." in shown(settings)
    bpy.ops.sam3db.move_models(directory=str(tmp_path / "larger disk"))
    assert settings.models_folder == str(tmp_path / "larger disk")
    assert not models.exists()
    (tmp_path / "larger disk" / "landmarks" / "face_age.onnx").write_bytes(b"?")
    bpy.ops.sam3db.verify_models()
    assert "face_age.onnx is damaged" in " ".join(shown(settings))  # lines end where the folder's name has them end


def test_an_empty_folder_for_imports_is_no_fault(
    settings: Any, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported").mkdir()  # as Blender makes it
    monkeypatch.setattr(places, "imported_models_folder", lambda: tmp_path / "imported")
    bpy.ops.sam3db.verify_models()
    assert "All 11 model files are as they should be." in shown(settings)


def test_a_move_to_a_folder_that_is_in_use_changes_nothing(settings: Any, models: Path) -> None:
    with pytest.raises(RuntimeError, match="lie within each other"):
        bpy.ops.sam3db.move_models(directory=str(models.parent))
    assert settings.models_folder == str(models)
    assert (models / "landmarks" / "face_age.onnx").is_file()


def test_an_installed_model_is_shown_with_its_license_and_removed(settings: Any, models: Path) -> None:
    folder = models / "sam3d_body"
    folder.mkdir()
    (folder / "encoder.onnx").write_bytes(bytes(2_000_000))
    entry = manifest.describe(folder / "encoder.onnx")
    manifest.write(folder, {"encoder.onnx": entry}, variant="dinov3", precision="int8")
    shelf_files.forget()
    drawn = shown(settings)
    assert any(line.startswith("License: ") and "SAM License" in line for line in drawn)
    assert any(line.startswith("[sam3db.remove_model] Remove") and line.endswith("(2 MB)") for line in drawn)
    bpy.ops.sam3db.remove_model(item="sam3d_body")
    assert not folder.exists()
    assert shelf_files.states()["sam3d_body"].state == "absent"


def test_what_comes_with_the_extension_is_copied_and_what_was_imported_moves(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, imported = tmp_path / "bundled", tmp_path / "imported"
    imported.mkdir()
    monkeypatch.setattr(places, "models_folder", lambda: bundled)
    monkeypatch.setattr(places, "imported_models_folder", lambda: imported)
    asked = moving.request(tmp_path / "new")
    assert (asked.source, asked.more_models, asked.keep) == (bundled, imported, True)
