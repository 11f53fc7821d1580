"""The person's outline as evidence for shape.

The rim of the posed body (where its surface turns away from the camera, against the background) should lie on the
border of the person's mask. Each rim point's residual is its signed distance to that border. The two directions do not
count alike: a body that sticks out of the mask is wrong, one that lies within it may just be dressed. Head, hands and
feet are left out: hair and shoes are not the body's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.mhr import Body, PointSet, Pose, SparseRows
from native_runtime.mhr.state import PlacedState

from .clothes import loose_points, parts_of
from .evidence import Silhouette
from .evidence_terms import FitProblem
from .problem import Problem, project, projection_jacobian
from .solver import Linearised, Residuals, Solution, minimise

Array = NDArray[np.float64]

LEFT_OUT = ("head", "neck", "jaw", "teeth", "tongue", "eye", "wrist", "thumb", "index", "middle", "ring", "pinky") + (
    "foot", "talocrural", "subtalar", "transversetarsal", "ball",
)  # fmt: skip
"""Joints whose surface is not compared; any joint with one of these in its name."""

_FEWEST_RIM_POINTS = 12


@dataclass(frozen=True)
class OutlineSettings:
    """How the outline is used in one round.

    Attributes:
        steps: solver steps.
        shape: whether the identity coefficients move, too.
        points: at most so many rim points.
        sigma: ordinary distance of body and mask, part of the person's size.
        inside_weight: weight of points that lie within the mask, against 1 for those outside.
        outlier, inside_outlier: in sigmas, see ``Weights.outlier``; a mask far outside the body is a garment.
        share: together the rim counts as much as so many landmarks, however many points it has.
        identity_weight: weight of the identity prior (1 means a spread of one full slider).
        clothes: how far ordinary clothes stand off, part of the person's size: up to so far within the mask counts as
            on its border.
        loosen: whether parts on which clothes are loose do not draw the body outwards (``clothes``).
    """

    steps: int = 6
    shape: bool = True
    points: int = 160
    sigma: float = 0.006
    inside_weight: float = 0.2
    outlier: float = 5.0
    inside_outlier: float = 2.5
    share: float = 50.0
    identity_weight: float = 1.5
    clothes: float = 0.0
    loosen: bool = False


ROUNDS = (
    OutlineSettings(shape=False, inside_weight=0.6, outlier=8.0, inside_outlier=8.0),
    OutlineSettings(inside_outlier=1.5, clothes=0.003),
    OutlineSettings(inside_outlier=1.5, clothes=0.003, loosen=True),
)
"""A limb that lies beside its mask sticks out on one side and falls short on the other: first the pose follows the
mask, both sides alike and from farther off. Then the shape may, with clothes in mind."""


class BorderDistance:
    """Signed distance to a mask's border, in photo pixels, with its gradient; negative outside the mask."""

    def __init__(self, silhouette: Silhouette) -> None:
        inside = (silhouette.mask > 0.5).astype(np.uint8)
        # One pixel of background all round gives masks that touch the crop's edge no border there.
        height, width = inside.shape
        distance_in = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        distance_out = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # The border runs between pixel centres, half a pixel from each side's nearest.
        signed = np.where(inside > 0, distance_in - 0.5, 0.5 - distance_out)
        self._map = np.asarray(silhouette.from_photo, np.float64)
        self._scale = float(np.sqrt(abs(np.linalg.det(self._map[:, :2]))))
        signed = (signed / self._scale).astype(np.float32)
        down, across = np.gradient(signed)
        self._fields = (signed, across, down)
        self._size = np.array([width, height])
        self.empty = not inside.any()

    def __call__(self, pixels: NDArray) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Distance (n,) px, gradient (n, 2), and whether each photo pixel (n, 2) lies within the mask's picture."""
        place = pixels @ self._map[:, :2].T + self._map[:, 2]
        within = np.all((place >= 1) & (place <= self._size - 2), axis=1)
        at = np.clip(place, 0, self._size - 1).astype(np.float32)
        sample = [
            cv2.remap(field, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0].astype(np.float64)
            for field in self._fields
        ]
        # The stored gradient is per mask pixel; the chain rule through the affine map makes it per photo pixel.
        return sample[0], np.stack(sample[1:], axis=1) @ self._map[:, :2], within


