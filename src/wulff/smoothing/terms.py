"""The terms of a certification: what turns vote counts into bounds that hold with a stated probability.

What goes with what is decided here and nowhere else, and so is what each estimator computes and is called.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, final, get_args

import numpy as np

from wulff._checks import instance, one_of, whole_number
from wulff._typing import FloatArray, IntArray
from wulff.errors import InputError
from wulff.noises import Mixed, Noise, Replacement
from wulff.norms import Box, Norm, Scaled, Threat, WithChanges, measured_part, parse_threat
from wulff.smoothing.checks import check_seed
from wulff.smoothing.counts import EstimationCounts, SelectionCounts
from wulff.smoothing.samplers import Grid
from wulff.smoothing.streams import estimator_draws
from wulff.stats import (
    Anytime,
    anytime_error_bound,
    check_alpha,
    check_anytime_alpha,
    check_sample_size,
    error_upper_bound,
    randomized_error_bound,
    top_k_bounds,
    two_sided_bounds,
)

Bound = Literal["one-sided", "two-sided"]
"""The error is bounded on one side, or the label and its runner-up on two."""
Estimator = Literal["clopper-pearson", "randomized-clopper-pearson"]
"""How counts become a bound."""
_NAMES: dict[Estimator, str] = {
    "clopper-pearson": "Clopper-Pearson",
    "randomized-clopper-pearson": "randomised Clopper-Pearson",
}


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """What a certification is made on; checked when it is made.

    Attributes:
        noise: The noise, with the dimension of the inputs where that is known.
        n0: Samples that choose the label.
        n: Samples that bound its error; with `stop`, the most that do.
        alpha: The probability, for each input, with which its certificate may be wrong.
        seed: The seed of the noise, from 0 to 2⁶⁴ - 1.
        bound: `one-sided` bounds the error of the label and needs it below ½. `two-sided` also bounds every
            other class, at a smaller share of alpha each, and needs only that the label leads.
        estimator: `randomized-clopper-pearson` spends alpha to the last digit with the help of one uniform
            number for each input; see `wulff.stats.randomized_error_bound`.
        stop: The policy that decides the number of samples while they are counted; None takes n of each.
        grid: The grid of exact sampling; None draws the noise in floating point.
        top: Among how many of the most likely classes the label has to stay; 1 for the first.

    Raises:
        InputError: A value is not allowed, or two of them do not go together.
    """

    noise: Noise
    n0: int
    n: int
    alpha: float
    seed: int
    bound: Bound = "one-sided"
    estimator: Estimator = "clopper-pearson"
    stop: Anytime | None = None
    grid: Grid | None = None
    top: int = 1

    def __post_init__(self) -> None:
        instance("noise", self.noise, Noise, "a noise")
        if self.stop is not None:
            instance("stop", self.stop, Anytime, "a wulff.stats.Anytime or None")
        if self.grid is not None:
            instance("grid", self.grid, Grid, "a wulff.smoothing.Grid or None")
        checked = {
            "n0": check_sample_size(self.n0, "n0"),
            "n": check_sample_size(self.n),
            "alpha": (check_alpha if self.stop is None else check_anytime_alpha)(self.alpha),
            "seed": check_seed(self.seed),
            "top": whole_number("top", self.top),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        one_of("bound", self.bound, get_args(Bound))
        one_of("estimator", self.estimator, get_args(Estimator))
        if self.top > 1:
            self._check_top()
        if self.stop is not None and self.bound == "two-sided":
            raise InputError(
                "two-sided bounds need a fixed n, not one that the votes decide; leave out the bound or the "
                "stop."
            )
        if self.stop is not None and self.estimator != "clopper-pearson":
            raise InputError(
                f"the {self.estimator} estimator needs a fixed n: its bound is exact for one sample size "
                "chosen in advance, not for one that the votes decide; leave out the estimator or the stop."
            )

    def _check_top(self) -> None:
        """Refuse what does not go with bounds on several classes at once."""
        others = {
            "bound": self.bound != "one-sided",
            "estimator": self.estimator != "clopper-pearson",
            "stop": self.stop is not None,
        }
        for name, given in others.items():
            if given:
                raise InputError(
                    f"top = {self.top} has bounds of its own on several classes, from a fixed n; leave out "
                    f"{name}, or top.",
                    name,
                    "top",
                )

    def check(self, selection: SelectionCounts, estimation: EstimationCounts) -> None:
        """Refuse counts that were not made on these terms.

        Raises:
            InputError: They are of the wrong kind, do not belong together, or were counted otherwise.
        """
        if not isinstance(selection, SelectionCounts) or not isinstance(estimation, EstimationCounts):
            raise InputError(
                f"certify needs SelectionCounts and EstimationCounts, got {type(selection).__name__} and "
                f"{type(estimation).__name__}; a label must not be bounded from the sample that chose it."
            )
        if selection.votes.shape != estimation.votes.shape:
            raise InputError(
                f"the counts differ in shape: {selection.votes.shape} and {estimation.votes.shape}."
            )
        if estimation.stop != self.stop:
            raise InputError(
                f"the counts were stopped by {estimation.stop}, but the terms say {self.stop}; a bound is "
                "valid only for counts that were stopped as it says."
            )
        self._check_size("n0", selection.n, self.n0, fixed=True)
        self._check_size("n", estimation.n, self.n, fixed=self.stop is None)
        if self.bound == "two-sided" and estimation.votes.shape[1] < 2:
            raise InputError("two-sided bounds need at least two classes; use bound='one-sided'.")
        check_top(self.top, estimation.votes.shape[1])

    def _check_size(self, name: str, counted: int | IntArray, size: int, *, fixed: bool) -> None:
        found = np.atleast_1d(counted)
        wrong = found[found != size] if fixed else found[found > size]
        if wrong.size:
            raise InputError(
                f"the counts are of {name} = {wrong[0]} copies, but the terms say {name} = {size}; the "
                "bound is valid only for the size that was fixed in advance."
            )

    def draws(self, counts: EstimationCounts) -> FloatArray | None:
        """The uniform number of each input that the estimator takes; None if it takes none."""
        if self.estimator != "randomized-clopper-pearson":
            return None
        return estimator_draws(self.seed, range(len(counts)) if counts.index is None else counts.index)

    def errors(
        self, selection: SelectionCounts, estimation: EstimationCounts
    ) -> tuple[FloatArray, FloatArray | None]:
        """Upper bounds on the error of each selected label, and on other classes.

        On the largest one if two-sided, of shape (inputs,); on the `top` largest ones, of shape (inputs,
        top).
        """
        label, draw = selection.top(), self.draws(estimation)
        if self.top > 1:
            return top_k_bounds(
                estimation.votes,
                estimation.n,
                label,
                self.top,
                self.alpha,
                selection.votes,
                unknown_votes=self.grid is not None,
            )
        if self.bound == "two-sided":
            return two_sided_bounds(
                estimation.votes,
                estimation.n,
                label,
                self.alpha,
                selection.votes,
                draw=draw,
                unknown_votes=self.grid is not None,
            )
        n = np.broadcast_to(estimation.n, label.shape)
        misses, some = estimation.misses(label), np.maximum(n, 1)
        if self.stop is not None:
            error = anytime_error_bound(misses, some, self.alpha)
        elif draw is not None:
            error = randomized_error_bound(misses, some, self.alpha, draw)
        else:
            error = error_upper_bound(misses, some, self.alpha)
        return np.where(n > 0, error, 1.0), None  # nothing is known of inputs that were not sampled at all

    def statement(self, norms: Sequence[Threat | str]) -> str:
        """The guarantee of a certification against these norms, in words."""
        name = _NAMES[self.estimator]
        how = f"from {self.n:,} others by the one-sided {name} bound"
        if self.bound == "two-sided":
            how = f"together with the other classes from {self.n:,} others by simultaneous {name} bounds"
        if self.top > 1:
            how = f"together with its rivals from {self.n:,} others by simultaneous {name} bounds"
        if self.stop is not None:
            how = f"from up to {self.n:,} others by a bound that is valid whenever sampling stops"
            how += ", none where the selected label is wrong" if self.stop.skip_incorrect else ""
        if self.estimator == "randomized-clopper-pearson":
            how += ", with one uniform number for each input that is in the record"
        where, copies = "", f"x + Z, Z ~ {self.noise}"
        sampled = (
            "Samples are drawn in floating point; that they follow the law of Z exactly is an assumption."
        )
        if self.grid is not None:
            steps = self.grid.resolution(self.noise)
            where = f" in multiples of 1/{steps}"
            copies = f"x + N, N is Z rounded to multiples of 1/{steps} and Z ~ {self.noise}"
            sampled = (
                "N is drawn in integers that follow its law exactly, from random bits that are assumed to be "
                "independent and fair; x is the multiple of "
                f"1/{self.grid.levels} that the input stands for, and draws that the bits leave open count "
                "as misses."
            )
        if isinstance(self.noise, Replacement):
            copies = f"copies of x in which {self.noise.in_words}"
            sampled = "Copies are drawn by random numbers that are assumed to be independent and fair."
        within = ""
        threats = list(map(parse_threat, norms))
        plain = list(map(measured_part, threats))
        if any(isinstance(threat, Box) for threat in plain):
            within = (
                " In a norm with -box this is said of x and x' in [0, 1]^d only; a radius by the method "
                "`box` uses how far each coordinate of x can move there, any other holds for every x."
            )
        if any(isinstance(threat, Box) and threat.norm.p == 0 for threat in threats):
            within += " In l0-box the radius is how many coordinates x' may differ in."
        if Norm.L0 in threats:
            within += " In l0 the radius is the largest number of coordinates that x' may differ in."
        if any(isinstance(threat, WithChanges) for threat in threats):
            within += (
                " After a + stands how many categories x' may differ in, at most and whatever they become; "
                "the norm is of the numbers only."
            )
        within += self._about_scales(plain)
        kept, what = "g(x') is that label", "the class"
        if self.top > 1:
            kept, what = f"that label is one of the {self.top} in g(x')", f"the set of the {self.top} classes"
        return (
            f"For each input x with a label other than -1: {kept} for all x'{where} with "
            f"‖x' - x‖ below the radius, in {', '.join(map(str, norms))}, where g(x) is {what} that the "
            f"base classifier f returns most often on {copies}. This holds with probability at "
            f"least 1 - {self.alpha:g} over the noise samples, for each input separately. The label was "
            f"chosen on {self.n0:,} samples and its error bounded {how}. {sampled}{within}"
        )

    def _about_scales(self, threats: Sequence[Threat]) -> str:
        """What a statement adds for noise with scales."""
        noise, places = self.noise, None
        if isinstance(noise, Mixed) and noise.dim is not None:
            noise, places = noise.of_numbers(), noise.numeric(noise.dim)
        if noise.scales is None:
            return ""
        words = ""
        if any(isinstance(threat, Scaled) for threat in threats):
            words = (
                " In a norm with -scaled each coordinate of x' - x is divided by its scale, so that one "
                "alone may move by less than the radius times its scale."
            )
        columns = range(len(noise.scales)) if places is None else places
        fixed = [str(place) for place, scale in zip(columns, noise.scales, strict=True) if scale == 0]
        if fixed:
            named = ", ".join(fixed[:10]) + (", ..." if len(fixed) > 10 else "")
            words += f" Coordinates with scale 0 are immutable, and x' has those of x: {named}."
        return words


def check_top(top: int, classes: int) -> None:
    """Refuse a number of most likely classes that all classes are among."""
    if top > 1 and top >= classes:
        raise InputError(
            f"top must be less than the number of classes, which is {classes}, got {top}: every label is "
            "among all of them.",
            "top",
        )
