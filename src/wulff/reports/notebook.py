"""A run in a notebook: its headline, a table, and its curves."""

from collections.abc import Sequence

from wulff import _display
from wulff.reports.curves import Curve, curve
from wulff.reports.tables import certified_accuracy
from wulff.runs import Run

WIDTH, HEIGHT = 320, 160
COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#666666")


def run_html(run: Run) -> str:
    """What a notebook shows of a run."""
    head = _display.html_lines(repr(run))
    if not run.records or not run.norms:
        return head
    tables = "".join(certified_accuracy([run], norm=norm)._repr_html_() for norm in run.norms)
    return head + _picture([curve(run, norm) for norm in run.norms]) + tables


def _picture(curves: Sequence[Curve]) -> str:
    """Certified accuracy over the radius, one line for each norm, each with a horizontal axis of its own."""
    lines, names = [], []
    for number, line in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        largest = float(line.certified[-1]) if len(line.certified) else 0.0
        points = [(0.0, float(line.accuracy(0.0)))]
        for radius in line.certified.tolist():
            points += [(radius, points[-1][1]), (radius, line.correct(radius) / line.inputs)]
        points.append((largest, 0.0))
        path = " ".join(f"{WIDTH * r / (largest or 1):.1f},{HEIGHT * (1 - share):.1f}" for r, share in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        names.append(f'<span style="color:{colour}">{line.norm}: 0 to {largest:.3g}</span>')
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="certified accuracy by radius" style="border:1px solid #ccc">{"".join(lines)}</svg>'
        f"<div>{', '.join(names)}</div>"
    )
