"""Reading photos: the table of hostile files, rotation, alpha, EXIF focal lengths, size limits."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from native_runtime.errors import PhotoError, PromptError
from native_runtime.image import reading
from native_runtime.image.exif import Exif, focal_length_px, read_exif
from native_runtime.image.reading import Photo, decode_photo, read_mask, read_photo
from tests.support import hostile_photos as hostile


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return hostile.make_all(tmp_path_factory.mktemp("hostile"))


def assert_quarters(pixels: np.ndarray, tolerance: int = 14) -> None:
    """The four quarters of the test picture are where they belong."""
    height, width = pixels.shape[:2]
    seen = [
        pixels[int(height * y), int(width * x)] for y, x in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25))
    ]
    wanted = (hostile.RED, hostile.GREEN, hostile.BLUE, hostile.GREY)
    assert np.abs(np.array(seen, int) - np.array(wanted)).max() <= tolerance, seen


def test_the_table_is_long_enough() -> None:
    assert len(hostile.CASES) >= 40


@pytest.mark.parametrize("name", hostile.CASES)
def test_hostile_files_give_the_right_error_or_the_right_result(
    files: dict[str, Path], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    case = hostile.CASES[name]
    if case.size == (-1, -1):
        try:
            photo = read_photo(files[name])
        except PhotoError:
            return
        assert photo.size == (300, 200)
    elif case.size is None:
        with pytest.raises(PhotoError) as caught:
            read_photo(files[name])
        assert str(files[name]) in str(caught.value)
        assert case.says in str(caught.value)
    else:
        photo = read_photo(files[name])
        assert photo.size == photo.original_size == case.size
        assert photo.pixels.dtype == np.uint8
        assert photo.pixels.shape == (case.size[1], case.size[0], 3)
        assert photo.pixels.flags.c_contiguous
        assert case.says in " ".join(photo.notes)
        if not case.says:
            assert photo.notes == []
        if case.shows:
            assert_quarters(photo.pixels)
    # What C libraries say about odd files stays away from people.
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.skipif(sys.platform == "win32" or reading.os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="may not be read"):
        read_photo(hostile.forbidden(tmp_path / "photo"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_eight_orientations_come_out_upright(kind: str, orientation: int) -> None:
    photo = decode_photo(hostile.turned(kind, orientation))
    assert photo.size == photo.original_size == (hostile.WIDTH, hostile.HEIGHT)
    assert_quarters(photo.pixels)


def xmp_packet(orientation: int, as_element: bool = False) -> bytes:
    said = f"<tiff:Orientation>{orientation}</tiff:Orientation>" if as_element else ""
    attribute = "" if as_element else f' tiff:Orientation="{orientation}"'
    space = 'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a {space}{attribute}>{said}</a></x:xmpmeta>'.encode()


@pytest.mark.parametrize("as_element", [False, True])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_orientation_in_xmp_alone_counts(kind: str, as_element: bool) -> None:
    packet, stored = xmp_packet(6, as_element), hostile.stored_turned(6)
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        data = hostile.encode(stored, kind, pnginfo=text)
    elif kind == "TIFF":
        data = hostile.encode(stored, kind, tiffinfo={700: packet})
    else:
        data = hostile.encode(stored, kind, xmp=packet, **({} if kind == "WEBP" else {"quality": 95}))
    photo = decode_photo(data)
    assert photo.size == (hostile.WIDTH, hostile.HEIGHT)
    assert_quarters(photo.pixels, 40 if kind == "WEBP" else 25)
    assert "XMP orientation 6" in " ".join(photo.notes)


def test_exif_counts_more_than_xmp() -> None:
    data = hostile.encode(hostile.quarters(), "JPEG", exif=hostile.exif_block(1), xmp=xmp_packet(6), quality=95)
    assert_quarters(decode_photo(data).pixels)


def test_half_a_photo_shows_its_first_half() -> None:
    whole = decode_photo(hostile.encode(hostile.noise(), "PNG")).pixels
    half = decode_photo(hostile.cut(hostile.encode(hostile.noise(), "PNG"), 0.5)).pixels
    assert np.array_equal(half[:95], whole[:95])
    assert not half[110:].any()


def test_transparency_is_laid_over_grey() -> None:
    pixels = decode_photo(hostile.encode(hostile.transparent(), "PNG")).pixels
    assert pixels[5, 5].tolist() == [255, 0, 0]
    assert (pixels[-5:] == reading.BACKGROUND_GREY).all()


def test_sixteen_bits_are_rounded_not_cut() -> None:
    deep = np.full((4, 4), 127 * 257 + 200, np.uint16)
    ok, data = cv2.imencode(".png", deep)
    assert ok
    assert decode_photo(data.tobytes()).pixels[0, 0, 0] == 128


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floating_point_pictures_of_any_custom(top: float) -> None:
    ramp = np.linspace(0, top, 256, dtype=np.float32).reshape(16, 16)
    ramp[0, 0] = np.nan
    pixels = decode_photo(hostile.encode(Image.fromarray(ramp), "TIFF")).pixels
    assert pixels[-1, -1, 0] == 255
    assert pixels[8, 0, 0] == pytest.approx(128, abs=1)
    assert pixels[0, 0, 0] == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_photos_are_reduced_and_say_so(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WORKING_SIDE", 300)
    exif = hostile.exif_block(6)
    picture = hostile.quarters(600, 401).transpose(Image.Transpose.ROTATE_90)
    photo = decode_photo(hostile.encode(picture, kind, exif=exif))
    assert photo.original_size == (600, 401)
    assert photo.size in ((300, 200), (300, 201))
    assert_quarters(photo.pixels)
    assert "600 x 401" in " ".join(photo.notes)
    corners = photo.to_original([[-0.5, -0.5], np.array(photo.size) - 0.5])
    assert corners == pytest.approx(np.array([[-0.5, -0.5], [599.5, 400.5]]))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
def test_a_hundred_megapixels_are_read_within_two_gigabytes(tmp_path: Path, repository: Path) -> None:
    """In a process of its own, since the memory of this one has known other tests (getrusage's peak is inherited)."""
    path = tmp_path / "large.jpg"
    hostile.quarters(12_000, 8_500).save(path, quality=80)
    program = (
        "import re, sys; from native_runtime.image.reading import read_photo; photo = read_photo(sys.argv[1])\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]\n"
        "print(*photo.original_size, *photo.size, peak)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, cwd=repository, check=True
    )
    *original, width, height, memory = map(int, done.stdout.split())
    assert original == [12_000, 8_500]
    assert max(width, height) <= reading.WORKING_SIDE
    assert memory * 1024 < 2e9


def test_heic_when_the_plug_in_is_there() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    encoded = pillow_heif.from_pillow(hostile.quarters(64, 48))
    buffer = io.BytesIO()
    encoded.save(buffer, quality=95)
    photo = decode_photo(buffer.getvalue())
    assert photo.size == (64, 48)
    assert_quarters(photo.pixels, tolerance=25)


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_of_new_kinds_come_out_upright(kind: str, orientation: int) -> None:
    stored, exif = hostile.stored_turned(orientation), hostile.exif_block(orientation).tobytes()
    if kind == "HEIC":
        pytest.importorskip("pillow_heif").register_heif_opener()
    photo = decode_photo(hostile.encode(stored, "HEIF" if kind == "HEIC" else kind, quality=95, exif=exif))
    assert photo.size == photo.original_size == (hostile.WIDTH, hostile.HEIGHT)
    assert_quarters(photo.pixels, tolerance=25)


@pytest.mark.parametrize(
    ("missing", "data", "package"),
    [
        (("pi_heif", "pillow_heif"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "pi-heif"),
        (("PIL",), b"GIF89a" + bytes(20), "pillow"),
    ],
)
def test_a_missing_decoder_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], data: bytes, package: str
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PhotoError, match=f"pip install {package}"):
        decode_photo(data)


