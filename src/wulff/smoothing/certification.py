"""From vote counts to certified labels: what is proved for each input, in numbers and in words."""

import dataclasses
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from wulff._typing import FloatArray, IntArray
from wulff.certificates import Radii, certified_radius, two_sided_radius
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.norms import Norm
from wulff.smoothing.samples import EstimationCounts, SelectionCounts
from wulff.smoothing.sampling import Grid
from wulff.smoothing.streams import estimator_draws
from wulff.stats import (
    ABSTAIN,
    Anytime,
    anytime_error_bound,
    error_upper_bound,
    randomized_error_bound,
    two_sided_bounds,
)

Bound = Literal["one-sided", "two-sided"]
Estimator = Literal["clopper-pearson", "randomized-clopper-pearson"]


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
        estimator: How errors were bounded from counts of a fixed n.
        draw: The uniform numbers of the randomised estimator, shape (m,).
        grid: The grid of exact sampling; None if the noise was drawn in floating point.
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
    estimator: Estimator = "clopper-pearson"
    draw: FloatArray | None = None
    grid: Grid | None = None

    @property
    def statement(self) -> str:
        """What is guaranteed, in words."""
        n0, n = int(np.max(self.selection.n)), int(np.max(self.counts.n))
        return statement(
            self.noise,
            [self.norm],
            n0,
            n,
            self.alpha,
            self.stop,
            self.bound,
            estimator=self.estimator,
            grid=self.grid,
        )

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
            estimator=self.estimator,
            draw=self.draw,
            grid=self.grid,
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
    estimator: Estimator = "clopper-pearson",
    draw: FloatArray | None = None,
    grid: Grid | None = None,
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
        estimator: `randomized-clopper-pearson` spends alpha to the last digit with the help of one uniform
            number for each input; see `wulff.stats.randomized_error_bound`. It needs a fixed n.
        draw: These numbers, of shape (inputs,); by default they are keyed by the seed and the position.
        grid: The grid of exact sampling, if the noise was drawn so; votes that are missing from n are then
            those of ambiguous draws, which may have been for any class.

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
    draw = _draw(estimator, draw, len(estimation), seed, stop)
    if bound == "two-sided":
        if stop is not None or estimation.votes.shape[1] < 2:
            raise InputError(
                "two-sided bounds need at least two classes and a fixed n; use bound='one-sided'."
            )
        error, rival = two_sided_bounds(
            estimation.votes,
            estimation.n,
            chosen,
            alpha,
            selection.votes,
            draw=draw,
            unknown_votes=grid is not None,
        )
        radii: Radii = two_sided_radius(noise, error, rival, norm, method=method)
    elif bound == "one-sided":
        error = _error(estimation, chosen, alpha, stop, draw)
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
        estimator=estimator,
        draw=draw,
        grid=grid,
    )


def check_estimator(estimator: str, stop: Anytime | None) -> None:
    """Refuse an estimator that does not exist, or that cannot be used with the stopping policy."""
    if estimator not in get_args(Estimator):
        raise InputError(f"estimator must be {' or '.join(get_args(Estimator))}, got {estimator!r}.")
    if estimator == "randomized-clopper-pearson" and stop is not None:
        raise InputError(
            "the randomized-clopper-pearson estimator needs a fixed n: its bound is exact for one sample "
            "size chosen in advance, not for one that the votes decide; leave out the estimator or the stop."
        )


def _draw(
    estimator: str, draw: FloatArray | None, inputs: int, seed: int, stop: Anytime | None
) -> FloatArray | None:
    """The uniform number of each input that the estimator takes; None if it takes none."""
    check_estimator(estimator, stop)
    if estimator == "clopper-pearson":
        return None
    drawn = estimator_draws(seed, range(inputs)) if draw is None else np.asarray(draw, dtype=np.float64)
    if drawn.shape != (inputs,):
        raise InputError(f"draw must hold one number for each of {inputs} inputs, got shape {drawn.shape}.")
    return drawn


def _error(
    counts: EstimationCounts, label: IntArray, alpha: float, stop: Anytime | None, draw: FloatArray | None
) -> FloatArray:
    """The upper bound on the error of each label; 1 for inputs that were not sampled at all."""
    n = np.broadcast_to(counts.n, label.shape)
    misses, some = counts.misses(label), np.maximum(n, 1)
    if stop is not None:
        error = anytime_error_bound(misses, some, alpha)
    elif draw is not None:
        error = randomized_error_bound(misses, some, alpha, draw)
    else:
        error = error_upper_bound(misses, some, alpha)
    return np.where(n > 0, error, 1.0)


def statement(
    noise: Noise,
    norms: list[Norm],
    n0: int,
    n: int,
    alpha: float,
    stop: Anytime | None = None,
    bound: str = "one-sided",
    *,
    estimator: str = "clopper-pearson",
    grid: Grid | None = None,
) -> str:
    """The guarantee of a certification, in words."""
    name = "randomised Clopper-Pearson" if estimator == "randomized-clopper-pearson" else "Clopper-Pearson"
    how = f"from {n:,} others by the one-sided {name} bound"
    if bound == "two-sided":
        how = f"together with the other classes from {n:,} others by simultaneous {name} bounds"
    if stop is not None:
        how = f"from up to {n:,} others by a bound that is valid whenever sampling stops"
    if estimator == "randomized-clopper-pearson":
        how += ", with one uniform number for each input that is in the record"
    where, law, noise_is = "", "Z", f"Z ~ {noise}"
    sampled = "Samples are drawn in floating point; that they follow the law of Z exactly is an assumption."
    if grid is not None:
        steps = grid.resolution(noise)
        where, law = f" in multiples of 1/{steps}", "N"
        noise_is = f"N is Z rounded to multiples of 1/{steps} and Z ~ {noise}"
        sampled = (
            "N is drawn in integers that follow its law exactly, from random bits that are assumed to be "
            "independent and fair; x is the multiple of "
            f"1/{grid.levels} that the input stands for, and draws that the bits leave open count as misses."
        )
    return (
        f"For each input x with a label other than -1: g(x') is that label for all x'{where} with ‖x' - x‖ "
        f"below the radius, in {', '.join(map(str, norms))}, where g(x) is the class that the base "
        f"classifier f returns most often on x + {law}, {noise_is}. This holds with probability at least "
        f"1 - {alpha:g} over the noise samples, for each input separately. The label was chosen on {n0:,} "
        f"samples and its error bounded {how}. {sampled}"
    )
