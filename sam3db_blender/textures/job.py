"""A texture that is made aside, while Blender stays responsive."""

from __future__ import annotations

import threading
import traceback
from typing import TYPE_CHECKING, Literal

from native_runtime.errors import Sam3dbError
from native_runtime.texture.files import EncodedTexture

from ..remedies import in_words

if TYPE_CHECKING:
    from .projecting import Projection

State = Literal["running", "done", "failed", "cancelled"]


class TextureJob:
    """A texture on its way, in a thread that touches nothing of Blender's.

    Attributes:
        state: ``running`` until it is there.
        status: what is being done, for people.
        error: one line, set when failed.
        texture: as a .blend takes it; set when done.
    """

    def __init__(self, projection: Projection) -> None:
        self.state: State = "running"
        self.status = "Making the texture"
        self.error = ""
        self.texture: EncodedTexture | None = None
        self._projection = projection
        self._thread = threading.Thread(target=self._run, name="texture", daemon=True)
        self._made: EncodedTexture | None = None
        self._failed = ""
        self._thread.start()

    def poll(self) -> bool:
        """Whether the job is over."""
        if self.state == "running" and not self._thread.is_alive():
            self.texture, self.error = self._made, self._failed
            self.state = "done" if self._made is not None else "failed"
        return self.state != "running"

    def wait(self) -> None:
        """Waits for its end; for processes without a window."""
        self._thread.join()
        self.poll()

    def cancel(self) -> None:
        """Gives the job up; what it makes is dropped."""
        if self.state == "running":
            self.state = "cancelled"

    def _run(self) -> None:
        try:
            self._made = EncodedTexture.of(self._projection.make())
        except Sam3dbError as error:
            self._failed = in_words(error)
        except Exception as error:
            traceback.print_exc()
            self._failed = f"The texture could not be made: {error}"
