"""Text in pictures without font files.

OpenCV has the Hershey stroke letters alone: ASCII, and crude where they are drawn at their final size. Drawn large and
reduced they are clean; what is not ASCII is spelt by its sound where a table or the character's Unicode name gives it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Height of a capital at scale 1, and how far letters reach below the line as a part of that height, px.
_CAPITAL, _DESCENT = 21.0, 0.45
_OVERSIZE = 6
_STROKE = 0.1  # of a capital's height

_TABLE = """
а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ъ='
ы=y ь=' э=e ю=yu я=ya і=i ї=i є=e ґ=g α=a β=b γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t
υ=y φ=f χ=ch ψ=ps ω=o ß=ss æ=ae œ=oe ø=o đ=d ð=d þ=th ł=l ı=i ħ=h –=- —=- ‘=' ’=' “=" ”=" …=... ー=- ·=- ×=x ⁄=/ °=deg
"""
_SPELT = dict(pair.split("=") for pair in _TABLE.split())
#: "HIRAGANA LETTER KA", "DEVANAGARI VOWEL SIGN AA", "HANGUL SYLLABLE HAN" say the sound, "HEBREW LETTER SHIN" begins
#: with it.
_NAMED = re.compile(r"(?:LETTER|SYLLABLE|VOWEL SIGN)(?: SMALL| CAPITAL)? ([A-Z]+)")
_NAMED_AFTER_WORDS = ("ARABIC", "HEBREW", "SYRIAC")


def spelt(text: str) -> str:
    """A text in printable ASCII: accents dropped, other alphabets by their sounds, what has none as its code point.

    ``Größe 写真`` becomes ``Grosse u5199u771f``. Different names may become equal; this is for reading alone.
    """
    return "".join(_spelt(character) for character in unicodedata.normalize("NFC", text)).strip()


@lru_cache(maxsize=4096)
def _spelt(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character.isspace() or unicodedata.category(character).startswith("C"):
        return " " if character.isspace() else ""
    known = _SPELT.get(character.lower())
    if known is not None:
        return known if character.islower() or not known.isalpha() else known.capitalize()
    name = unicodedata.name(character, "")
    sound = _NAMED.search(name)
    if sound and not re.search("LATIN|GREEK|CYRILLIC", name):
        letters = sound.group(1).lower()
        return letters[0] if name.startswith(_NAMED_AFTER_WORDS) else letters
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    if plain != character:
        return "".join(_spelt(c) for c in plain)
    return f"u{ord(character):04x}"


def width_of(text: str, height: float) -> int:
    """How wide an ASCII text becomes whose capitals are ``height`` px high."""
    (width, _), _ = cv2.getTextSize(text, _FONT, height * _OVERSIZE / _CAPITAL, 1)
    return int(np.ceil(width / _OVERSIZE))


def shortened(text: str, height: float, width: int) -> str:
    """The text, or as much of its beginning and end as fit into ``width`` px with dots between."""
    if width_of(text, height) <= width:
        return text
    kept = len(text) - 1
    while kept > 0:
        # the end distinguishes pictures of a series, so it gets the odd letter
        short = text[: kept // 2] + "..." + text[len(text) - (kept - kept // 2) :]
        if width_of(short, height) <= width:
            return short
        kept -= 1
    return ""


def wrapped(text: str, height: float, width: int, lines: int) -> list[str]:
    """The text as at most ``lines`` lines of at most ``width`` px; the last one shortened where it is too long."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < lines - 1:
        line = words.pop(0)
        while words and width_of(f"{line} {words[0]}", height) <= width:
            line += f" {words.pop(0)}"
        found.append(shortened(line, height, width))
    if words:
        found.append(shortened(" ".join(words), height, width))
    return found


def draw(canvas: Pixels, text: str, left: int, top: int, height: float, colour: tuple[int, int, int]) -> None:
    """Draws an ASCII text onto (H, W, 3); (left, top) is the corner of its capitals, which are ``height`` px high."""
    scale = height * _OVERSIZE / _CAPITAL
    margin = 2 * _OVERSIZE
    size = (int((1 + _DESCENT) * height + 4) * _OVERSIZE, width_of(text, height) * _OVERSIZE + 2 * margin)
    large = np.zeros(size, np.uint8)
    place = (margin, margin + round(height * _OVERSIZE))
    stroke = max(1, round(_STROKE * height * _OVERSIZE))
    cv2.putText(large, text, place, _FONT, scale, 255, stroke, cv2.LINE_AA)
    ink = cv2.resize(large, None, fx=1 / _OVERSIZE, fy=1 / _OVERSIZE, interpolation=cv2.INTER_AREA)
    target = canvas[max(top - 2, 0) :, max(left - 2, 0) :][: ink.shape[0], : ink.shape[1]]
    share = ink[: target.shape[0], : target.shape[1], None].astype(np.float32) / 255
    target[:] = np.round(target * (1 - share) + np.array(colour, np.float32) * share)