# --- EXIF ---


def exif_bytes(
    order: str, entries: dict[int, tuple[int, tuple[int, ...]]], first: dict[int, int] | None = None
) -> bytes:
    """A TIFF block with ``first`` (shorts) in the first directory and ``entries`` (type, values) in the EXIF one."""
    first = first or {}
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    exif_at = 8 + 2 + 12 * (len(first) + 1) + 4
    data_at = exif_at + 2 + 12 * len(entries) + 4
    out = head + struct.pack(order + "H", len(first) + 1)
    for tag, value in first.items():
        out += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    out += struct.pack(order + "HHII", 0x8769, 4, 1, exif_at) + struct.pack(order + "I", 0)
    out += struct.pack(order + "H", len(entries))
    extra = b""
    for tag, (kind, values) in entries.items():
        if kind == 5:
            out += struct.pack(order + "HHII", tag, kind, 1, data_at + len(extra))
            extra += struct.pack(order + "II", *values)
        elif kind == 3:
            out += struct.pack(order + "HHIHH", tag, kind, 1, values[0], 0)
        else:
            out += struct.pack(order + "HHII", tag, kind, 1, values[0])
    return out + struct.pack(order + "I", 0) + extra


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_read_in_both_byte_orders(order: str) -> None:
    block = exif_bytes(
        order,
        {
            0x920A: (5, (50, 1)),
            0xA002: (4, (6000,)),
            0xA003: (3, (4000,)),
            0xA20E: (5, (6000 * 254, 14173)),
            0xA210: (3, (2,)),
            0xA405: (3, (52,)),
        },
        {0x0112: 6},
    )
    exif = read_exif(b"Exif\0\0" + block)
    assert exif.orientation == 6
    assert exif.focal_length_mm == 50
    assert exif.focal_length_35mm == 52
    assert exif.pixel_dimensions == (6000, 4000)
    assert exif.focal_plane_pixels_per_mm == pytest.approx(6000 * 254 / 14173 / 25.4)


@pytest.mark.parametrize("length", range(0, 120, 3))
def test_exif_cut_anywhere_never_raises(length: int) -> None:
    block = exif_bytes(">", {0x920A: (5, (50, 0)), 0xA405: (3, (52,))}, {0x0112: 6})
    read_exif(block[:length])


