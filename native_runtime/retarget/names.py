"""What bone names mean, whoever chose them: words, numbers, and the side of the body."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_NAMESPACE = re.compile(r"^.*[:|]")
#: What Rigify calls the ends of chains and second halves of limbs: a number behind the side.
_SECOND = re.compile(r"\.[LR]\.\d{3}$")
_SIDES = {
    **dict.fromkeys(("l", "left", "lft", "lf", "左"), "l"),
    **dict.fromkeys(("r", "right", "rgt", "rt", "右"), "r"),
}
_MIDDLE = frozenset({"c", "m", "x", "center", "centre", "mid"})
#: Bones that end a chain, or that only serve others.
_HELPERS = frozenset(
    ("end", "nub", "tip", "null", "leaf", "ik", "pole", "target", "ctrl", "control", "ctl", "helper", "mch", "org")
    + ("wgt", "tweak", "socket", "twist", "roll", "vis", "dummy", "def", "master")
)
#: A word that this part of all names begin with says nothing.
_COMMON = 0.6
#: The bones of MikuMikuDance's models, in the words that others use.
_JAPANESE = {
    "肩": "shoulder", "腕": "arm", "ひじ": "forearm", "手首": "hand", "足": "thigh", "ひざ": "shin", "足首": "foot",
    "つま先": "toe", "首": "neck", "頭": "head", "親指": "thumb", "人指": "index", "人差指": "index", "中指": "middle",
    "薬指": "ring", "小指": "pinky", "目": "eye", "あご": "jaw", "下半身": "pelvis", "センター": "hips",
    "上半身": "spine",
}  # fmt: skip


@dataclass(frozen=True)
class BoneName:
    """A bone's name, taken apart.

    Attributes:
        name: as it is written.
        side: ``l``, ``r``, or ``c`` where the name has none.
        word: its words without side and numbers, in small letters, written together.
        words: the same, one by one.
        numbers: as they are written, in their order.
        helper: whether it is no bone of the body proper: an end, a twist, a control.
    """

    name: str
    side: str
    word: str
    words: tuple[str, ...]
    numbers: tuple[str, ...]
    helper: bool


def read_names(names: Iterable[str]) -> list[BoneName]:
    """Takes the names of one armature apart; what most of them begin with (``CC_Base_``) is left out."""
    spelled = [(name, _tokens(name)) for name in names]
    while True:
        firsts = Counter(tokens[0] for _, tokens in spelled if len(tokens) > 1)
        common, count = firsts.most_common(1)[0] if firsts else ("", 0)
        if count < max(3, _COMMON * len(spelled)) or common in _SIDES:
            break
        spelled = [(n, tokens[1:] if len(tokens) > 1 and tokens[0] == common else tokens) for n, tokens in spelled]
    return [_read(name, tokens) for name, tokens in spelled]


def _tokens(name: str) -> list[str]:
    bare = _NAMESPACE.sub("", name)
    tokens = [token.lower() for token in _WORD.findall(bare)]
    return [part for token in tokens for part in _apart(token)] or [bare.lower()]


def _apart(token: str) -> list[str]:
    """Sides written together with a word, as in ``leftarm`` and ``左腕``; Japanese words in English."""
    for side in ("left", "right", "左", "右"):
        rest = token.removeprefix(side)
        if rest and rest != token:
            return [side, *_apart(rest)]
    return [_JAPANESE.get(token, token)]


def _read(name: str, tokens: list[str]) -> BoneName:
    words = [token for token in tokens if not token.isdigit()]
    # a letter in the middle of a name may be anything; at its beginning or end it is the side
    at_edge = [word for word in (words[0], words[-1]) if word in _SIDES] if words else []
    spelled_out = [word for word in words if len(word) > 1 and word in _SIDES]
    sides = spelled_out or at_edge or [word for word in words if word in _SIDES]
    side = sides[0] if sides else ""
    if side:
        words.remove(side)
    if len(words) > 1 and words[-1] in _MIDDLE:
        words = words[:-1]
    if len(words) > 1 and words[0] in _MIDDLE - {"mid"}:
        words = words[1:]
    return BoneName(
        name=name,
        side=_SIDES.get(side, "c"),
        word="".join(words),
        words=tuple(words),
        numbers=tuple(token for token in tokens if token.isdigit()),
        helper=bool(_HELPERS & set(words)) or _SECOND.search(name) is not None,
    )
