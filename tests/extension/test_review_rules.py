"""The rules by which Blender's extension platform reviews add-ons, as far as a program can tell.

From the platform's terms of service (https://extensions.blender.org/terms-of-service), its moderators' guidelines
(https://developer.blender.org/docs/features/extensions/moderation/guidelines/) and Blender's manual (*Advanced >
Extensions*), read in December 2026. The checklist:

| rule | test |
| --- | --- |
| the manifest's keys and texts; the name without "Blender" | ``test_the_manifest...``, ``test_texts...`` |
| the oldest Blender is named, and is one that has extensions | ``test_the_oldest_blender...`` |
| permissions: all that are used, each with its reason | ``test_permissions...`` |
| the network only where the user allows it in Blender's preferences | ``test_the_network...`` |
| self-contained: nothing is installed or updated by the add-on | ``test_nothing_installs...`` |
| code can be reviewed: nothing is made into code at run time, no shell, no pickles | ``test_no_code_from_data`` |
| nothing is written into the add-on's folder | ``test_the_add_ons_folder_is_only_read`` |
| no path to modules is added to Blender's | ``test_the_window_leaves_the_path_of_modules_alone`` |
| modules of the add-on are imported relatively; its name is ``__package__`` | ``test_the_add_on_knows...`` |
| enabling and disabling are each other's inverse | `test_install*`, in a real Blender |
| licences of all that is bundled; credits in the manifest | ``test_credits...``, `test_checks` |
| no caches, no compiled files outside of wheels, imports that are there | `test_checks` |
| wheels as published | docs/releasing.md says where they are not, and how a zip with such alone is built |
| at most 200 MB | `build` refuses larger ones |
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sam3db_blender.packaging import checks
from sam3db_blender.packaging.content import Content
from tests.support.zips import OTHERS, content_of_sources

#: What Blender's validation asks of the manifest's texts.
LONGEST = 64

#: A file without any of these words needs no parsing: no check could find anything in it.
_WORDS = re.compile(
    r"\b(eval|exec|compile|__import__|os|pickle|Pickle|shell|allow_pickle|pip|ensurepip|venv|npm|setuptools|addon_updater"
    r"|urllib|http|socket|requests|online_access|\w*clipboard\w*|VideoCapture|__file__|sys|site|sam3db_blender|bl_info)\b"
)
#: Rooms of our wheel that reach other machines, each at a click or by a command: models, libraries for graphics cards,
#: farms.
NETWORK = ("native_runtime/models/", "native_runtime/gpu_support/", "native_runtime/farm/")
#: Programs and what they load, each with a process to itself, which set where their modules come from.
OWN_PROCESSES = {
    "builder/program.py",
    "native_runtime/service/worker.py",
    "native_runtime/cli/child.py",
    "native_runtime/doctor/child.py",
    "native_runtime/gpu_runtime.py",
}

#: Files that say where the add-on's own folder is, to read from it.
OWN_FOLDER = {"places.py", "jobs/builder_command.py", "jobs/doctor.py"}

Check = Callable[[ast.AST], bool]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return content_of_sources(tmp_path_factory.mktemp("zip") / "stage")


@pytest.fixture(scope="module")
def trees(content: Content) -> dict[str, ast.Module]:
    """Our Python files in the zip, parsed, as far as a check may find something; those of the wheel begin with
    ``native_runtime/``.
    """
    return {name: ast.parse(text, name) for name, text in content.sources() if _WORDS.search(text)}


def add_on_only(trees: dict[str, ast.Module]) -> dict[str, ast.Module]:
    return {name: tree for name, tree in trees.items() if not name.startswith(("native_runtime/", "rig_templates/"))}


def places(trees: dict[str, ast.Module], check: Check) -> list[str]:
    """Where a check holds: file and line."""
    return [f"{name}:{node.lineno}" for name, tree in trees.items() for node in ast.walk(tree) if check(node)]


def dotted(node: ast.AST) -> str:
    """A name with its attributes, as in "os.path.join"; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def calls(names: str) -> Check:
    """Calls of a function whose dotted name matches entirely."""
    pattern = re.compile(names)
    return lambda node: isinstance(node, ast.Call) and pattern.fullmatch(dotted(node.func)) is not None


