"""Measures the fit after a network on rendered people whose bodies and poses are known.

    python -m bench.refine --set SET [--split held-out] [--seed 1000] [--draws N] [--people N] [--cache FILE]
                           [--strengths 0.15 0.3 0.6 1] [--json FILE]

SET is a folder that ``python -m bench.accuracy render`` made. The network is simulated (``bench.simulated_network``):
the truth with errors of the published size. The evidence is real: what the bundled networks see in the pictures. Even
pictures and seeds below 1000 were used to choose the settings, odd pictures and seeds from 1000 on are held out.

For each network and strength the table has: PA-MPJPE and MPJPE of ``bench.accuracy`` (21 points), PVE from the middle
of the hips, the error of seen points in the photo against the truth and against the evidence, in thousandths of an
adult's height, the hands' error from the wrist, the outline's IoU with the true body's, how far joints move, and time.
``--exact`` gives the true places of seen points, as a perfect detector would, instead of the networks', and the fit
does not ask then how far points can be believed.
"""

from __future__ import annotations

import argparse
import json
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.detection.landmarks import BODY_POINTS, PersonLandmarks
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.evidence import gather_evidence
from native_runtime.fitting.evidence import Evidence
from native_runtime.fitting.refine import AFTER_NETWORK, RefineSettings, refine
from native_runtime.fitting.trust import NetworkTrust
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.models import store

from .accuracy.compare import POINTS, distance_between, landmark_columns, silhouette
from .accuracy.metrics import aligned, distances, mask_overlap, match
from .accuracy.score import pictures
from .accuracy.truth import BODY_FILE, Person, Truth
from .simulated_network import PROFILES, Profile, simulated

Array = NDArray[Any]

STRENGTHS = (0.15, 0.3, 0.6, 1.0)
LEAST = 0.5
"""Of certainty: points below do not count."""
_MATCH_LIMIT = 0.25
_HIPS = ("left_hip", "right_hip")
_THOUSANDTHS = 1000.0
_STATURE = 1.7


@dataclass(frozen=True)
class Case:
    """One person of a picture whom the networks found."""

    picture: str
    body: Body
    photo: Photo
    scene: Truth
    person: Person
    landmarks: PersonLandmarks

    @property
    def height(self) -> float:
        """Px of an adult at the person's distance."""
        return _STATURE * float(self.scene.intrinsics[0, 0]) / float(np.linalg.norm(self.person.joints.mean(axis=0)))


def cases(folder: Path, split: str, cache: Path | None, people: int | None) -> Iterator[Case]:
    """The people of a split whom the networks found; what these saw is kept in a pickle: read only your own."""
    body = Body.load(folder / BODY_FILE)
    known: dict[str, list[PersonLandmarks]] = {}
    if cache is not None and cache.exists():
        known = pickle.loads(cache.read_bytes())
    networks = LandmarkNetworks(store.models_dir(None), None)
    count = 0
    for file in pictures(folder, split):
        scene, photo = Truth.load(file), read_photo(file.with_suffix(".jpg"))
        if file.stem not in known:
            known[file.stem] = networks.people(photo.pixels)
            if cache is not None:
                cache.write_bytes(pickle.dumps(known))
        found = known[file.stem]
        costs = np.array([[distance_between(p, q, body, scene) for q in found] for p in scene.people])
        for index, other in match(costs.reshape(len(scene.people), len(found)), _MATCH_LIMIT):
            if people is not None and count >= people:
                return
            count += 1
            yield Case(file.stem, body, photo, scene, scene.people[index], found[other])


def exact(case: Case, evidence: Evidence) -> Evidence:
    """The evidence with seen points at their true places, and without others."""
    names, points = case.body.landmark_names, evidence.points
    columns = [names.index(name) for name in points.names]
    kept = case.person.seen[columns]
    return replace(
        evidence,
        points=replace(
            points,
            names=tuple(name for name, keep in zip(points.names, kept, strict=True) if keep),
            positions=case.scene.pixels(case.person.landmarks[columns])[kept],
            sigmas=points.sigmas[kept],
            weights=points.weights[kept],
            trusted=points.trusted[kept],
        ),
    )


