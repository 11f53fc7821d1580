"""Times `Body.vertices` against the same mathematics in eager PyTorch, in one process on the same machine.

    python -m bench.body_torch [BODY.npz] [--threads 2] [--repeats 40]

Needs torch besides the project. Without BODY a synthetic body of LOD 1's sizes is used: 18,439 vertices, 45 + 72
shapes, MHR's real joints and parameters, up to four random influences a vertex (2.8 on average, as LOD 1 has), made-up
geometry. Its shapes are as dense as those of the released LOD 3: body shapes move 44 % of the vertices, head shapes
25 %, hand shapes 40 %, expressions 24 %. Its pose correctives are made up as well: 3,000 components, of which each
joint's 24 move one patch of 5 % of the vertices (the release's archive is too small for more). `--dense` makes every
shape and component move every vertex: the slowest that a body of this size could ever be.

The PyTorch side is MHR's own way of doing it, operation by operation: shapes by einsum, a dense parameter transform,
joint states multiplied level by level down the tree, a sparse first and a dense second corrective layer, skinning by
index_add over the (vertex, joint, weight) triplets.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

VERTICES, IDENTITIES, EXPRESSIONS, COMPONENTS = 18_439, 45, 72, 3_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("body", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--dense", action="store_true", help="correctives that move everything everywhere")
    options = parser.parse_args()
    # numpy's BLAS reads this once, when it is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    from native_runtime.mhr import Body

    body = Body.load(options.body) if options.body else synthetic_body(options.dense)
    print(f"{body.name}: {body.vertex_count} vertices, {body.identity_count} + {body.expression_count} shapes")
    rng = np.random.default_rng(0)
    parameters = rng.uniform(-0.5, 0.5, len(body.parameter_names))
    identity, expression = rng.normal(size=body.identity_count), rng.uniform(0, 1, body.expression_count)

    with torch.no_grad():
        for correctives in (False, True) if body.correctives is not None else (False,):
            reference = eager_torch(body, correctives)
            ours = lambda c=correctives: body.vertices(parameters, identity, expression, correctives=c)  # noqa: E731
            theirs = lambda run=reference: run(parameters, identity, expression)  # noqa: E731
            difference = float(np.abs(ours() - theirs().numpy()).max())
            mine, other = alternate(ours, theirs, options.repeats)
            print(
                f"correctives {'on ' if correctives else 'off'}: numpy {summary(mine)}, eager torch {summary(other)}, "
                f"torch / numpy {statistics.median(other) / statistics.median(mine):.1f} "
                f"(fastest {min(other) / min(mine):.1f}), largest difference {difference:.1e} cm"
            )


_ROUND = 8
_PAUSE = 0.25
"""Seconds. After a call, PyTorch's threads and the BLAS's spin for a while and would slow down whoever comes next."""


def alternate(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of each, a few calls in turn with a rest between: both see the same machine, each for itself."""
    times: tuple[list[float], list[float]] = ([], [])
    while len(times[0]) < repeats:
        for call, record in zip((first, second), times):
            time.sleep(_PAUSE)
            call()  # warms the caches again; not counted
            for _ in range(_ROUND):
                start = time.perf_counter()
                call()
                record.append(1000 * (time.perf_counter() - start))
    return times


