"""From a character and its handles to a request, and from the answer back to the character."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.bounds import PROMPT_ERROR, REFINE
from native_runtime.camera import project, resize_intrinsics
from native_runtime.characters.edit_groups import Slots, slots_of
from native_runtime.characters.placement import up_of
from native_runtime.characters.state import CharacterState
from native_runtime.engines.base import INFERRED, REFINED, ROUGH
from native_runtime.engines.details import DOUBTED, number_of, part_of
from native_runtime.engines.details import WHOLE_BODY as MADE_WHOLE
from native_runtime.engines.edits import TOGETHER, WITHOUT_EDITS, Edits
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.engines.looks import stated_age
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import SCALE
from native_runtime.pipeline.heights import stated_height
from native_runtime.pipeline.inference import LENS
from native_runtime.pipeline.requests import MOST_PROMPT_ERROR, PoseRequest, SegmentRequest
from native_runtime.prompts.prompt import check_prompts
from native_runtime.texture.hints import SEEN

from .. import places
from ..files import bodies
from ..jobs import engines
from ..jobs.photo import SegmentJob
from ..masks.store import has_mask, mask_file
from ..rig.animated import key_where_animated, require_keyable
from ..rig.arrays import fill, take
from ..rig.followed import followed
from ..rig.pose import apply_parameters, set_shape
from ..scene import edits, snapshots
from ..scene.bodies import body_of
from ..scene.camera import cameras_of
from ..scene.levels import check_level
from ..scene.lookup import require_own
from ..scene.prompt_keys import keypoint_at, view_at
from ..scene.provenance import Origin, read_origin, rewrite_origin, write_placement
from ..scene.readback import place_before_camera, units_of
from ..scene.source import Source, photo_of
from ..scene.viewpoints import numbers_of, read_views, viewpoint_of, write_views
from .handles import State, in_all_views, moved, place, put, settle, state_of
from .pins import judgement_in, note_judgement, prompts, prompts_in, prompts_of, set_state
from .sex import chosen_sex, restore

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.prompts.prompt import Prompt

    from ..jobs.worker import Client

Array = NDArray[np.float64]

#: Custom properties of a rig: whether the small rest that an engine leaves between pins and keypoints is closed,
#: whether the whole body is inferred again from the pins or their limbs alone follow, what the photo counts against the
#: engine (0 to 1), and how closely it looks ("full", "body", "fast"; empty: as it did when the character was made).
SNAP = "sam3db_snap"
WHOLE_BODY = "sam3db_whole_body"
STRENGTH = "sam3db_refine"
INFERENCE = "sam3db_inference"

#: Among an estimate's details: what other photos have to do with it.
VIEWS = "views"

_CHANNELS = ("location", "rotation_euler", "scale")


# --- asking ----------------------------------------------------------------------------------------------------------


def request_for(rig: bpy.types.Object, remember: bool = True) -> PoseRequest:
    """What the worker is asked about a single photo: this person again, with the handles as they lie now
    (``question`` for all).

    Args:
        remember: whether what the artist did by hand is remembered as noticed; otherwise nothing is written.

    Raises:
        Sam3dbError: the photo, the camera or the body is gone, or the character is linked.
    """
    require_own(rig)
    require_keyable(rig)
    origin, body = read_origin(rig), body_of(rig)
    width, height = (int(n) for n in origin.arrays["image_size"])
    source = photo_of(rig, (width, height))
    engine = engines.engine_that_made(origin.details)
    models = engines.models_for(engine, places.models_folder())
    memory, whole = noticed(rig, body, remember), infers_whole_body(rig, origin)
    corners = source.pixels(origin.arrays["bbox"].reshape(2, 2))
    return PoseRequest(
        photo=source.path,
        slot=origin.id,
        intrinsics=tuple(map(tuple, resize_intrinsics(origin.arrays["intrinsics"], *source.scale).tolist())),
        up=None if (up := up_of(origin.details["details"])) is None else tuple(up.tolist()),
        box=tuple(corners.ravel().tolist()),
        pins=pins_in_file(rig, source),
        mask=mask_file(rig),
        edits=_with_body(_with_place(memory.edits(), origin), rig, memory),
        prompt_error=PROMPT_ERROR if whole else 0.0,
        **_observed(origin, source),
        snap=whole or bool(rig.get(SNAP, False)),
        refine=refine_of(rig, origin),
        sex=chosen_sex(rig, origin) if engines.capabilities_of(engine).sexes else None,
        age=stated_age(origin.details["details"]) if engines.capabilities_of(engine).ages else None,
        height_cm=stated_height(origin.details["details"]),
        engine=engine,
        body=bodies.for_worker(origin.details["body_name"], models),
        models=models,
        **engines.settings_for(engine, *inferences(rig, origin)),
    )


def noticed(rig: bpy.types.Object, body: Body, remember: bool) -> edits.Memory:
    """What the artist did by hand so far, before a request.

    Args:
        remember: whether it is remembered as noticed; otherwise nothing is written.
    """
    said = prompts(rig)
    memory = edits.notice(rig, body, said)
    if remember:
        cause = snapshots.cause_of(edits.recall(rig, body).said, said) or memory.cause
        edits.remember(rig, body, replace(memory, cause=cause))
    return memory


def _observed(origin: Origin, source: Source) -> dict[str, Any]:
    """What a request says of observations with which a character was made, in pixels of the photo's file."""
    told = part_of(origin.details["details"], DOUBTED)
    error = number_of(told.get("error"), 0.0, MOST_PROMPT_ERROR)
    if not error or not engines.capabilities_of(engines.engine_that_made(origin.details)).doubts_prompts:
        return {}
    places = check_prompts(told.get("keypoints", ()))
    moved_to_file = tuple((p[0], *source.pixels(np.array(p[1:3])).tolist(), *p[3:]) for p in places)
    return {"observed": moved_to_file, "observed_error": error}


