"""Several photos of one person, in the shared worker: what it reads of them serves the handles later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .worker import TIMEOUT_S, Job

if TYPE_CHECKING:
    from native_runtime.takes.views.request import ViewsRequest
    from native_runtime.texture.files import TextureFiles


@dataclass
class ViewsJob(Job):
    """Photos on their way to one body.

    Attributes:
        summary: the file about all of them; set when done.
        texture: the files of the person's texture, if one was made.
    """

    request: ViewsRequest
    summary: Path | None = None
    texture: TextureFiles | None = None

    def __post_init__(self) -> None:
        from native_runtime.pipeline.decoding import encode

        limit = TIMEOUT_S * len(self.request.photos)
        self._number = self.client.request(self.request.do, timeout_s=limit, **encode(self.request))

    def _receive(self, result: dict[str, Any]) -> None:
        from native_runtime.texture.files import TextureFiles

        self.summary = Path(result["summary"])
        made = result.get("texture")
        self.texture = None if made is None else TextureFiles.from_json(made)
