"""How far a run is, in a progress bar."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from wulff._numerics.rounding import decimal_down
from wulff._quoting import plain
from wulff.engines import Engine
from wulff.runs.run import Run

if TYPE_CHECKING:
    from rich.progress import Progress


def run_progress(
    progress: "Progress", description: str, engine: Engine | None = None
) -> Callable[[Run], None]:
    """A callback that shows how far a run is, its certified accuracy so far, and what the engine says."""
    task = progress.add_task(plain(description), total=None, words="")

    radius_sums: dict[str, float] = {}
    counted = scored = lost = 0
    since: int | None = None

    def update(run: Run) -> None:
        nonlocal counted, scored, lost, since
        if not counted and run.records:
            right = run.scored
            counted, scored = len(right), int(right.sum())
            radius_sums.update({norm: float(run.radii(norm)[right].sum()) for norm in run.norms})
            lost, since = sum(run.not_a_number.values()), next(iter(run.not_a_number), None)
        for record in run.records[counted:]:  # a run grows by one record a call: totals are kept, not redone
            counted += 1
            counts = record.predict == record.label if run.facts.labelled else record.predict >= 0
            scored += counts
            lost += sum(record.not_a_number.values())
            since = record.index if lost and since is None else since
            for norm, found in record.radii.items():
                radius_sums[norm] += found.radius if counts else 0.0
        share = "accuracy" if run.facts.labelled else "labelled"
        words = f"{share} {scored / counted:.3f}" if counted else ""
        for norm, total in radius_sums.items():
            words += f", mean {norm} radius {decimal_down(total / counted, 3)}"
        if lost:
            words += f", {lost:,} copies not a number since input {since}"
        if said := getattr(engine, "words", ""):
            words += f", {said}"
        progress.update(task, completed=counted, total=run.expected, words=words)

    return update