def test_random_exif_never_raises(rng: np.random.Generator) -> None:
    for _ in range(300):
        read_exif(b"II*\0\x08\0\0\0" + rng.integers(0, 256, 200, dtype=np.uint8).tobytes())


def test_focal_length_from_the_sensor() -> None:
    # A 36 x 24 mm sensor of 6000 x 4000 pixels with a 50 mm lens.
    exif = Exif(focal_length_mm=50, focal_plane_pixels_per_mm=6000 / 36, pixel_dimensions=(6000, 4000))
    assert focal_length_px(exif, 6000, 4000) == (pytest.approx(50 * 6000 / 36), None)
    assert focal_length_px(exif, 1000, 1500)[0] == pytest.approx(50 * 1500 / 36)  # resized and turned


def test_focal_length_from_the_35_mm_equivalent_follows_the_diagonal() -> None:
    focal, _ = focal_length_px(Exif(focal_length_35mm=26), 4000, 3000)
    assert focal == pytest.approx(26 * 5000 / 43.2666, rel=1e-4)


def test_a_digital_zoom_makes_the_35_mm_equivalent_win() -> None:
    exif = Exif(focal_length_mm=50, focal_plane_pixels_per_mm=6000 / 36, focal_length_35mm=100)
    focal, note = focal_length_px(exif, 6000, 4000)
    assert focal == pytest.approx(100 * np.hypot(6000, 4000) / np.hypot(36, 24))
    assert note


# A phone's picture of 4032 x 3024 px: 26 mm on 43.27 mm of diagonal.
PHONE = Exif(focal_length_35mm=26, pixel_dimensions=(4032, 3024))
PHONE_FOCAL = 26 * 5040 / 43.2666


@pytest.mark.parametrize("size", [(4032, 3024), (3024, 4032), (2016, 1512), (1000, 750), (4000, 3000), (8064, 6048)])
def test_a_resized_or_turned_picture_keeps_its_angle_of_view(size: tuple[int, int]) -> None:
    focal, doubt = focal_length_px(PHONE, *size)
    assert focal == pytest.approx(PHONE_FOCAL * max(size) / 4032, rel=1e-3)
    assert doubt is None


@pytest.mark.parametrize("size", [(800, 1600), (3024, 3024), (4032, 2268), (1500, 300)])
def test_a_piece_of_a_picture_keeps_its_focal_length_and_says_so(size: tuple[int, int]) -> None:
    focal, doubt = focal_length_px(PHONE, *size)
    assert focal == pytest.approx(PHONE_FOCAL, rel=1e-3)
    assert doubt
    assert "cropped" in doubt
    assert "4032 x 3024" in doubt


def test_a_piece_of_a_picture_by_the_sensors_resolution() -> None:
    exif = Exif(focal_length_mm=50, focal_plane_pixels_per_mm=6000 / 36, pixel_dimensions=(6000, 4000))
    focal, doubt = focal_length_px(exif, 1000, 1000)
    assert focal == pytest.approx(50 * 6000 / 36)
    assert doubt


def test_a_picture_larger_than_the_cameras_has_no_focal_length_to_trust() -> None:
    focal, doubt = focal_length_px(PHONE, 5000, 5000)
    assert focal is None
    assert doubt
    assert "was ignored" in doubt


def test_a_cropped_photo_carries_its_doubt_and_a_whole_one_none(shared: Path) -> None:
    photo = read_photo(shared / "cases" / "crop_stale.jpg")
    assert photo.focal_px == pytest.approx(3029, abs=1)
    assert photo.lens_doubt
    assert decode_photo(hostile.encode(hostile.quarters(), "JPEG")).lens_doubt is None


def test_an_unbelievable_focal_length_is_left_out() -> None:
    focal, note = focal_length_px(Exif(focal_length_35mm=60_000), 6000, 4000)
    assert focal is None
    assert note


def test_the_photo_carries_its_focal_length_in_working_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    block = exif_bytes(">", {0xA405: (3, (43,))})
    data = hostile.encode(hostile.quarters(400, 300), "JPEG", exif=b"Exif\0\0" + block)
    assert decode_photo(data).focal_px == pytest.approx(43 * 500 / 43.2666, rel=1e-4)
    monkeypatch.setattr(reading, "WORKING_SIDE", 200)
    assert decode_photo(data).focal_px == pytest.approx(43 * 250 / 43.2666, rel=1e-4)


# --- masks ---


def test_a_mask_is_white_where_the_person_is(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 5:30] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(mask).save(path)
    assert np.array_equal(read_mask(path, (60, 40)), mask > 0)


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.new("L", (60, 40)).save(path)
    with pytest.raises(PromptError, match="60 x 40"):
        read_mask(path, (61, 40))
    with pytest.raises(PromptError, match="mask is empty"):
        read_mask(path, (60, 40))


def test_a_photo_made_from_pixels_knows_its_size() -> None:
    photo = Photo(np.zeros((5, 7, 3), np.uint8), Path("x"))
    assert photo.original_size == photo.size == (7, 5)
    assert photo.scale == (1.0, 1.0)
