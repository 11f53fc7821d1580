"""The interface of every engine, and how it declares its capabilities.

Light to import: programs list engines long before one is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from native_runtime.camera import Gravity
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.fitting.evidence import Evidence
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.prompts.prompt import Prompt

    from .edits import Edits
    from .estimate import Estimate
    from .status import EngineStatus


ROUGH = "rough"
"""Among the details of an estimate that a later step refines: what is still rough, in words, such as "hands"."""

REFINED = "refined"
"""Among the details of an estimate that was refined to the photo: what that did (``engines.refine``)."""


INFERRED = "inference"
"""Among an estimate's details: the kind of inference that was asked for, where the engine has several."""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do. Arguments that it does not support are never passed to it.

    Attributes:
        boxes: takes the boxes of people.
        searches: its own search for people comes before a box: found people are the same every time.
        masks: takes a mask of the person.
        edits: keeps what an artist did by hand itself; for others ``engines.refit.keep_edits`` does it afterwards.
        sexes: its readings are a ``SexedReading``: the shape of its bodies follows the sex that is stated.
        ages: its readings are an ``AgedReading``: the size, proportions and shape of its bodies follow the age that is
            stated; other engines are not told an age.
        heights: its readings are a ``SizedReading``: a stated height is among what a body is looked for with. Others
            are not told one; all answers are brought to the height afterwards.
        doubts_prompts: its readings are a ``DoubtingReading``: prompts may be off by what is stated of them.
        several: computes several people together (``Reading.estimate_all``), quicker than one after the other.
        agrees: the places of several people agree in space already; those of others are brought together afterwards
            (``engines.together``).
        remembers: is a ``Remembering`` engine, which keeps on disk what makes a photo quick when it is opened again.
        steps: answers in steps: its readings are a ``GrowingReading``, whose rougher estimates come long before the
            last.
        fits: its answers are fits to what is seen in the photo already; those of others are refined to the photo
            afterwards, where that is asked for (``engines.refine``).
        pa_mpjpe: mm, its mean error of joints after Procrustes alignment, as published: how near refined bodies stay.
        inferences: the kinds of inference to choose from, its own first; empty where there is no choice.
        takes_camera: its readings are told the photo's camera after people were found (``TakesCamera``), so that these
            count among what the camera is estimated from; others are given the intrinsics before.
        live_prompts: opens in a moment, takes little memory and answers prompts at once, so that it may be made ready
            before anybody asks, and needs no choice of what computes it.
        body: name of the body that it uses by default.
        prefers: name of one that it uses by default instead where that is installed.
        bodies: pattern of the names of the bodies that it can use.
        model_folders: folders within the models folder whose networks its results depend on.
        evidence: its readings are an ``EvidenceReading``, which tells what was seen of a person without a fit: takes
            are fitted to it over all their frames.
        follows: is a ``FollowingEngine``, which finds people again in the next picture of a video without a search.
        seconds: what the first estimate of a person takes on a processor.
        seconds_per_prompt: what another prompt about the same person takes.
    """

    boxes: bool = False
    searches: bool = False
    masks: bool = True
    edits: bool = False
    sexes: bool = False
    ages: bool = False
    heights: bool = False
    doubts_prompts: bool = False
    several: bool = False
    agrees: bool = False
    steps: bool = False
    remembers: bool = False
    fits: bool = False
    pa_mpjpe: float = 45.0
    inferences: tuple[str, ...] = ()
    takes_camera: bool = False
    live_prompts: bool = False
    body: str = "default"
    prefers: str | None = None
    bodies: str = "*"
    model_folders: tuple[str, ...] = ()
    evidence: bool = False
    follows: bool = False
    seconds: float = 1.0
    seconds_per_prompt: float = 0.1

    def supports_body(self, name: str) -> bool:
        """Whether the engine can use the body of that name."""
        return fnmatchcase(name, self.bodies)

    def own_body(self, models: FilePath | None) -> str:
        """Name of the body that it uses by default with a models folder."""
        from native_runtime.models import store

        return self.prefers if self.prefers and store.lists_body(self.prefers, models) else self.body


class FoundPerson(Protocol):
    """Somebody in a photo."""

    @property
    def bbox(self) -> NDArray[np.float64]:
        """(4,) x0 y0 x1 y1 in px of the original photo."""

    @property
    def head(self) -> NDArray[np.float64] | None:
        """(2,) px of the original photo, the middle of the face; None where it is not known yet."""

    @property
    def landmarks(self) -> PersonLandmarks | None:
        """What landmark networks saw, in working pixels; None for engines without such."""


class Reading(Protocol):
    """A photo that an engine has looked at. Detection and image features are done; estimates are cheap."""

    @property
    def people(self) -> Sequence[FoundPerson]:
        """Largest first, or in the order of the boxes that were given."""

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """(3, 3) px of the original photo: the camera that estimates are made for."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
    ) -> Estimate:
        """One person's estimate.

        Args:
            person: number in ``people``.
            keypoints: hints (index in MHR-70, x, y) in px of the original photo; a fourth entry is the kind where it is
                not "place" (``prompts.PromptKind``).
            mask: (H, W) of the original photo: where this person is.
            inference: one of ``Capabilities.inferences``; None for the engine's own.
            edits: what an artist did to the body by hand, which is kept.
        """

    def estimate_all(self, people: Sequence[int] | None = None, *, inference: str | None = None) -> Sequence[Estimate]:
        """Estimates without prompts of several people (None: of all); arguments as for ``estimate``."""


