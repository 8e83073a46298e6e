"""`wulff noises`: the table noise × norm × method."""

import functools
import sys
from pathlib import Path
from typing import Annotated

import typer

import wulff
from wulff import certificates
from wulff.certificates import ANY_NORM, Certificate
from wulff.noises import NOISES, REPLACEMENTS
from wulff.norms import Norm

_NORMS = (Norm.L0, Norm.L1, Norm.L2, Norm.LINF)
_HEADS = ("noise", "norm", "method", "quality", "file", "what")


def noises(
    files: Annotated[
        bool, typer.Option("--files", help="Also the file in which each theorem stands.")
    ] = False,
) -> None:
    """Print every noise, its parameters, and the theorems that certify it; the largest radius is chosen."""
    rows: list[tuple[str, ...]] = [_HEADS]
    for name, law in {**NOISES, **REPLACEMENTS}.items():
        for norm in _NORMS:
            for entry in certificates.table(law, norm):
                where = "any norm" if entry.norm is ANY_NORM else str(norm)
                quality = "comparison" if entry.comparison else "exact" if entry.tight else "lower bound"
                row = (name, where, entry.method, quality, _file(entry), entry.source)
                if row not in rows:
                    rows.append(row)
            converted = [entry for entry in certificates.conversions(law, norm) if not entry.comparison]
            if sources := sorted({entry.method.rpartition("-")[2] for entry in converted}):
                names = ", ".join(f"...-from-{source}" for source in sources)
                what = f"a radius against another norm, times the least {norm} norm on its unit sphere"
                rows.append((name, str(norm), names, "lower bound", _file(converted[0]), what))
    shown = [i for i, head in enumerate(_HEADS) if files or head != "file"]
    widths = [max(len(row[i]) for row in rows) for i in shown[:-1]]
    for row in rows:
        cells = [row[i].ljust(width) for i, width in zip(shown, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())
    typer.echo("\nParameters, besides scale or sigma, and dim:")
    for name, law in {**NOISES, **REPLACEMENTS}.items():
        if words := law.parameters_in_words():
            typer.echo(f"  {name}: {', '.join(words)}")
    typer.echo(
        "\nOther norms lp(p), and norms in the box such as l1-box, are covered by conversion from these."
    )


def _file(entry: Certificate) -> str:
    """The file of a theorem's function, from the folder that `wulff` is in; whole where it is elsewhere."""
    function = entry.function
    while isinstance(function, functools.partial):
        function = function.func
    file = getattr(sys.modules[function.__module__], "__file__", None)
    if file is None:  # written at a prompt
        return function.__module__
    root = Path(wulff.__file__).parents[1]
    path = Path(file)
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
