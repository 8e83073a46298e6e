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
        if not certificates.table(law):
            rows.append(
                (name, "-", "-", "-", "no certificate yet; see wulff.certificates.monte_carlo_radius")
            )
        for norm in _NORMS:
            direct = certificates.table(law, norm)
            for entry in [*direct, *certificates.conversions(law, norm)]:
                quality = "exact" if entry.tight else "lower bound"
                where = "any norm" if entry.norm is ANY_NORM else str(norm)
                row = (name, where, entry.method, quality, entry.source)
                if row not in rows:
                    rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[4]]).rstrip())
    typer.echo("\nOther norms lp(p) are covered by conversion from these, at least.")
