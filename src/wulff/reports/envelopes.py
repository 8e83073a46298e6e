"""The upper envelope of several runs: the best of them at each radius."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from wulff.errors import InputError
from wulff.norms import Adversary
from wulff.reports.curves import Curve, check_runs, curve, false_certificates
from wulff.reports.fairness import same_inputs
from wulff.runs import Run, has_counts, on_other_terms


@dataclasses.dataclass(frozen=True)
class Envelope:
    """The largest certified accuracy of several runs at each radius.

    It is the curve of no single classifier: which run is best is chosen anew for each radius, on the test
    set itself. Each certificate holds with probability 1 - alpha, but all of an input's together need not:
    the choice among k runs may pick the one that failed. With alpha / k for each run (`valid`) they do.

    Attributes:
        curves: The runs, on the same inputs.
        alpha: The probability, for each input, with which any of its certificates may be false; None if
            a run does not say its own.
        valid: Whether the certificates were recomputed so that alpha is what one run had.
        of: What the runs have in common, for the name; empty if nothing.
    """

    curves: tuple[Curve, ...]
    alpha: float | None
    valid: bool
    of: str = ""

    @property
    def name(self) -> str:
        """How tables call it."""
        what = f"envelope of {self.of}" if self.of else "envelope"
        if self.valid and self.alpha == 0:
            return f"{what} (nothing is left to chance)"
        if self.valid:
            return f"{what} (valid: alpha / {len(self.curves)} each)"
        return f"{what} (chosen on the test set)"

    def accuracy(self, radius: float) -> Fraction:
        """The largest certified accuracy at `radius`."""
        return max(c.accuracy(radius) for c in self.curves)

    def bound(self, radius: float, confidence: float) -> Fraction | None:
        """A certified accuracy that the best run has with probability `confidence`, at all radii at once."""
        if self.alpha is None:
            return None
        inputs = self.curves[0].inputs
        false = false_certificates(inputs, min(self.alpha, 1.0), confidence)
        return max(Fraction(max(c.correct(radius) - false, 0), inputs) for c in self.curves)


def families(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by the kind of their noise, for one envelope per group: within it, sizes of noise differ.

    Returns:
        The groups of several runs, by the kind of noise; all runs under "" where they are of one kind, or
        no two of them are.
    """
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        kinds.setdefault(_kind(run), []).append(run)
    several = {kind: group for kind, group in kinds.items() if len(group) > 1}
    return several if several and len(kinds) > 1 else {"": list(runs)}


def envelope(
    runs: Sequence[Run], norm: Adversary | str, *, as_published: bool = False, of: str = ""
) -> Envelope:
    """The envelope of runs as they are; label it as chosen on the test set.

    Raises:
        InputError: The runs are not on the same inputs, or there is only one.
    """
    runs = check_runs(runs)
    _check_same_inputs(runs)
    curves = tuple(curve(run, norm, as_published=as_published) for run in runs)
    alphas = [line.alpha for line in curves if line.alpha is not None]
    total = sum(alphas) if len(alphas) == len(runs) else None
    return Envelope(curves, total, valid=False, of=of)


def valid_envelope(runs: Sequence[Run], norm: Adversary | str, *, of: str = "") -> Envelope:
    """The envelope whose certificates share alpha: recomputed from the stored counts at alpha / k each.

    Raises:
        InputError: The runs are not on the same inputs, have different alphas, or no counts.
    """
    runs = check_runs(runs)
    _check_same_inputs(runs)
    if all(run.is_exact for run in runs):
        return Envelope(tuple(curve(run, norm) for run in runs), 0.0, valid=True, of=of)
    alpha = runs[0].alpha
    if alpha is None or any(run.alpha != alpha for run in runs):
        raise InputError("a valid envelope needs runs with the same alpha.")
    if not all(has_counts(run) for run in runs):
        raise InputError("a valid envelope needs the stored votes of every run, to share alpha among them.")
    shared = [on_other_terms(run, norms=[norm], alpha=alpha / len(runs)) for run in runs]
    return Envelope(tuple(curve(run, norm) for run in shared), alpha, valid=True, of=of)


def _kind(run: Run) -> str:
    """The noise without its size, as in `exp-l2(j=0.0, k=1.0)`; empty where it is not known."""
    noise = run.noise
    if run.views is not None:
        return run.views.name
    if noise is None:
        return ""
    shape = ", ".join(f"{name}={getattr(noise, name)!r}" for name in noise.shape_parameters())
    return f"{noise.name}({shape})" if shape else noise.name


def _check_same_inputs(runs: Sequence[Run]) -> None:
    if len(runs) < 2:
        raise InputError("an envelope needs two runs or more.")
    for run in runs[1:]:
        if not same_inputs(runs[0], run):
            raise InputError(
                f"an envelope needs runs on the same inputs, but {runs[0].name} and {run.name} differ; "
                "--common takes those that all have."
            )