def pins_in_file(rig: bpy.types.Object, source: Source, view: int = 0) -> tuple[Prompt, ...]:
    """What the artist says on a photo, in pixels of the photo's file."""
    return tuple((pin[0], *source.pixels(pin[1:3]).tolist(), *pin[3:]) for pin in prompts_in(rig, view))


def _with_body(kept: Edits | None, rig: bpy.types.Object, memory: edits.Memory) -> Edits | None:
    """Edits, and the skeleton and shape that a character has in common with those of other photos."""
    views = read_views(rig)
    if views is None or views.one_pose:
        return kept
    kept, state = kept or Edits(), memory.slots.state(memory.applied)
    lengths = {index: float(state.model_parameters[index]) for index in range(SCALE.start, SCALE.stop)}
    shape = dict(enumerate(map(float, state.identity)))
    return replace(kept, model_parameters={**lengths, **kept.model_parameters}, identity={**shape, **kept.identity})


def _with_place(kept: Edits | None, origin: Origin) -> Edits | None:
    """Edits, and the place that the person was given among the others of the photo."""
    along = float(origin.details["details"].get(TOGETHER, 0.0))
    return replace(kept or Edits(), along=along) if along else kept


def inferences(rig: bpy.types.Object, origin: Origin) -> tuple[str, str]:
    """How closely an engine is to look: as its user chose, otherwise as when the character was made."""
    return str(rig.get(INFERENCE, "")), str(origin.details["details"].get(INFERRED, ""))


def refine_of(rig: bpy.types.Object, origin: Origin) -> float:
    """What the photo counts against the engine of a character (``PoseRequest.refine``): what its user chose, otherwise
    what it was made with. 0 for characters of versions that refined nothing.
    """
    made = origin.details["details"].get(REFINED, {"strength": REFINE if is_rough(origin) else 0.0})
    return min(max(float(rig.get(STRENGTH, made["strength"])), 0.0), 1.0)


