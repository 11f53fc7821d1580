"""Downloads and imports of official bodies."""

from __future__ import annotations

from native_runtime.build.official_release import ABOUT_MB

from .long import JobSlot, LongJob

#: Where the bodies come from, how large they are, and under which licence: said before anything is fetched.
SOURCE = f"MHR by Meta Platforms, Apache-2.0 license, {ABOUT_MB} MB from github.com"


class BodyJob(LongJob):
    """A download or an import of bodies."""

    @property
    def bodies(self) -> list[str]:
        """What was made, once it is."""
        return list(self.result.get("bodies", []))

    @property
    def achievement(self) -> str:
        return f"Installed {', '.join(self.bodies)}"


#: The one of this Blender.
slot = JobSlot(BodyJob)
