"""`wulff noises`: the table noise × norm × method."""

import typer

from wulff import certificates
from wulff.certificates import ANY_NORM
from wulff.noises import NOISES
from wulff.norms import Norm

_NORMS = (Norm.L1, Norm.L2, Norm.LINF)


def noises() -> None:
    """Print every noise with the theorems that certify it, per norm; the larger radius is chosen."""
    rows = [("noise", "norm", "method", "quality", "what")]
    for name, law in NOISES.items():
        for norm in _NORMS:
            for entry in certificates.table(law, norm):
                where = "any norm" if entry.norm is ANY_NORM else str(norm)
                quality = "comparison" if entry.comparison else "exact" if entry.tight else "lower bound"
                row = (name, where, entry.method, quality, entry.source)
                if row not in rows:
                    rows.append(row)
            converted = [entry for entry in certificates.conversions(law, norm) if not entry.comparison]
            if sources := sorted({entry.method.rpartition("-")[2] for entry in converted}):
                names = ", ".join(f"...-from-{source}" for source in sources)
                what = f"a radius against another norm, times the least {norm} norm on its unit sphere"
                rows.append((name, str(norm), names, "lower bound", what))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[4]]).rstrip())
    typer.echo("\nOther norms lp(p) are covered by conversion from these, at least.")
