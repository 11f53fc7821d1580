"""Fetches files of Hugging Face repositories: open ones, and gated ones, whose owner decides who may have them.

The service is asked about a file first (`describe`). Its answer names the exact version (`X-Repo-Commit`), size
(`X-Linked-Size`) and, for large files, the SHA-256 (`X-Linked-ETag`), or says why the user may not have it. The file
itself then comes from a storage server that the service redirects to, by an address that is signed and short-lived;
the user's access token goes to the service alone, never there.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

from native_runtime.errors import ModelError
from native_runtime.models import access_token, web
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import CONNECTIONS, Download, Progress, download

SERVICE = "https://huggingface.co"
"""The one place that says where the service is."""

_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST_WORDS = 200
_LONGEST_LISTING = 4 << 20


@dataclass(frozen=True)
class Repository:
    """A repository of the service.

    Attributes:
        name: e.g. ``facebook/sam-3d-body-dinov3``.
        service: differs for mirrors and tests.
        gated: whether its owner decides who may have the files.
    """

    name: str
    service: str = SERVICE
    gated: bool = True

    @property
    def page(self) -> str:
        """Where people read about it, and ask for access."""
        return f"{self.service}/{self.name}"

    def address(self, file: str, revision: str = "main") -> str:
        """Where a file of a revision is fetched."""
        return f"{self.page}/resolve/{revision}/{file}"


@dataclass(frozen=True)
class RemoteFile:
    """What the service states about a file.

    Attributes:
        url: of exactly this version, wherever `main` may move.
        size: bytes.
        sha256: in hexadecimal.
        commit: the repository's revision; "" where the service did not say.
    """

    url: str
    size: int
    sha256: str
    commit: str


def describe(
    repository: Repository,
    file: str,
    token: AccessToken | None,
    size: int | None = None,
    sha256: str | None = None,
    revision: str = "main",
) -> RemoteFile:
    """Ask the service for a file's version, size and hash.

    Args:
        repository, file, revision: what is wanted.
        token: the user's; None: he has none.
        size, sha256: what this program knows the file to be, where it does.

    Raises:
        ModelError: the service cannot be reached, the user may not have the file, or it is not the one that is known.
    """
    url = repository.address(file, revision)
    headers = _head(repository, url, token)
    stated = _SHA256.fullmatch(headers.get("X-Linked-ETag", ""))
    length = headers.get("X-Linked-Size", "")
    found = stated[1] if stated else sha256
    long = int(length) if length.isdigit() else size
    whole = stated is not None and length.isdigit()
    if found is None or long is None or not (whole or (sha256 and size)):
        raise ModelError(
            f"The answer to {url} states neither size nor hash of the file, so it cannot be verified. Is a proxy in "
            "between? Fetch the file with your browser and name it here as a file that you have."
        )
    if (size is not None and long != size) or (sha256 is not None and found != sha256):
        raise ModelError(
            f"{file} of {repository.name} is not the file that is known here ({long} bytes, SHA-256 {found}). "
            "Update the extension; or, if you trust the file, fetch it with your browser and name it here as a file "
            "that you have."
        )
    commit = headers.get("X-Repo-Commit", "")
    pinned = repository.address(file, commit) if _COMMIT.fullmatch(commit) else url
    return RemoteFile(pinned, long, found, commit if pinned != url else revision)


def find(repository: Repository, pattern: str, token: AccessToken | None, revision: str = "main") -> str:
    """The path of the file that a regular expression fits; the shortest where there are several.

    Raises:
        ModelError: the service cannot be reached, or has no such file.
    """
    url = f"{repository.service}/api/models/{repository.name}/tree/{revision}?recursive=true"
    request = web.request(url, "GET", token.headers if token else None)
    redirections = web.Redirections()
    redirections.start(request)
    web.check_address(url, url)
    try:
        with web.opener(redirections).open(request, timeout=web.TIMEOUT_S) as response:
            content = json.loads(response.read(_LONGEST_LISTING))
        paths = [str(entry["path"]) for entry in content if entry.get("type") == "file"]
    except urllib.error.HTTPError as error:
        with error:
            raise ModelError(_refused(repository, url, error.code, error.headers, token)) from None
    except urllib.error.URLError as error:
        raise web.unreachable(url, error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise web.unreachable(url, error or type(error).__name__) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"The list of files of {repository.page} cannot be read ({error}).") from error
    fitting = sorted((path for path in paths if re.fullmatch(pattern, path)), key=lambda path: (len(path), path))
    if not fitting:
        there = ", ".join(path for path in paths if path.endswith(".onnx")) or "none"
        raise ModelError(
            f"{repository.page} has no file of the name that is looked for (networks there: {there}). Look there, "
            "fetch the right one with your browser, and name it here as a file that you have."
        )
    return fitting[0]


def fetch(
    repository: Repository,
    remote: RemoteFile,
    path: str | os.PathLike[str],
    token: AccessToken | None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    slowest: float = 0.0,
) -> Download:
    """Download a described file to `path`; continues where an earlier call stopped.

    Raises:
        ModelError: as `download`, with refusals in words that say what to do.
    """
    secrets = token.headers if token else None
    try:
        return download(
            remote.url,
            path,
            remote.sha256,
            remote.size,
            progress,
            cancelled,
            secrets=secrets,
            connections=CONNECTIONS,
            slowest=slowest,
        )
    except web.RefusedError as error:
        if error.host != urlsplit(remote.url).hostname:
            raise ModelError(
                f"The storage server {error.host} refused it ({error.status}). Try again; what has arrived is kept."
            ) from None
        raise ModelError(_refused(repository, remote.url, error.status, error.headers, token)) from None


def _head(repository: Repository, url: str, token: AccessToken | None) -> Message:
    """The headers of the service's answer; what other servers it names are not asked."""
    web.check_address(url, url)
    redirections = web.Redirections(stay=True)
    request = web.request(url, "HEAD", token.headers if token else None)
    redirections.start(request)
    try:
        with web.opener(redirections).open(request, timeout=web.TIMEOUT_S) as response:
            headers: Message = response.headers
            return headers
    except urllib.error.HTTPError as error:
        with error:
            if 300 <= error.code < 400:
                return error.headers
            raise ModelError(_refused(repository, url, error.code, error.headers, token)) from None
    except urllib.error.URLError as error:
        raise web.unreachable(url, error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise web.unreachable(url, error or type(error).__name__) from None


def _refused(repository: Repository, url: str, status: int, headers: Message, token: AccessToken | None) -> str:
    """What a refusal means, and what the user can do."""
    if status in (401, 403):
        return _not_allowed(repository, status, headers, token)
    if status in (404, 410):
        return f"There is no {url.rpartition('/')[2]} in {repository.page} now ({status}). Look there for a new one."
    if status == 429:
        seconds = headers.get("Retry-After", "")
        when = f"in {seconds} seconds" if seconds.isdigit() else "in a few minutes"
        return f"The service receives too many requests from here (429). Try again {when}; what has arrived is kept."
    return f"The service has a problem at the moment ({status}). Try again later; what has arrived is kept."


def _not_allowed(repository: Repository, status: int, headers: Message, token: AccessToken | None) -> str:
    name, page = repository.name, repository.page
    if not repository.gated and headers.get("X-Error-Code") != "GatedRepo" and (token is None or status == 401):
        return f"{name} is gone, or not open to everybody any more ({status}). Choose another source."
    if token is None:
        owner = "Meta" if name.startswith("facebook/") else "its owner"
        return (
            f"{name} is given only to people whom {owner} has granted access. Open {page}, sign in, accept the licence "
            f"and ask for access; then make an access token at {access_token.PAGE} and enter it here."
        )
    if status == 401:
        return (
            f"The service does not accept the access token ({token.origin}): it is mistyped, or no longer valid. "
            f"Make a new one at {access_token.PAGE}."
        )
    words = re.sub(r"[^\x20-\x7e]", " ", token.hidden_in(headers.get("X-Error-Message", "")))[:_LONGEST_WORDS].strip()
    if "fine-grained" in words:
        return (
            f"The access token ({token.origin}) may not read gated repositories. Edit it at {access_token.PAGE} and "
            "tick 'Read access to contents of all public gated repos you can access'."
        )
    said = f" The service says: {words}" if words else ""
    return (
        f"Your account has no access to {name} yet (403). Open {page}, signed in with the account of the token "
        f"({token.origin}): accept the licence and ask for access, or wait until it is granted, which can take days."
        f"{said}"
    )
