"""The command lines that README and docs show, made concrete enough to be parsed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BEGINS = re.compile(r"(\$ )?(sam3db|make|python -m|python bench/)(?= |$)")
_INLINE = re.compile(r"`((?:sam3db|make|python -m|python bench/\S+) [^`]*)`")
# What stands for a value in a synopsis, where the parser wants another kind of word.
_VALUES = {
    "N": "1", "F": "1", "H": "170", "Y": "30", "FRAME": "1", "PX": "256", "KIND": "panels", "KIND,...": "panels",
    "K/N": "1/2", "V": "dinov3", "X0,Y0,X1,Y1": "1,2,3,4", "TO[:NAMES]": "fbx", "...": "",
}  # fmt: skip


@dataclass(frozen=True)
class CommandLine:
    """A line that somebody may copy.

    Attributes:
        source: where it stands, "README.md:62".
        text: as it stands there.
        inline: whether it stands within a sentence, where arguments may be left out.
    """

    source: str
    text: str
    inline: bool

    @property
    def words(self) -> list[str]:
        """The words as a shell would give them: no comment, optional parts there, of alternatives the first."""
        text = self.text.removeprefix("$ ").replace(" | ", "|")
        text = re.sub(r"\[(-[^\]]*)\]", r"\1", text)
        words = []
        for word in shlex.split(text, comments=True):
            word = word.removesuffix("...") if word != "..." else word
            word = word if "=" in word else word.split("|")[0]
            word = _VALUES.get(word, word)
            words += [word] if word else []
        return words


def command_lines(repository: Path) -> Iterator[CommandLine]:
    """All of them, in order."""
    for path in (repository / "README.md", *sorted((repository / "docs").glob("*.md"))):
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            source = f"{path.relative_to(repository).as_posix()}:{number}"
            if line.startswith("```"):
                fenced = not fenced
            elif fenced or line.startswith("    "):
                if _BEGINS.match(line.strip()):
                    yield CommandLine(source, line.strip(), False)
            else:
                for found in _INLINE.finditer(line):
                    yield CommandLine(source, found[1], True)
