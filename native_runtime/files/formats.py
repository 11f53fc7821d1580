"""The formats of stored files, and the migrations from older versions to the newest; docs/formats.md lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from native_runtime.errors import NewerFormatError


@dataclass(frozen=True)
class Format:
    """A format and the version of it that the program writes: content says ``"format": "NAME/VERSION"``.

    Attributes:
        name: what content of any version begins with.
        version: the newest, counted from 1.
        unversioned: whether content that names no format is of version 1, as version 0.1.0 of the program wrote it.
        migrations: by version, what makes content of the next version of it.
    """

    name: str
    version: int = 1
    unversioned: bool = False
    migrations: Mapping[int, Callable[[Any], Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    def checked(self, content: Any, title: object) -> Any:
        """Content of any version as the newest one has it.

        Args:
            content: a mapping, as it was read; nothing of it is trusted.
            title: the file or the record, for the message.

        Raises:
            NewerFormatError: a newer version of the program wrote it.
            ValueError: it is of another format.
        """
        named = content.get("format") if isinstance(content, Mapping) else None
        stated = f"{self.name}/1" if named is None and self.unversioned else str(named)
        if not re.fullmatch(r"[\w.-]+/\S+", stated):
            raise ValueError("it states no format")
        if not re.fullmatch(f"{self.name}/[1-9][0-9]{{0,8}}", stated):
            raise ValueError(f"its format is {stated[:60]!r}, not '{self}'")
        version = int(stated.rpartition("/")[2])
        if version > self.version:
            raise NewerFormatError(
                f"{title} was written by a newer version of this program. Update the program to read it."
            )
        for older in range(version, self.version):
            content = self.migrations[older](content)
        return content

    def parsed(self, text: str | bytes, title: object) -> Any:
        """As ``checked``, of JSON; ValueError also where it is none."""
        try:
            return self.checked(json.loads(text), title)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
