"""What OpenCV's FileStorage writes (XML, YAML, JSON), as plain dictionaries, lists and numbers."""

from __future__ import annotations

import json
import re
from typing import Any

import cv2

from native_runtime.errors import FileError
from native_runtime.files.streams import standard_error_hidden

_DEEPEST = 8
_MOST = 100_000


def parsed(text: str) -> dict[str, Any]:
    """The content of a file's text.

    Raises:
        FileError: it is none.
    """
    start = text.lstrip()
    content = _json(start) if start.startswith(("{", "[")) else _storage(start)
    if not isinstance(content, dict) or not content:
        raise FileError("it holds nothing that has a name.")
    return content


def _json(text: str) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"it is no JSON ({error}).") from error
    return content if isinstance(content, dict) else {"cameras": content}


def _storage(text: str) -> Any:
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise FileError("it declares entities, which no calibration needs.")
    if not text.startswith(("<?xml", "%YAML")):
        raise FileError("it begins neither as XML nor with %YAML, as OpenCV's files do.")
    try:
        with standard_error_hidden():
            storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
            root = storage.root()
            return _value(root, 0)
    except (cv2.error, SystemError, ValueError) as error:
        line = str(error).strip().splitlines()
        raise FileError(f"OpenCV cannot read it ({line[-1] if line else 'no reason given'}).") from error


def _value(node: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise FileError("it is nested too deeply.")
    if node.isMap():
        keys = node.keys()
        if {"rows", "cols", "data"} <= set(keys):
            return node.mat().tolist()
        return {key: _value(node.getNode(key), depth + 1) for key in keys}
    if node.isSeq():
        if node.size() > _MOST:
            raise FileError("it has a list that is too long.")
        return [_value(node.at(index), depth + 1) for index in range(node.size())]
    if node.isInt() or node.isReal():
        return node.real()
    return node.string() if node.isString() else None