def imports(names: str) -> Check:
    """Imports of a module whose dotted name matches entirely."""
    pattern = re.compile(names)

    def check(node: ast.AST) -> bool:
        if isinstance(node, ast.Import):
            return any(pattern.fullmatch(alias.name) for alias in node.names)
        return isinstance(node, ast.ImportFrom) and not node.level and bool(pattern.fullmatch(node.module or ""))

    return check


def test_the_manifest_has_the_keys_that_the_platform_knows(content: Content) -> None:
    needed = {
        "schema_version",
        "id",
        "version",
        "name",
        "tagline",
        "maintainer",
        "type",
        "blender_version_min",
        "license",
    }
    known = needed | {"blender_version_max", "website", "copyright", "tags", "platforms", "wheels", "permissions"}
    assert needed <= set(content.manifest) <= known
    assert content.manifest["type"] == "add-on"
    assert content.manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", content.manifest["id"])
    assert "__" not in content.manifest["id"]
    assert "blender" not in content.manifest["name"].lower()


def test_texts_of_the_manifest_are_short_and_without_a_full_stop(content: Content) -> None:
    for text in (content.manifest["tagline"], *content.manifest["permissions"].values()):
        assert 0 < len(text) <= LONGEST, text
        assert text[-1].isalnum(), text
        assert text == text.strip()


def test_the_oldest_blender_is_named(content: Content) -> None:
    oldest = tuple(int(part) for part in content.manifest["blender_version_min"].split("."))
    assert len(oldest) == 3
    assert oldest >= (4, 2, 0)


def test_permissions_are_those_that_are_used(content: Content, trees: dict[str, ast.Module]) -> None:
    uses = {
        "clipboard": places(add_on_only(trees), lambda n: isinstance(n, ast.Attribute) and "clipboard" in n.attr),
        "files": places(add_on_only(trees), calls(r"open|.*\.(open|read_bytes|write_bytes|read_text|write_text)")),
        "network": places(trees, imports(r"urllib\.request|http\.client|socket|requests")),
    }
    asked = set(content.manifest["permissions"])
    assert asked == {name for name, found in uses.items() if found}, uses
    assert not places(trees, lambda n: isinstance(n, ast.Call) and _opens_a_camera(n))  # neither camera nor microphone


def _opens_a_camera(node: ast.Call) -> bool:
    numbered = bool(node.args) and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int)
    return dotted(node.func).endswith("VideoCapture") and numbered


def test_the_network_is_used_only_where_the_user_allows_it(trees: dict[str, ast.Module]) -> None:
    """Rooms that are known for it alone reach for it, and the add-on asks Blender's preferences first."""
    found = places(trees, imports(r"urllib\.request|http\.client|socket|ssl|ftplib|smtplib|requests"))
    assert [place for place in found if not place.startswith(NETWORK)] == []
    assert places(add_on_only(trees), lambda node: isinstance(node, ast.Attribute) and node.attr == "online_access")


def test_nothing_installs_or_updates_anything(trees: dict[str, ast.Module]) -> None:
    def runs_pip(node: ast.AST) -> bool:
        if not isinstance(node, ast.List | ast.Tuple | ast.Call):
            return False
        words = node.args if isinstance(node, ast.Call) else node.elts
        texts = {word.value for word in words if isinstance(word, ast.Constant)}
        return bool(texts & {"pip", "ensurepip", "venv", "npm"})

    assert places(trees, runs_pip) == []
    assert places(trees, imports("pip|ensurepip|venv|setuptools|addon_updater.*")) == []


@pytest.mark.parametrize(
    "names",
    [r"eval|exec|compile|__import__", r"os\.(system|popen|exec\w+|spawn\w+|startfile)", r"\w*[pP]ickle\.(load|loads)"],
)
def test_no_code_from_data(trees: dict[str, ast.Module], names: str) -> None:
    assert places(trees, calls(names)) == []


def test_no_shell(trees: dict[str, ast.Module]) -> None:
    def uses_shell(node: ast.AST) -> bool:
        return isinstance(node, ast.keyword) and node.arg == "shell" and not _is_false(node.value)

    assert places(trees, uses_shell) == []


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_no_pickles_in_arrays(trees: dict[str, ast.Module]) -> None:
    def allows(node: ast.AST) -> bool:
        return isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not _is_false(node.value)

    assert places(trees, allows) == []


