"""Fetches a file of a gated Hugging Face repository: one whose owner decides who may have it.

The service is asked about the file first (`describe`). Its answer names the exact version (`X-Repo-Commit`), size
(`X-Linked-Size`) and, for large files, the SHA-256 (`X-Linked-ETag`), or says why the user may not have it. The file
itself then comes from a storage server that the service redirects to, by an address that is signed and short-lived;
the user's access token goes to the service alone, never there.
"""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

from native_runtime.errors import ModelError
from native_runtime.models import access_token, web
from native_runtime.models.access_token import AccessToken
from native_runtime.models.download import Download, Progress, download

SERVICE = "https://huggingface.co"
"""The one place that says where the service is."""

_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST_WORDS = 200


@dataclass(frozen=True)
class Repository:
    """A repository of the service, e.g. ``facebook/sam-3d-body-dinov3``; `service` differs for mirrors and tests."""

    name: str
    service: str = SERVICE

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
) -> RemoteFile:
    """Ask the service for a file's version, size and hash.

    Args:
        repository, file: what is wanted.
        token: the user's; None: he has none.
        size, sha256: what this program knows the file to be, where it does.

    Raises:
        ModelError: the service cannot be reached, the user may not have the file, or it is not the one that is known.
    """
    url = repository.address(file)
    headers = _head(repository, url, token)
    found = _SHA256.fullmatch(headers.get("X-Linked-ETag", ""))
    length = headers.get("X-Linked-Size", "")
    if found is None or not length.isdigit():
        raise ModelError(
            f"The answer to {url} states neither size nor hash of the file, so it cannot be verified. Is a proxy in "
            "between? Fetch the file with your browser and choose it under 'Convert'."
        )
    if (size is not None and int(length) != size) or (sha256 is not None and found[1] != sha256):
        raise ModelError(
            f"{file} of {repository.name} is not the file that is known here ({length} bytes, SHA-256 {found[1]}). "
            "Update the extension; or, if you trust the file, fetch it with your browser and choose it under 'Convert'."
        )
    commit = headers.get("X-Repo-Commit", "")
    pinned = repository.address(file, commit) if _COMMIT.fullmatch(commit) else url
    return RemoteFile(pinned, int(length), found[1], commit if pinned != url else "")


def fetch(
    repository: Repository,
    remote: RemoteFile,
    path: str | os.PathLike[str],
    token: AccessToken | None,
    progress: Progress | None = None,
) -> Download:
    """Download a described file to `path`; continues where an earlier call stopped.

    Raises:
        ModelError: as `download`, with refusals in words that say what to do.
    """
    secrets = token.headers if token else None
    try:
        return download(remote.url, path, remote.sha256, remote.size, progress, secrets=secrets)
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
        raise ModelError(web.unreachable(url, error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(web.unreachable(url, error or type(error).__name__)) from None


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
    if token is None:
        return (
            f"{name} is given only to people whom Meta has granted access. Open {page}, sign in, accept the licence "
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