def infers_whole_body(rig: bpy.types.Object, origin: Origin) -> bool:
    """Whether pins are observations from which the whole body is inferred again, before it meets them; where the
    character's engine can. As its user chose, otherwise as it was made: the first drag would take back what else its
    prompts have moved.
    """
    can = engines.capabilities_of(engines.engine_that_made(origin.details))
    made = bool(part_of(origin.details["details"], MADE_WHOLE))
    return can.doubts_prompts and bool(rig.get(WHOLE_BODY, made))


def give_up_edits(rig: bpy.types.Object, group: str = "") -> None:
    """Forgets what the artist did by hand, or what of it belongs to a group. The next answer shows it.

    Raises:
        Sam3dbError: nothing was changed there.
    """
    body = body_of(rig)
    memory = edits.notice(rig, body, prompts(rig))
    dropped = slots_of(body, group, memory.mine) if group else set(memory.mine)
    if not dropped:
        raise Sam3dbError(f"Nothing was changed by hand on '{group}'." if group else "Nothing was changed by hand.")
    cause = f"{group} from Inference" if group else "Edits Discarded"
    edits.remember(rig, body, replace(memory.without(dropped), cause=cause))
    stretched = _stretch(rig)
    if not group and stretched is not None:
        fill(rig.pose.bones, "scale", take(rig.pose.bones, "scale", 3) / stretched)


def segment_job(rig: bpy.types.Object, client: Client) -> SegmentJob:
    """Asks the worker which pixels show the person, whatever the character's engine.

    Raises:
        Sam3dbError: the photo or the camera is gone, or the character is linked.
    """
    require_own(rig)
    arrays = read_origin(rig).arrays
    width, height = (int(n) for n in arrays["image_size"])
    source = photo_of(rig, (width, height))
    box = tuple(source.pixels(arrays["bbox"].reshape(2, 2)).ravel().tolist())
    return SegmentJob(client, SegmentRequest(photo=source.path, box=box, models=places.models_folder()))


# --- answering -------------------------------------------------------------------------------------------------------


def is_rough(origin: Origin) -> str:
    """What of a character's estimate a step that did not come would have refined, in words; empty where none would."""
    return str(origin.details["details"].get(ROUGH, ""))


def apply_answer(rig: bpy.types.Object, answer: Estimate) -> None:
    """Puts a character into the pose of an answer: bones, sliders, place, handles and record. The camera stays.

    Args:
        answer: of the same person and body, with the pixels of any file of the photo.

    Raises:
        Sam3dbError: the body is another one, the camera is gone, or the character cannot be changed.
    """
    origin, handles, body = read_origin(rig), in_all_views(rig), body_of(rig)
    # what an import has shown first, and nobody has said anything about, is not worth going back to
    completes = is_rough(origin) and not snapshots.entries(rig) and not prompts_of(handles)
    if not completes:
        _keep_first(rig, body, origin)
    estimate, memory = _take_over(rig, body, handles, origin, answer)
    _record(rig, handles, estimate)
    edits.remember(rig, body, replace(memory, cause=""))
    name = memory.cause or (snapshots.IMPORTED if completes else snapshots.AGAIN)
    snapshots.take(rig, body, name, memory, _said(handles), estimate.details)


def _record(rig: bpy.types.Object, handles: Mapping[int, bpy.types.Object], estimate: Estimate) -> None:
    """Renews record and handles of a rig that was posed by an estimate.

    Args:
        handles: in all views, by their keys.
    """
    rewrite_origin(rig, estimate)
    write_placement(rig, place_before_camera(rig, estimate.camera_translation))
    for view in numbers_of(rig):
        mine = {keypoint_at(key): handle for key, handle in handles.items() if view_at(key) == view}
        if mine and view in cameras_of(rig):
            _put_all(mine, viewpoint_of(rig, view).keypoints_2d)
            note_judgement(mine, judgement_in(estimate.details, view))
    _record_errors(rig, estimate.details)


