"""Where the fit loses: people fitted again with a part of what it goes by replaced by the truth.

    python -m bench.accuracy oracles --set SET --split held-out --out FITS

What an oracle gains is the most that better evidence of its kind could gain. Two networks say where joints are in
space, the map of ``detection.lifting`` and ``compact``; the fits from both are compared in the same way: the better one
by the truth is what a perfect choice would gain, the better one by the cost what a fit that follows both would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera, project
from native_runtime.compact.network import Compact
from native_runtime.detection.bent_knees import bent
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.lifting import POINTS, SEGMENTS, Lifted, Lifting
from native_runtime.engines import open_engine
from native_runtime.engines.evidence import TRUST
from native_runtime.engines.point_names import body_point
from native_runtime.evaluation.alignment import MM, aligned, distances
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.evidence_terms import FitProblem
from native_runtime.fitting.fit import fit_body, usual_prior
from native_runtime.fitting.physics import Physics
from native_runtime.fitting.prior import PosePrior
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.mhr.rotations import nearest_rotation
from native_runtime.mhr.state import PlacedState
from native_runtime.pipeline.camera import read_with_camera

from .compare import SCORED, figure_in, landmark_columns
from .finding import sorted_out
from .readings import with_readings
from .score import pictures
from .truth import BODY_FILE, Truth

Array = NDArray[np.float64]

SIGMAS = 0.12, 0.02
"""Of true directions (a unit vector's components) and of true places (m)."""
_LENGTHS = 0.02
"""Standard deviation of true parameters of bone lengths."""
_LEANS = 0.2
"""The least part of a limb's length by which it truly leans towards the camera or away, for its sign to count."""
_RESAMPLINGS = 2000
_COLUMNS = [BODY_POINTS.index(name) for name in POINTS]
_HIPS = [POINTS.index("left_hip"), POINTS.index("right_hip")]
_CHAINS = {("shoulder", "elbow", "wrist"): (0.28, 0.25), ("hip", "knee", "ankle"): (0.42, 0.40)}
"""Limbs, and an adult's lengths (m) of their two parts."""
_FEET = ("heel", "foot_index")

PARTS: dict[str, tuple[str, ...]] = {
    "trunk": ("shoulder", "hip"),
    "arms": ("elbow", "wrist"),
    "legs": ("knee", "ankle", *_FEET),
    "head": ("nose", "eye", "ear"),
}
"""Parts of the body, and the points of each, without the side: a segment belongs to where it ends."""


@dataclass(frozen=True)
class Case:
    """Somebody whom the engine found, and the truth.

    Attributes:
        landmarks, evidence, intrinsics, gravity: what the engine goes by; ``focal_px`` of the landmarks' pixels.
        true: (33, 3) m, camera axes, BlazePose's points.
        true_intrinsics: (3, 3) px.
        state: the true body.
    """

    landmarks: PersonLandmarks
    evidence: Evidence
    intrinsics: Array
    gravity: Gravity
    focal_px: float
    true: Array
    true_intrinsics: Array
    state: PlacedState


class Finder:
    """Finds people in a set's pictures, as the engine ``landmarks`` does."""

    def __init__(self, folder: Path, readings: Path) -> None:
        """`readings`: a cache of what the networks see (``readings.py``)."""
        self._engine = open_engine("landmarks", body=folder / BODY_FILE)
        self._networks = with_readings(self._engine, readings)

    def cases(self, file: Path, body: Body) -> Iterator[Case]:
        """Everybody of a picture who is found, by the picture's truth."""
        truth, photo, (columns, _) = Truth.load(file), read_photo(file.with_suffix(".jpg")), landmark_columns(body)
        self._networks.picture = file.stem
        reading: Any
        reading, lens = read_with_camera(self._engine, photo, None)
        places = [np.asarray(found.landmarks.points_2d, np.float64)[SCORED] for found in reading.people]
        pairs = sorted_out([figure_in(truth, person, body) for person in truth.people], places).pairs
        for true, found in pairs.items():
            person = truth.people[true]
            state = person.model_parameters, person.identity, person.expression, person.camera_translation
            yield Case(
                reading.people[found].landmarks, reading.evidence(found), reading.intrinsics, lens.gravity,
                float(np.mean(np.diag(reading.intrinsics)[:2] * photo.scale)), person.landmarks[columns],
                truth.intrinsics, PlacedState(*state),
            )  # fmt: skip


# --- what is said of directions and places, and what is true --------------------------------------------------------


def mapped(case: Case) -> Lifted:
    """What the engine goes by."""
    return bent(Lifting.load().of(case.landmarks, case.focal_px), case.landmarks.visibility)


def compacted(case: Case) -> Lifted:
    """What ``compact`` says; as ``mapped`` where the landmark network gave no features."""
    told = Compact.load().told(case.landmarks, case.focal_px)
    return mapped(case) if told is None else told.lifted


def true_of(places: Array, towards: Array) -> Lifted:
    """What is true of points (33, 3) m in camera axes; ``towards`` (3, 3) turns the networks' axes to the camera's."""
    turned = places[_COLUMNS] @ towards
    vectors = np.array([turned[POINTS.index(end)] - turned[POINTS.index(start)] for start, end in SEGMENTS])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    # The engine takes the sigmas of what networks say for too small.
    turn, move = SIGMAS[0] / TRUST.lifted, SIGMAS[1] / TRUST.placed
    middle = turned[_HIPS].mean(axis=0)
    return Lifted(vectors, np.full(vectors.shape, turn), turned - middle, np.full(turned.shape, move))


def with_parts(said: Lifted, true: Lifted, parts: Sequence[str]) -> Lifted:
    """What is said, but the truth of some of ``PARTS``."""
    ends = tuple(end for part in parts for end in PARTS[part])
    segments = np.array([end.endswith(ends) for _, end in SEGMENTS])[:, None]
    points = np.array([name.endswith(ends) for name in POINTS])[:, None]
    return Lifted(
        np.where(segments, true.vectors, said.vectors), np.where(segments, true.vector_sigmas, said.vector_sigmas),
        np.where(points, true.places, said.places), np.where(points, true.place_sigmas, said.place_sigmas),
    )  # fmt: skip


def with_signs(said: Lifted, true: Lifted) -> Lifted:
    """What is said, but limbs that are said to lean the wrong way, towards the camera or away, mirrored in depth; what
    hangs on them moves along."""
    vectors, places = said.vectors.copy(), said.places.copy()
    for side in ("left", "right"):
        for chain, lengths in _CHAINS.items():
            moved = 0.0
            for start, end, length in zip(chain, chain[1:], lengths):
                row = SEGMENTS.index((f"{side}_{start}", f"{side}_{end}"))
                if abs(true.vectors[row, 2]) > _LEANS and true.vectors[row, 2] * vectors[row, 2] < 0:
                    moved -= 2 * float(vectors[row, 2]) * length
                    vectors[row, 2] *= -1
                for name in (end, *(_FEET if end == "ankle" else ())):
                    places[POINTS.index(f"{side}_{name}"), 2] += moved
    return replace(said, vectors=vectors, places=places)


def nearer(first: Lifted, second: Lifted, true: Lifted) -> Lifted:
    """Of each part of the body, each side for itself, what the one says whose directions are nearer to the truth."""
    segments, points = np.zeros((len(SEGMENTS), 1), bool), np.zeros((len(POINTS), 1), bool)
    for ends in PARTS.values():
        for side in ("left", "right"):
            rows = [k for k, (_, end) in enumerate(SEGMENTS) if end.startswith(side) and end.endswith(ends)]
            if ends == PARTS["head"]:
                rows = [k for k, (_, end) in enumerate(SEGMENTS) if end.endswith(ends)]
            away = [distances(one.vectors[rows], true.vectors[rows]).mean() for one in (first, second)]
            segments[rows] = away[1] < away[0]
            mine = [k for k, name in enumerate(POINTS) if name.endswith(ends) and name.startswith((side, "nose"))]
            points[mine] = away[1] < away[0]
    return Lifted(
        np.where(segments, second.vectors, first.vectors),
        np.where(segments, second.vector_sigmas, first.vector_sigmas),
        np.where(points, second.places, first.places), np.where(points, second.place_sigmas, first.place_sigmas),
    )  # fmt: skip


def mean_of(first: Lifted, second: Lifted) -> Lifted:
    """The mean of two answers."""
    return Lifted(*(np.mean([getattr(one, name) for one in (first, second)], axis=0)
                    for name in ("vectors", "vector_sigmas", "places", "place_sigmas")))  # fmt: skip


def with_lifted(evidence: Evidence, said: Lifted, body: Body) -> Evidence:
    """Evidence with other directions and places of body and limbs; all else stays."""
    seen = evidence.directions
    vectors, sigmas, towards = seen.vectors.copy(), seen.sigmas.copy(), seen.axes.T
    rows = {pair: row for row, pair in reversed(list(enumerate(zip(seen.starts, seen.ends))))}
    for number, (start, end) in enumerate(SEGMENTS):
        row = rows.get((body_point(body, start) or "", body_point(body, end) or ""))
        if row is not None:
            vectors[row], sigmas[row] = towards @ said.vectors[number], TRUST.lifted * said.vector_sigmas[number]
    placed = evidence.positions
    if placed is not None:
        numbers = {body_point(body, name): number for number, name in enumerate(POINTS)}
        mine = [numbers[name] for name in placed.names]
        placed = replace(placed, positions=said.places[mine] @ towards.T, sigmas=TRUST.placed * said.place_sigmas[mine])
    return replace(evidence, directions=replace(seen, vectors=vectors, sigmas=sigmas), positions=placed)


# --- what is fitted -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """What a fit is given; ``prior`` None for the usual one, ``start`` None for the usual stages."""

    evidence: Evidence
    intrinsics: Array
    prior: PosePrior | None = None
    start: PlacedState | None = None


def _said(choose: Callable[[Case, Lifted], Lifted]) -> Callable[[Case, Body], Given]:
    """A fit to other directions and places, which ``choose`` gets the truth for."""

    def given(case: Case, body: Body) -> Given:
        true = true_of(case.true, case.evidence.directions.axes.T)
        return Given(with_lifted(case.evidence, choose(case, true), body), case.intrinsics)

    return given


def _parts(*parts: str) -> Callable[[Case, Body], Given]:
    return _said(lambda case, true: with_parts(mapped(case), true, parts))


def _pixels(case: Case, body: Body) -> Given:
    """The body's points where they truly are in the picture; hands' stay."""
    true, points = project(case.true, case.true_intrinsics), case.evidence.points
    rows = {body_point(body, name): row for row, name in enumerate(BODY_POINTS)}
    places = [true[rows[name]] if name in rows else place for name, place in zip(points.names, points.positions)]
    return Given(replace(case.evidence, points=replace(points, positions=np.array(places))), case.intrinsics)


def _lengths(case: Case, body: Body) -> Given:
    prior = usual_prior(body, case.evidence, case.gravity)
    scales = np.array([body.parameter_names[index].startswith("scale_") for index in prior.parameters])
    means = np.where(scales, case.state.model_parameters[prior.parameters], prior.means)
    prior = replace(prior, means=means, deviations=np.where(scales, _LENGTHS, prior.deviations))
    return Given(case.evidence, case.intrinsics, prior)


def _from_truth(case: Case, body: Body) -> Given:
    """The true pose and place; the shape, which the pose's stages leave alone, is what is known of it beforehand."""
    shape = case.evidence.shape
    identity = np.zeros(body.identity_count) if shape is None else shape.means.copy()
    start = replace(case.state, identity=identity, expression=np.zeros(body.expression_count))
    return Given(case.evidence, case.intrinsics, start=start)


ENGINE, COMPACT, START = "the engine's", "compact", "the engine's, started at the truth"
FITS: Mapping[str, Callable[[Case, Body], Given]] = {
    ENGINE: lambda case, body: Given(case.evidence, case.intrinsics),
    COMPACT: _said(lambda case, true: compacted(case)),
    "mean of both": _said(lambda case, true: mean_of(mapped(case), compacted(case))),
    "nearer one, part by part": _said(lambda case, true: nearer(mapped(case), compacted(case), true)),
    "true signs of limbs' depth": _said(lambda case, true: with_signs(mapped(case), true)),
    "true trunk": _parts("trunk"),
    "true arms": _parts("arms"),
    "true legs": _parts("legs"),
    "true directions and places": _parts(*PARTS),
    "true points in the picture": _pixels,
    "true lens": lambda case, body: Given(case.evidence, case.true_intrinsics),
    "true lengths of bones": _lengths,
    START: _from_truth,
}
"""By name, what is fitted."""


def fitted(case: Case, body: Body, given: Given) -> tuple[Array, float]:
    """Fit somebody: (21, 3) m, camera axes, of ``POINTS``, and the cost of the body to both networks' evidence, without
    the outline."""
    physics = Physics(gravity=case.gravity)
    state = fit_body(body, given.evidence, given.intrinsics, given.start, physics=physics, prior=given.prior).state
    posed = body.pose(state.model_parameters)
    vertices = body.vertices(state.model_parameters, state.identity, state.expression)
    columns, _ = landmark_columns(body)
    points = mhr_to_camera(body.landmarks(posed, vertices), state.camera_translation)[columns][_COLUMNS]
    return points, _cost(case, body, state, physics)


def _cost(case: Case, body: Body, state: PlacedState, physics: Physics) -> float:
    prior, total = usual_prior(body, case.evidence, case.gravity), 0.0
    for said in (mapped(case), compacted(case)):
        evidence = with_lifted(case.evidence, said, body)
        terms = physics.terms(body, evidence, state)
        total += FitProblem(body, evidence, case.intrinsics, prior, extras=terms).cost(state)
    return total


@dataclass(frozen=True)
class Judged:
    """Everything about somebody, m, camera axes.

    Attributes:
        true: (21, 3) ``POINTS``.
        said: (2, 19, 3) vectors of ``SEGMENTS`` by the engine's map and by ``compact``.
        fits: (f, 21, 3) of ``FITS``, in their order.
        costs: (f,) of the fits to both networks' evidence.
    """

    true: Array
    said: Array
    fits: Array
    costs: Array


def measure(
    folders: Sequence[Path], split: str, out: Path, limit: int | None, tell: Callable[[str], None]
) -> list[Judged]:
    """The people of some sets, fitted in all ways.

    Args:
        out: a folder for each set's readings and fits, by its name; those that are there are not made again.
        limit: only so many pictures of each set.
    """
    people: list[Judged] = []
    for folder in folders:
        body, kept = Body.load(folder / BODY_FILE), out / folder.name
        finder = Finder(folder, kept / "readings")
        for file in pictures(folder, split)[:limit]:
            path = kept / file.name
            if not path.exists():
                _keep([_judged(case, body) for case in finder.cases(file, body)], path)
            people += _kept(path)
            tell(f"{folder.name} {file.stem}")
    return people


def _judged(case: Case, body: Body) -> Judged:
    towards = case.evidence.directions.axes
    said = np.array([told.vectors @ towards for told in (mapped(case), compacted(case))])
    fits, costs = zip(*(fitted(case, body, choose(case, body)) for choose in FITS.values()), strict=True)
    return Judged(case.true[_COLUMNS], said, np.array(fits), np.array(costs))


_ARRAYS = tuple(field.name for field in fields(Judged))


def _keep(people: Sequence[Judged], path: Path) -> None:
    arrays = {name: np.array([getattr(one, name) for one in people]) for name in _ARRAYS}
    write_arrays(path, arrays | {"names": np.array(list(FITS))})


def _kept(path: Path) -> list[Judged]:
    with np.load(path, allow_pickle=False) as archive:
        if list(archive["names"]) != list(FITS):
            raise SystemExit(f"{path} holds other fits. Delete it.")
        return [Judged(*row) for row in zip(*(archive[name] for name in _ARRAYS), strict=True)]


# --- figures --------------------------------------------------------------------------------------------------------


def _rooted(points: Array) -> Array:
    return np.asarray(points - points[_HIPS].mean(axis=0), np.float64)


def mpjpe(points: Array, true: Array) -> float:
    """Mean distance (mm) of points (21, 3) m from the true ones, both from the middle of the hips."""
    return float(distances(_rooted(points), _rooted(true)).mean())


def pa_mpjpe(points: Array, true: Array) -> float:
    """The same after rotation, scale and place that fit best."""
    return float(distances(aligned(points, true), true).mean())


def mended(points: Array, true: Array) -> dict[str, float]:
    """MPJPE (mm) of points (21, 3) m, and what would be left of it if one thing about them were right: the turn of the
    whole about the hips; the size; depths; what lies across the view."""
    guess, goal = _rooted(points), _rooted(true)
    turned = guess @ nearest_rotation(goal.T @ guess).T
    sized = guess * float((guess * goal).sum() / max(float((guess**2).sum()), 1e-12))
    across, along = np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    return {
        "as it is": float(distances(guess, goal).mean()),
        "turned right": float(distances(turned, goal).mean()),
        "of the right size": float(distances(sized, goal).mean()),
        "right in depth": float(np.linalg.norm((guess - goal) * across, axis=1).mean() * MM),
        "right across the view": float(np.linalg.norm((guess - goal) * along, axis=1).mean() * MM),
    }


def directions(points: Array) -> Array:
    """(..., 19, 3) unit vectors of ``SEGMENTS`` of points (..., 21, 3)."""
    starts, ends = ([POINTS.index(pair[k]) for pair in SEGMENTS] for k in (0, 1))
    vectors = points[..., ends, :] - points[..., starts, :]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float64)


