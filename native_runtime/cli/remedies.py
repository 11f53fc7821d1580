"""What can be done about errors, in the words of the command line. Standard library only."""

from __future__ import annotations

from native_runtime.build.catalogue import can_build
from native_runtime.errors import Remedy

REMEDIES = {
    Remedy.BUILD_MODELS: "Build what is missing or damaged with `sam3db models build`.",
    Remedy.CONVERT_CHECKPOINT: "Get it with `sam3db models get`, or convert the checkpoint that you have with "
    "`sam3db convert-checkpoint`.",
    Remedy.GET_MODEL: "Get it with `sam3db models get`; `sam3db models shelf` shows what there is.",
    Remedy.BUILD_AND_CONVERT: "Build what is missing or damaged with `sam3db models build`, and convert the checkpoint "
    "with `sam3db convert-checkpoint`.",
    Remedy.ACCEPT_TERMS: "Read them with `sam3db models shelf NAME --licences`, and accept them with `--accept KEY`, "
    "where KEY is what `sam3db models shelf NAME` calls each.",
    Remedy.ACCEPT_GPU_TERMS: "Read them at these addresses, and accept them with `--accept KEY,KEY`.",
    Remedy.GPU_FILES: "`sam3db gpu list` names every file with its address and SHA-256.",
    Remedy.SAY_USE: "Say so with `--commercial yes` or `--commercial no`.",
    Remedy.SAY_UNIT: "Name it with `--unit`; with `--unit unknown` the person's size tells it.",
    Remedy.GIVE_FILES: "Files that you fetched otherwise are taken with `--file`.",
    Remedy.NAME_PHOTOS: "Name the folder that they lie in with `--photos`.",
    Remedy.CORRECT_FIRST: "Correct one in Blender and save the file, or place keypoints in NAME_personK_prompts.json "
    "beside its estimate; `--all` takes characters that nobody corrected.",
    Remedy.IMPORT_OFFICIAL: "Import MHR's official assets with `sam3db models import`.",
    Remedy.REMAKE_NETWORK: "Make a damaged network again with `sam3db models build`, or with `sam3db "
    "convert-checkpoint` if it came from a checkpoint.",
    Remedy.LIST_MODELS: "`sam3db models list` shows the available models.",
    Remedy.NAME_MHR_MODEL: "Name it with --mhr.",
    Remedy.OWN_WEIGHTS: "If the weights are your own, convert them with `sam3db convert-checkpoint --own-weights`.",
    Remedy.NAME_BOX: "Or give a person's bounding box (--box).",
    Remedy.SINGLE_PHOTO: "For one photo, use `sam3db character`.",
    Remedy.WRITE_JOB_TYPE: "`sam3db farm flamenco job-type -o DIR` writes the file.",
    Remedy.FREE_MEMORY: "Close other programs.",
    Remedy.RAISE_MEMORY_LIMIT: "Raise the limit (`SAM3DB_MEMORY`, such as 4GB), or unset it.",
    Remedy.REINSTALL: "Install the program again, so that all its parts have the same version.",
    Remedy.INSTALL_LIBRARIES: "Install the program again, which brings it: `make models`, or `pip install .`, in its "
    "folder.",
    Remedy.SEE_TRACEBACK: "Run again with --debug to see where.",
}


_REINSTALL = "Remove the extension, restart Blender, and install it again"
_OWN_FOLDER = "Where you named a models folder of your own, unset that instead."
IN_THE_EXTENSION = {
    Remedy.BUILD_MODELS: f"{_REINSTALL}. {_OWN_FOLDER}",
    Remedy.BUILD_AND_CONVERT: f"{_REINSTALL}; get the model again with `sam3db models get`. {_OWN_FOLDER}",
    Remedy.REMAKE_NETWORK: f"Where a network is damaged: {_REINSTALL[0].lower()}{_REINSTALL[1:]}, or get its model "
    "again with `sam3db models get`.",
    Remedy.REINSTALL: f"{_REINSTALL}.",
    Remedy.INSTALL_LIBRARIES: f"{_REINSTALL}; it includes it.",
}
"""Other words where the command runs in Blender, by the extension's copy of the program, which builds nothing."""


def words_of(remedy: Remedy) -> str:
    """What can be done, by this copy of the program."""
    return REMEDIES[remedy] if can_build() else IN_THE_EXTENSION.get(remedy, REMEDIES[remedy])


def advised(text: str, remedy: Remedy | None) -> str:
    """A message with what can be done."""
    return text if remedy is None else f"{text} {words_of(remedy)}"
