"""Renders the ground-truth set: one picture and one file of truth per number, each from its own seed."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.views import View

from . import sets
from .contacts import contacts
from .gatherings import CROWDS, LENSES, crowd_plan, lens_plan
from .harder import EVERY, PICTURES, harder_plan
from .looks import dress, hang_coat
from .plan import Plan, person_in, usual_plan
from .stage import add_camera, empty_scene, read_exr
from .truth import BODY_FILE, COARSE_FILE, Truth, split_of
from .views import Placed

Array = NDArray[np.float64]

SAMPLES = 4
"""Of the first set."""
FEW_SAMPLES = 1
"""Of the harder set: with denoising hardly to be told from four but in hair, and in a third of the time."""


Planner = Callable[[int, np.random.Generator], Plan]
"""What the picture of a number shows."""


def planner(kind: str, body: Body, coarse: Body) -> Planner:
    """The planner of a kind of ``KINDS``; ``coarse`` is a coarse level of detail of the body."""
    planners: dict[str, Planner] = {
        "first": lambda number, rng: usual_plan(body, rng),
        "harder": lambda number, rng: harder_plan(body, coarse, number, rng),
        "crowds": lambda number, rng: crowd_plan(body, number, rng),
        "lens": lambda number, rng: lens_plan(body, number, rng),
    }
    return planners[kind]


KINDS: dict[str, tuple[int, int, int]] = {
    "first": (120, 2, SAMPLES),
    "harder": (PICTURES, EVERY, FEW_SAMPLES),
    "crowds": (len(CROWDS), 0, FEW_SAMPLES),
    "lens": (LENSES, 2, FEW_SAMPLES),
}
"""Of each kind of set: how many pictures, one in how many is for tuning (0: none), and samples a pixel."""


def render_set(
    kind: str, body: Body, coarse: Body, out: Path, numbers: Sequence[int], seed: int, again: bool = False
) -> None:
    """Render the pictures of some numbers.

    Args:
        kind: of ``KINDS``.
        coarse: a coarse level of detail of the body, which is kept beside the set, too.
        again: also those that are there.
    """
    out.mkdir(parents=True, exist_ok=True)
    keep_body(body, out)
    keep_body(coarse, out, COARSE_FILE)
    anatomy, plan_of = Anatomy(body), planner(kind, body, coarse)
    _, every, samples = KINDS[kind]
    for number in numbers:
        picture, record = out / f"{number:04d}.jpg", out / f"{number:04d}.npz"
        if picture.exists() and record.exists() and not again:
            continue
        started = time.perf_counter()
        rng = np.random.default_rng([seed, number, *_STREAMS[kind]])
        plan = plan_of(number, rng)
        about = {"number": number, "seed": seed, "split": split_of(number, every)}
        truth = render_picture(anatomy, picture, plan, rng, about, samples)
        truth.save(record)
        shown = truth.people[0].about["pose"] if truth.people else plan.props or plan.kind
        print(f"{picture.name} {shown} ({time.perf_counter() - started:.1f} s)", flush=True)


_STREAMS: dict[str, tuple[int, ...]] = {"first": (), "harder": (1,), "crowds": (2,), "lens": (3,)}
"""So that the sets share no random numbers."""


def numbers_of(kind: str, count: int | None, split: str) -> list[int]:
    """The numbers of a set (of so many pictures, or its own number of them) that belong to a split, or ``all``."""
    usual, every, _ = KINDS[kind]
    count = usual if count is None else count
    return [number for number in range(count) if split in ("all", split_of(number, every))]


def keep_body(body: Body, out: Path, file: str = BODY_FILE) -> None:
    """Put the body beside its pictures, so that the set stays usable when the default body changes."""
    path = out / file
    if not path.exists():
        body.save(path)
    elif Body.load(path).hash != body.hash:
        raise SystemExit(f"{out} holds pictures of another body than {body.name} is now: name another folder.")


def render_picture(
    anatomy: Anatomy, path: Path, plan: Plan, rng: np.random.Generator, about: dict[str, Any], samples: int = SAMPLES
) -> Truth:
    """Render one picture and say what is in it."""
    body, view = anatomy.body, plan.view
    meshes = plan.meshes(body)
    points = np.concatenate([mesh[::7] for mesh in meshes]) if plan.focus is None else plan.focus
    scene = empty_scene(samples)
    things, people = [], []
    for one in plan.people:
        objects, worn = dress(scene, anatomy, one, rng)
        said = {"pose": one.figure.pose, "tags": list(one.figure.tags), "worn": worn, **one.figure.about}
        people.append(person_in(body, one, view, said))
        things.append(objects)
    floor = min((float(mesh[:, 2].min()) for mesh in meshes), default=0.0)
    floor = min(0.0, floor) - (0.018 if any("shoes" in p.about["worn"] for p in people) else 0.0)
    seats: list[float | None] = []
    for one, mesh in zip(plan.people, meshes):
        seats.append(_seat(scene, body, one, mesh, floor, rng) if "sitting" in one.figure.tags else None)
    for person, entries in zip(people, contacts(anatomy, meshes, floor, seats)):
        for entry in entries:
            entry["place"] = [round(float(v), 4) for v in view.from_world(np.array(entry["place"]))]
        person.about["contacts"] = entries
    sets.build(scene, plan.kind, view, points, floor, rng)
    if plan.props:
        _place_props(scene, anatomy, plan.props, floor, rng)
    obstacle = sets.obstacle(scene, view, points, floor, rng) if plan.hidden else ""
    add_camera(scene, view)
    colours = rendered(scene)
    _save_photo(path, developed(colours, rng), int(rng.integers(82, 96)))

    about = about | plan.about | {"cut": plan.cut, "set": plan.kind, "obstacle": obstacle}
    about |= {"body": body.name, "body_hash": body.hash}
    truth = Truth(view.size, view.intrinsics, tuple(people), about, ground_in(view, floor))
    _mark_seen(scene, truth, view, things)
    return truth


def _place_props(scene: Any, anatomy: Anatomy, props: str, floor: float, rng: np.random.Generator) -> None:
    """What may be taken for people: a few lamps, coats or chairs in a row."""
    for x in np.linspace(-1.3, 1.3, 4) + rng.normal(0, 0.12, 4):
        spot = np.array([x, 3.7 + rng.normal(0, 0.2), floor])
        if props == "lamps":
            sets.lamp(scene, spot, float(rng.uniform(1.2, 1.8)), rng)
        elif props == "coats":
            hang_coat(scene, anatomy, spot, rng)
        else:
            sets.chair(scene, spot, floor, float(rng.uniform(-math.pi, math.pi)), rng)


def ground_in(view: View, floor: float) -> Array:
    """(4,) the plane z = ``floor`` of the world in camera axes: the unit vector up, and its product with the floor."""
    up = view.rotation[:, 2]
    return np.append(up, up @ view.from_world(np.array([0.0, 0.0, floor])))


def _seat(scene: Any, body: Body, placed: Placed, mesh: Array, floor: float, rng: np.random.Generator) -> float:
    """Something under the thighs; the lowest point of what the thighs and the pelvis move is where one sits.

    Returns:
        The height of its top, m.
    """
    legs = [body.joint_index(name) for name in ("root", "l_upleg", "r_upleg", "c_spine0")]
    weight = np.where(np.isin(body.skin_indices, legs), body.skin_weights, 0.0).sum(axis=1)
    pelvis = mesh[weight > 0.6]
    near = pelvis[np.linalg.norm(pelvis[:, :2] - placed.root[:2], axis=1) < 0.3 * placed.figure.size]
    height = float(near[:, 2].min()) - 0.005
    sets.seat(scene, placed.root[:2], height, floor, placed.yaw, rng)
    return height


def rendered(scene: Any) -> Array:
    """(H, W, 3) linear colours of the scene."""
    import bpy

    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = os.path.join(folder, "picture.exr")
        bpy.ops.render.render(write_still=True)
        return read_exr(scene.render.filepath)


def developed(colours: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """From light to a photo, (H, W, 3) sRGB: exposure to a middle grey, a film-like shoulder, vignette, grain."""
    height, width = colours.shape[:2]
    light = np.clip(colours, 0.0, 60.0)
    luminance = light @ [0.2126, 0.7152, 0.0722]
    grey = np.exp(np.mean(np.log(luminance + 0.01)))
    # A camera's exposure: the middle to a middle grey, but what is bright must not burn out.
    light = light * min(float(rng.uniform(0.13, 0.24)) / grey, 1.1 / float(np.percentile(luminance, 97)))
    luminance = light @ [0.2126, 0.7152, 0.0722]
    light = luminance[..., None] + float(rng.uniform(0.7, 0.95)) * (light - luminance[..., None])
    light *= np.exp(rng.normal(0, 0.035, 3))  # white balance
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light *= (1 - float(rng.uniform(0, 0.2)) * (x**2 + y**2) / 2)[..., None]
    # The shoulder of Hable's and Narkowicz's curves: linear below, slowly white above.
    toned = np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    encoded = np.where(toned <= 0.0031308, 12.92 * toned, 1.055 * toned ** (1 / 2.4) - 0.055)
    grain = rng.normal(0, float(rng.uniform(0.002, 0.018)), encoded.shape)
    if rng.random() < 0.3:
        encoded = cv2.GaussianBlur(encoded, (0, 0), float(rng.uniform(0.4, 0.9)))
    return np.clip((encoded + grain) * 255 + 0.5, 0, 255).astype(np.uint8)


def _save_photo(path: Path, pixels: NDArray[np.uint8], quality: int) -> None:
    done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not encode {path}")
    temporary = path.with_suffix(".part")
    temporary.write_bytes(data.tobytes())
    temporary.replace(path)


def _mark_seen(scene: Any, truth: Truth, view: View, things: list[list[Any]]) -> None:
    """Fill in ``seen``: follow the ray from the camera to each landmark to the first surface it meets."""
    import bpy

    graph = bpy.context.evaluated_depsgraph_get()
    for person, objects in zip(truth.people, things):
        mine = {thing.name for thing in objects}
        inside = truth.inside(person.landmarks)
        for index, point in enumerate(view.to_world(person.landmarks)):
            if not inside[index]:
                continue
            way = point - view.place
            distance = float(np.linalg.norm(way))
            hit, where, _, _, thing, _ = scene.ray_cast(graph, view.place.tolist(), (way / distance).tolist())
            depth = float(np.linalg.norm(np.array(where) - view.place))
            # A joint lies within the body: by up to a hip's depth behind the surface.
            person.seen[index] = hit and thing.name in mine and distance - depth < 0.14
