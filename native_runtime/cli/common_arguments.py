"""Arguments that several commands share. Standard library only, as ``arguments``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from native_runtime.bounds import LEAST_TALL, MOST_TALL, OLDEST, REFINE, YOUNGEST
from native_runtime.errors import UsageError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction["Parser"]

_LARGEST_FIRST = "the largest (default; with several boxes, all), all"
MODELS_HELP = "models folder (default: SAM3DB_MODELS, else the user's cache)"


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print and leave, so that ``--json`` holds for mistakes as well."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` lists the options.")


def add_wear_argument(command: Parser) -> None:
    """Whether characters get what they wear."""
    command.add_argument(
        "--wear",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give the characters what they wear: hair, shoes, and underwear where no texture shows clothes "
        "(default: yes)",
    )


def add_engine_arguments(command: Parser, everybody: bool = False) -> None:
    """Which engine with which models looks at the photos, and at whom.

    Args:
        everybody: whether the command takes all people where none is chosen.
    """
    command.add_argument(
        "--engine",
        metavar="NAME",
        help="landmarks, instanthmr, sam3d_body, or another that `sam3db engines` names (default: auto, the best that "
        "is ready)",
    )
    add_provider_argument(command)
    command.add_argument(
        "--inference",
        metavar="KIND",
        help="sam3d_body: full, body and hands (its default), body, which is faster, or fast, both from smaller crops; "
        "instanthmr: fit (its default), "
        "or raw, the network's answer without the fit",
    )
    command.add_argument(
        "--refine",
        metavar="0..1",
        type=float,
        help="bring the engine's answer onto what is seen in the photo: what the photo counts against the engine; 0: "
        f"leave the answer as it is (default: {REFINE:g}; landmarks and instanthmr fit by themselves)",
    )
    add_body_arguments(command)
    command.add_argument(
        "--person",
        dest="persons",
        metavar="largest|all|N",
        type=_people,
        help=f"which person: {'all (default), the largest' if everybody else _LARGEST_FIRST}, or number N, counted "
        "from 0, largest first",
    )


def add_lens_arguments(command: Parser) -> None:
    """What is known of the lens."""
    lens = command.add_mutually_exclusive_group()
    lens.add_argument("--focal-px", metavar="F", type=float, help="focal length in pixels of the photo")
    lens.add_argument("--fov-deg", metavar="F", type=float, help="field of view along the longer side, degrees")


def add_turn_argument(command: Parser) -> None:
    """Which way is up."""
    command.add_argument(
        "--turn",
        metavar="90|180|270|auto",
        type=_turn,
        default=0,
        help="rotate photos clockwise first; auto: only photos whose file gives no orientation and in which everyone "
        "appears to be lying down. Pixels then refer to the rotated photo",
    )


def add_body_arguments(command: Parser) -> None:
    """Which body, and where models lie."""
    command.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    command.add_argument(
        "--body", metavar="NAME|FILE", default="default", help="body by name or .npz file (default: %(default)s)"
    )


def add_provider_argument(command: Parser) -> None:
    """What computes the networks."""
    command.add_argument(
        "--provider",
        dest="providers",
        metavar="NAME,...",
        action="extend",
        type=listed,
        help="what runs the networks: cuda, tensorrt, migraphx, directml, openvino, coreml, cpu; one of several cards "
        "as cuda:1; repeatable, first choice first (default: the best that works)",
    )


def add_common_arguments(command: Parser, default: Any = argparse.SUPPRESS) -> None:
    """What every command takes, before its name as well: the program's own parser has the default."""
    for option, text in (
        ("--json", "one JSON object on standard output, nothing else there"),
        ("--debug", "show tracebacks and the output of libraries"),
    ):
        command.add_argument(option, action="store_true", default=default, help=text)


def listed(text: str) -> list[str]:
    """The words of a list with commas."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise argparse.ArgumentTypeError("a list such as one,two is expected")
    return words


def heights(text: str) -> list[float]:
    """Heights of people, cm."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(LEAST_TALL <= height <= MOST_TALL for height in found):
        raise argparse.ArgumentTypeError(
            f"a height from {LEAST_TALL:g} to {MOST_TALL:g} cm is expected, or several with commas, not {text!r}"
        )
    return found


def ages(text: str) -> list[float]:
    """Ages of people, years."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(YOUNGEST <= age <= OLDEST for age in found):
        raise argparse.ArgumentTypeError(
            f"an age from {YOUNGEST:g} to {OLDEST:g} years is expected, or several with commas, not {text!r}"
        )
    return found


def one_age(text: str) -> float:
    """The age of a person, years."""
    try:
        return next(iter(ages(text.replace(",", " "))))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"one age from {YOUNGEST:g} to {OLDEST:g} years is expected, for everybody, not {text!r}"
        ) from None


def _turn(text: str) -> int | str:
    if text in ("0", "90", "180", "270"):
        return int(text)
    if text == "auto":
        return text
    raise argparse.ArgumentTypeError(f"photos are rotated by 90, 180, 270 (degrees clockwise) or auto, not {text!r}")


def _people(text: str) -> str | list[int]:
    if text in ("largest", "all"):
        return text
    if text.isascii() and text.isdigit():
        return [int(text)]
    raise argparse.ArgumentTypeError(f"people are chosen by 'largest', 'all' or a number from 0 on, not {text!r}")
