"""Which pixels of a photo show a person: the outline of the fitted body, brought to the photo's own edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

#: px, the longer side of the picture in which the outline is looked for.
_SIDE = 420
_ROUNDS = 3
#: Parts of the person's size: farther outside the body than this nobody is; so far a coarse segmentation may be off.
_BEYOND, _OFF = 0.07, 0.018
#: The middle of a limb: where the border is nearly as far as it is anywhere within this many px.
_MIDDLE, _REACH = 0.7, 10


def person_mask(
    pixels: Pixels, body: Bools, others: Bools, firm: Bools | None = None, hint: Bools | None = None
) -> Bools:
    """(H, W) the person, by GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004) begun from the body's own outline.

    Args:
        pixels: (H, W, 3) RGB, the part of the photo around the person.
        body: (H, W) what the fitted body covers there, other bodies before it left out.
        others: (H, W) where other people are seen.
        firm: (H, W) those of its parts whose middle certainly shows the person; None: all.
        hint: (H, W) the person by a coarse segmentation, where there is one.
    """
    height, width = body.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    inside = _shrunk(body, size) > 0.5
    if not inside.any():
        return body & ~others
    rows, columns = np.nonzero(inside)
    extent = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    out, within = _distance(~inside), _distance(inside)
    widest = cv2.dilate(within, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _REACH + 1, 2 * _REACH + 1)))
    middle = inside & (within > _MIDDLE * widest)
    if firm is not None:
        middle &= _shrunk(firm, size) > 0.5
    if hint is not None:
        hinted = _shrunk(hint, size) > 0.5
        off = _distance(~hinted)
        out = np.maximum(_BEYOND / (2 * _OFF) * off, out)
        middle = (middle | (_distance(hinted) > _OFF * extent)) & hinted
        inside = (inside & (off < _OFF * extent)) | hinted
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[out > _BEYOND * extent] = cv2.GC_BGD
    labels[middle] = cv2.GC_FGD
    labels[_shrunk(others, size) > 0.5] = cv2.GC_BGD
    back = np.isin(labels, (cv2.GC_BGD, cv2.GC_PR_BGD))
    if back.all() or not back.any():
        return body & ~others
    cv2.setRNGSeed(1)  # the colour models begin with a random clustering
    cv2.grabCut(small, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    full = cv2.resize(found, (width, height), interpolation=cv2.INTER_CUBIC) > 0.5
    return np.asarray(full & ~others)


def _shrunk(mask: Bools, size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def _distance(mask: Bools) -> NDArray[np.float32]:
    """px to the nearest pixel outside a mask."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