def measures(case: Case, state: PlacedState, evidence: Evidence) -> dict[str, float]:
    """What a body is worth."""
    body, scene, person = case.body, case.scene, case.person
    columns, hands = landmark_columns(body)
    pose = body.pose(state.model_parameters)
    vertices = body.posed_vertices(pose, state.identity, state.expression)
    found = mhr_to_camera(body.landmarks(pose, vertices), state.camera_translation)
    surface = mhr_to_camera(vertices, state.camera_translation)
    scored = [columns[BODY_POINTS.index(name)] for name in POINTS]
    hips = [columns[BODY_POINTS.index(name)] for name in _HIPS]
    middle, true_middle = found[hips].mean(axis=0), person.landmarks[hips].mean(axis=0)
    a, b = found[scored] - middle, person.landmarks[scored] - true_middle
    seen = [column for column in scored if person.seen[column]]
    pixels = project(found, scene.intrinsics)
    off = np.linalg.norm(pixels[seen] - scene.pixels(person.landmarks[seen]), axis=1)
    named = [body.landmark_names.index(name) for name in evidence.points.names]
    missed = np.linalg.norm(pixels[named] - evidence.points.positions, axis=1)
    true_surface = np.asarray(person.vertices, np.float64)
    outlines = [silhouette(body, scene.pixels(points), scene.size) for points in (surface, true_surface)]
    visible = [side for side in hands if person.seen[hands[side]].mean() > 0.5]
    fingers = [
        distances(found[hands[s]] - found[hands[s][0]], person.landmarks[hands[s]] - person.landmarks[hands[s][0]])
        for s in visible
    ]
    return {
        "PA-MPJPE": float(distances(aligned(a, b), b).mean()),
        "MPJPE": float(distances(a, b).mean()),
        "PVE": float(distances(surface - middle, true_surface - true_middle).mean()),
        "2D": _THOUSANDTHS * float(off.mean()) / case.height if len(off) else float("nan"),
        "2D evidence": _THOUSANDTHS * float(np.average(missed, weights=evidence.points.weights)) / case.height
        if len(missed)
        else float("nan"),
        "hands": float(np.mean([f[1:].mean() for f in fingers])) if fingers else float("nan"),
        "IoU": 100.0 * mask_overlap(*outlines),
        "across": float(np.abs((a - b)[:, :2]).mean()) * _THOUSANDTHS,
        "along": float(np.abs((a - b)[:, 2]).mean()) * _THOUSANDTHS,
        "depth": 100.0 * float(abs(middle[2] / true_middle[2] - 1.0)),
    }


def measure(
    case: Case,
    profile: Profile,
    strengths: Sequence[float],
    seed: Sequence[int],
    perfect: bool,
) -> dict[float, dict[str, float]]:
    """Measures by strength; 0 is the network alone."""
    body, intrinsics = case.body, case.scene.intrinsics
    evidence = gather_evidence(case.landmarks, case.photo, body, intrinsics, least=LEAST)
    if perfect:
        evidence = exact(case, evidence)
    answer = simulated(body, case.scene, case.person, profile, np.random.default_rng(seed))
    trust = NetworkTrust.of(body, profile.pa_mpjpe, profile.fingers)
    settings = RefineSettings() if perfect else AFTER_NETWORK
    out = {0.0: measures(case, answer, evidence)}
    before = body.pose(answer.model_parameters).translations
    for strength in strengths:
        started = time.perf_counter()
        refined = refine(body, answer, evidence, intrinsics, trust, strength, settings=settings)
        seconds = time.perf_counter() - started
        after = body.pose(refined.state.model_parameters).translations
        out[strength] = measures(case, refined.state, evidence) | {
            "moved": 10.0 * float(np.linalg.norm(after - before, axis=1).mean()),
            "ms": 1000.0 * seconds,
            "set aside": float(len(refined.contradicted)),
        }
    return out


def summary(rows: Sequence[dict[float, dict[str, float]]]) -> dict[float, dict[str, float]]:
    """Means by strength, and how PA-MPJPE changes for the worst."""
    out: dict[float, dict[str, float]] = {}
    for strength in rows[0]:
        keys = rows[0][strength]
        out[strength] = {key: float(np.nanmean([row[strength][key] for row in rows])) for key in keys}
        changes = np.array([row[strength]["PA-MPJPE"] - row[0.0]["PA-MPJPE"] for row in rows])
        out[strength] |= {"PA better, %": 100.0 * float(np.mean(changes < 0)), "PA worst": float(changes.max())}
        out[strength]["PA 95th"] = float(np.quantile(changes, 0.95))
    return out


def table(name: str, figures: dict[float, dict[str, float]]) -> str:
    """Markdown: a column for each strength."""
    keys = list(dict.fromkeys(key for column in figures.values() for key in column))
    heads = ["network" if strength == 0.0 else f"{strength:g}" for strength in figures]
    lines = [f"| {name} | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for key in keys:
        cells = [f"{column[key]:.1f}" if key in column else "" for column in figures.values()]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.refine", description=__doc__.splitlines()[0])
    parser.add_argument("--set", type=Path, required=True, dest="folder")
    parser.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=2, help="of the network's errors, for each person")
    parser.add_argument("--people", type=int, help="so many at most")
    parser.add_argument("--cache", type=Path, help="what the networks saw, kept for the next run")
    parser.add_argument("--strengths", type=float, nargs="*", default=STRENGTHS)
    parser.add_argument("--exact", action="store_true", help="the true places of seen points as evidence")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    rows: dict[str, list[dict[float, dict[str, float]]]] = defaultdict(list)
    for case in cases(arguments.folder, arguments.split, arguments.cache, arguments.people):
        for number, profile in enumerate(PROFILES):
            for draw in range(arguments.draws):
                seed = (arguments.seed, number, draw, int(case.picture))
                rows[profile.name].append(measure(case, profile, arguments.strengths, seed, arguments.exact))
        print(".", end="", flush=True)
    report = {name: summary(some) for name, some in rows.items()}
    for name, figures in report.items():
        print(f"\n{len(rows[name])} draws\n" + table(name, figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