def comparable_vertices(body: Body, unseen: tuple[str, ...] = ()) -> NDArray[np.bool_]:
    """(V,) which vertices belong to torso, arms and legs that are seen, by the joint that holds them most."""
    left_out = np.array(
        [any(part in name for part in LEFT_OUT) or name.startswith(unseen) for name in body.joint_names]
    )
    return ~left_out[body.skin_indices[np.arange(body.vertex_count), np.argmax(body.skin_weights, axis=1)]]


def rim_vertices(
    body: Body,
    state: PlacedState,
    intrinsics: NDArray,
    image_box: NDArray,
    count: int,
    candidates: NDArray[np.bool_],
    raster: int = 256,
) -> NDArray[np.int64]:
    """Vertices on the outline of the posed body as the camera sees it.

    The front faces are drawn into a small picture; a vertex is on the rim where its surface is seen edge-on and just
    beyond it, along its normal, there is no body.

    Args:
        image_box: (4,) x0 y0 x1 y1 px: the part of the photo to look at.
        count: at most so many, evenly picked.
        candidates: (V,) the vertices that may be picked.
        raster: pixels along the longer side of the small picture.
    """
    vertices = body.vertices(state.model_parameters, state.identity, correctives=False)
    camera = mhr_to_camera(vertices, state.camera_translation)
    if camera[:, 2].min() < 0.05:
        return np.zeros(0, np.int64)
    pixels = project(camera, intrinsics)
    triangles = body.triangles
    corners = camera[triangles]
    # Camera axes are a rotation of MHR's (no mirror), so counter-clockwise stays outward.
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = np.einsum("ta,ta->t", face_normals, corners[:, 0]) < 0

    scale = raster / max(image_box[2] - image_box[0], image_box[3] - image_box[1], 1.0)
    size = np.maximum(np.ceil((image_box[2:] - image_box[:2]) * scale), 1).astype(int) + 8
    place = (pixels - image_box[:2]) * scale + 4
    drawn = _cover(place, triangles[facing], size)

    normals = np.empty((body.vertex_count, 3))
    for axis in range(3):
        weights = np.repeat(face_normals[:, axis], 3)
        normals[:, axis] = np.bincount(triangles.ravel(), weights, minlength=body.vertex_count)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    rays = camera / np.linalg.norm(camera, axis=1, keepdims=True)
    edge_on = np.abs(np.einsum("va,va->v", normals, rays)) < 0.3
    beyond = place + 3.0 * normals[:, :2] / (np.linalg.norm(normals[:, :2], axis=1, keepdims=True) + 1e-9)
    inside = np.all((place >= 1) & (place < size - 2) & (beyond >= 0) & (beyond < size - 1), axis=1)
    at = np.clip(np.round(beyond), 0, size - 1).astype(int)
    free = drawn[at[:, 1], at[:, 0]] == 0
    rim = np.flatnonzero(edge_on & inside & free & candidates)
    if len(rim) > count:
        rim = rim[np.linspace(0, len(rim) - 1, count).round().astype(int)]
    return rim


def _cover(place: Array, triangles: NDArray[np.int32], size: NDArray[np.int64]) -> NDArray[np.uint8]:
    """A picture (h, w), 255 where triangles with corners at ``place`` (V, 2) px cover it.

    Most triangles of a fine mesh are smaller than a pixel here: their corners alone, with single missing pixels
    closed, cover the same.
    """
    drawn = np.zeros((size[1], size[0]), np.uint8)
    corners = place[triangles]
    extent = np.ptp(corners, axis=1).max(axis=1)
    dots = np.unique(triangles[extent < 1.5])
    at = np.round(place[dots]).astype(int)
    at = at[np.all((at >= 0) & (at < size), axis=1)]
    drawn[at[:, 1], at[:, 0]] = 255
    # Eight fractional bits keep thin faces from vanishing between pixels.
    for triangle in np.clip(corners[extent >= 1.5] * 256, -(2**24), 2**24).astype(np.int32):
        cv2.fillConvexPoly(drawn, triangle, 255, cv2.LINE_8, 8)
    return np.asarray(cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))


