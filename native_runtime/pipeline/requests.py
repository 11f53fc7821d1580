"""The requests: one dataclass for each verb. Standard library only.

A field's name is its key in the worker's JSON, the destination of its argument on the command line and the name of its
property in Blender; its type says how its value is read (``decoding``). Values that are not given, None or empty texts
are the defaults.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from native_runtime.bounds import LEAST_TALL, MOST_TALL, OLDEST, REFINE, YOUNGEST
from native_runtime.engines import AUTO
from native_runtime.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.engines.edits import Edits
    from native_runtime.image.reading import Photo
    from native_runtime.prompts.prompt import Prompt

    from .boxes import Box

FilePath = str | os.PathLike[str]
Secret = str
"""A text that no message shows."""
Turn = int | Literal["auto"]
"""Degrees clockwise by which a photo is turned before people are looked for: 0, 90, 180 or 270; or what is noticed."""
Persons = str | tuple[int, ...]
"""The "largest" person, "all" of them, or numbers from 0 on, the largest first."""
Intrinsics = tuple[tuple[float, float, float], ...]
"""Three rows [fx, s, cx], [0, fy, cy], [0, 0, 1], px."""
Sex = Literal["neutral", "female", "male"]
"""What the body's shape shows; neutral: neither."""
Up = tuple[float, float, float]
"""A direction against gravity, camera axes (x right, y down, z forward)."""
Heights = float | tuple[float, ...]
"""How tall somebody is, cm, or one for each of several people."""
Ages = float | tuple[float, ...]
"""How old somebody is, years, or one for each of several people."""
Levels = Literal["all"] | list[int]
"""Levels of detail of the official bodies."""

DEFAULT_BODY = "default"
MOST_PROMPT_ERROR = 0.2
"""Of the person's height: a place that may be farther off says nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelsFolder:
    """Where model files lie.

    Attributes:
        models: the folder; None for the usual one.
    """

    models: FilePath | None = None


@dataclass(frozen=True, kw_only=True)
class Computation(ModelsFolder):
    """With what networks are computed.

    Attributes:
        providers: ONNX Runtime providers to try, best first; None for the best that works here.
    """

    providers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class EngineChoice(Computation):
    """Which engine with which files: everything that makes an open engine another one.

    Attributes:
        engine: its name; "auto" for the best that is ready and can do what is asked (``support.with_engine``).
        body: name or file of the body; "default" is the engine's own.
        remember: whether what is computed of photos is kept in the user's cache, within bounds, by engines that can
            (``Capabilities.remembers``).
    """

    engine: str = AUTO
    body: str = DEFAULT_BODY
    remember: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class FocalLength:
    """What a person says about the lens; at most one of both.

    Attributes:
        focal_px: focal length, px of the original photo.
        fov_deg: angle of view along the longer side, degrees.
    """

    focal_px: float | None = None
    fov_deg: float | None = None


@dataclass(frozen=True, kw_only=True)
class Lens(FocalLength):
    """A lens, or what is known of it.

    Attributes:
        intrinsics: the whole camera matrix instead, px of the original photo.
        up: which way is up for the camera; None for what the picture shows.

    Raises:
        UsageError: it is said in both ways.
    """

    intrinsics: Intrinsics | None = None
    up: Up | None = None

    def __post_init__(self) -> None:
        if self.intrinsics is not None and (self.focal_px is not None or self.fov_deg is not None):
            raise UsageError("The lens is given either by 'intrinsics' or by 'focal_px' or 'fov_deg'.")

    def matrix(self, photo: Photo) -> NDArray[np.float64] | None:
        """(3, 3) px; None where nothing is said: the engine follows its own rule then.

        Raises:
            UsageError: it is no lens.
        """
        import numpy as np

        from native_runtime.camera import intrinsics_for

        if self.intrinsics is None and self.focal_px is None and self.fov_deg is None:
            return None
        if self.intrinsics is not None:
            return np.array(self.intrinsics)
        return intrinsics_for(photo.original_size, self.focal_px, self.fov_deg, photo)


@dataclass(frozen=True, kw_only=True)
class PhotoReading(EngineChoice, FocalLength):
    """How photos are read.

    Attributes:
        turn: degrees clockwise by which a photo is turned first, or "auto". Boxes and all results are then in pixels of
            the turned photo.
        inference: what the engine infers, where it has a choice (``Capabilities.inferences``); None for its own.
    """

    turn: Turn = 0
    inference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """The fit after the engine, which brings its answer onto what is seen in the photo (``engines.refine``).

    Attributes:
        refine: 0..1, what the photo counts against the engine; 0 leaves the engine's answer as it is. Engines that fit
            by themselves (``Capabilities.fits``) are left alone.

    Raises:
        UsageError: it is out of range.
    """

    refine: float = REFINE

    def __post_init__(self) -> None:
        if not 0.0 <= self.refine <= 1.0:
            raise UsageError(f"'refine' lies between 0 and 1, not at {self.refine:g}.")


def check_age(age: float) -> None:
    """Refuse an age that no body knows.

    Raises:
        UsageError: it is out of range, or no number.
    """
    if not YOUNGEST <= age <= OLDEST:
        raise UsageError(f"An age lies between {YOUNGEST:g} and {OLDEST:g} years, not at {age:g}.")


def check_prompt_error(error: float | None) -> None:
    """Refuse what prompts cannot be off by; None says nothing of it.

    Raises:
        UsageError: it is out of range, or no number.
    """
    if error is not None and not 0.0 <= error <= MOST_PROMPT_ERROR:
        most = f"{MOST_PROMPT_ERROR:g}"
        raise UsageError(f"The error of prompts lies between 0 and {most} of the person's height, not at {error:g}.")


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """What a person says about how somebody looks.

    Attributes:
        sex: what the body's shape shows, by engines that take it (``Capabilities.sexes``); None: what the face says.
        age: years, 5 to 90, which size, proportions and shape follow, by engines that take it (``Capabilities.ages``);
            of several people a list, in the order in which they are estimated; None: an adult, or a child where the
            face says so clearly.

    Raises:
        UsageError: an age is out of range.
    """

    sex: Sex | None = None
    age: Ages | None = None

    def __post_init__(self) -> None:
        for age in self.age if isinstance(self.age, tuple) else (self.age,):
            if age is not None:
                check_age(age)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a person says about how large somebody is.

    Attributes:
        height_cm: from the soles to the crown, standing upright, 50 to 250 cm; of several people a list, in the order
            in which they are estimated; None: what the engine makes of it.

    Raises:
        UsageError: a height is out of range.
    """

    height_cm: Heights | None = None

    def __post_init__(self) -> None:
        heights = self.height_cm if isinstance(self.height_cm, tuple) else (self.height_cm,)
        for height in heights:
            if height is not None and not LEAST_TALL <= height <= MOST_TALL:
                raise UsageError(f"A height lies between {LEAST_TALL:g} and {MOST_TALL:g} cm, not at {height:g} cm.")


