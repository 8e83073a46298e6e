"""From vote counts to certified labels: what is proved for each input, in numbers and in words."""

import dataclasses
from typing import Literal

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray, IntArray
from wulff.certificates import Radii, certified_radius, two_sided_radius
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.smoothing.samples import EstimationCounts, SelectionCounts
from wulff.stats import ABSTAIN, Anytime, anytime_error_bound, error_upper_bound, two_sided_bounds

Bound = Literal["one-sided", "two-sided"]


@dataclasses.dataclass(frozen=True)
class Certification:
    """What is certified for each of m inputs.

    Attributes:
        label: The smoothed classifier's label, or -1 where nothing could be certified; shape (m,).
        radius: The label is constant for all perturbations with norm below it; 0 where label is -1.
        error: The upper bound on P[f(x+Z) ≠ selected label]; abstentions have ½ or more.
        counts: The votes that the error was bounded from.
        selection: The votes that chose the label.
        method: The theorem that gave the radius; `abstain` where there is none.
        tight: Whether that theorem's radius is the largest that the error alone supports.
        noise: The noise, with its dimension.
        norm: The adversary's norm.
        alpha: The probability, for each input, with which its certificate may be wrong.
        seed: The seed of the noise.
        stop: The stopping policy, where the votes decided the number of samples.
        bound: `one-sided`, or `two-sided` where the other classes were bounded too.
    """

    label: IntArray
    radius: FloatArray
    error: FloatArray
    counts: EstimationCounts
    selection: SelectionCounts
    method: npt.NDArray[np.str_]
    tight: npt.NDArray[np.bool_]
    noise: Noise
    norm: Norm
    alpha: float
    seed: int
    stop: Anytime | None = None
    bound: Bound = "one-sided"

    @property
    def statement(self) -> str:
        """What is guaranteed, in words."""
        n0, n = int(np.max(self.selection.n)), int(np.max(self.counts.n))
        return statement(self.noise, [self.norm], n0, n, self.alpha, self.stop, self.bound)

    def against(self, norm: Norm | str) -> "Certification":
        """The same counts against another norm; both statements hold at once, with the same alpha."""
        return certify_counts(
            self.selection,
            self.counts,
            self.noise,
            norm=norm,
            alpha=self.alpha,
            seed=self.seed,
            stop=self.stop,
            bound=self.bound,
        )


def certify_counts(
    selection: SelectionCounts,
    estimation: EstimationCounts,
    noise: Noise,
    *,
    norm: Norm | str,
    alpha: float,
    seed: int,
    method: str | None = None,
    stop: Anytime | None = None,
    bound: Bound = "one-sided",
) -> Certification:
    """Certify from counts [Cohen et al. 2019, Certify; any noise and norm].

    Args:
        selection: Counts that choose each label.
        estimation: Counts of independent samples, from which the label's error is bounded.
        noise: The noise of the samples, with its dimension.
        norm: The adversary's norm.
        alpha: The one-sided level of the bound.
        seed: The seed of the samples, for the record.
        method: One theorem, by name; the one with the largest radius by default.
        stop: The policy that decided the number of samples while they were counted, if any did.
        bound: `one-sided` bounds the error of the label and needs it below ½. `two-sided` also bounds every
            other class, at a smaller share of alpha each, and needs only that the label leads.

    Raises:
        InputError: The counts are of the wrong kind or do not belong together.
    """
    if not isinstance(selection, SelectionCounts) or not isinstance(estimation, EstimationCounts):
        raise InputError(
            f"certify needs SelectionCounts and EstimationCounts, got {type(selection).__name__} and "
            f"{type(estimation).__name__}; a label must not be bounded from the sample that chose it."
        )
    if selection.votes.shape != estimation.votes.shape:
        raise InputError(f"the counts differ in shape: {selection.votes.shape} and {estimation.votes.shape}.")
    chosen = selection.top()
    if bound == "two-sided":
        if stop is not None or estimation.votes.shape[1] < 2:
            raise InputError(
                "two-sided bounds need at least two classes and a fixed n; use bound='one-sided'."
            )
        error, rival = two_sided_bounds(estimation.votes, estimation.n, chosen, alpha, selection.votes)
        radii: Radii = two_sided_radius(noise, error, rival, norm, method=method)
    elif bound == "one-sided":
        error = _error(estimation, chosen, alpha, stop)
        radii = certified_radius(noise, error, norm, method=method)
    else:
        raise InputError(f"bound must be one-sided or two-sided, got {bound!r}.")
    label = np.where(radii.method != "abstain", chosen, ABSTAIN)
    return Certification(
        label=label,
        radius=radii.radius,
        error=error,
        counts=estimation,
        selection=selection,
        method=radii.method,
        tight=radii.tight,
        noise=radii.noise,
        norm=radii.norm,
        alpha=alpha,
        seed=seed,
        stop=stop,
        bound=bound,
    )


def _error(counts: EstimationCounts, label: IntArray, alpha: float, stop: Anytime | None) -> FloatArray:
    """The upper bound on the error of each label; 1 for inputs that were not sampled at all."""
    bound = error_upper_bound if stop is None else anytime_error_bound
    n = np.broadcast_to(counts.n, label.shape)
    error = bound(counts.misses(label), np.maximum(n, 1), alpha)
    return np.where(n > 0, error, 1.0)


def statement(
    noise: Noise,
    norms: list[Norm],
    n0: int,
    n: int,
    alpha: float,
    stop: Anytime | None = None,
    bound: str = "one-sided",
) -> str:
    """The guarantee of a certification, in words."""
    how = f"from {n:,} others by the one-sided Clopper-Pearson bound"
    if bound == "two-sided":
        how = f"together with the other classes from {n:,} others by simultaneous Clopper-Pearson bounds"
    if stop is not None:
        how = f"from up to {n:,} others by a bound that is valid whenever sampling stops"
    return (
        f"For each input x with a label other than -1: g(x') is that label for all x' with ‖x' - x‖ below "
        f"the radius, in {', '.join(map(str, norms))}, where g(x) is the class that the base classifier f "
        f"returns most often on x + Z, Z ~ {noise}. This holds with probability at least 1 - {alpha:g} over "
        f"the noise samples, for each input separately. The label was chosen on {n0:,} samples and its "
        f"error bounded {how}. Samples are drawn in floating point; that they follow the law of Z exactly "
        f"is an assumption."
    )