class SexedReading(Reading, Protocol):
    """A reading of an engine that takes the sex of people (``Capabilities.sexes``)."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        sex: str | None = None,
    ) -> Estimate:
        """One person's estimate.

        Args:
            sex: what the body's shape shows (``engines.looks.SEXES``); None: what the engine makes of the person.
                Otherwise as in ``Reading``.
        """


class AgedReading(Reading, Protocol):
    """A reading of an engine that takes the age of people (``Capabilities.ages``)."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        sex: str | None = None,
        age: float | None = None,
    ) -> Estimate:
        """One person's estimate.

        Args:
            age: years; None: what the engine makes of the person. Otherwise as in ``SexedReading``.

        Raises:
            UsageError: the engine's body does not know the age.
        """


class SizedReading(Reading, Protocol):
    """A reading of an engine that takes the height of people (``Capabilities.heights``)."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        sex: str | None = None,
        age: float | None = None,
        height: float | None = None,
    ) -> Estimate:
        """One person's estimate.

        Args:
            height: cm, standing upright; None: what the engine makes of the person. The estimate is near it. Otherwise
                as in ``AgedReading``.
        """


class DoubtingReading(Reading, Protocol):
    """A reading of an engine whose prompts may be off (``Capabilities.doubts_prompts``)."""

    def estimate(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
        sex: str | None = None,
        age: float | None = None,
        height: float | None = None,
        prompt_error: float = 0.0,
        snap: bool = False,
        observed: Sequence[Prompt] = (),
        observed_error: float = 0.0,
    ) -> Estimate:
        """One person's estimate.

        Args:
            prompt_error: standard deviation in x and in y of the places in ``keypoints``, as part of the person's
                height in the photo; 0: they are exact, as an artist's are.
            snap: where there is such an error: whether the body meets the places all the same in the end, as pins.
            observed: places that were observations before; ``keypoints`` of the same names come before them.
            observed_error: what those may be off by, as ``prompt_error``; 0: they do not count.
                Otherwise as in ``SizedReading``.
        """


class GrowingReading(Reading, Protocol):
    """A reading of an engine that answers in steps (``Capabilities.steps``)."""

    def estimate_steps(
        self,
        person: int = 0,
        keypoints: Sequence[Prompt] = (),
        mask: NDArray[np.bool_] | None = None,
        *,
        inference: str | None = None,
        edits: Edits | None = None,
    ) -> Iterator[Estimate]:
        """One person's estimate as it grows; the last one is what ``estimate`` gives. Those before say in their details
        what is still rough (``ROUGH``). Arguments as for ``estimate``.
        """

    def estimate_all_steps(
        self, people: Sequence[int] | None = None, *, inference: str | None = None
    ) -> Iterator[Sequence[Estimate]]:
        """As ``estimate_steps``, of several people without prompts, as ``estimate_all`` has them."""


class EvidenceReading(Reading, Protocol):
    """A reading of an engine whose answers are fits to evidence that it can tell (``Capabilities.evidence``)."""

    def evidence(self, person: int = 0, *, sex: str | None = None, age: float | None = None) -> Evidence:
        """What was seen of one person, quickly. It may have no points where too little of them is in sight.

        Args:
            person: number in ``people``.
            sex, age: as in ``AgedReading``.
        """


class TakesCamera(Reading, Protocol):
    """A reading of an engine that declares ``Capabilities.takes_camera``."""

    def take_camera(self, intrinsics: NDArray[np.float64], gravity: Gravity) -> None:
        """The photo's camera, in place of the one with which it was read; before anybody is estimated.

        Args:
            intrinsics: (3, 3) px of the original photo.
            gravity: which way is up.
        """


class Engine(Protocol):
    """An open engine.

    Attributes:
        name: its name in the registry.
        capabilities: what it can do.
        body: the body that its estimates are of.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def body(self) -> Body: ...

    def read(
        self,
        photo: Photo | NDArray[np.uint8],
        intrinsics: NDArray[np.float64] | None = None,
        boxes: ArrayLike | None = None,
    ) -> Reading:
        """Look at a photo.

        Args:
            photo: a photo, or its pixels (H, W, 3) uint8 RGB.
            intrinsics: (3, 3) in px of the original photo; None for the stated rule (``camera.intrinsics_for``).
            boxes: (N, 4) x0 y0 x1 y1 px of the original photo, where people are, who keep this order; None: the engine
                looks for them.
        """


