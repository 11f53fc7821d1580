"""Faces with known expressions.

    python -m bench.faces render OUT.npz --first 20000 --count 500 --sizes 55 140 --yaw 45 --spread 1.3
    python -m bench.faces learn RENDERED.npz ... --out rig_templates/face/default.json
    python -m bench.faces score RENDERED.npz ... [--each]
    python -m bench.faces sheet OUT.jpg [--first 9000 --count 12]
    python -m bench.faces transfer --body mhr-lod3 --out rig_templates/face/mhr.json

`render` draws random heads (a seed each) and keeps what the network sees of them; `learn` makes the data that the fit
uses of heads for learning; `score` fits heads and compares: heads for learning have seeds from 20000, those for tuning
from 1000, held out are those from 9000. Every fifth head is neutral. `transfer` finds which shapes of an official body
(`sam3db models import`) move a face as each expression does.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from native_runtime.files.atomic import write_atomically
from native_runtime.fitting.face import FaceFit, FaceResponse, fit_face, response_of
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.onnx.sessions import open_network

from .heads import Painter, before_camera, paint
from .learn import SILENT, learn
from .score import score
from .transfer import transfer
from .truth import Case, keep, kept, make_case

SOURCE = (
    "What MediaPipe's face mesh shows of the default body's head, and how it follows the body's sliders: measured on "
    "rendered heads by `python -m bench.faces learn`. See native_runtime/fitting/face.py."
)

TRANSFER_SOURCE = (
    "Which of the official MHR body's expressions (numbers from 0) move a face as each of the default body's does, and "
    "which are of mouth and jaw: measured on both meshes by `python -m bench.faces transfer`. See "
    "native_runtime/fitting/face_transfer.py."
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faces", description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="draw heads and have the network look at them")
    render.add_argument("out", type=Path)
    render.add_argument("--first", type=int, default=1000, help="seed of the first head")
    render.add_argument("--count", type=int, default=100)
    render.add_argument("--sizes", type=float, nargs=2, default=(60.0, 240.0), help="px of the face, from and to")
    render.add_argument("--yaw", type=float, nargs="+", default=[40.0], help="degrees: at most; or from and to")
    render.add_argument("--spread", type=float, default=1.0, help="how many times as much as usual shapes vary")
    learning = commands.add_parser("learn", help="measure what the network shows of the sliders")
    learning.add_argument("rendered", type=Path, nargs="+")
    learning.add_argument("--out", type=Path, required=True)
    scoring = commands.add_parser("score", help="fit heads and compare with what is true")
    scoring.add_argument("rendered", type=Path, nargs="+")
    scoring.add_argument("--each", action="store_true", help="every expression by itself")
    sheet = commands.add_parser("sheet", help="heads beside what is recovered of them")
    sheet.add_argument("out", type=Path)
    sheet.add_argument("--first", type=int, default=9000)
    sheet.add_argument("--count", type=int, default=12)
    transferring = commands.add_parser("transfer", help="the expressions on MHR's official body")
    transferring.add_argument("--body", default="mhr-lod3", help="name or file")
    transferring.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    body = Body.load(store.body_path("default"))
    if arguments.command == "render":
        network = open_network(store.network_path("face_landmark"), threads=1)
        painter, yaws, sizes = Painter(body), tuple(arguments.yaw), tuple(arguments.sizes)
        seeds = range(arguments.first, arguments.first + arguments.count)
        cases = [make_case(painter, network, seed, yaws, sizes, arguments.spread)[0] for seed in seeds]
        keep(cases, arguments.out)
    elif arguments.command == "learn":
        response = learn(body, _read(arguments.rendered))
        content = {"source": SOURCE, **response.to_json()}
        write_atomically(arguments.out, (json.dumps(content, indent=1) + "\n").encode())
    elif arguments.command == "score":
        started = time.process_time()
        cases, response = _read(arguments.rendered), _known(body)
        fits = [_fitted(response, case) for case in cases]
        seconds = (time.process_time() - started) / max(len(cases), 1)
        print(json.dumps(score(list(body.expression_names), cases, fits, arguments.each), indent=1))
        print(f"{1000 * seconds:.1f} ms of the processor a face, without the network")
    elif arguments.command == "transfer":
        content = {"source": TRANSFER_SOURCE, **transfer(body, store.load_body(arguments.body))}
        write_atomically(arguments.out, (json.dumps(content, indent=1) + "\n").encode())
    else:
        _sheet(body, arguments.out, arguments.first, arguments.count)


def _read(paths: list[Path]) -> list[Case]:
    return [case for path in paths for case in kept(path)]


def _known(body: Body) -> FaceResponse:
    response = response_of(body.name)
    assert response is not None
    return response


def _fitted(response: FaceResponse, case: Case) -> FaceFit | None:
    if case.mesh is None:
        return None
    ray = np.array([0.0, 0.0, 1.0])
    return fit_face(response, case.mesh.points, case.mesh.depths, case.size, ray)


def _sheet(body: Body, out: Path, first: int, count: int) -> None:
    network, painter = open_network(store.network_path("face_landmark"), threads=1), Painter(body)
    response, tiles = _known(body), []
    names = [name for name in body.expression_names if name not in SILENT]
    for seed in range(first, first + count):
        case, picture = make_case(painter, network, seed, (25.0,), (110.0, 111.0))
        fit = _fitted(response, case)
        expression = np.zeros(body.expression_count)
        for name in names:
            expression[list(body.expression_names).index(name)] = fit.expression[name] if fit else 0.0
        turn = (0.0, np.radians(case.yaw), 0.0)
        state, intrinsics, size = before_camera(body, case.identity, expression, turn, case.size, 1.5)
        again = paint(painter, state, intrinsics, size, np.random.default_rng(seed))
        tiles.append(np.hstack([picture, cv2.resize(again, picture.shape[1::-1])]))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
    rows = [np.hstack(tiles[k : k + 3]) for k in range(0, len(tiles), 3)]
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
