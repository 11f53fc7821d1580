"""What can be done about errors, in the words of the window."""

from __future__ import annotations

from native_runtime.errors import Remedy, Sam3dbError
from native_runtime.process.payload import ErrorPayload

REMEDIES = {
    Remedy.BUILD_MODELS: "Remove the extension, restart Blender, and install it again; it includes them.",
    Remedy.CONVERT_CHECKPOINT: "Install it in the panel 'Models'.",
    Remedy.GET_MODEL: "Install it in the panel 'Models'.",
    Remedy.BUILD_AND_CONVERT: "Reinstall the extension, and install the model again in the panel 'Models'.",
    Remedy.ACCEPT_TERMS: "Read the terms, and tick that you accept them.",
    Remedy.ACCEPT_GPU_TERMS: "Read the terms, and tick that you accept them.",
    Remedy.GPU_FILES: "Choose all of its files; 'Copy Addresses' in the dialog says where each is.",
    Remedy.SAY_USE: "Choose whether your use is commercial.",
    Remedy.SAY_UNIT: "Choose it under 'Unit'.",
    Remedy.GIVE_FILES: "Or choose a file that you have as the source.",
    Remedy.NAME_PHOTOS: "Put the photos back where they were.",
    Remedy.CORRECT_FIRST: "Correct a character and save the file.",
    Remedy.IMPORT_OFFICIAL: "Import MHR's official assets in the panel 'Models'.",
    Remedy.REMAKE_NETWORK: "Where a network is damaged, reinstall the extension, or install its model again in the "
    "panel 'Models'.",
    Remedy.LIST_MODELS: "The list 'Body' of the panel 'Character from Photo' shows what there is.",
    Remedy.NAME_MHR_MODEL: "Choose it as the MHR model beside the list of files.",
    Remedy.OWN_WEIGHTS: "Weights of your own can be converted on the command line.",
    Remedy.NAME_BOX: "If it lies on its side, choose how to turn it under 'Turn Photo'.",
    Remedy.SINGLE_PHOTO: "For one photo, use the panel 'Character from Photo'.",
    Remedy.WRITE_JOB_TYPE: "Write the file with 'Write Job Type' in the panel 'Submit to Farm'.",
    Remedy.FREE_MEMORY: "Close other programs.",
    Remedy.RAISE_MEMORY_LIMIT: "Raise 'Memory Limit' in the preferences.",
    Remedy.REINSTALL: "Restart Blender; if that does not help, reinstall the extension.",
    Remedy.INSTALL_LIBRARIES: "Remove the extension, restart Blender, and install it again; it includes it.",
    Remedy.SEE_TRACEBACK: "Please report it.",
}


def in_words(error: Sam3dbError | ErrorPayload) -> str:
    """What happened and what can be done, for artists: people are counted from 1."""
    payload = error if isinstance(error, ErrorPayload) else ErrorPayload.from_exception(error)
    return advised(payload.counted_from_one(), payload.remedy)


def advised(text: str, remedy: Remedy | None) -> str:
    """A message with what can be done."""
    return text if remedy is None else f"{text} {REMEDIES[remedy]}"
