"""How web addresses are opened: by https only, and with secrets that reach only their own server.

Standard library only.
"""

from __future__ import annotations

import contextlib
import importlib
import ssl
import urllib.error
import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

from native_runtime.errors import ModelError

TIMEOUT_S = 30.0

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PORTS = {"https": 443, "http": 80}


class RefusedError(ModelError):
    """A server answered that it will not do what it was asked for.

    Attributes:
        status: HTTP's number for the reason.
        headers: those of the answer.
        host: the server that answered, which may be one that was redirected to.
    """

    def __init__(self, message: str, error: urllib.error.HTTPError) -> None:
        super().__init__(message)
        self.status = error.code
        self.headers = error.headers
        self.host = urlsplit(error.url).hostname


class NoConnectionError(ModelError):
    """A server cannot be reached."""


class Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections to https only, and remembers them.

    Headers that a request marks as not to be redirected (`Request.add_unredirected_header`) go along as long as the
    server stays the one that was asked first, which an access token is meant for; no other ever sees them.

    Args:
        stay: whether redirections to other servers are answers in themselves, which are not followed.
    """

    def __init__(self, stay: bool = False) -> None:
        self.visited: list[str] = []
        self._stay = stay
        self._first: urllib.request.Request | None = None

    def start(self, request: urllib.request.Request) -> None:
        """A new request begins."""
        self._first = request
        self.visited.clear()

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        check_address(newurl, req.full_url)
        first = self._first or req
        home = _origin(newurl) == _origin(first.full_url)
        if self._stay and not home:
            return None
        self.visited.append(newurl)
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            request.method = req.get_method()  # before Python 3.13, HEAD would become GET
            if home:
                request.unredirected_hdrs.update(first.unredirected_hdrs)
                request.unredirected_hdrs.pop("Host", None)
        return request

    def named(self, url: str) -> str:
        """The last address on the server of `url`, without its query: others are often signed, and short-lived."""
        host = urlsplit(url).hostname
        return bare([address for address in (url, *self.visited) if urlsplit(address).hostname == host][-1])


def opener(redirections: Redirections) -> urllib.request.OpenerDirector:
    """Opens addresses with the system's proxies and certificates."""
    return urllib.request.build_opener(redirections, urllib.request.HTTPSHandler(context=_certificates()))


def request(url: str, method: str = "GET", secrets: dict[str, str] | None = None) -> urllib.request.Request:
    """A request for `url` as it lies on the server; `secrets` are headers for that server alone."""
    made = urllib.request.Request(url, headers={"User-Agent": "sam3db", "Accept-Encoding": "identity"}, method=method)
    for name, value in (secrets or {}).items():
        made.add_unredirected_header(name, value)
    return made


def check_address(url: str, origin: str) -> None:
    """Only https, but for a server on this very machine that was asked for in the first place.

    Raises:
        ModelError: it is another address.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK and urlsplit(origin).hostname in _LOOPBACK
    if not local:
        raise ModelError(f"Files are downloaded by https only, not from {bare(url)}.")


def bare(url: str) -> str:
    """The address without query and fragment, which may hold signatures."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def unreachable(url: str, reason: object) -> ModelError:
    """Why nothing came from `url`."""
    host = urlsplit(url).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ModelError(
            f"{host} could not prove its identity ({reason.verify_message}). Check the clock and the proxy."
        )
    return NoConnectionError(
        f"There is no connection to {host} ({reason}). Check the network, then download again; nothing is lost."
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _certificates() -> ssl.SSLContext:
    """The system's certificates, or those that come with Blender's Python where it finds no others (macOS)."""
    try:
        context = ssl.create_default_context()
    except ssl.SSLError:  # Windows: one malformed certificate in the system's store spoils them all
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    if not context.cert_store_stats()["x509_ca"] and not paths.cafile and not paths.capath:
        # without either, connecting will say that the certificate cannot be verified
        with contextlib.suppress(ImportError):
            context.load_verify_locations(importlib.import_module("certifi").where())
    return context
