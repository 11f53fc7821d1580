"""Why the content of a file cannot be read, in words for people instead of Python's."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib

_LONGEST = 160


def reason(error: BaseException) -> str:
    """A part of a sentence, for the brackets of a message: what reading raised, without names of exceptions.

    A ValueError keeps its text, so that readers can say what they look for.
    """
    match error:
        case json.JSONDecodeError():
            return f"it is no JSON: see line {error.lineno}, column {error.colno}"
        case UnicodeDecodeError():
            return "it is no text in UTF-8"
        case KeyError():
            return f"{str(error.args[0] if error.args else '')!r:.60} is missing"
        case IndexError():
            return "a list in it is too short"
        case TypeError() | AttributeError():
            return "a value in it is of another kind than it should be"
        case RecursionError():
            return "it is nested too deeply"
        case OSError():
            return error.strerror or "the system refuses it"
        case ValueError() if "allow_pickle" in str(error):
            return "it is no file of NumPy's arrays of numbers"
        case ValueError():
            return f"{error}"[:_LONGEST].rstrip(".")
        case EOFError() | zipfile.BadZipFile() | zlib.error() | struct.error():
            return "it is damaged, or cut off"
    return "it is damaged, or another kind of file"
