"""Downloads one file: continues where it broke off, verifies it, and puts only a complete file in place.

Standard library only. Nothing here asks the user; whoever calls has his consent.

What has arrived lies beside the target as `NAME.part`, with `NAME.part.json` saying what it is a part of. A server that
knows ranges is asked for the rest under the condition that the file is still the same one (`If-Range`, RFC 9110,
section 13.1.5); any sign that it is another one makes the download start again. Large files come over several
connections at once, each of which fetches one range after the other.
"""

from .arriving import DownloadCancelledError, NoRoomError, Progress, TooSlowError, check_room
from .whole import CONNECTIONS, Download, download

__all__ = [
    "CONNECTIONS",
    "Download",
    "DownloadCancelledError",
    "NoRoomError",
    "Progress",
    "TooSlowError",
    "check_room",
    "download",
]
