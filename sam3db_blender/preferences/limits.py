"""How much of the machine the background process may take, and what it keeps on the disk."""

import os
from typing import TYPE_CHECKING, Any

import bpy

if TYPE_CHECKING:
    from native_runtime.onnx.limits import Limits

#: GB; with less, the landmark networks themselves do not fit beside a photo.
_LEAST_GB = 1.0
_THREAD_MODES = (
    ("AUTO", "Automatic", "As many threads as the processor has cores"),
    ("FIXED", "Fixed", "This number of threads, so that other programs keep the rest"),
)


def _remember(settings: Any, context: bpy.types.Context) -> None:
    from ..files.sam3d_body import forget_features

    if not settings.remember_photos:
        forget_features()


class LimitSettings:
    """A mix-in: the settings of memory and threads. The background process starts again with the next photo."""

    memory_limited: bpy.props.BoolProperty(
        name="Limit Memory",
        description="The background process takes no more memory than this. What does not fit is refused with a "
        "message, or computed more slowly from the disk. On Windows and macOS, what takes more all the same ends "
        "within a second, with a message",
        default=False,
    )
    memory_limit: bpy.props.FloatProperty(
        name="Memory Limit",
        description="Gigabytes that the background process may take",
        default=4.0,
        min=_LEAST_GB,
        soft_max=64.0,
        max=4096.0,
        step=50,
        precision=1,
    )
    threads_mode: bpy.props.EnumProperty(
        name="Threads", description="How many threads the background process computes with", items=_THREAD_MODES
    )
    threads: bpy.props.IntProperty(
        name="Number of Threads",
        description="Threads that the background process computes with",
        default=max(1, (os.cpu_count() or 2) // 2),
        min=1,
        max=1024,
    )
    remember_photos: bpy.props.BoolProperty(
        name="Reopen Quickly",
        description="Keep on this disk what SAM 3D Body saw in the last photos (up to 500 MB), so that the first drag "
        "after reopening a file does not wait for it. Switching it off deletes what is kept",
        default=True,
        update=_remember,
    )

    def limits(self) -> "Limits":
        """What the background process may take."""
        from native_runtime.onnx.limits import NO_LIMITS, Limits

        memory = round(self.memory_limit * 1e9) if self.memory_limited else None
        threads = self.threads if self.threads_mode == "FIXED" else None
        return Limits(threads, memory) if memory or threads else NO_LIMITS
