"""What a zip holds, made without models, without other makers' wheels, and without building ours: for checks of it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from sam3db_blender.packaging import stage, wheels
from sam3db_blender.packaging.content import Content, Wheel, read_folder

#: Other makers' distributions, and the module that each brings.
OTHERS = {"onnxruntime": "onnxruntime", "opencv_python_headless": "cv2", "pi_heif": "pi_heif", "pillow": "PIL"}


def wheel_of(name: str, files: dict[str, bytes]) -> Wheel:
    """A wheel of this name, with its licence and the tags that its name has."""
    distribution, version = name.split("-")[:2]
    python, abi, platforms = name.removesuffix(".whl").split("-")[-3:]
    info = f"{distribution}-{version}.dist-info"
    tags = "".join(f"Tag: {python}-{abi}-{platform}\n" for platform in platforms.split("."))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in {**files, f"{info}/LICENSE": b"", f"{info}/WHEEL": tags.encode()}.items():
            archive.writestr(path, content)
    return Wheel(name, packed.getvalue())


def content_of_sources(folder: Path, platform: str = "windows-x64", tag: str = "win_amd64") -> Content:
    """The content of a zip for Python 3.11: our code and manifest, other makers' modules without content."""
    (folder / "wheels").mkdir(parents=True)
    stage.copy_add_on(folder)
    wheels.copy_sources(folder.parent / "sources")
    sources = {
        path.relative_to(folder.parent / "sources").as_posix(): path.read_bytes()
        for path in (folder.parent / "sources").rglob("*")
        if path.is_file()
    }
    bundled = [wheel_of("sam3db-1-py3-none-any.whl", sources)]
    bundled += [
        wheel_of(f"{name}-1-cp311-cp311-{tag}.whl", {f"{top}/__init__.py": b""}) for name, top in OTHERS.items()
    ]
    text = (stage.ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    manifest = stage.complete_manifest(text, platform, [wheel.name for wheel in bundled])
    (folder / "blender_manifest.toml").write_text(manifest, encoding="utf-8")
    for name in ("LICENSE", "THIRD_PARTY.md"):
        (folder / name).write_bytes((stage.ROOT / name).read_bytes())
    return Content(read_folder(folder).files, tuple(bundled))
