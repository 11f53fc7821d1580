"""The arguments of `sam3db compare`. Standard library only, as ``arguments``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from native_runtime.cli.common_arguments import MODELS_HELP, Parser, add_common_arguments, listed

if TYPE_CHECKING:
    from native_runtime.cli.common_arguments import Subparsers


def add(commands: Subparsers) -> None:
    """Add `compare` and its actions."""
    compare = commands.add_parser(
        "compare", help="which of several engines people prefer, by blind votes on pairs", allow_abbrev=False
    )
    add_common_arguments(compare)
    actions = compare.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    _add_page(actions)
    _add_count(actions)


def _add_page(actions: Subparsers) -> None:
    page = actions.add_parser(
        "page",
        help="a page on which people vote",
        description="Writes vote.html, one file to send to voters, and pairs.json, its key, which they should not see.",
        allow_abbrev=False,
    )
    page.add_argument(
        "folders", metavar="FOLDER", nargs="+", help="estimates of the same photos, a folder for each engine"
    )
    page.add_argument("--photos", metavar="DIR", required=True, help="folder of the photos")
    page.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    page.add_argument(
        "--names", metavar="NAME,...", type=listed, help="of the engines, in the folders' order (default: the folders')"
    )
    page.add_argument("--count", metavar="N", type=int, default=50, help="how many pairs (default: 50)")
    page.add_argument(
        "--seed", metavar="N", type=int, default=0, help="another seed draws other pairs and sides (default: 0)"
    )
    page.add_argument("--title", metavar="TEXT", default="Which body fits better?", help="stands above the page")
    page.add_argument("--models", metavar="DIR", help=MODELS_HELP)
    add_common_arguments(page)


def _add_count(actions: Subparsers) -> None:
    count = actions.add_parser(
        "count",
        help="count the votes",
        description="Counts the files that voters downloaded from a page, and writes preference.json and "
        "preference.md.",
        allow_abbrev=False,
    )
    count.add_argument("votes", metavar="VOTES.json", nargs="+", help="what voters downloaded from the page")
    count.add_argument("--pairs", metavar="FILE", required=True, help="pairs.json, the key to the page")
    count.add_argument("-o", "--out", metavar="DIR", required=True, help="folder for the results; created if missing")
    add_common_arguments(count)
