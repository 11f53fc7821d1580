"""Contact sheets: all photos of a batch at a glance, as one HTML page and as a picture.

The page is one file that works without a network: small copies of the pictures are part of it, links to the results are
relative to it. It shows names as they are. The picture is for chats, printers and reviews; its captions are drawn with
OpenCV's letters, which are ASCII, so that names in other scripts are spelt (``lettering``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from native_runtime.files.atomic import write_atomically

from .entry import Entry
from .page import html_page
from .picture import write_pages

__all__ = ["Entry", "write_contact_sheet"]


def write_contact_sheet(entries: Iterable[Entry], html: Path | None, png: Path | None, title: str) -> list[Path]:
    """Writes the contact sheet of some photos, in the order given.

    Args:
        html: where to write the page; None for none.
        png: where to write the picture; None for none. One holds up to 60 photos; more go on in ``NAME-2.png`` and so
            on beside it, and such files of an earlier, longer sheet are removed.
        title: stands above both.

    Returns:
        The files written.

    Raises:
        OSError: one cannot be written. A preview picture that cannot be read is no error, its place says so.
    """
    shown = list(entries)
    written = []
    if html is not None:
        written.append(write_atomically(html, html_page(shown, html.parent, title)))
    if png is not None:
        written += write_pages(shown, png, title)
    return written
