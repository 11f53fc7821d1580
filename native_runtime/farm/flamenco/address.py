"""The address of a Flamenco Manager, as people write it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from native_runtime.errors import UsageError

PORT = 8080
"""Where a Manager listens unless its configuration says something else."""


def address_of(text: str) -> str:
    """The address of a Manager as people write it: with or without ``http://`` and the port, which is 8080 then.

    Raises:
        UsageError: it is none.
    """
    text = text.strip()
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{text!r} is no address of a Flamenco Manager; write it as http://farm:8080.")
    host = f"[{host}]" if ":" in host else host
    if port is None and not (has_scheme and parts.path.strip("/")) and parts.scheme == "http":
        port = PORT
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def is_on_this_machine(address: str) -> bool:
    """Whether an address, as people write it, leads to this very machine, so that no network is needed.

    Raises:
        UsageError: it is none.
    """
    host = urlsplit(address_of(address)).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def manager_page(address: str) -> str:
    """The web page of the Manager at an address as people write it; empty where it is none."""
    try:
        return f"{address_of(address)}/app/jobs"
    except UsageError:
        return ""
