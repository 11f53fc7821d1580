"""On which terms a network is used, as its manifest says it or as its kind demands."""

from __future__ import annotations

from native_runtime.models.shelf import model_terms


def test_the_installers_signature_counts() -> None:
    signed = {"source": {"terms": ["dinov3", "sam"], "commercial": True, "used_commercially": None}}
    assert model_terms("sam3d_body", "dinov3", signed) == {
        "model": "sam3d_body",
        "terms": ["dinov3", "sam"],
        "commercial": True,
    }


def test_without_one_the_kind_of_network_decides() -> None:
    """Such as after `sam3db convert-checkpoint`, or where a network was copied by hand."""
    assert model_terms("sam3d_body", "vith", {}) == {"model": "sam3d_body_vith", "terms": [], "commercial": True}
    assert model_terms("instanthmr", "nano", {"source": {"package": "p"}}) == {
        "model": "instanthmr_nano",
        "terms": [],
        "commercial": False,
    }
    assert model_terms("instanthmr", "my own", {"source": "?"}) == {"model": "my own", "terms": [], "commercial": None}
