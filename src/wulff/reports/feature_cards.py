"""What a page shows of features: a table of each run, and the numbers behind the cards of its inputs."""

import html
import math
from collections.abc import Sequence
from typing import Any

from wulff.norms import parse_adversary
from wulff.reports.features import NOTE, FeatureRanges, RunFeatures, ranges_of
from wulff.reports.thumbnails import chosen
from wulff.runs import Run
from wulff.runs.features import change_per_radius, counted
from wulff.tables import Layout


def features_section(features: Sequence[RunFeatures | None]) -> str:
    """The part of a page about features; empty where no run has any."""
    tables = [
        f"<h3>{html.escape(known.run.name)}</h3>{_table(ranges_of(known))}" for known in features if known
    ]
    return "".join(["<h2>How far each feature alone may change</h2>"] * bool(tables) + tables)


def _table(ranges: FeatureRanges) -> str:
    head, *lines = ranges.grid("text")
    rows: list[str] = []
    for line, three, span in zip(lines, ranges.quantiles, ranges.spans, strict=True):
        low, middle, high = (
            0.0 if math.isnan(span) else 100 * min(float(value) / span, 1.0) for value in three
        )
        bar = (
            f'<span class="spread" title="10 to 90 % of the inputs"><i style="left:{low:.1f}%;'
            f'width:{high - low:.1f}%"></i><b style="left:{middle:.1f}%"></b></span>'
        )
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in line[1:])
        rows.append(
            f"<tr><td>{html.escape(line[0])}</td>{cells}<td>{'' if math.isnan(span) else bar}</td></tr>"
        )
    heads = "".join(f"<th>{cell}</th>" for cell in [*head, "of the range of values"])
    return (
        f'<div class="wide"><table class="features"><thead><tr>{heads}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="note">{NOTE}</p>'
    )


def features_payload(
    runs: Sequence[Run], features: Sequence[RunFeatures | None], most: int
) -> list[dict[str, Any] | None]:
    """What the cards of each run show of its features; None for runs that have none.

    Args:
        runs: The runs.
        features: What is known of the features of each.
        most: For how many inputs to embed the values of the features.
    """
    wanted = set(chosen(runs, most))
    return [None if known is None else _payload(known, wanted) for known in features]


def _payload(known: RunFeatures, wanted: set[int]) -> dict[str, Any]:
    run, order, noise = known.run, known.order, known.run.noise
    assert noise is not None
    per_radius, counts = {}, {}
    for norm in run.norms:
        threat = parse_adversary(norm)
        per_radius[norm] = [_or_none(value) for value in change_per_radius(noise, threat)[order].tolist()]
        counts[norm] = counted(noise, threat)[order].tolist()
    values: dict[int, list[str]] = {}
    if known.dataset is not None:
        for place, index in enumerate(known.dataset.index):
            if index in wanted:
                row = known.dataset.images[place].flatten()
                values[index] = [_value(run.spec.table, i, float(row[i])) for i in order]
    return {
        "names": [known.changes.names[i] for i in order],
        "spans": [_or_none(float(known.spans[i])) for i in order],
        "perRadius": per_radius,
        "counts": counts,
        "immutable": known.changes.immutable[order].tolist(),
        "values": values,
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _value(table: Layout | None, place: int, number: float) -> str:
    """A feature of an input as the table has it."""
    if table is None or table.features[place].is_number:
        return f"{number:.6g}"
    return str(table.features[place].categories[int(number)])
