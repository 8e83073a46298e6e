"""Two runs on the same inputs, compared input by input."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wulff._checks import whole_number
from wulff._numerics.rounding import decimal_down, exactly
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.norms import Adversary, heading, parse_adversary
from wulff.reports.curves import check_radii, check_runs, curve, default_radii
from wulff.reports.fairness import is_unfinished, same_inputs, shared_inputs, warnings
from wulff.reports.grids import check_format, escape, render, with_notes
from wulff.runs import Run


@dataclasses.dataclass(frozen=True)
class Difference:
    """How two runs differ at one radius.

    Attributes:
        radius: The radius.
        first: How many inputs the first run certifies there, with the correct label.
        second: How many the second.
        only_first: How many the first alone.
        only_second: How many the second alone.
    """

    radius: float
    first: int
    second: int
    only_first: int
    only_second: int

    @property
    def p_value(self) -> float:
        """Two-sided, exact [McNemar 1947]: were the runs alike, discordant inputs would be fair coins."""
        return sign_test(self.only_first, self.only_second)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs on the inputs that both have.

    Attributes:
        names: Of the runs.
        norm: The adversary's norm.
        rows: The differences at each radius.
        index: The inputs' positions in the data set.
        radii: Certified radii of both runs, of shape (2, inputs); 0 where the label is wrong.
        predictions: Labels of both runs, of shape (2, inputs).
        clean: The accuracy of both at radius 0, since mean radii can be bought with it.
        warnings: What there is to say of inputs that only one of the runs has.
        labels: What the runs call the classes of `predictions`, of shape (2, inputs).
        files: Where each input is; none where they have no files of their own.
    """

    names: tuple[str, str]
    norm: Adversary
    rows: list[Difference]
    index: IntArray
    radii: FloatArray
    predictions: IntArray
    clean: tuple[float, float]
    warnings: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """How many inputs both runs have."""
        return len(self.index)

    def largest(self, most: int) -> IntArray:
        """The rows of the inputs whose radii differ most, largest difference first."""
        gap = np.abs(self.radii[1] - self.radii[0])
        order = np.argsort(-gap, kind="stable")
        return order[gap[order] > 0][:most]

    def render(self, style: str = "text", most: int = 10) -> str:
        """Both tables: by radius, and the inputs that differ most."""
        check_format(style)
        whole_number("most", most, least=0)
        first, second = self.names
        heads = [heading(self.norm), first, second, "difference", f"only {first}", f"only {second}", "p"]
        by_radius = [[escape(head, style) for head in heads], *(self._line(row) for row in self.rows)]
        parts = [with_notes(by_radius, style, self.warnings)]
        if most:
            heads = [
                "input",
                *(f"{what} by {name}" for what in ("label", "radius") for name in (first, second)),
                *(["file"] if self.files else []),
            ]
            parts.append(
                render(
                    [
                        [escape(head, style) for head in heads],
                        *(self._input(i, style) for i in self.largest(most)),
                    ],
                    style,
                )
            )
        return "\n".join(parts)

    def summary(self) -> str:
        """The difference of the mean radii, and on how many inputs each run has the larger one."""
        gap = self.radii[1] - self.radii[0]
        more, less = int((gap > 0).sum()), int((gap < 0).sum())
        amount = f"{abs(gap.mean()):.4f} {'less' if gap.mean() < 0 else 'more'}"
        return (
            f"On {self.inputs:,} inputs, {self.names[1]} certifies {amount} on average than "
            f"{self.names[0]} (wrong and abstained inputs count as zero): a larger radius on {more:,} and a "
            f"smaller one on {less:,} (sign test: p = {sign_test(more, less):.3g}). Their accuracy at radius "
            f"0: {self.clean[0]:.3f} for {self.names[0]}, {self.clean[1]:.3f} for {self.names[1]}."
        )

    def _line(self, row: Difference) -> list[str]:
        shares = [row.first / self.inputs, row.second / self.inputs]
        return [
            exactly(row.radius),
            *(f"{share:.3f}" for share in shares),
            f"{shares[1] - shares[0]:+.3f}",
            str(row.only_first),
            str(row.only_second),
            f"{row.p_value:.3g}",
        ]

    def _input(self, i: int, style: str) -> list[str]:
        labels = [escape(names[i], style) for names in self.labels]
        file = [escape(self.files[i], style)] if self.files else []
        return [str(self.index[i]), *labels, *(decimal_down(float(r), 4) for r in self.radii[:, i]), *file]


