"""One photo's way through the networks: what is computed once, what again for a prompt, and where it is kept."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.image.reading import Photo

from .hands import SIDES, Hands, Side, hand_crops, shown
from .memory import Kept, Sized
from .networks import Kind, Networks
from .prediction import Prediction
from .preprocess import BODY_PADDING, Crops
from .prompting import NO_PROMPT
from .stored import Place, StoredFeatures

Array = NDArray[Any]

#: Crops that go through the encoder at a time: more bring no speed, and take memory for what is between its layers.
_CROPS_AT_A_TIME = 4

_owners = count()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """One person, seen with or without a mask.

    Attributes:
        person: number in the photo.
        mask: (H, W) of the original photo, or None.
    """

    person: int
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)
    mask_hash: str = ""

    @staticmethod
    def at(person: int, mask: NDArray[np.bool_] | None) -> Look:
        """Looks at one person with equal masks are equal."""
        digest = "" if mask is None else hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
        return Look(person, mask, digest)


class Stopwatch:
    """Seconds of each stage, by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started


class Pipeline:
    """The networks over one photo.

    Attributes:
        crops: of the people.
        encoded: how many crops went through the encoder so far.
    """

    def __init__(
        self,
        networks: Networks,
        photo: Photo,
        intrinsics: Array,
        boxes: Array,
        kept: Kept,
        stored: StoredFeatures | None = None,
        shown_size: int | None = None,
    ) -> None:
        """`stored`: where features are also looked for, and left, on disk. `shown_size`: px of a side of the crops that
        the encoder sees, where that is not the size that the model was trained with.
        """
        self.networks, self.photo, self.intrinsics = networks, photo, intrinsics
        self._shown_size = shown_size or networks.image_size[0]
        self._stored = stored
        self._pictures: dict[Side, str] = {}
        self.crops = Crops.around(boxes, networks.image_size[0], BODY_PADDING)
        self.encoded = 0
        self.owner = next(_owners)
        self._kept = kept
        self._first: dict[Look, Prediction] = {}
        self._hands: dict[int, dict[Side, Hands]] = {}

    def crops_of(self, looks: Sequence[Look]) -> Crops:
        """The crops of the people looked at."""
        return self.crops[np.array([look.person for look in looks])]

    # --- the encoder ---

    def features(self, people: Sequence[int], watch: Stopwatch) -> list[Sized]:
        """The encoder's features of people; those that are not kept are computed together."""

        def compute(missing: list[int]) -> list[Sized]:
            return self._encode([(self.crops[np.array(missing)], "right")], watch)

        return self._kept_or(("features",), people, compute)

    def _encode(self, parts: Sequence[tuple[Crops, Side]], watch: Stopwatch) -> list[Sized]:
        """Features of crops of the photo as it is `shown` for a side, in order; those on disk from there."""
        places = [(side, place) for crops, side in parts for place in _places(crops)]
        found: list[Sized | None] = [self._from_disk(*place) for place in places]
        missing = [number for number, thing in enumerate(found) if thing is None]
        if missing:
            self._open("encoder", watch)
            with watch.time("encode"):
                cut = [crops.at(self._shown_size).cut(shown(self.photo, side)) for crops, side in parts]
                pixels = np.concatenate(cut)[missing]
                features: list[Sized] = []
                for start in range(0, len(pixels), _CROPS_AT_A_TIME):
                    features += self.networks.encode(pixels[start : start + _CROPS_AT_A_TIME])
            self.encoded += len(pixels)
            for number, thing in zip(missing, features, strict=True):
                found[number] = thing
                if self._stored:
                    side, place = places[number]
                    self._stored.put(self._picture(side), place, self.networks.arrays_of(thing))
        return [thing for thing in found if thing is not None]

    def _from_disk(self, side: Side, place: Place) -> Sized | None:
        if self._stored is None:
            return None
        arrays = self._stored.get(self._picture(side), place)
        try:
            return None if arrays is None else self.networks.from_arrays(arrays)
        except ValueError as error:
            _log.warning("Stored features are not used: %s.", error)
            return None

    def _picture(self, side: Side) -> str:
        """What identifies the photo on disk, as it is `shown` for a side."""
        assert self._stored is not None
        if side not in self._pictures:
            self._pictures[side] = self._stored.picture(
                self.photo.pixels, mirrored=side == "left", size=self._shown_size
            )
        return self._pictures[side]

    def _open(self, graph: str, watch: Stopwatch) -> None:
        with watch.time("open"):
            self.networks.open(graph)

    # --- contexts ---

    def body_contexts(self, looks: Sequence[Look], watch: Stopwatch) -> list[Sized]:
        """What the body decoder looks at."""

        def compute(missing: list[Look]) -> list[Sized]:
            features = self.features([look.person for look in missing], watch)
            crops = self.crops_of(missing)
            score = np.array([look.mask is not None for look in missing], np.float32)
            masks = crops.at(self._shown_size).cut_masks([look.mask for look in missing])
            return self._context("body", features, crops, masks, score, watch)

        return self._kept_or(("body",), looks, compute)

    def hand_contexts(self, side: Side, people: Sequence[int], watch: Stopwatch) -> list[Sized]:
        """What the hand decoder looks at; the features of hands are not kept, since no mask ever changes them."""

        def compute(missing: list[int]) -> list[Sized]:
            crops = Crops.join([self._hands[person][side].crops for person in missing])
            return self._hand_contexts(crops, self._encode([(crops, side)], watch), watch)

        return self._kept_or(("hand", side), people, compute)

    def _hand_contexts(self, crops: Crops, features: list[Sized], watch: Stopwatch) -> list[Sized]:
        empty = np.zeros((len(crops), 1, self._shown_size, self._shown_size), np.float32)
        return self._context("hand", features, crops, empty, np.zeros(len(crops), np.float32), watch)

    def _context(
        self, kind: Kind, features: list[Sized], crops: Crops, mask: Array, score: Array, watch: Stopwatch
    ) -> list[Sized]:
        self._open(f"{kind}_context", watch)
        with watch.time("context"):
            height, width = self.networks.feature_size
            size, trained = self._shown_size, self.networks.image_size[0]
            rays = crops.at(size).rays(self.intrinsics, (height * size // trained, width * size // trained))
            return self.networks.context(kind, features, rays, mask, score)

    def _kept_or(
        self, kind: tuple[str, ...], keys: Sequence[Any], compute: Callable[[Any], list[Sized]]
    ) -> list[Sized]:
        """What is kept under the keys; the missing are computed together."""
        there = {key: self._kept.get(self.owner, (*kind, key)) for key in keys}
        missing = [key for key, thing in there.items() if thing is None]
        if missing:
            for key, thing in zip(missing, compute(missing), strict=True):
                there[key] = self._kept.put(self.owner, (*kind, key), thing)
        return [thing for thing in (there[key] for key in keys) if thing is not None]

    # --- decoders ---

    def initial(self, kind: Kind, people: int) -> Array:
        """(people, 522): the model's own initial estimate, from which an unprompted pass starts."""
        estimate = np.asarray(self.networks.constants[f"initial_estimate_{kind}"], np.float32)
        return np.broadcast_to(estimate, (people, len(estimate)))

    def decode(
        self, kind: Kind, contexts: Sequence[Sized], crops: Crops, prompts: Array, previous: Array
    ) -> Prediction:
        """One pass over B people or hands, with prompts (B, P, 3) and previous estimates (B, 522)."""
        inputs = {"keypoints": np.asarray(prompts, np.float32), "previous": previous}
        return Prediction.of(self.networks.decode(kind, contexts, inputs | crops.decoder_inputs(self.intrinsics)))

    def _unprompted(self, kind: Kind, contexts: Sequence[Sized], crops: Crops) -> Prediction:
        prompts = np.broadcast_to(NO_PROMPT, (len(crops), *NO_PROMPT.shape))
        return self.decode(kind, contexts, crops, prompts, self.initial(kind, len(crops)))

    def first(self, looks: Sequence[Look], watch: Stopwatch) -> Prediction:
        """The body decoder's first, unprompted pass."""
        missing = [look for look in dict.fromkeys(looks) if look not in self._first]
        if missing:
            contexts = self.body_contexts(missing, watch)
            self._open("body_decoder", watch)
            with watch.time("decode"):
                found = self._unprompted("body", contexts, self.crops_of(missing))
            self._forget_other_masks(missing)
            self._first |= {look: found[row : row + 1] for row, look in enumerate(missing)}
        return Prediction.join([self._first[look] for look in looks])

    def _forget_other_masks(self, looks: list[Look]) -> None:
        """Of each person only the last mask is remembered: an artist may paint a hundred."""
        masked = {look.person for look in looks if look.mask_hash}
        self._first = {look: p for look, p in self._first.items() if not look.mask_hash or look.person not in masked}

    def hands(self, looks: Sequence[Look], watch: Stopwatch) -> dict[Side, Hands]:
        """The hand decoder's first, unprompted pass over both hands.

        Hands are cut out where the first look at their person saw them, and stay there whatever is prompted later, so
        that no prompt and no mask runs the encoder again.
        """
        missing = list(dict.fromkeys(look for look in looks if look.person not in self._hands))
        if missing:
            self._find_hands(missing, watch)
        return {side: _joined([self._hands[look.person][side] for look in looks]) for side in SIDES}

    def _find_hands(self, looks: list[Look], watch: Stopwatch) -> None:
        width, people = self.photo.original_size[0], len(looks)
        crops = hand_crops(self.first(looks, watch), self.crops_of(looks), width)
        features = self._encode([(crops[side], side) for side in SIDES], watch)
        found: list[dict[Side, Hands]] = [{} for _ in looks]
        # One side at a time: for a single person, contexts then stay where they are computed.
        for side, own in zip(SIDES, (features[:people], features[people:])):
            contexts = self._hand_contexts(crops[side], own, watch)
            self._open("hand_decoder", watch)
            with watch.time("hands"):
                said = self._unprompted("hand", contexts, crops[side])
            for row, look in enumerate(looks):
                found[row][side] = Hands(side, crops[side][row : row + 1], said[row : row + 1], width)
                self._kept.put(self.owner, ("hand", side, look.person), contexts[row])
        self._hands |= {look.person: hands for look, hands in zip(looks, found)}


def _places(crops: Crops) -> list[Place]:
    return [Place(float(x), float(y), float(side)) for (x, y), side in zip(crops.centre, crops.side)]


def _joined(hands: list[Hands]) -> Hands:
    return Hands(
        hands[0].side,
        Crops.join([h.crops for h in hands]),
        Prediction.join([h.prediction for h in hands]),
        hands[0].width,
    )
