"""Which page of the user guide F1, or *Online Manual* in a button's menu, opens for a button or a field of ours.

The guide comes with the extension, so this works without a network. Blender asks each of its manuals for the first
pattern that fits what is under the mouse, written in lower case.
"""

from __future__ import annotations

import bpy

from .. import places

#: Page of the guide (with its anchor) -> operators ``sam3db.*`` and types, whose properties are meant as well.
PAGES: dict[str, tuple[str, ...]] = {
    "guide/first_character.html#several-people": (
        "find_people", "draw_person", "pick_person", "remove_character", "SAM3DB_FoundPerson",
    ),
    "guide/first_character.html#make-a-character": (
        "import_character", "cancel_import", "browse_photo", "paste_photo", "choose_photo", "drop_photo",
        "SAM3DB_ImportState",
    ),
    "guide/correcting.html#joints-that-cannot-be-seen": (
        "pin_handles", "pin_handles_symmetric", "unpin_handles", "ignore_handles", "mark_handles_wrong",
        "say_of_keypoint", "reset_handles",
    ),
    "guide/correcting.html#when-you-are-not-sure-where-to-begin": ("next_handle",),
    "guide/correcting.html#when-two-people-overlap": (
        "draw_mask", "mask_from_photo", "mask_from_object", "load_mask", "show_mask", "clear_mask",
    ),
    "guide/correcting.html#when-the-whole-body-leans": ("set_lens", "draw_lens"),
    "guide/correcting.html#what-you-did-by-hand-is-kept": ("use_inference", "discard_edits", "go_back"),
    "guide/correcting.html#drag-a-handle": (
        "pose_from_photo", "pose_in_view", "show_handles", "select_handle", "infer_again", "cancel_pose",
        "snap_to_handles", "pose_whole_body", "refine_to_photo",
    ),
    "guide/rigs.html#pose": (
        "add_controls", "remove_controls", "update_controls", "snap_controls", "mirror_pose", "select_controls",
        "lock_controls", "make_pose_assets",
    ),
    "rigify.html": ("make_rigify", "update_rigify", "remove_rigify", "switch_rigify", "animate_rigify"),
    "guide/rigs.html#change-the-body": (
        "apply_body_preset", "apply_pose_preset", "reset_character", "randomise_character", "symmetrise_character",
        "copy_character", "blend_characters", "save_settings", "load_settings", "save_estimate", "settle_pose",
        "photo_expression", "set_age", "choose_sex",
    ),
    "guide/rigs.html#height-and-measures": ("set_measure",),
    "guide/rigs.html#finer-or-coarser-meshes": ("switch_level",),
    "rig.html#pose-correctives": (
        "bake_correctives", "bake_correctives_range", "live_correctives", "remove_correctives",
    ),
    "guide/looks.html#the-texture-from-the-photo": ("project_texture", "remove_texture"),
    "guide/looks.html#hair-clothes-and-shoes": ("wear", "wear_from_photo"),
    "guide/takes.html#several-people": ("merge_tracks", "split_track", "delete_track", "undo_track_edit"),
    "guide/takes.html#correct-it": ("pin_joint", "pin_here", "smooth_here", "fix_foot", "correct_take"),
    "guide/takes.html#make-it": ("import_video", "import_take", "cancel_video", "SAM3DB_TakeState"),
    "guide/several_photos.html": ("import_view_photos", "import_views", "share_body"),
    "farm.html": ("submit_batch", "stop_watching", "write_job_type", "SAM3DB_FarmState"),
    "guide/batches.html": ("run_batch", "cancel_batch", "SAM3DB_BatchState"),
    "previews.html": (
        "render_previews", "show_preview", "photo_behind", "photo_size", "SAM3DB_PreviewState", "SAM3DB_Preview",
    ),
    "guide/exports.html#your-own-rig": (
        "pose_armature", "find_bones", "take_active_bone", "save_bones", "SAM3DB_RetargetSettings",
        "SAM3DB_RetargetBones", "SAM3DB_RetargetBone",
    ),
    "guide/exports.html": ("export_character", "copy_map", "SAM3DB_ExportState"),
    "guide/engines.html#mhrs-own-body": ("download_official_body", "import_official_body", "cancel_body_import"),
    "guide/engines.html": (
        "get_model", "install_model_file", "cancel_get_model", "remove_model_downloads", "dismiss_model_offer",
        "check_landmarks", "check_sam3d_body", "SAM3DB_TermsLine",
    ),
    "preferences.html#models": (
        "verify_models", "cancel_verify", "move_models", "cancel_move", "remove_model", "stop_worker",
    ),
    "preferences.html#diagnostics": ("run_doctor", "cancel_doctor", "copy_doctor"),
    "preferences.html#reset-to-defaults": ("reset_preferences",),
    "preferences.html": ("SAM3DB_AddonPreferences",),
    "gpu.html": (
        "install_gpu", "install_gpu_files", "cancel_gpu", "remove_gpu", "test_gpu", "copy_gpu_addresses",
        "copy_gpu_table",
    ),
    "rig.html#sam-3d-body-results-made-elsewhere": ("import_result",),
}  # fmt: skip

#: What has no page of its own.
_ELSE = ("bpy.ops.sam3db.*", "bpy.types.sam3db_*")


def address(page: str) -> str:
    """The address of a page of the guide, with its anchor, for a browser."""
    name, mark, anchor = page.partition("#")
    return (places.guide_folder() / name).as_uri() + mark + anchor


def mapping() -> tuple[tuple[str, str], ...]:
    """Patterns of what may be under the mouse, and their pages, in the order in which they count."""
    found = [(pattern, page) for page, names in PAGES.items() for name in names for pattern in _patterns(name)]
    return (*found, *((pattern, "index.html") for pattern in _ELSE))


def _patterns(name: str) -> tuple[str, ...]:
    if not name.startswith("SAM3DB_"):
        return (f"bpy.ops.sam3db.{name}",)
    kind = f"bpy.types.{name.lower()}"
    return (kind, f"{kind}.*")


def _manual() -> tuple[str, tuple[tuple[str, str], ...]]:
    """As Blender asks for it: the beginning of all addresses, and what follows."""
    folder = places.guide_folder()
    return (folder.as_uri() + "/", mapping()) if folder.is_dir() else ("", ())


def attach() -> None:
    """Lets Blender ask for pages here."""
    bpy.utils.register_manual_map(_manual)


def detach() -> None:
    """Takes that back."""
    bpy.utils.unregister_manual_map(_manual)
