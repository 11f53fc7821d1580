"""Who is who over the frames of a take."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native_runtime.pipeline.boxes import overlap

from .assignment import assign
from .looks import look_distance

Array = NDArray[np.float64]

LOST_AFTER = 1.0
"""Seconds for which somebody who is out of sight is still expected; later they count as somebody who enters."""

FEWEST_FRAMES = 8
"""Frames in which somebody must be seen; who is seen in fewer is taken for an error. All, where there are fewer."""

_MOST = 1.1
"""What leaving somebody unmatched costs; costs of the same person from frame to frame are about 0.3."""
_BOX, _POSE, _LOOK = 0.4, 0.9, 0.7
"""What boxes that do not overlap, poses that differ by the person's size and looks with nothing in common cost."""
_NEAR = 0.75
"""Sizes of the person that they may move away from where they are expected, in a frame; more after a gap."""
_SAME_POSE = 0.05
"""Mean distance of points, in sizes of the person, below which two sightings show one person."""
_SAME_BOX = 0.8
_MEMORY = 0.1
"""How much of a track's look each new frame brings."""
_STEADY = 0.5
"""How much of a track's velocity each new frame brings."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """Somebody in one frame.

    Attributes:
        box: (4,) x0 y0 x1 y1 px.
        points: (n, 2) px of points of the body, the same ones for all sightings; none where there are none.
        weights: (n,) 0..1 how well each is seen.
        look: histogram of what they wear (``looks``).
    """

    box: Array
    points: Array
    weights: Array
    look: Array

    @property
    def size(self) -> float:
        """Px, the longer side of the box."""
        return max(float((self.box[2:] - self.box[:2]).max()), 1.0)

    @property
    def middle(self) -> Array:
        """(2,) px, the middle of the box."""
        return (self.box[:2] + self.box[2:]) / 2


@dataclass
class Track:
    """One person over frames.

    Attributes:
        number: unlike that of every other track.
        seen: by frame number, the place of the person's sighting among those of the frame.
        scene: number of the scene, counted by cuts.
    """

    number: int
    seen: dict[int, int] = field(default_factory=dict)
    scene: int = 0

    @property
    def first(self) -> int:
        return min(self.seen)

    @property
    def last(self) -> int:
        return max(self.seen)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and last frame of each stretch without a gap, by the smallest step between frames."""
        frames = sorted(self.seen)
        step = min(np.diff(frames), default=1)
        starts = [frames[0], *(b for a, b in itertools.pairwise(frames) if b - a > step)]
        ends = [*(a for a, b in itertools.pairwise(frames) if b - a > step), frames[-1]]
        return list(zip(starts, ends))


@dataclass
class _Followed:
    """A track that may go on: where it was last and how it moved."""

    track: Track
    sighting: Sighting
    time: float
    velocity: Array = field(default_factory=lambda: np.zeros(2))

    def expected(self, time: float) -> Array:
        """(2,) px by which the person has moved since they were last seen: for a while as before, then no more."""
        return self.velocity * min(time - self.time, 0.3)


class Tracker:
    """Follows people through the frames in order.

    Each frame's sightings are matched with the people who are expected, all at once (``assignment``): by where they
    would be if they went on as before, by their pose and by what they wear. Whoever matches nobody enters.
    """

    def __init__(self, lost_after: float = LOST_AFTER) -> None:
        """``lost_after``: s, see ``LOST_AFTER``."""
        self.tracks: list[Track] = []
        self._followed: list[_Followed] = []
        self._lost_after, self._scene = lost_after, 0

    def cut(self) -> None:
        """Another scene begins: nobody is followed into it."""
        self._followed.clear()
        self._scene += 1

    def update(self, frame: int, time: float, sightings: Sequence[Sighting]) -> list[int]:
        """The track of each sighting of a frame, by number.

        Args:
            frame: number of the frame, higher than those before.
            time: s.
            sightings: everybody who is seen, each once (``without_doubles``).
        """
        self._followed = [one for one in self._followed if time - one.time <= self._lost_after]
        costs = np.array([[_cost(one, sighting, time) for sighting in sightings] for one in self._followed])
        pairs = assign(costs.reshape(len(self._followed), len(sightings)), _MOST)
        owner = {column: self._followed[row] for row, column in pairs}
        for place, sighting in enumerate(sightings):
            if place in owner:
                _go_on(owner[place], sighting, time)
            else:
                track = Track(len(self.tracks), scene=self._scene)
                self.tracks.append(track)
                owner[place] = _Followed(track, sighting, time)
                self._followed.append(owner[place])
            owner[place].track.seen[frame] = place
        return [owner[place].track.number for place in range(len(sightings))]

    def expected(self, time: float) -> dict[int, tuple[Array, bool]]:
        """By track, the box (4,) px in which somebody is expected at a time, and whether they were seen last time."""
        newest = max((one.time for one in self._followed), default=0.0)
        return {
            one.track.number: (one.sighting.box + np.tile(one.expected(time), 2), one.time == newest)
            for one in self._followed
            if time - one.time <= self._lost_after
        }