def compare(
    first: Run, second: Run, radii: Sequence[float] | None = None, norm: Adversary | str | None = None
) -> Comparison:
    """Compare two runs on the inputs that both have.

    Args:
        first: A certification or an imported log.
        second: Another, on the same data set.
        radii: Where to compare; round ones by default.
        norm: The adversary's norm; by default the first that both have.

    Raises:
        InputError: The runs share no inputs, disagree on their labels, or have no norm in common.
    """
    first, second = check_runs([first, second])
    shared = [name for name in first.norms if name in second.norms]
    if norm is None and not shared:
        raise InputError(
            f"{first.name} has radii against {', '.join(first.norms) or 'nothing'}, {second.name} against "
            f"{', '.join(second.norms) or 'nothing'}: there is no norm to compare them in."
        )
    norm = parse_adversary(shared[0] if norm is None else norm)
    at = (
        default_radii([curve(first, norm), curve(second, norm)])
        if radii is None
        else check_radii(radii, norm, [first, second])
    )
    index, columns = _pair(first, second, norm)
    rows = []
    for radius in at:
        a, b = ((certified >= radius) & correct for certified, correct, _ in columns)
        rows.append(Difference(radius, int(a.sum()), int(b.sum()), int((a & ~b).sum()), int((b & ~a).sum())))
    return Comparison(
        (first.name, second.name),
        norm,
        rows,
        index,
        np.stack([np.where(correct, certified, 0.0) for certified, correct, _ in columns]),
        np.stack([predictions for _, _, predictions in columns]),
        (float(columns[0][1].mean()), float(columns[1][1].mean())),
        tuple(_warnings(first, second, len(index))),
        tuple(
            tuple(map(run.class_name, predictions.tolist()))
            for run, (_, _, predictions) in zip((first, second), columns, strict=True)
        ),
        _files(first, index),
    )


def _files(run: Run, index: IntArray) -> tuple[str, ...]:
    """The file of each input; none where they have no files of their own."""
    known = {record.index: record.file for record in run.chosen(np.isin(run.columns.index, index))}
    return tuple(known[i] or "" for i in index.tolist()) if any(known.values()) else ()


def sign_test(first: int, second: int) -> float:
    """The two-sided exact p-value of so many heads and tails under a fair coin."""
    from scipy import stats  # imported here: it takes half a second

    return min(1.0, 2 * float(stats.binom.cdf(min(first, second), first + second, 0.5)))


def _warnings(first: Run, second: Run, shared: int) -> list[str]:
    """That not all inputs of two runs are compared, if it is so."""
    runs = (first, second)
    if same_inputs(first, second) and not any(is_unfinished(run) for run in runs):
        return warnings(runs)
    has = " and ".join(
        f"{run.name} has {len(run.records):,}" + f" of {run.expected:,} (unfinished)" * is_unfinished(run)
        for run in runs
    )
    return [f"Of the inputs, {has}: only the {shared:,} that both have are compared."]


def _pair(
    first: Run, second: Run, norm: Adversary
) -> tuple[IntArray, list[tuple[FloatArray, npt.NDArray[np.bool_], IntArray]]]:
    """The common inputs; and for each run its radii, whether it is correct, and its predictions there."""
    index = shared_inputs([first, second])
    columns: list[tuple[FloatArray, npt.NDArray[np.bool_], IntArray]] = []
    for run in (first, second):
        order = np.argsort(run.columns.index)
        chosen = order[np.searchsorted(run.columns.index[order], index)]
        columns.append((run.radii(norm)[chosen], run.scored[chosen], run.predictions[chosen]))
    return index, columns