class RimOnBorder:
    """Rim points that should lie on the mask's border."""

    def __init__(
        self,
        problem: FitProblem,
        rim: NDArray,
        border: BorderDistance,
        person_size: float,
        settings: OutlineSettings,
        loose: NDArray[np.bool_] | None = None,
    ) -> None:
        """`loose`: (n,) points that may lie within the mask as far as they like; None: none."""
        n = len(rim)
        rows = SparseRows(n, np.arange(n, dtype=np.int32), rim.astype(np.int32), np.ones(n))
        self._points = PointSet.from_rows(problem.body, rows)
        self._border, self._intrinsics, self._settings = border, problem.intrinsics, settings
        self._sigma, self._clothes = settings.sigma * person_size, settings.clothes * person_size
        self._share = settings.share / max(n, 1)
        self._inside_weight = settings.inside_weight * (1.0 if loose is None else 1.0 - loose)

    def _terms(self, pose: Pose, state: PlacedState) -> tuple[Array, Array, float, Array, Array]:
        camera = mhr_to_camera(self._points.positions(pose, state.identity), state.camera_translation)
        distance, gradient, within = self._border(project(camera, self._intrinsics))
        dressed = np.clip(distance, 0.0, self._clothes)
        gradient = np.where((distance > 0) & (distance <= self._clothes), 0.0, 1.0)[:, None] * gradient
        residual = (distance - dressed) / self._sigma
        weight = self._share * within * np.where(distance > 0, self._inside_weight, 1.0)
        limit = np.where(distance > 0, self._settings.inside_outlier, self._settings.outlier) ** 2
        ratio = limit / (limit + residual**2)
        return residual, weight * ratio**2, float(0.5 * np.sum(weight * residual**2 * ratio)), gradient, camera

    def slack(self, pose: Pose, state: PlacedState) -> Array:
        """(n,) px: how far the points lie within the mask; negative outside."""
        camera = mhr_to_camera(self._points.positions(pose, state.identity), state.camera_translation)
        return self._border(project(camera, self._intrinsics))[0]

    def cost(self, pose: Pose, state: PlacedState) -> float:
        return self._terms(pose, state)[2]

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        residual, weight, cost, slope, camera = self._terms(pose, state)
        motion = problem.motion(self._points, pose, state)
        per_pixel = np.matmul(slope[:, None, :], projection_jacobian(camera, self._intrinsics))
        jacobian = np.matmul(per_pixel, motion)[:, 0] / self._sigma
        return (Residuals(cost, residual, jacobian, weight),)


def fit_outline(
    problem: FitProblem,
    state: PlacedState,
    cancelled: Callable[[], bool],
    rounds: Sequence[OutlineSettings] = ROUNDS,
) -> Solution[PlacedState]:
    """Let pose and shape follow the outline; the pose stays tied to its own evidence as well.

    Args:
        problem: the last stage's problem (its evidence must hold a silhouette).
        state: where that stage ended.
        cancelled: asked between steps.
        rounds: in each the rim is determined again.
    """
    body, evidence = problem.body, problem.evidence
    assert evidence.silhouette is not None
    border = BorderDistance(evidence.silhouette)
    shape = np.flatnonzero([group == "body" for group in body.identity_groups])
    solution: Solution[PlacedState] = Solution(state, problem.cost(state), 0, True)
    if border.empty:
        return solution
    free = np.zeros(len(problem.prior.parameters), bool)
    free[problem.slots] = True
    candidates, parts = comparable_vertices(body, evidence.unseen), parts_of(body)
    box = image_box(evidence.silhouette)
    iterations = 0
    for settings in rounds:
        rim = rim_vertices(body, solution.state, problem.intrinsics, box, settings.points, candidates)
        if len(rim) < _FEWEST_RIM_POINTS or cancelled():
            break
        term = RimOnBorder(problem, rim, border, evidence.person_size, settings)
        if settings.loosen:
            slack = term.slack(body.pose(solution.state.model_parameters), solution.state)
            loose = loose_points(parts[rim], slack, evidence.person_size)
            term = RimOnBorder(problem, rim, border, evidence.person_size, settings, loose)
        identity = shape if settings.shape else None
        weights = replace(problem.weights, identity=settings.identity_weight)
        outlined = FitProblem(
            body, evidence, problem.intrinsics, problem.prior, free, identity, weights,
            (*problem.extras, term),
        )  # fmt: skip
        solution = minimise(
            solution.state, outlined.linearise, outlined.cost, outlined.retract, settings.steps, 1e-3, 1e-3, cancelled
        )
        iterations += solution.iterations
    return replace(solution, iterations=iterations)


def image_box(silhouette: Silhouette) -> Array:
    """(4,) x0 y0 x1 y1 px of the part of the photo that the mask covers: nothing is known elsewhere."""
    height, width = silhouette.mask.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    back = cv2.invertAffineTransform(np.asarray(silhouette.from_photo, np.float64))
    in_photo = corners @ back[:, :2].T + back[:, 2]
    return np.concatenate([in_photo.min(axis=0), in_photo.max(axis=0)])