def summary(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ms (fastest {min(times):.2f})"


def synthetic_body(dense: bool):
    """A body of LOD 1's sizes; what its vertices and shapes are does not matter for the time."""
    import numpy as np

    from native_runtime.mhr.correctives import GROUP, PoseCorrectives
    from tests.support.bodies import toy_body

    rng = np.random.default_rng(1)
    small = toy_body(IDENTITIES, EXPRESSIONS)
    joints = len(small.joint_names)
    influences = rng.choice([2, 3, 4], VERTICES, p=[0.4, 0.4, 0.2])
    weights = np.where(np.arange(4) < influences[:, None], rng.uniform(0.1, 1, (VERTICES, 4)), 0)
    weights = -np.sort(-weights / weights.sum(axis=1, keepdims=True), axis=1)
    indices = np.where(weights > 0, np.argsort(rng.random((VERTICES, joints)), axis=1)[:, :4], 0)

    def shapes(count, share, size):
        """Shapes (count, V, 3) that all move the same scattered share of the vertices."""
        moved = np.arange(VERTICES) if dense else np.sort(rng.permutation(VERTICES)[: int(share * VERTICES)])
        part = np.zeros((count, VERTICES, 3), np.float32)
        part[:, moved] = rng.normal(size=(count, len(moved), 3)) * size
        return part

    activation = np.zeros((COMPONENTS, (joints - 2) * 6), np.float32)
    for row in activation:
        row[rng.integers(0, len(row), 18)] = rng.normal(size=18)
    return replace(
        small,
        name="synthetic body of LOD 1's sizes" + (", dense" if dense else ""),
        rest_vertices=rng.normal(size=(VERTICES, 3)).astype(np.float32) * 50,
        identity_basis=np.concatenate([shapes(20, 0.44, 1.0), shapes(20, 0.25, 1.0), shapes(5, 0.40, 1.0)]),
        identity_groups=("body",) * 20 + ("head",) * 20 + ("hands",) * 5,
        expression_basis=shapes(EXPRESSIONS, 0.24, 1.0),
        skin_indices=indices.astype(np.int32),
        skin_weights=weights.astype(np.float32),
        correctives=PoseCorrectives.from_parts(
            activation, (shapes(GROUP, 0.05, 0.01) for _ in range(COMPONENTS // GROUP)), VERTICES
        ),
    )


def eager_torch(body, correctives: bool):
    """A function (parameters, identity, expression) -> (V, 3) in float32 PyTorch, batch of one."""
    import numpy as np
    import torch

    count, joints = body.vertex_count, len(body.joint_names)
    tensor = lambda a: torch.from_numpy(np.ascontiguousarray(a))  # noqa: E731
    shapes = tensor(np.concatenate([body.identity_basis, body.expression_basis]))
    base = tensor(body.rest_vertices)
    transform = tensor(body.parameterisation.matrix.astype(np.float32))
    offsets = tensor(body.skeleton.offsets.astype(np.float32))
    prerotations = tensor(body.skeleton.prerotations.astype(np.float32))
    levels = [
        (
            tensor(np.flatnonzero(body.skeleton.depths == d)),
            tensor(body.joint_parents[body.skeleton.depths == d].astype(np.int64)),
        )
        for d in range(1, int(body.skeleton.depths.max()) + 1)
    ]
    bind = body.skeleton.rest
    from native_runtime.mhr.rotations import matrix_to_quaternion

    inverse = np.linalg.inv(bind.joints)
    inverse_t = tensor(inverse[:, :3, 3].astype(np.float32))
    inverse_q = tensor(matrix_to_quaternion(inverse[:, :3, :3]).astype(np.float32))
    vertex, slot = np.nonzero(body.skin_weights)
    triplet_vertex = tensor(vertex)
    triplet_joint = tensor(body.skin_indices[vertex, slot].astype(np.int64))
    triplet_weight = tensor(body.skin_weights[vertex, slot])[None, :, None]
    if correctives:
        activation = tensor(body.correctives.activation).to_sparse_coo()
        second = tensor(body.correctives.basis.dense().reshape(body.correctives.component_count, -1).T)

    def multiply(p, q):
        """Hamilton product of quaternions xyzw."""
        pv, pw, qv, qw = p[..., :3], p[..., 3:], q[..., :3], q[..., 3:]
        vector = pw * qv + qw * pv + torch.cross(pv, qv, dim=-1)
        return torch.cat([vector, pw * qw - (pv * qv).sum(-1, keepdim=True)], -1)

    def rotate(q, v):
        u = torch.cross(q[..., :3], v, dim=-1)
        return v + 2 * (q[..., 3:] * u + torch.cross(q[..., :3], u, dim=-1))

    def axis(angle, index):
        q = torch.zeros(*angle.shape, 4)
        q[..., index] = torch.sin(angle / 2)
        q[..., 3] = torch.cos(angle / 2)
        return q

    def features(euler):
        (cx, cy, cz), (sx, sy, sz) = torch.cos(euler).unbind(-1), torch.sin(euler).unbind(-1)
        columns = [cy * cz, cy * sz, -sy, -cx * sz + sx * sy * cz, cx * cz + sx * sy * sz, sx * cy]
        found = torch.stack(columns, -1)
        found[..., 0] -= 1
        found[..., 4] -= 1
        return found.flatten(1)

    def run(parameters, identity, expression):
        p = torch.from_numpy(parameters.astype(np.float32))[None]
        c = torch.from_numpy(np.concatenate([identity, expression]).astype(np.float32))[None]
        rest = base + torch.einsum("bs,svc->bvc", c, shapes)
        jp = (transform @ p.T).T.reshape(1, joints, 7)
        t = offsets + jp[..., :3]
        q = multiply(
            prerotations[None], multiply(multiply(axis(jp[..., 5], 2), axis(jp[..., 4], 1)), axis(jp[..., 3], 0))
        )
        s = torch.exp2(jp[..., 6:])
        for own, parents in levels:
            tp, qp, sp = t[:, parents], q[:, parents], s[:, parents]
            t = t.index_copy(1, own, tp + sp * rotate(qp, t[:, own]))
            q = q.index_copy(1, own, multiply(qp, q[:, own]))
            s = s.index_copy(1, own, sp * s[:, own])
        if correctives:
            hidden = torch.relu(torch.sparse.mm(activation, features(jp[:, 2:, 3:6]).T))
            rest = rest + (second @ hidden).T.reshape(1, count, 3)
        # The skinning state is the joint's state times the inverse of its state at rest.
        skin_t = t + s * rotate(q, inverse_t[None])
        skin_q = multiply(q, inverse_q[None])
        moved = skin_t[:, triplet_joint] + s[:, triplet_joint] * rotate(
            skin_q[:, triplet_joint], rest[:, triplet_vertex]
        )
        return torch.zeros(1, count, 3).index_add(1, triplet_vertex, moved * triplet_weight)[0]

    return run


if __name__ == "__main__":
    main()