def table(people: Sequence[Judged]) -> str:
    """The figures as tables in Markdown; intervals hold 90 % of resamplings of people."""
    return "\n".join([f"{len(people)} people", *_fits(people), *_mended(people), *_directions(people)])


def _fits(people: Sequence[Judged]) -> list[str]:
    names = list(FITS)
    errors = {
        name: np.array([[of(one.fits[row], one.true) for one in people] for of in (mpjpe, pa_mpjpe)])
        for row, name in enumerate(names)
    }
    first = errors[ENGINE]
    for words, other in (("both", COMPACT), ("the engine's two", START)):
        second = errors[other]
        costs = np.array([one.costs[[names.index(ENGINE), names.index(other)]] for one in people]).T
        errors[f"the better of {words}, by cost"] = np.where(costs[1] < costs[0], second, first)
        errors[f"the better of {words}, by truth"] = np.where(second[1] < first[1], second, first)
    lines = ["", "| fit | MPJPE, mm | ratio | PA-MPJPE, mm | median | ratio | better for, % |"]
    lines.append("| --- |" + " ---: |" * 6)
    for name, (plain, best) in errors.items():
        ratios = []
        for before, after in ((first[0], plain), (first[1], best)):
            low, high = ratio_interval(before, after)
            ratios.append(f"{after.mean() / before.mean():.2f} ({low:.2f} to {high:.2f})")
        better = 100 * float((best < first[1]).mean())
        lines.append(
            f"| {name} | {plain.mean():.1f} | {ratios[0]} | {best.mean():.1f} | {np.median(best):.1f} | {ratios[1]} "
            f"| {better:.0f} |"
        )
    return lines


