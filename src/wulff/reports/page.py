"""One self-contained page: curves, tables, specs and what is guaranteed."""

import base64
import html
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from wulff.errors import InputError
from wulff.reports.plots import plot_certified_accuracy
from wulff.reports.tables import Table, certified_accuracy
from wulff.runs import Run, Terms

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; background: white; border-radius: 6px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; font-size: 13px; }
"""


def write_page(runs: Sequence[Run], path: str | Path, radii: Sequence[float] | None = None) -> Path:
    """Write an HTML page about runs, which opens from disk without a network.

    Raises:
        InputError: The folder does not exist, or the runs hold no radii.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into; make it first.")
    norms = runs[0].norms
    if not norms:
        raise InputError(f"{runs[0].folder} holds predictions without radii: there is no curve to draw.")
    with tempfile.TemporaryDirectory() as folder:
        figure = plot_certified_accuracy(runs, Path(folder) / "curves.svg", norms)
        picture = base64.b64encode(figure.read_bytes()).decode()
    body = [
        "<h1>Certified accuracy</h1>",
        "<p>The share of inputs that are labelled correctly and whose label no perturbation of the given "
        "size can change.</p>",
        f'<img alt="Certified accuracy by radius" src="data:image/svg+xml;base64,{picture}">',
    ]
    for norm in norms:
        table = certified_accuracy(runs, radii, norm)
        body += [f"<h2>Against {norm}</h2>", _table(table)]
        body += [f"<p>{html.escape(note)}</p>" for note in table.notes]
    body.append("<h2>What is guaranteed</h2>")
    for run in runs:
        body.append(f"<h3>{html.escape(run.name)}</h3><p>{html.escape(_guarantee(run))}</p>")
        body.append(
            f"<details><summary>spec</summary><pre>{html.escape(tomli_w.dumps(run.document))}</pre></details>"
        )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
    page = f'<!doctype html><html lang="en"><head><title>wulff report</title>{head}</head>'
    path.write_text(f"{page}<body>{''.join(body)}</body></html>\n")
    return path


def _guarantee(run: Run) -> str:
    if run.spec.get("task") != "certify":
        return (
            "Imported from a published log; its radii are rounded, and are lowered here to what is certain."
        )
    return Terms.of_run(run.spec).statement


def _table(table: Table) -> str:
    head = "".join(f"<th>{radius:g}</th>" for radius in table.radii)
    rows = [f"<tr><th>radius</th>{head}</tr>"]
    for name, cells in zip(table.names, table.cells, strict=True):
        marked = [
            f"<td><b>{float(cell):.3f}</b></td>"
            if cell == table.best(i) > 0
            else f"<td>{float(cell):.3f}</td>"
            for i, cell in enumerate(cells)
        ]
        rows.append(f"<tr><td>{html.escape(name)}</td>{''.join(marked)}</tr>")
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'
