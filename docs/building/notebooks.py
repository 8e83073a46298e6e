"""Notebooks that are kept as text: executed by a fresh kernel, and shown with what they print and draw."""

import html
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient


def executed(text: str, folder: Path) -> str:
    """The page of a notebook; an error in a cell ends the build. Files of cells stay in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    notebook = jupytext.reads(text, fmt="md:myst")
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    client.execute()
    return "\n\n".join(_cell(cell) for cell in notebook.cells)


def plain(text: str) -> str:
    """The page of a notebook that is not executed."""
    return text.replace("```{code-cell} python", "```python")


def _cell(cell: Any) -> str:
    if cell.cell_type != "code":
        return cell.source
    printed = [output.get("text", "") for output in cell.outputs if output.output_type == "stream"]
    others = [output for output in cell.outputs if output.output_type != "stream"]
    shown = [_text("".join(printed)), *map(_output, others)]
    return "\n\n".join([f"```python\n{cell.source}\n```", *filter(None, shown)])


def _output(output: Any) -> str:
    """A notebook shows the richest form that it knows."""
    data = output.data
    if picture := data.get("image/png"):
        width = output.metadata.get("image/png", {}).get("width", "")
        return f'<img class="output" alt="" width="{width}" src="data:image/png;base64,{picture.strip()}">'
    if table := data.get("text/html"):
        return f'<div class="output">{table}</div>'
    return _text(data["text/plain"])


def _text(text: str) -> str:
    """Text in HTML, so that it is told from code; a terminal overwrites a line after a carriage return."""
    lines = (line.rpartition("\r")[2] for line in text.rstrip().split("\n"))
    shown = html.escape("\n".join(lines))
    return f'<pre class="output">{shown}</pre>' if shown.strip() else ""