def _mended(people: Sequence[Judged]) -> list[str]:
    left = [mended(one.fits[list(FITS).index(ENGINE)], one.true) for one in people]
    lines = ["", "| the engine's fit | MPJPE, mm |", "| --- | ---: |"]
    return [*lines, *(f"| {key} | {np.mean([one[key] for one in left]):.1f} |" for key in left[0])]


def _directions(people: Sequence[Judged]) -> list[str]:
    """How far directions are off before and after the fit, part by part, and how often their depth has the wrong sign
    where it counts."""
    true = np.array([directions(one.true) for one in people])
    rows = [list(FITS).index(name) for name in (ENGINE, COMPACT)]
    sources = {
        "map": np.array([one.said[0] for one in people]),
        "compact": np.array([one.said[1] for one in people]),
        "fit to the map": np.array([directions(one.fits[rows[0]]) for one in people]),
        "fit to compact": np.array([directions(one.fits[rows[1]]) for one in people]),
    }
    lines = ["", "| degrees off (wrong signs of depth, %) | " + " | ".join(sources) + " |"]
    lines.append("| --- |" + " ---: |" * len(sources))
    for part, ends in PARTS.items():
        mine = [k for k, (_, end) in enumerate(SEGMENTS) if end.endswith(ends)]
        cells = []
        for told in sources.values():
            lengths = np.maximum(np.linalg.norm(told, axis=-1), 1e-9)
            cosines = np.clip((told * true).sum(axis=-1) / lengths, -1.0, 1.0)
            leaning = np.abs(true[:, mine, 2]) > _LEANS
            wrong = (told[:, mine, 2] * true[:, mine, 2] < 0)[leaning]
            cells.append(f"{np.degrees(np.arccos(cosines[:, mine])).mean():.1f} ({100 * wrong.mean():.0f})")
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return lines


def ratio_interval(before: Array, after: Array, seed: int = 0) -> tuple[float, float]:
    """Between what the ratio of the means of two errors of the same people lies in 90 % of resamplings of people."""
    drawn = np.random.default_rng(seed).integers(len(before), size=(_RESAMPLINGS, len(before)))
    ratios = after[drawn].mean(axis=1) / before[drawn].mean(axis=1)
    low, high = np.quantile(ratios, [0.05, 0.95])
    return float(low), float(high)
