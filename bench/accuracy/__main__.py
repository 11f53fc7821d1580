"""``python -m bench.accuracy COMMAND``: render, score, compare, search, cameras, ...; see ``--help``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    render = commands.add_parser("render", help="render the pictures and their truth (needs bpy)")
    render.add_argument("--out", type=Path, required=True)
    render.add_argument("--kind", choices=("first", "harder", "crowds", "lens"), default="first")
    render.add_argument("--count", type=int, help="default: as many as belong to the set")
    render.add_argument("--seed", type=int, default=0)
    render.add_argument("--body", default="default", help="name or file of the body")
    render.add_argument("--only", default="", help="numbers to render (again), separated by commas")
    render.add_argument("--split", choices=("tune", "held-out", "all"), default="all")

    score = commands.add_parser("score", help="run an engine over the pictures and compare")
    score.add_argument("--set", type=Path, required=True, dest="folder")
    score.add_argument("--split", choices=("tune", "held-out", "all"), default="tune")
    score.add_argument("--engine", default="landmarks")
    score.add_argument("--json", type=Path, help="where to write everything, person by person")
    score.add_argument("--readings", type=Path, help="a folder that keeps what the landmark networks saw")
    score.add_argument("--answers", type=Path, help="a folder that keeps the engine's answers")
    score.add_argument(
        "--camera", choices=("default", "true", "both"), default="both", help="which intrinsics are given"
    )

    versus = commands.add_parser("compare", help="two checkouts, each with the Python of its own .venv")
    versus.add_argument("old", type=Path)
    versus.add_argument("new", type=Path)
    versus.add_argument("--set", type=Path, required=True, dest="folder")
    versus.add_argument("--split", choices=("tune", "held-out", "all"), default="tune")
    versus.add_argument("--camera", choices=("default", "true", "both"), default="default")
    versus.add_argument("--answers", type=Path, help="a folder that keeps both checkouts' answers")
    versus.add_argument("--limit", type=int, help="only so many pictures")
    versus.add_argument("--json", type=Path, help="where to write everything, person by person")

    versus.add_argument("--find-only", action="store_true", help="who is found, without estimates")

    search = commands.add_parser("search", help="who is found, in crowds and where nobody is")
    search.add_argument("--set", type=Path, required=True, dest="folder")
    search.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    search.add_argument("--engine", default="landmarks")
    search.add_argument("--answers", type=Path, help="a folder that keeps the engine's answers")

    cameras = commands.add_parser("cameras", help="focal length and way up, estimated and true")
    cameras.add_argument("--set", type=Path, required=True, dest="folder")
    cameras.add_argument("--split", choices=("tune", "held-out", "all"), default="tune")
    cameras.add_argument("--readings", type=Path, help="a cache of what the networks saw; without it lines alone count")
    cameras.add_argument("--json", type=Path)

    marked = commands.add_parser("marked", help="real photos with marked or triangulated points")
    source = marked.add_mutually_exclusive_group(required=True)
    source.add_argument("--views", type=Path, help="the folder with the videos of pose2sim's single-person demo")
    source.add_argument("--photo", type=Path)
    marked.add_argument("--points", type=Path, required=True)
    marked.add_argument("--work", type=Path, required=True, help="a folder for frames and answers")
    marked.add_argument("--checkout", type=Path, nargs="+", help="which answer, each with its own .venv")

    read = commands.add_parser("read", help="keep what the landmark networks see, for score --readings")
    read.add_argument("--set", type=Path, required=True, dest="folder")
    read.add_argument("--split", choices=("tune", "held-out", "all"), default="tune")
    read.add_argument("--readings", type=Path, required=True)

    oracles = commands.add_parser("oracles", help="what the fit loses to each kind of wrong evidence")
    oracles.add_argument("--set", type=Path, nargs="+", required=True, dest="folders")
    oracles.add_argument("--split", choices=("tune", "held-out", "all"), default="held-out")
    oracles.add_argument("--out", type=Path, required=True, help="a folder that keeps readings and fits")
    oracles.add_argument("--limit", type=int, help="only so many pictures of each set")

    dataset = commands.add_parser("dataset", help="the pictures as shards of a data set for training")
    dataset.add_argument("--set", type=Path, required=True, dest="folder")
    dataset.add_argument("--out", type=Path, required=True)
    dataset.add_argument("--every", type=int, default=3, help="one picture in so many is not held out (default: 3)")

    sheet = commands.add_parser("sheet", help="all pictures on one page")
    sheet.add_argument("--set", type=Path, required=True, dest="folder")
    sheet.add_argument("--out", type=Path, required=True)

    worst = commands.add_parser("worst", help="the worst people of a score, drawn over their photos")
    worst.add_argument("--set", type=Path, required=True, dest="folder")
    worst.add_argument("--json", type=Path, required=True, help="what score wrote")
    worst.add_argument("--out", type=Path, required=True)
    worst.add_argument("--count", type=int, default=12)

    example = commands.add_parser("example", help="render the project's example photo (needs bpy)")
    example.add_argument("--out", type=Path, required=True)
    example.add_argument("--size", type=int, nargs=2, default=(1200, 1600), metavar=("WIDTH", "HEIGHT"))
    example.add_argument("--samples", type=int, default=32)
    example.add_argument("--pose", default="one_hand_on_hip")
    example.add_argument("--seed", type=int, default=22)
    example.add_argument("--place", default="room", choices=("studio", "room", "outdoors", "clutter"))

    proof = commands.add_parser("proof", help="render the pictures by which networks prove themselves (needs bpy)")
    proof.add_argument("--out", type=Path, default=Path("rig_templates/proof"))

    published = commands.add_parser("published", help="an engine against a published answer of SAM 3D Body")
    published.add_argument("--picture", type=Path, required=True)
    published.add_argument("--answer", type=Path, required=True, help="its keypoints and parameters, .json")
    published.add_argument("--engine", default="landmarks")
    published.add_argument("--body", default="mhr-lod3", help="name or file of an official body (models import)")

    arguments = parser.parse_args()
    if arguments.command == "render":
        from native_runtime.mhr import Body
        from native_runtime.models import store

        from .render import numbers_of, render_set

        numbers = [int(n) for n in arguments.only.split(",") if n]
        coarse = Body.load(store.body_path(f"{arguments.body}-lod2"))
        body = Body.load(store.body_path(arguments.body))
        wanted = numbers or numbers_of(arguments.kind, arguments.count, arguments.split)
        render_set(arguments.kind, body, coarse, arguments.out, wanted, arguments.seed, again=bool(numbers))
        sys.stdout.flush()
        os._exit(0)  # the bpy module may crash on a normal exit
    if arguments.command == "score":
        from .score import CAMERAS, score_set, table, write_report

        cameras = CAMERAS if arguments.camera == "both" else (arguments.camera,)
        report = score_set(
            arguments.folder,
            arguments.split,
            arguments.engine,
            cameras,
            _say,
            arguments.readings,
            arguments.answers,
        )
        if arguments.json:
            write_report(report, arguments.json)
        print(table(report))
    elif arguments.command == "search":
        from .search import search_set
        from .search import table as search_table

        print(search_table(search_set(arguments.folder, arguments.split, arguments.engine, _say, arguments.answers)))
    elif arguments.command == "cameras":
        from .cameras import camera_records
        from .cameras import table as camera_table

        records = camera_records(arguments.folder, arguments.split, arguments.readings, _say)
        if arguments.json:
            arguments.json.write_text(json.dumps(records, indent=1) + "\n")
        print(camera_table(records))
    elif arguments.command == "marked":
        from .marked import run as run_marked

        run_marked(arguments)
    elif arguments.command == "compare":
        from .versus import run

        run(arguments)
    elif arguments.command == "read":
        from .readings import read_set
        from .score import pictures

        numbers = [file.stem for file in pictures(arguments.folder, arguments.split)]
        read_set(arguments.folder, numbers, arguments.readings, _say)
    elif arguments.command == "oracles":
        from .oracles import measure
        from .oracles import table as oracle_table

        print(oracle_table(measure(arguments.folders, arguments.split, arguments.out, arguments.limit, _say)))
    elif arguments.command == "dataset":
        from .dataset import convert

        print(f"{convert(arguments.folder, arguments.out, arguments.every)} people")
    elif arguments.command == "sheet":
        from .sheets import contact_sheet

        contact_sheet(arguments.folder, arguments.out)
    elif arguments.command == "worst":
        from .sheets import worst_cases

        worst_cases(arguments.folder, json.loads(arguments.json.read_text()), arguments.out, arguments.count)
    elif arguments.command == "example":
        from native_runtime.mhr import Body
        from native_runtime.models import store

        from .example import render_example

        look = arguments.samples, arguments.pose, arguments.seed, arguments.place
        render_example(Body.load(store.body_path("default")), arguments.out, tuple(arguments.size), *look)
        sys.stdout.flush()
        os._exit(0)  # as above
    elif arguments.command == "published":
        from native_runtime.models import store

        from .published import report as published_report

        mhr = store.load_body(arguments.body)
        print(published_report(arguments.engine, arguments.picture, arguments.answer, mhr))
    elif arguments.command == "proof":
        from native_runtime.mhr import Body
        from native_runtime.models import store

        from .proof import render_proof

        render_proof(Body.load(store.body_path("default")), arguments.out)
        sys.stdout.flush()
        os._exit(0)  # as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
