"""What stands on the shelf: complete, honest about what is known, with whole licences."""

from __future__ import annotations

import hashlib
import re

import pytest

from native_runtime.errors import UsageError
from native_runtime.models.shelf import ShelfItem, shelf, shelf_item
from native_runtime.models.shelf.licences import ALL, INSTANTHMR_NONCOMMERCIAL

ITEMS = tuple(shelf().values())

PUBLISHED = {
    "sam": "b3a5a0e2d973ab80e6610ccf1cffc40756050d0ace3cd4fec879b3ec290b2e9b",
    "dinov3": "25d122eb8f5b880fd23c736fb6ea8018ee45c12237e00b8a86d14c653904999e",
    "apache": "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
}
"""SHA-256 of the licences as their publishers have them."""


def test_licences_are_whole_and_unchanged() -> None:
    assert {key: hashlib.sha256(terms.data).hexdigest() for key, terms in ALL.items() if terms.verbatim} == PUBLISHED
    assert "This is a note" in INSTANTHMR_NONCOMMERCIAL.text  # and does not pass for a licence


@pytest.mark.parametrize("item", ITEMS, ids=[item.name for item in ITEMS])
def test_an_item_says_all_that_a_user_needs(item: ShelfItem) -> None:
    assert item.title
    assert item.gives.endswith(".")
    assert item.terms
    assert item.sources[-1].kind == "file"  # who has the file needs no network
    assert len({source.key for source in item.sources}) == len(item.sources)
    assert item.commercial is all(terms.commercial for terms in item.terms)
    for source in item.sources:
        assert source.note.endswith(".")
        assert bool(source.files) == (source.kind != "file")
        assert len({file.name for file in source.files}) == len(source.files)
        for file in source.files:
            known = re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "") and file.size
            # A file is known by its hash; where nobody publishes one, the user is told.
            assert known or "no SHA-256" in source.note
    if item.engine == "sam3d_body":
        assert "sam" in [terms.key for terms in item.terms]
        assert any("sanctions" in line for line in item.forbidden)


def test_sam3d_body_needs_both_licences_and_comes_from_anybody_who_has_metas_bytes() -> None:
    item = shelf()["sam3d_body"]
    assert [terms.key for terms in item.terms] == ["sam", "dinov3"]
    hashes = {source.key: {file.sha256 for file in source.files} for source in item.sources if len(source.files) == 2}
    assert set(hashes) == {"meta", "maccap", "jetjodh"}
    assert len(set(map(frozenset, hashes.values()))) == 1


@pytest.mark.parametrize(
    ("size", "path", "its"),
    [
        ("medium", "medium.onnx", True),
        ("medium", "weights/instanthmr_medium_fp16.onnx", True),
        ("medium", "instanthmr_medium_commercial.onnx", False),
        ("medium", "instanthmr-medium-commercial.onnx", False),
        ("medium_commercial", "instanthmr-medium-commercial.onnx", True),
        ("medium_commercial", "instanthmr_medium.onnx", False),
        ("nano", "InstantHMR_nano.onnx", True),
        ("nano", "nano.pth", False),
        ("tiny", "instanthmr.onnx", False),
    ],
)
def test_a_size_takes_no_other_sizes_file(size: str, path: str, its: bool) -> None:
    file = shelf()[f"instanthmr_{size}"].sources[0].files[0]
    assert bool(re.fullmatch(file.pattern or "", path)) is its


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="sam3d_body, sam3d_body_vith"):
        shelf_item("sam4d_body")
