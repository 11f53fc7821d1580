"""The user's own access token for Hugging Face: where it is found, and how it is kept out of messages and logs.

Looked for where the service's own tools look: `HF_TOKEN`, then the file that `HF_TOKEN_PATH` names, then the file that
`hf auth login` writes (`$HF_HOME/token`, by default `~/.cache/huggingface/token`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from native_runtime.errors import UsageError

VARIABLE = "HF_TOKEN"
PAGE = "https://huggingface.co/settings/tokens"
"""Where the user makes one."""

# What may stand in a header; anything else was never a token, and must not be sent.
_FORM = re.compile(r"[\x21-\x7e]{1,500}")


@dataclass(frozen=True)
class AccessToken:
    """A token, whose text shows up in no `repr`, message or log.

    Attributes:
        secret: the token.
        origin: where it was found, for people.
    """

    secret: str = field(repr=False)
    origin: str

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.secret):
            raise UsageError(f"What was found as access token ({self.origin}) is not one. Copy it again from {PAGE}.")

    @property
    def headers(self) -> dict[str, str]:
        """What a request must carry, for the service's own server alone."""
        return {"Authorization": f"Bearer {self.secret}"}

    def hidden_in(self, text: str) -> str:
        """The text without the token, should somebody have put it there."""
        return text.replace(self.secret, "***")


def find_token(given: str | None = None, environment: Mapping[str, str] | None = None) -> AccessToken | None:
    """The token that was given, else the one of this machine's user; None where there is none.

    Raises:
        UsageError: what was found there cannot be a token.
    """
    known = os.environ if environment is None else environment
    if given and given.strip():
        return AccessToken(given.strip(), "as typed")
    named = known.get(VARIABLE, "").strip()
    if named:
        return AccessToken(named, VARIABLE)
    path = token_file(known)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return AccessToken(text, str(path)) if text else None


def token_file(environment: Mapping[str, str]) -> Path:
    """Where the service's own tools keep the token (there may be none)."""
    if named := environment.get("HF_TOKEN_PATH"):
        return Path(named).expanduser()
    if home := environment.get("HF_HOME"):
        return Path(home).expanduser() / "token"
    cache = environment.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "huggingface" / "token"
