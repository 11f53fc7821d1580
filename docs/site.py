"""What the site holds beside the pages of this folder: those at the root, and a reference made from docstrings.

MkDocs calls these functions (``hooks`` in mkdocs.yml, and in mkdocs.shipped.yml for the guide that ships with the
extension). The reference is made from the text of the code, which is not imported: neither bpy nor PyTorch is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[1]
#: Pages at the root of the repository, and where links to them lead on the site.
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "THIRD_PARTY.md": "third_party.md",
}
#: The site has a front page of its own.
FRONT = "README.md"


def reference_pages() -> dict[str, list[str]]:
    """The documented rooms: package -> names of its sub-packages and modules."""
    found = {}
    for package in ("native_runtime", "sam3db_blender"):
        names = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        names |= {path.stem for path in (ROOT / package).glob("*.py")}
        found[package] = sorted(name for name in names if not name.startswith("_"))
    return found


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reference to the navigation; headings get the anchors that GitHub gives them."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    if config.extra.get("shipped"):
        return config
    reference: list[dict[str, Any]] = [
        {package: [{name: f"reference/{package}/{name}.md"} for name in names]}
        for package, names in reference_pages().items()
    ]
    assert config.nav is not None
    config.nav.append({"Reference": reference})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages at the root, with their links made those of the site, and the pages of the reference."""
    if config.extra.get("shipped"):
        return files
    for name, place in ROOT_PAGES.items():
        if name == FRONT:
            continue
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        for other, page in ROOT_PAGES.items():
            text = text.replace(f"]({other}", f"]({page}")
        files.append(File.generated(config, place, content=text))
    for package, names in reference_pages().items():
        for name in names:
            page = f"# {package}.{name}\n\n::: {package}.{name}\n"
            files.append(File.generated(config, f"reference/{package}/{name}.md", content=page))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Pages link to those at the root as files beside the folder; options in usage lines are no reference links."""
    markdown = markdown.replace("] [-", "] \\[-")
    for name, page in ROOT_PAGES.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return markdown
