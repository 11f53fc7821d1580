"""The errors that a user may see: a message says what happened, a remedy what can be done about it."""

from __future__ import annotations

from enum import Enum


class Remedy(Enum):
    """What can be done about an error; the command line (``cli.remedies``) and the window each have words for it."""

    BUILD_MODELS = "build-models"
    CONVERT_CHECKPOINT = "convert-checkpoint"
    GET_MODEL = "get-model"
    BUILD_AND_CONVERT = "build-and-convert"
    IMPORT_OFFICIAL = "import-official"
    REMAKE_NETWORK = "remake-network"
    LIST_MODELS = "list-models"
    NAME_MHR_MODEL = "name-mhr-model"
    OWN_WEIGHTS = "own-weights"
    NAME_BOX = "name-box"
    SINGLE_PHOTO = "single-photo"
    ACCEPT_TERMS = "accept-terms"
    ACCEPT_GPU_TERMS = "accept-gpu-terms"
    GPU_FILES = "gpu-files"
    SAY_USE = "say-use"
    SAY_UNIT = "say-unit"
    GIVE_FILES = "give-files"
    NAME_PHOTOS = "name-photos"
    CORRECT_FIRST = "correct-first"
    WRITE_JOB_TYPE = "write-job-type"
    FREE_MEMORY = "free-memory"
    RAISE_MEMORY_LIMIT = "raise-memory-limit"
    REINSTALL = "reinstall"
    INSTALL_LIBRARIES = "install-libraries"
    SEE_TRACEBACK = "see-traceback"


class Sam3dbError(Exception):
    """Base of all errors whose message is meant for a person.

    Args:
        text: what happened; whole sentences, without commands or options.
        remedy: what can be done about it.
        people: numbers of people, counted from 0, which ``text`` names in braces: a window counts them from 1.
    """

    def __init__(self, text: str = "", remedy: Remedy | None = None, **people: int) -> None:
        super().__init__(text.format(**people) if people else text)
        self.template, self.remedy, self.people = text, remedy, people


class UsageError(Sam3dbError):
    """A command or call was given arguments that do not fit together."""


class PhotoError(Sam3dbError):
    """A photo cannot be read or used."""


class ModelError(Sam3dbError):
    """A model file is missing, damaged or of another kind than expected."""


class NewerFormatError(Sam3dbError):
    """A file or a record was written by a newer version of the program."""


class NoPersonError(Sam3dbError):
    """Nobody was found in the photo."""


class EmptyBoxError(NoPersonError):
    """Nobody is seen in some of the boxes that were given.

    Args:
        text: as for all errors; names the boxes.
        numbers: which of the boxes, counted from 0.
    """

    def __init__(self, text: str, numbers: tuple[int, ...]) -> None:
        super().__init__(text)
        self.numbers = numbers


class PromptError(Sam3dbError):
    """A keypoint prompt or a mask cannot be used."""


class WorkerError(Sam3dbError):
    """The worker process failed or could not be started."""


class FarmError(Sam3dbError):
    """A farm cannot be reached, or does not take a job."""


class DiskFullError(Sam3dbError):
    """There is no space left for results."""


class FileError(Sam3dbError):
    """The system refuses a file or a folder."""
