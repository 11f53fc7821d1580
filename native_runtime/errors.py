"""The errors that a user may see: every message says what happened and what to do about it."""

from __future__ import annotations


class Sam3dbError(Exception):
    """Base of all errors whose message is meant for a person."""


class UsageError(Sam3dbError):
    """A command or call was given arguments that do not fit together."""


class PhotoError(Sam3dbError):
    """A photo cannot be read or used."""


class ModelError(Sam3dbError):
    """A model file is missing, damaged or of another kind than expected."""


class NoPersonError(Sam3dbError):
    """Nobody was found in the photo."""


class PromptError(Sam3dbError):
    """A keypoint prompt or a mask cannot be used."""


class WorkerError(Sam3dbError):
    """The worker process failed or could not be started."""


class DiskFullError(Sam3dbError):
    """There is no room left for results."""


class FileError(Sam3dbError):
    """The system refuses a file or a folder."""
