"""What mkdocs does beside rendering pages of docs/: generated pages, and links to files of the repository."""

import os
import posixpath
import re
from pathlib import Path
from typing import Any

import command_line
import gallery
import notebooks
import python_names
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
TOLD = {"README.md": "index.md"}
"""Files of the repository that have another name in the site."""


def on_files(files: Any, config: Any) -> Any:
    """Add the reference, the pages beside docs/, and the examples with their source and pictures."""
    if missing := python_names.undocumented():
        raise PluginError(f"public names need docstrings: {', '.join(missing)}")
    pages = python_names.pages()
    pages |= {"reference/command_line.md": command_line.page(), "gallery.md": gallery.page()}
    pages |= {_in_site(path): _text(path) for path in _from_repository()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for picture in sorted((ROOT / "examples").glob("**/*.png")):
        files.append(File.generated(config, picture.relative_to(ROOT).as_posix(), abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Execute notebooks, and let relative links lead where the repository's file is in the site."""
    name = page.file.src_uri
    if name.startswith("notebooks/"):
        markdown = _notebook(markdown, Path(config.site_dir) / "notebooks")
    here = {_in_site(path): path for path in _from_repository()}.get(name, f"docs/{name}")

    def link(match: re.Match[str]) -> str:
        target, anchor = match[2], match[3] or ""
        if re.match(r"https?:|mailto:|/|\[", target) or not target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        return f"{match[1]}{posixpath.relpath(_in_site(path), posixpath.dirname(name) or '.')}{anchor})"

    return re.sub(r"(\]\()([^)#\s]*)(#[^)]*)?\)", link, markdown)


def _notebook(text: str, folder: Path) -> str:
    """A notebook with its outputs; WULFF_NOTEBOOKS=0 leaves them out, for quick builds."""
    if os.environ.get("WULFF_NOTEBOOKS") == "0":
        return notebooks.plain(text)
    return notebooks.executed(text, folder)


def _from_repository() -> list[str]:
    """The paths of files outside docs/ that are pages."""
    examples = sorted((ROOT / "examples").glob("**/*.*"))
    shown = [path for path in examples if path.suffix in (".md", ".py", ".sh", ".toml")]
    return [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(path.relative_to(ROOT).as_posix() for path in shown),
    ]


def _in_site(path: str) -> str:
    """Where a file of the repository is in the site."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return TOLD.get(path, path if path.endswith((".md", ".png")) else f"{path}.md")


def _text(path: str) -> str:
    """A file as a page: itself, or its source."""
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return text
    language = path.rpartition(".")[2]
    return f'# {path.rpartition("/")[2]}\n\n`{path}`\n\n````{language} linenums="1"\n{text}````\n'
