"""All but the networks, against the reference: every field of every recorded pipeline."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines.sam3d_body.engine import Sam3dBodyEngine
from native_runtime.engines.sam3d_body.hands import HandCriteria
from native_runtime.engines.sam3d_body.outcome import FullResult
from native_runtime.engines.sam3d_body.session import Sam3dBodyReading
from native_runtime.mhr import Body
from tests.engines.sam3d_body.recorded import RecordedNetworks

TOLERANCES = {"pred_keypoints_2d": 5e-3, "lhand_bbox": 1e-3, "rhand_bbox": 1e-3, "focal_length": 1e-3, "bbox": 0.0}
"""Pixels; all else (metres, radians, parameters) agrees to 1e-5."""


def read(recorded: dict[str, NDArray], networks: RecordedNetworks, body: Body, picture: NDArray) -> Sam3dBodyReading:
    criteria = HandCriteria(wrist_angle=float(recorded["in.thresh_wrist_angle"]))
    intrinsics = recorded["in.cam_int"][0] if "in.cam_int" in recorded else None
    engine = Sam3dBodyEngine(networks, body, criteria=criteria)
    return engine.read(picture, intrinsics, recorded["in.boxes"])


def result(reading: Sam3dBodyReading, recorded: dict[str, NDArray], person: int) -> FullResult:
    mask = recorded["in.masks"][person].astype(bool) if "in.masks" in recorded else None
    return reading.result(person, mask, "full" if "lhand.crop_uint8" in recorded else "body")


def test_every_field_of_the_result(
    recorded: dict[str, NDArray], constants: dict[str, NDArray], body: Body, picture: NDArray
) -> None:
    reading = read(recorded, RecordedNetworks(recorded, constants), body, picture)
    for person in range(len(recorded["in.boxes"])):
        found = result(reading, recorded, person)
        for field in fields(FullResult):
            expected = recorded.get(f"final.{person}.{field.name}")
            value = getattr(found, field.name)
            assert (value is None) == (expected is None), field.name
            if expected is not None:
                tolerance = TOLERANCES.get(field.name, 1e-5)
                np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance, err_msg=f"{person} {field.name}")


def test_hands_are_judged_as_recorded(
    recorded: dict[str, NDArray], constants: dict[str, NDArray], body: Body, picture: NDArray
) -> None:
    if "merge.hand_valid_mask" not in recorded:
        return
    reading = read(recorded, RecordedNetworks(recorded, constants), body, picture)
    names = {"angle": "angle_difference", "size": "hand_box_size", "inside": "hand_kps2d", "wrist": "hand_wrist_kps2d"}
    for person in range(len(recorded["in.boxes"])):
        result(reading, recorded, person)
        ((outcome, _),) = [pair for (look, _), pair in reading._plain.items() if look.person == person]
        assert outcome.validity is not None
        for criterion, answer in outcome.validity.passes.items():
            np.testing.assert_array_equal(answer[0], recorded[f"merge.{names[criterion]}_valid_mask"][person])
        np.testing.assert_allclose(outcome.validity.angle[0], recorded["angle0.difference"][person], atol=1e-3)
        distances = [recorded[f"merge.{side}_kps_dist"][person] for side in ("left", "right")]
        np.testing.assert_allclose(outcome.validity.wrist_distance[0], distances, atol=1e-5)
        np.testing.assert_array_equal(outcome.merged.used[0], recorded["merge.valid_angle"][person, :, 0])


def test_the_encoder_runs_once_for_each_crop(
    recorded: dict[str, NDArray], constants: dict[str, NDArray], body: Body, picture: NDArray
) -> None:
    networks = RecordedNetworks(recorded, constants)
    reading = read(recorded, networks, body, picture)
    people, crops = len(recorded["in.boxes"]), 3 if "lhand.crop_uint8" in recorded else 1
    for _ in range(2):
        for person in range(people):
            result(reading, recorded, person)
        assert networks.encoded == reading.encoded == crops * people