def _record_errors(rig: bpy.types.Object, details: Mapping[str, Any]) -> None:
    """Renews what is remembered of how well each photo shows the body, if an answer says it."""
    views, errors = read_views(rig), details.get(VIEWS, {}).get("point_errors_px")
    if views is not None and errors:
        write_views(rig, views.with_errors({int(number): float(error) for number, error in errors.items()}))


def _take_over(
    rig: bpy.types.Object, body: Body, handles: Mapping[int, bpy.types.Object], origin: Origin, answer: Estimate
) -> tuple[Estimate, edits.Memory]:
    """Poses a rig by an answer, with the artist's edits, those included that were made since the question; what is to
    be remembered of it.
    """
    require_own(rig)
    if answer.body_hash != origin.details["body_hash"]:
        if answer.body_name != origin.details["body_name"]:
            raise Sam3dbError(f"The new pose is for another body ('{answer.body_name}') than '{rig.name}' has.")
        check_level(rig, body)  # a later build of the body: its bones have to be the same
        answer = answer.on_build(body)
        if len(answer.identity) != body.identity_count:
            raise Sam3dbError(
                f"'{rig.name}' was made before its body knew ages, and cannot become a child. Import the photo again."
            )
    memory = edits.notice(rig, body)
    answered = CharacterState.of(answer, len(body.joint_names))
    state = memory.edited(answered)
    if not state.is_close(answered):
        answer = answer.with_state(body, state)
    estimate = _of_the_photo(rig, origin, answer)
    place = _pose(rig, body, state)
    flat = memory.slots.flat(state)
    memory = replace(memory, applied=flat, posed=state.camera_translation, placed=place)
    return estimate, memory.heard(answered, answer.details.get(WITHOUT_EDITS, {}))


def stand_by_hand(rig: bpy.types.Object, body: Body, state: CharacterState) -> None:
    """Makes a character stand so, as if an artist had done it: bones, sliders and place. It is an edit by hand.

    Raises:
        Sam3dbError: the camera is gone, or the character cannot be changed.
    """
    require_own(rig)
    require_keyable(rig)
    edits.remember(rig, body, edits.notice(rig, body, prompts(rig)))
    _pose(rig, body, state)


# --- going back ------------------------------------------------------------------------------------------------------


def go_back(rig: bpy.types.Object, when: float) -> str:
    """Brings an earlier estimate back: pose, shape, sliders, place, edits and pins. What is now becomes one as well.

    Args:
        when: the time of its snapshot.

    Returns:
        Its name.

    Raises:
        Sam3dbError: it is not kept any more, is of another body, or the character cannot be changed.
    """
    require_own(rig)
    body, origin, handles = body_of(rig), read_origin(rig), in_all_views(rig)
    wanted = snapshots.snapshot_of(rig, when)
    if wanted is None:
        raise Sam3dbError("This estimate is no longer available: choose another one in the list.")
    if wanted.memory.slots != Slots.of(body):
        raise Sam3dbError(f"'{wanted.name}' is of another body than '{rig.name}' has now.")
    _keep_present(rig, body, origin, handles)
    state = wanted.memory.slots.state(wanted.memory.applied)
    estimate = origin.estimate(body, state)
    where = _pose(rig, body, state)
    edits.remember(rig, body, replace(wanted.memory, posed=state.camera_translation, placed=where))
    for index, handle in handles.items():
        known = wanted.said.get(index)
        if known is not None:
            put(handle, known[1:])
        if known is not None or state_of(handle) is not State.PREDICTED:
            set_state(handle, State.PREDICTED if known is None else State(known[0]))
        else:
            settle(handle)
    estimate = _of_the_photo(rig, origin, estimate)
    _record(rig, handles, replace(estimate, details={**estimate.details, **wanted.details}))
    restore(rig, wanted.details)
    return wanted.name