def _cost(one: _Followed, sighting: Sighting, time: float) -> float:
    known, shift = one.sighting, one.expected(time)
    gap = time - one.time
    apart = float(np.linalg.norm(known.middle + shift - sighting.middle)) / max(known.size, sighting.size)
    if apart > _NEAR * (1.0 + 2.0 * gap) or not 0.4 < known.size / sighting.size < 2.5:
        return np.inf
    box = 1.0 - overlap((known.box + np.tile(shift, 2)).tolist(), sighting.box.tolist())
    look = look_distance(known.look, sighting.look)
    pose = pose_distance(known, sighting, shift)
    if pose is None:
        return (_BOX + _POSE) * box + _LOOK * look
    return _BOX * box + _POSE * min(pose * 2.0, 1.0) + _LOOK * look


def pose_distance(first: Sighting, second: Sighting, shift: Array | None = None) -> float | None:
    """Mean distance of the points of two sightings, in sizes of the person; None where hardly any is seen in both.

    Args:
        shift: (2,) px, added to the first one's.
    """
    if first.points.shape != second.points.shape or not len(first.points):
        return None
    weights = np.minimum(first.weights, second.weights)
    if weights.sum() < 2.0:
        return None
    moved = first.points if shift is None else first.points + shift
    distances = np.linalg.norm(moved - second.points, axis=1)
    return float(weights @ distances / weights.sum()) / max(first.size, second.size)


def _go_on(one: _Followed, sighting: Sighting, time: float) -> None:
    seconds = max(time - one.time, 1e-3)
    moved = (sighting.middle - one.sighting.middle) / seconds
    one.velocity = (1.0 - _STEADY) * one.velocity + _STEADY * moved
    known = one.sighting.look
    look = sighting.look if not known.any() else known
    if known.any() and sighting.look.any():
        look = (1.0 - _MEMORY) * known + _MEMORY * sighting.look
    one.sighting = Sighting(sighting.box, sighting.points, sighting.weights, look)
    one.time = time


def without_doubles(sightings: Sequence[Sighting]) -> list[int]:
    """Places of the sightings that show somebody of their own: of two that show the same person the first one stays.

    Looking for two people in their boxes gives one of them twice when the other has gone out of sight.
    """
    kept: list[int] = []
    for place, sighting in enumerate(sightings):
        if not any(_shows_same(sightings[other], sighting) for other in kept):
            kept.append(place)
    return kept


def _shows_same(first: Sighting, second: Sighting) -> bool:
    pose = pose_distance(first, second)
    if pose is None:
        return overlap(first.box.tolist(), second.box.tolist()) > _SAME_BOX
    return pose < _SAME_POSE


def tidy(
    tracks: Sequence[Track],
    sightings: Mapping[int, Sequence[Sighting]],
    times: Mapping[int, float],
    fewest: int = FEWEST_FRAMES,
) -> list[Track]:
    """Tracks worth keeping, numbered from 0: those who are seen most and largest first.

    A track that ends where another of the same scene begins soon after, nearby and dressed alike, goes on in it.

    Args:
        tracks: as the tracker has them.
        sightings: everybody seen, by frame.
        times: s, by frame.
        fewest: tracks with fewer frames are left out, unless the take itself is as short.
    """
    joined = _joined(tracks, sightings, times)
    least = min(fewest, len(times))
    worth = {
        track.number: sum(sightings[frame][place].size for frame, place in track.seen.items())
        for track in joined
        if len(track.seen) >= least
    }
    kept = sorted(
        (track for track in joined if track.number in worth), key=lambda track: (-worth[track.number], track.number)
    )
    return [Track(number, dict(sorted(track.seen.items())), track.scene) for number, track in enumerate(kept)]


def _joined(
    tracks: Sequence[Track], sightings: Mapping[int, Sequence[Sighting]], times: Mapping[int, float]
) -> list[Track]:
    """Tracks after ends and beginnings that belong together were joined, the cheapest first."""
    rest = {track.number: Track(track.number, dict(track.seen), track.scene) for track in tracks if track.seen}
    while True:
        best: tuple[float, int, int] | None = None
        for before in rest.values():
            for after in rest.values():
                gap = times[after.first] - times[before.last]
                if before.scene != after.scene or not 0 < gap <= 2 * LOST_AFTER:
                    continue
                end = sightings[before.last][before.seen[before.last]]
                start = sightings[after.first][after.seen[after.first]]
                apart = float(np.linalg.norm(end.middle - start.middle)) / max(end.size, start.size)
                look = look_distance(_mean_look(before, sightings), _mean_look(after, sightings))
                cost = apart + look
                if apart < 0.3 + 0.4 * gap and look < 0.35 and (best is None or cost < best[0]):
                    best = cost, before.number, after.number
        if best is None:
            return list(rest.values())
        _, first, second = best
        rest[first].seen.update(rest.pop(second).seen)


def _mean_look(track: Track, sightings: Mapping[int, Sequence[Sighting]]) -> Array:
    looks = [sightings[frame][place].look for frame, place in track.seen.items()]
    known = [look for look in looks if look.any()]
    return np.asarray(np.mean(known, axis=0)) if known else looks[0]