class FollowingEngine(Engine, Protocol):
    """An engine that follows people through the pictures of a video (``Capabilities.follows``)."""

    def follow(
        self,
        photo: Photo,
        people: Sequence[FoundPerson],
        intrinsics: NDArray[np.float64] | None = None,
    ) -> tuple[Reading, list[int]]:
        """The same people in the next picture.

        Args:
            photo: of the same size as the picture before.
            people: of a reading of the picture before.
            intrinsics: as for ``read``.

        Returns:
            A reading of those who are still there, and which of ``people`` each of them is.
        """

    def glance(self, photo: Photo) -> NDArray[np.float64]:
        """(N, 4) x0 y0 x1 y1 px of the original photo, where people seem to be: quick, and less sure than ``read``."""


class Remembering(Engine, Protocol):
    """An engine that can keep what it computes of photos in the user's cache, within bounds."""

    def remember(self, on: bool) -> None:
        """Whether it does so, and uses what is there, for the photos that it reads from now on."""


FilePath = str | os.PathLike[str]
OpenEngine = Callable[[FilePath | None, Sequence[str] | None, FilePath], Engine]
"""Opens an engine by models folder, providers and body; see ``native_runtime.engines.open_engine``."""
ProbeEngine = Callable[[FilePath | None, Sequence[str] | None], "EngineStatus"]
"""Whether an engine could work with a models folder and providers; see ``native_runtime.engines.engine_status``."""


@dataclass(frozen=True)
class EngineDescriptor:
    """An engine in the registry. Importing the module that makes it opens and loads nothing.

    Attributes:
        name: as commands and files call it.
        title, description: for people.
        capabilities: what it can do.
        open: opens it.
        status: whether it could work here.

    Raises:
        TypeError: the name is no text, or capabilities are something else.
    """

    name: str
    title: str
    description: str
    capabilities: Capabilities
    open: OpenEngine
    status: ProbeEngine

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or not isinstance(self.capabilities, Capabilities):
            raise TypeError(f"The engine {self.name!r} needs a name and its Capabilities.")
