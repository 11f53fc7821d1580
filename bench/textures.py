"""Textures from photos, on rendered people whose textures are known.

    python -m bench.textures [--count 40] [--size 2048] [--body default-lod1] [--seed 0] [--pictures DIR]

Each person has a random shape, a random likely pose and random clothes (sleeves, trousers, stripes, some with two
different sides), and is photographed in even light before a magenta backdrop by this project's own rasteriser. The
texture is made from that photo with the true pose and camera. Printed are medians, means and the worst of

* the error of seen texels (confidence 128 and more), mean over channels, sRGB 0..255;
* texels that are magenta, of all;
* the colour step across borders of the map less the step that the true texture has, sRGB 0..255;
* SSIM (Wang and others, 2004) with the truth within the figure, seen from 60 degrees to the side, of the texture and
  of plain skin;
* what part of an estimated light was taken out, though the light is even;
* seconds of processor time.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.render.colour import encode_srgb, linear_of
from native_runtime.render.paint import Paint
from native_runtime.render.raster import Surface, View, seen_by
from native_runtime.texture.anatomy import PARTS, Anatomy, anatomy_of
from native_runtime.texture.atlas import Atlas, atlas_of, padded
from native_runtime.texture.making import make_texture
from native_runtime.texture.projection import Shot
from native_runtime.texture.skin import DEFAULT_TONE
from tests.support.poses import likely_poses

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

_WIDTH, _HEIGHT, _FOCAL, _FINER = 720, 960, 1250.0, 2
_BACKDROP = np.array([255, 0, 255], np.uint8)
_ASIDE = np.radians(60.0)
_SEEN = 128


@dataclass(frozen=True)
class Figures:
    """What was measured on one person."""

    error: float
    seen: float
    magenta: int
    step: float
    likeness: float
    likeness_of_skin: float
    light: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--body", default="default-lod1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
    body = load_body(given.body)
    poses = likely_poses(body, given.count, given.seed)
    figures = []
    for number, pose in enumerate(poses):
        place = given.pictures / f"{number:02d}.png" if given.pictures else None
        figures.append(measure(body, pose, np.random.default_rng([given.seed, number]), given.size, place))
        print(number, figures[-1], flush=True)
    print(f"{os.cpu_count()} cores, {given.count} people, {given.body}, {given.size} texels")
    for name in Figures.__dataclass_fields__:
        values = np.array([getattr(f, name) for f in figures], dtype=float)
        worst = values.min() if name.startswith(("likeness", "seen")) else values.max()
        print(f"{name}: median {np.median(values):.3f}, mean {values.mean():.3f}, worst {worst:.3f}")
    gained = np.array([f.likeness - f.likeness_of_skin for f in figures])
    print(f"gain of likeness: median {np.median(gained):.3f}, mean {gained.mean():.3f}, worst {gained.min():.3f}")
    print(f"people with a gain of at least 0.15: {(gained >= 0.15).sum()} of {len(gained)}")
    print(f"people with magenta texels: {sum(f.magenta > 0 for f in figures)} of {len(figures)}")


def measure(body: Body, pose: Array, rng: np.random.Generator, size: int, place: Path | None) -> Figures:
    """One person; a picture of truth and texture goes to ``place``."""
    anatomy, atlas = anatomy_of(body), atlas_of(body, size)
    true = clothes(body, anatomy, atlas, rng)
    identity = np.where(body.ageless, rng.normal(0, 0.4, body.identity_count), 0.0)
    points = body.vertices(pose, identity).astype(np.float64)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    distance = 1.15 * _FOCAL * max(np.ptp(points[:, 1]) / _HEIGHT, np.ptp(points[:, 0]) / _WIDTH) / 100 + 0.4
    vertices = mhr_to_camera(points, np.array([0.0, 0.0, distance]))
    view = View(
        np.array([[_FOCAL, 0, (_WIDTH - 1) / 2], [0, _FOCAL, (_HEIGHT - 1) / 2], [0, 0, 1]]),
        np.eye(3),
        np.zeros(3),
        _WIDTH,
        _HEIGHT,
    )
    photo = photograph(body, vertices, view, true)[0]
    start = time.process_time()
    made = make_texture(body, [Shot(photo, view.intrinsics, vertices)], size)
    seconds = time.process_time() - start

    skin = anatomy.painted[atlas.triangle]
    wanted, got = (picture.reshape(-1, 3)[atlas.texel].astype(float) for picture in (true, made.colour))
    sure = made.confidence.ravel()[atlas.texel]
    seen = skin & (sure >= _SEEN)
    red, green, blue = made.colour.astype(int).transpose(2, 0, 1)
    turned = aside(vertices, _ASIDE, distance)
    plain = np.broadcast_to(encode_srgb(DEFAULT_TONE), true.shape).astype(np.uint8)
    pictures = [photograph(body, turned, view, colours) for colours in (true, made.colour, plain)]
    figure = pictures[0][1]
    if place is not None:
        sheet = np.concatenate([photo, *(picture for picture, _ in pictures[:2])], axis=1)
        cv2.imwrite(str(place), sheet[..., ::-1])
    return Figures(
        error=float(np.abs(wanted[seen] - got[seen]).mean()),
        seen=float(seen.sum() / skin.sum()),
        magenta=int(((np.minimum(red, blue) - green > 70) & (red > 120)).sum()),
        step=float(np.maximum(steps(body, made.colour) - steps(body, true), 0).mean()),
        likeness=ssim(pictures[0][0], pictures[1][0], figure),
        likeness_of_skin=ssim(pictures[0][0], pictures[2][0], figure),
        light=made.facts["light_removed"][0],
        seconds=seconds,
    )


def clothes(body: Body, anatomy: Anatomy, atlas: Atlas, rng: np.random.Generator) -> Pixels:
    """A texture (S, S, 3) of shirt, trousers, shoes, skin and hair in random colours, none of them magenta."""
    part = anatomy.part[body.triangles[atlas.triangle, 0]]
    place = atlas.across(body.triangles, body.rest_vertices)
    names = np.array(PARTS)[part]
    colours = np.tile(rng.uniform((0.25, 0.14, 0.09), (0.6, 0.36, 0.27)), (len(part), 1))
    shirt, trousers, shoes, hair = (_colour(rng) for _ in range(4))
    sleeve = rng.choice(["none", "short", "long"])
    upper = names == "torso"
    upper |= (sleeve != "none") & np.char.endswith(names, "uparm")
    upper |= (sleeve == "long") & np.char.endswith(names, "lowarm")
    lower = np.char.endswith(names, "upleg") | ((rng.random() < 0.6) & np.char.endswith(names, "lowleg"))
    lower |= upper & (place[:, 1] < 96)
    colours[upper] = shirt
    if rng.random() < 0.5:  # stripes
        striped = upper & (np.mod(place[:, 1], 8) < 4)
        colours[striped] = _colour(rng)
    if rng.random() < 0.3:  # two sides
        colours[upper & (place[:, 0] > 0)] = _colour(rng)
    colours[lower] = trousers
    colours[np.char.endswith(names, "foot")] = shoes
    scalp = anatomy.scalp[body.triangles].all(axis=1)[atlas.triangle]
    colours[scalp] = 0.3 * hair
    colours *= rng.uniform(0.92, 1.0, (len(part), 1))  # weave
    covered = np.zeros(atlas.size**2, bool)
    covered[atlas.texel] = True
    drawn = padded(atlas.picture(colours.astype(np.float32)), covered.reshape(atlas.size, -1), 16)
    return encode_srgb(drawn)


def _colour(rng: np.random.Generator) -> Array:
    """Linear, no magenta and no violet."""
    hue = (rng.uniform(-15, 250) % 360) / 2
    hsv = np.array([[[hue, rng.uniform(20, 200), rng.uniform(40, 235)]]], np.uint8)
    return linear_of(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] / 255.0).astype(np.float64)


def photograph(body: Body, vertices: Array, view: View, texture: Pixels) -> tuple[Pixels, NDArray[np.bool_]]:
    """A picture (H, W, 3) in even light before the backdrop, and where the person is (H, W)."""
    triangles = body.triangles
    count = len(triangles)
    surface = Surface(vertices, triangles, vertices, np.zeros((count, 3), bool), np.zeros(count, bool))
    paint = Paint(body.uvs[body.triangle_loops], np.zeros(count, np.int64), (texture,))
    fine = view.supersampled(_FINER)
    hits, local = seen_by(fine, surface)
    weights = hits.weights / local[:, 2][triangles[hits.triangle]].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    corners = fine.screen(local)[triangles]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    colours = np.zeros((len(hits.pixel), 3), np.float32)
    paint.lay(colours, hits.triangle, weights, np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2)
    picture, inside = np.tile(_BACKDROP, (fine.height * fine.width, 1)), np.zeros(fine.height * fine.width, np.uint8)
    picture[hits.pixel], inside[hits.pixel] = encode_srgb(colours), 255
    size = (view.width, view.height)
    drawn, covered = (
        cv2.resize(layer.reshape(fine.height, fine.width, -1), size, interpolation=cv2.INTER_AREA)
        for layer in (picture, inside)
    )
    return np.asarray(drawn, np.uint8), np.asarray(covered > 127)


def aside(vertices: Array, angle: float, distance: float) -> Array:
    """The person turned about the vertical through the middle."""
    about = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    centre = np.array([0.0, 0.0, distance])
    return (vertices - centre) @ about.T + centre


def steps(body: Body, colour: Pixels) -> Array:
    """Difference of the two sides of each edge that lies at two places of the map, at its middle (N,)."""
    size = len(colour)
    loops = body.triangle_loops
    vertices = body.face_vertices[loops]
    places = np.stack([body.uvs[:, 0], 1 - body.uvs[:, 1]], axis=1) * size - 0.5
    ends = np.concatenate([np.sort(vertices[:, pair], axis=1) for pair in ((0, 1), (1, 2), (2, 0))])
    middles = np.concatenate([places[loops[:, pair]].mean(axis=1) for pair in ((0, 1), (1, 2), (2, 0))])
    order = np.lexsort(ends.T)
    ends, middles = ends[order], middles[order]
    same = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    apart = np.linalg.norm(middles[same] - middles[same + 1], axis=1) > 2
    first, second = middles[same[apart]], middles[same[apart] + 1]
    values = [
        cv2.remap(
            colour.astype(np.float32),
            side[None, :, 0].astype(np.float32),
            side[None, :, 1].astype(np.float32),
            cv2.INTER_LINEAR,
        )[0]
        for side in (first, second)
    ]
    return np.abs(values[0] - values[1]).mean(axis=1)


def ssim(one: Pixels, other: Pixels, inside: NDArray[np.bool_]) -> float:
    """Structural similarity of two pictures' brightness, mean within a figure."""
    a, b = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64) for picture in (one, other))

    def mean(values: Array) -> Array:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5))

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return float(values[inside].mean())


if __name__ == "__main__":
    main()