def _keep_first(rig: bpy.types.Object, body: Body, origin: Origin) -> None:
    """Keeps what was imported, before the first other estimate takes its place."""
    if not snapshots.entries(rig):
        flat = Slots.of(body).flat(CharacterState.of(origin.state, len(body.joint_names)))
        memory = edits.Memory(Slots.of(body), flat, origin.arrays["camera_translation"])
        snapshots.take(rig, body, snapshots.IMPORTED, memory, {}, origin.details["details"])


def _keep_present(rig: bpy.types.Object, body: Body, origin: Origin, handles: Mapping[int, bpy.types.Object]) -> None:
    """Keeps what is now, unless it is kept already."""
    memory = edits.notice(rig, body, prompts_of(handles))
    snapshots.keep(rig, body, snapshots.BY_HAND, memory, _said(handles), origin.details["details"])


def _said(handles: Mapping[int, bpy.types.Object]) -> snapshots.Said:
    return {index: (int(state_of(h)), *place(h)) for index, h in handles.items() if state_of(h) is not State.PREDICTED}


def _put_all(handles: Mapping[int, bpy.types.Object], keypoints: Array) -> None:
    """Puts handles where the pose has their keypoints (70, 2) px, but for those that somebody has in hand."""
    for index, handle in handles.items():
        if _follows(handle) and not moved(handle) and np.isfinite(keypoints[index]).all():
            put(handle, keypoints[index])


def _follows(handle: bpy.types.Object) -> bool:
    """Whether a handle goes where the pose goes: one that marks a wrong place stays there."""
    return state_of(handle) in (State.PREDICTED, State.IGNORED)


def _of_the_photo(rig: bpy.types.Object, origin: Origin, answer: Estimate) -> Estimate:
    """An answer in the pixels of the original photo, with the character's own camera and the handles as its prompts."""
    intrinsics = origin.arrays["intrinsics"]
    return replace(
        answer,
        intrinsics=intrinsics,
        image_size=origin.arrays["image_size"].astype(np.int64),
        bbox=origin.arrays["bbox"],
        keypoints_2d=project(answer.keypoints_3d, intrinsics),
        prompts=Prompts(tuple(prompts_in(rig)), has_mask(rig)),
        photo=origin.details["photo"],
        person=origin.details["person"],
        details=_with_photo_of(origin, answer.details),
    )


def _with_photo_of(origin: Origin, details: dict[str, Any]) -> dict[str, Any]:
    """An answer's details with what is known of the character's photo: the camera that it has in the scene, and where
    people were seen in it, in its own pixels.
    """
    known = origin.details["details"]
    kept = {name: known[name] for name in (LENS, SEEN) if known.get(name)}
    return {name: value for name, value in details.items() if name not in (LENS, SEEN)} | kept


def _pose(rig: bpy.types.Object, body: Body, state: CharacterState) -> Array:
    """Makes a rig stand so; (4, 4) its place in the world.

    What MHR has no numbers for is the artist's, and stays: the scale of the object, and uneven scales of bones. What an
    action plays is keyed, lest the pose is gone with the next frame.
    """
    place = place_before_camera(rig, state.camera_translation)
    stretched = _stretch(rig)
    apply_parameters(rig, body, state.model_parameters, state.beyond)
    if stretched is not None:
        fill(rig.pose.bones, "scale", take(rig.pose.bones, "scale", 3) * stretched)
    set_shape(rig, body, state.identity, state.expression)
    scale = rig.matrix_world.to_scale() / units_of(rig)
    rig.matrix_world = Matrix(place.tolist()) @ Matrix.Diagonal(scale.to_4d())
    key_where_animated(rig)
    controls = followed(rig)
    if controls is not None:
        key_where_animated(controls)
    return place


def _stretch(rig: bpy.types.Object) -> NDArray[np.float32] | None:
    """(J, 3) by how much more than evenly each bone is scaled; None where none is."""
    scale = np.maximum(take(rig.pose.bones, "scale", 3), 1e-9)
    stretch = scale / np.exp(np.log(scale).mean(axis=1, keepdims=True))
    return stretch if np.abs(stretch - 1.0).max() > edits.TOUCHED else None