@dataclass(frozen=True, kw_only=True)
class LookRequest(PhotoReading):
    """Who is in a photo.

    Attributes:
        photo: the file.
        boxes: x0 y0 x1 y1 px, where the people are, who keep this order; None: the engine looks for them.
    """

    do: ClassVar = "read"

    photo: FilePath
    boxes: tuple[Box, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class EstimateRequest(LookRequest, Refinement, Appearance, Size):
    """The estimates of people in a photo.

    Attributes:
        persons: whose.
        keypoints: prompts, which belong to one person.
        prompt_error: 0..0.2, standard deviation in x and in y of their places, as part of the person's height in the
            photo, by engines that take it (``Capabilities.doubts_prompts``). None: the places are exact, and are met;
            where the engine can, the whole body moves before, as far as its fit was unsure. 0: they are exact, and
            their limbs alone follow, as when an artist drags.
        mask: a picture of the photo's size, white where that person is.
        steps: whether rougher estimates are told of as well, as they come, by engines that have some
            (``Capabilities.steps``).
        texture: whether each person's texture is made as well, for whoever makes some.
    """

    do: ClassVar = "estimate"

    persons: Persons = "largest"
    keypoints: tuple[Prompt, ...] = ()
    prompt_error: float | None = None
    mask: FilePath | None = None
    steps: bool = False
    texture: bool = False

    def __post_init__(self) -> None:
        check_prompt_error(self.prompt_error)
        Refinement.__post_init__(self)
        Appearance.__post_init__(self)
        Size.__post_init__(self)


@dataclass(frozen=True, kw_only=True)
class PoseRequest(EngineChoice, Lens, Refinement, Appearance, Size):
    """One person again, with what an artist says about them. Pixels are those of the photo's file.

    Attributes:
        photo: the file.
        box: x0 y0 x1 y1 px, where the person was found; None for the largest.
        pins: what is said about keypoints.
        prompt_error: as in `EstimateRequest`, of the pins, which are exact unless it is said: above 0 they are
            observations, after which the whole body is inferred again; with ``snap`` it meets them in the end.
        observed: places that were observations already when the person was estimated (``details.DOUBTED``). They stay
            so beside the pins, which come before them.
        observed_error: what they may be off by, as ``prompt_error``.
        mask: a picture of the photo's size, white where the person is.
        inference: as in `PhotoReading`.
        edits: what the artist set by hand and keeps.
        snap: whether what an engine leaves between pins and keypoints is closed by a fit.
        slot: whose pose it is: of the requests of a slot that wait, only the newest is done.
    """

    do: ClassVar = "pose"

    photo: FilePath
    box: Box | None = None
    pins: tuple[Prompt, ...] = ()
    prompt_error: float = 0.0
    observed: tuple[Prompt, ...] = ()
    observed_error: float = 0.0
    mask: FilePath | None = None
    inference: str | None = None
    edits: Edits | None = None
    snap: bool = False
    slot: str | None = None

    def __post_init__(self) -> None:
        check_prompt_error(self.prompt_error)
        check_prompt_error(self.observed_error)
        Lens.__post_init__(self)
        Refinement.__post_init__(self)
        Appearance.__post_init__(self)
        Size.__post_init__(self)


@dataclass(frozen=True, kw_only=True)
class SegmentRequest(Computation):
    """Which pixels show a person, as the bundled networks see it.

    Attributes:
        photo: the file.
        box: x0 y0 x1 y1 px, where the person was found; None for the largest.
    """

    do: ClassVar = "segment"

    photo: FilePath
    box: Box | None = None


@dataclass(frozen=True, kw_only=True)
class EngineStatusRequest(Computation):
    """Whether engines could work here, and on what.

    Attributes:
        engine: the name of one; None for all.
    """

    do: ClassVar = "engine_status"

    engine: str | None = None


@dataclass(frozen=True, kw_only=True)
class DoctorRequest(Computation):
    """Whether all is well with an installation.

    Attributes:
        checks: the names of those checks that are wanted; None for all.
        more_models: another models folder, with what was imported.
        blender: the version of the Blender that asks.
        extensions: its folder of extensions; None for those of this user's Blenders.
        user_folder: where the extension keeps the user's files.
    """

    do: ClassVar = "doctor"

    checks: tuple[str, ...] | None = None
    more_models: FilePath | None = None
    blender: str | None = None
    extensions: FilePath | None = None
    user_folder: FilePath | None = None


@dataclass(frozen=True, kw_only=True)
class MoveModelsRequest:
    """All models of one or two folders in a new one.

    Attributes:
        source: the models folder.
        more_models: another one, whose models come along.
        to: the new folder.
        keep: leave the files of `source` where they are.
    """

    do: ClassVar = "move_models"

    source: FilePath
    to: FilePath
    more_models: FilePath | None = None
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportOfficialRequest(ModelsFolder):
    """Bodies of the official assets.

    Attributes:
        source: the release's assets.zip, its folder, or a file of it.
        levels: which levels of detail; None for all but the finest.
    """

    do: ClassVar = "import_official"

    source: FilePath
    levels: Levels | None = None


@dataclass(frozen=True, kw_only=True)
class DownloadOfficialRequest(ModelsFolder):
    """The official assets from their publisher, and bodies of them.

    Attributes:
        levels: as in `ImportOfficialRequest`.
        url: where from; None for the publisher.
        again: whether they are fetched though they are there.
    """

    do: ClassVar = "download_official"

    levels: Levels | None = None
    url: str | None = None
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class InstallModelRequest(ModelsFolder):
    """An item of the shelf, downloaded, converted, proved and put in place.

    Attributes:
        item: its name.
        source: key of the source; None for the public ones, one after the other until one has all.
        accepted: keys of the terms that the user has read and accepted.
        commercial: whether the use is commercial; must be said where the terms forbid that.
        token: the user's, for gated sources; None for the one that is stored on this machine.
        precision: of converted networks; None for the best for this machine.
        file: what the user has, instead of a download.
        mhr: mhr_model.pt, if it does not lie beside `file`.
        service: address of the repositories; None for the usual ones.
    """

    do: ClassVar = "install_model"

    item: str
    source: str | None = None
    accepted: tuple[str, ...] = ()
    commercial: bool | None = None
    token: Secret | None = field(default=None, repr=False)
    precision: str | None = None
    file: FilePath | None = None
    mhr: FilePath | None = None
    service: str | None = None


@dataclass(frozen=True, kw_only=True)
class InstallGpuRequest:
    """Libraries for graphics cards, downloaded or from files, tried out and put in place.

    Attributes:
        folder: that of GPU support.
        name: which; see `native_runtime.gpu_support.sets`.
        accepted: keys of the terms that the user has read and accepted.
        files: wheels that the user has, instead of downloads.
        address: of a server that has the package index's files; None for the index's own.
    """

    do: ClassVar = "install_gpu_support"

    folder: FilePath
    name: str
    accepted: tuple[str, ...] = ()
    files: tuple[FilePath, ...] = ()
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class RemoveGpuRequest:
    """What is installed for graphics cards, removed.

    Attributes:
        folder: that of GPU support.
    """

    do: ClassVar = "remove_gpu_support"

    folder: FilePath


@dataclass(frozen=True, kw_only=True)
class TimeProvidersRequest(ModelsFolder):
    """How long each network takes on each provider.

    Attributes:
        folder: that of GPU support; None for none.
        providers: only these, and the processor; None for all.
    """

    do: ClassVar = "time_providers"

    folder: FilePath | None = None
    providers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ConvertSam3dBodyRequest(ModelsFolder):
    """A model converted from a checkpoint of SAM 3D Body.

    Attributes:
        checkpoint: model.ckpt, a .safetensors file, or the folder of the release.
        mhr: mhr_model.pt; None for the one beside the checkpoint.
        precision: "fp32", "fp16" or "int8".
    """

    do: ClassVar = "convert_sam3d_body"

    checkpoint: FilePath
    precision: str
    mhr: FilePath | None = None
