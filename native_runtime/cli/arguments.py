"""The arguments of the command line. Standard library only: `sam3db --help` must not wait for NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from native_runtime.cli.common_arguments import (
    MODELS_HELP,
    Parser,
    add_common_arguments,
    add_engine_arguments,
    add_lens_arguments,
    add_provider_argument,
    add_turn_argument,
    ages,
    heights,
)
from native_runtime.pipeline.boxes import read_box
from native_runtime.pipeline.requests import Sex

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add_estimate(commands: Subparsers) -> None:
    """Add `estimate`."""
    estimate = commands.add_parser(
        "estimate",
        help="the same without Blender: only the estimates",
        description="Writes NAME_personK.npz and .json for each person K of each photo.",
        allow_abbrev=False,
    )
    add_photo_arguments(estimate)


def add_models(commands: Subparsers) -> None:
    """Add `models` and its actions."""
    models = commands.add_parser("models", help="the networks and bodies that everything needs", allow_abbrev=False)
    add_common_arguments(models)
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    for name, text in (
        ("list", "show each model file and its state"),
        ("build", "fetch the sources and build what is missing or damaged"),
        ("shelf", "show what networks and bodies can be had, what each gives, its terms, and who has it"),
        ("get", "download an item of the shelf, convert it, let it prove itself, and put it in place"),
        ("import", "make bodies from the official MHR assets: assets.zip, its folder, one lodN.fbx or mhr_model.pt"),
        ("verify", "check every file against its hash; exit code 1 when something is wrong"),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.", allow_abbrev=False)
        action.add_argument("--models", metavar="DIR", help=MODELS_HELP)
        if name == "build":
            action.add_argument("what", nargs="*", metavar="WHAT", help="'networks' or 'bodies' (default: both)")
        if name == "shelf":
            action.add_argument("item", nargs="?", metavar="NAME", help="one item, with its terms and sources")
            action.add_argument("--licences", action="store_true", help="the full texts of its licences")
        if name == "get":
            _add_get(action)
        if name == "import":
            action.add_argument("source", metavar="SOURCE", help="the MHR release's assets.zip, or a part of it")
            levels = action.add_mutually_exclusive_group()
            levels.add_argument(
                "--lod", metavar="N", type=int, nargs="+", help="levels of detail, 0 (finest) to 6 (default: all but 0)"
            )
            levels.add_argument("--all", action="store_true", help="all available levels of detail, 0 included")
        if name == "verify":
            action.add_argument(
                "--run",
                action="store_true",
                help="also run the engines on two pictures that come with the program: they must see what is in them "
                "and agree",
            )
            action.add_argument(
                "--engine", dest="engines", metavar="NAME", action="append", help="of --run: only this one; repeatable"
            )
            action.add_argument(
                "--picture",
                metavar="FILE",
                help="of --run: also compare with what others published about this picture, if it is such a one",
            )
            add_provider_argument(action)
        add_common_arguments(action)


def _add_get(get: Parser) -> None:
    """What `models get` takes."""
    get.add_argument("item", metavar="NAME", help="as `sam3db models shelf` lists it")
    get.add_argument(
        "--source", metavar="KEY", help="who it is fetched from (default: public sources, one after the other)"
    )
    get.add_argument(
        "--accept",
        dest="accepted",
        metavar="TERMS",
        type=lambda text: text.split(","),
        action="extend",
        help="you have read these terms and accept them (repeatable, or separated by commas); `sam3db models shelf "
        "NAME --licences` shows them",
    )
    get.add_argument(
        "--commercial", choices=("yes", "no"), help="whether your use is commercial, where terms forbid it"
    )
    get.add_argument("--token-file", metavar="FILE", help="file with your access token (default: as `hf auth login`)")
    get.add_argument("--file", metavar="PATH", help="a file that you have, instead of a download")
    get.add_argument("--mhr", metavar="FILE", help="mhr_model.pt, if it does not lie beside --file")
    get.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        help="of converted networks (default: the best for this machine)",
    )
    get.add_argument("--service", metavar="URL", help="address of a mirror of the repositories")


def add_engines(commands: Subparsers) -> None:
    """Add `engines`."""
    engines = commands.add_parser(
        "engines",
        help="which hardware each engine would use, or what is missing",
        description="Says for each engine which hardware it would use and why not better hardware, or what is missing.",
        allow_abbrev=False,
    )
    engines.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_provider_argument(engines)
    add_common_arguments(engines)


def add_doctor(commands: Subparsers) -> None:
    """Add `doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="this machine, and how long engines take on it",
        description="Says what this machine is and which engines are ready on it; with --bench also how long each "
        "takes, as tables that can be pasted.",
        allow_abbrev=False,
    )
    doctor.add_argument("--bench", action="store_true", help="measure the engines that are ready; takes minutes")
    doctor.add_argument(
        "--gpu", action="store_true", help="also the graphics cards, and each network's time on each provider"
    )
    doctor.add_argument(
        "--engine", dest="engines", metavar="NAME", action="append", default=[], help="only this one; repeatable"
    )
    doctor.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_provider_argument(doctor)
    add_common_arguments(doctor)


def add_convert(commands: Subparsers) -> None:
    """Add `convert-checkpoint`."""
    convert = commands.add_parser(
        "convert-checkpoint",
        help="convert a downloaded checkpoint to the networks of the engine sam3d_body",
        description="Converts a released SAM 3D Body checkpoint to ONNX, and makes the body that belongs to it.",
        allow_abbrev=False,
    )
    convert.add_argument(
        "--checkpoint",
        metavar="FILE",
        nargs="+",
        required=True,
        help="model.ckpt, ComfyUI's .safetensors file, slices of several, or the folder or zip archive of a download",
    )
    convert.add_argument(
        "--mhr",
        metavar="FILE",
        help="mhr_model.pt, or MHR's own release (assets.zip); default: beside the checkpoint, else in its file",
    )
    convert.add_argument("-o", "--out", metavar="DIR", help=MODELS_HELP)
    convert.add_argument(
        "--own-weights", action="store_true", help="the weights are your own: they need not be those that were released"
    )
    convert.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="fp32: exact (default); int8: faster on processors; fp16: for graphics cards",
    )
    convert.add_argument(
        "--no-proof",
        dest="proof",
        action="store_false",
        help="do not run the converted networks on the bundled pictures afterwards",
    )
    add_common_arguments(convert)


def add_photo_arguments(command: Parser) -> None:
    """What is common to the commands that take photos."""
    command.add_argument("photos", nargs="+", metavar="PHOTO", help="JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF or GIF")
    command.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    add_engine_arguments(command)
    command.add_argument(
        "--prompts",
        metavar="FILE.json",
        help='where keypoints are: {"keypoints": [["left_wrist", 412, 230], ["nose", 90, 80, "incorrect"]]}',
    )
    command.add_argument(
        "--prompt-error",
        metavar="E",
        type=float,
        help="how far off the places of --prompts may be (standard deviation), as part of the person's height in the "
        "photo, such as 0.01: they count beside what the networks see then. 0: they are exact, and their limbs alone "
        "follow (default: exact, after the whole body has moved)",
    )
    command.add_argument("--mask", metavar="FILE.png", help="picture of the photo's size, white where the person is")
    command.add_argument(
        "--box",
        dest="boxes",
        metavar="X0,Y0,X1,Y1",
        type=read_box,
        action="append",
        help="a person's bounding box in pixels, instead of detecting people; repeatable",
    )
    command.add_argument(
        "--sex",
        choices=get_args(Sex),
        help="what the body's shape shows, for everybody who is estimated (default: what each face says; neutral where "
        "it does not say it clearly)",
    )
    command.add_argument(
        "--age",
        metavar="Y[,Y...]",
        type=ages,
        help="how old the person is who is estimated, 5 to 90 years; of several people one for each, in their order. "
        "Size, proportions and shape follow it (default: an adult, or a child where the face says so clearly)",
    )
    command.add_argument(
        "--height-cm",
        metavar="H[,H...]",
        type=heights,
        help="how tall the person is who is estimated, 50 to 250 cm; of several people in a photo one for each, in "
        "their order; of several photos the same for each. "
        "They get this size, and the distance at which they look the same (default: what the engine makes of it)",
    )
    add_lens_arguments(command)
    add_turn_argument(command)
    add_common_arguments(command)
