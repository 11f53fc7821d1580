"""What the model is asked, and what counts as an answer."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.mining.kinds import KINDS, TITLES, Kind

LONGER_SIDE = 768
"""Px to which a photo is reduced before it is sent."""
_LONGEST_NOTE = 300

_INSTRUCTION = (
    "You look at photos of people for a tool that estimates their 3D pose. The person in question is in the middle. "
    "Say which of these make the pose hard to estimate, and only those that you clearly see: "
    + "; ".join(f"{kind} ({TITLES[kind]})" for kind in KINDS)
    + ". Add a note of one short sentence. Answer with JSON alone."
)

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "kinds": {"type": "array", "items": {"type": "string", "enum": list(KINDS)}},
        "note": {"type": "string"},
    },
    "required": ["kinds", "note"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Described:
    """What the model said of a person's photo: kinds in the order of ``KINDS``, and a note."""

    kinds: tuple[Kind, ...]
    note: str

    def to_json(self) -> dict[str, Any]:
        """As in ``mining.json``."""
        return {"kinds": list(self.kinds), "note": self.note}


class UnusableAnswerError(ValueError):
    """The answer is none: not JSON, of another form, or a refusal. The message says which."""


def body_of(model: str, pixels: NDArray[np.uint8], with_schema: bool = True) -> dict[str, Any]:
    """The request's JSON, as OpenAI's chat completions have it.

    Args:
        pixels: (H, W, 3) sRGB; sent as a JPEG without any metadata.
        with_schema: whether the form of the answer is prescribed, which some servers do not know.
    """
    scale = min(1.0, LONGER_SIDE / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    _, data = cv2.imencode(".jpg", cv2.cvtColor(np.asarray(small), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    picture = f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
    body: dict[str, Any] = {
        "model": model,
        "temperature": 0,
        "max_tokens": 300,
        "messages": [
            {"role": "system", "content": _INSTRUCTION},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture}}]},
        ],
    }
    if with_schema:
        schema = {"name": "hard_photo", "strict": True, "schema": dict(SCHEMA)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def answer_of(content: Any) -> Described:
    """The answer in a completion's JSON. Kinds that are not known are left out.

    Raises:
        UnusableAnswerError: there is none.
    """
    try:
        choice = content["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError) as error:
        raise UnusableAnswerError("the server's answer has another form") from error
    if not isinstance(message, Mapping):
        raise UnusableAnswerError("the server's answer has another form")
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise UnusableAnswerError("the model refused to look at the photo")
    text = message.get("content")
    if not isinstance(text, str):
        raise UnusableAnswerError("the model said nothing")
    fenced = re.search(r"```(?:json)?\s*(.*?)```", text, re.DOTALL)
    try:
        said = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError("the model did not answer with JSON") from error
    if not isinstance(said, Mapping) or not isinstance(said.get("kinds"), list):
        raise UnusableAnswerError("the model's JSON names no kinds")
    note = said.get("note")
    kinds = tuple(kind for kind in KINDS if kind in said["kinds"])
    return Described(kinds, " ".join(note.split())[:_LONGEST_NOTE] if isinstance(note, str) else "")