def test_the_add_ons_folder_is_only_read(trees: dict[str, ast.Module]) -> None:
    """It is named in few files only, by functions and lines that write nothing."""
    add_on = add_on_only(trees)
    named = places(add_on, lambda node: isinstance(node, ast.Name) and node.id == "__file__")
    assert {place.partition(":")[0] for place in named} <= OWN_FOLDER
    for name in OWN_FOLDER:
        for part in (ast.unparse(node) for node in add_on[name].body):
            if "__file__" in part:
                assert not re.search(r"\.(mkdir|write_\w+|touch|unlink|rename|replace|open)\(", part), part


def test_the_window_leaves_the_path_of_modules_alone(trees: dict[str, ast.Module]) -> None:
    """Programs set their own, each in a process that it has to itself: the worker, the builder of a batch, ..."""

    def changes(node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return (
                re.fullmatch(r"sys\.path\.(append|insert|extend|remove)|site\.addsitedir", dotted(node.func))
                is not None
            )
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            return False
        bases = [target.value if isinstance(target, ast.Subscript) else target for target in targets if target]
        return any(dotted(base) in ("sys.path", "sys.modules") for base in bases)

    found = {place.partition(":")[0] for place in places(trees, changes)}
    assert {"builder/program.py", "native_runtime/service/worker.py"} <= found <= OWN_PROCESSES


def test_the_add_on_knows_itself_by_its_package(trees: dict[str, ast.Module], content: Content) -> None:
    """As an extension it is ``bl_ext.REPOSITORY.sam3db_blender``, and never imports itself by a name."""
    absolute = places(
        add_on_only(trees),
        lambda node: (
            isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("sam3db_blender")
        ),
    )
    assert [place.partition(":")[0] for place in absolute] == ["builder/program.py"]  # a process of its own
    # Its name serves where it is not installed: for the package as it stands, and for a folder of temporary files.
    names = places(add_on_only(trees), lambda n: isinstance(n, ast.Constant) and n.value == "sam3db_blender")
    assert {place.partition(":")[0] for place in names} <= {"places.py"}
    assert 'PACKAGE = __package__ or "sam3db_blender"' in content.files["places.py"].decode()


def test_no_old_header(trees: dict[str, ast.Module]) -> None:
    assert places(add_on_only(trees), lambda node: isinstance(node, ast.Name) and node.id == "bl_info") == []


def test_credits_name_whom_the_zip_holds_work_of(content: Content, repository: Path) -> None:
    credits = " ".join(content.manifest["copyright"]).lower()
    named = {
        "onnxruntime": "onnx runtime",
        "opencv_python_headless": "opencv",
        "pi_heif": "pi-heif",
        "pillow": "pillow",
    }
    assert set(named) == set(OTHERS)
    third_party = (repository / "THIRD_PARTY.md").read_text(encoding="utf-8").lower()
    for name in named.values():
        assert name in credits, name
        assert name in third_party, name
    assert all(re.match(r"\d{4}(-\d{4})? \S", line) for line in content.manifest["copyright"])


def test_files_are_those_of_an_add_on(content: Content) -> None:
    assert list(checks.file_faults(content)) == []
    endings = {Path(name).suffix for name in content.files}
    assert endings <= {
        ".py",
        ".toml",
        ".md",
        ".png",
        ".jpg",
        ".json",
        ".html",
        ".css",
        ".svg",
        ".webp",
        ".js",
        ".txt",
        "",
    }
    assert all(len(name) < 120 for name in content.files)  # Windows allows 260 characters, of which folders take half


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("eval('1')", calls(r"eval|exec")),
        ("import os\nos.system('ls')", calls(r"os\.(system|popen)")),
        ("import pickle\npickle.load(f)", calls(r"\w*[pP]ickle\.(load|loads)")),
        ("import urllib.request\nurllib.request.urlopen(u)", calls(r"(urllib\.request\.)?urlopen")),
    ],
)
def test_the_checks_find_what_they_look_for(code: str, check: Check) -> None:
    assert len(places({"a.py": ast.parse(code)}, check)) == 1
