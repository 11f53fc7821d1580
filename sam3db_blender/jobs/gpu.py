"""Installing libraries for graphics cards, removing them, and timing networks with them.

None of these workers loads what is installed: it could not be replaced then on Windows, and a driver that ends a
process must not end the one that tells about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import places
from ..files import gpu
from .long import JobSlot, LongJob
from .worker import stop_worker


@dataclass
class GpuJob(LongJob):
    """Something that is done about graphics cards.

    Attributes:
        name: which libraries; "" where none are named.
    """

    name: str = field(default="", init=False)

    def __post_init__(self, keys: dict[str, Any]) -> None:
        self.name = str(keys.get("name", ""))
        super().__post_init__(keys)

    def poll(self) -> bool:
        over = super().poll()
        if over and self.do != "time_providers":
            gpu.forget_times()
            stop_worker()  # the next photo starts one that has what is there now
        return over

    @property
    def summary(self) -> str:
        if self.state == "cancelled" and self.do == "install_gpu_support":
            return "Cancelled. What has arrived is kept; it continues from there."
        return super().summary

    @property
    def achievement(self) -> str:
        from native_runtime.gpu_support.sets import KINDS

        if self.do == "time_providers":
            return self._fastest()
        if self.do == "remove_gpu_support":
            settings = places.preferences()
            return "GPU support is removed." + ("" if settings is None else " The processor computes.")
        return f"{KINDS[self.name].title} is installed. Test it: the test finds out what is fastest."

    def _receive(self, result: dict[str, Any]) -> None:
        super()._receive(result)
        settings = places.preferences()
        if self.do == "time_providers":
            gpu.keep_times(result)
            if settings is not None and result["fastest"]:
                settings.provider = result["fastest"]
        elif self.do == "remove_gpu_support" and settings is not None:
            settings.provider = "auto"

    def _fastest(self) -> str:
        fastest = self.result.get("fastest")
        title = next((one["title"] for one in self.result["providers"] if one["provider"] == fastest), "")
        return f"Networks are computed on {title}, which is the fastest." if title else "Nothing works here."


#: That of this Blender.
slot = JobSlot(GpuJob, gpu_support=False)
