"""A bound on the error that holds at every look: sampling may stop whenever it likes.

The evidence against "the error is at least e" after n votes with m misses is the likelihood ratio of the
votes, averaged over smaller errors by Jeffreys' prior truncated to (0, e):

    W(e) = [B(m+½, n-m+½) I_e(m+½, n-m+½)] / [B(½, ½) I_e(½, ½) e^m (1-e)^(n-m)].

For every true error of at least e it is a non-negative supermartingale that starts at one, because each
factor of the ratio has a mean of at most one; so it ever reaches 1/alpha with probability at most alpha
[Ville 1939].
"""

import dataclasses
from typing import final

import numpy as np
import numpy.typing as npt
from scipy import special

from wulff._checks import POSITIVE, SHARE, numbers, real_number, real_numbers
from wulff._quoting import shown
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.stats.checks import check_alpha, check_counts

LARGEST_ALPHA = 0.3
"""Up to here the evidence rises with e wherever it exceeds 1/alpha, which the bound relies on."""


def log_evidence(misses: npt.ArrayLike, n: npt.ArrayLike, error: npt.ArrayLike) -> FloatArray:
    """log W(error): the evidence that the true error is smaller.

    Args:
        misses: Counts from 0 to n.
        n: The numbers of votes.
        error: The hypothetical errors, in (0, 1).
    """
    given = {"misses": misses, "n": n, "error": error}
    m, k, e = (numbers(name, values).astype(np.float64) for name, values in given.items())
    a, b = m + 0.5, k - m + 0.5
    with np.errstate(divide="ignore"):
        smaller = np.log(special.betainc(a, b, e)) - np.log(2 / np.pi * np.arcsin(np.sqrt(e)))
    return special.betaln(a, b) - np.log(np.pi) + smaller - m * np.log(e) - (k - m) * np.log1p(-e)


def evaluation_error(n: npt.ArrayLike) -> FloatArray:
    """By how much `log_evidence` may be wrong where it is positive; the tests measure it at 50 digits."""
    return 1e-10 + 1e-13 * np.asarray(n, dtype=np.float64)


def anytime_error_bound(misses: npt.ArrayLike, n: npt.ArrayLike, alpha: float) -> FloatArray:
    """An upper bound on the error that is valid at all sample sizes at once.

    With probability at least 1 - alpha over the votes, the true error is below the bound at every n; so n
    may depend on the votes in any way. It is the smallest e ≤ ½ with W(e) ≥ 1/alpha, rounded outward, or 1
    if there is none. For alpha ≤ .3, W rises with e from there to ½: with m/n the share of misses, log W has
    the slope (e - m/n) n / (e (1-e)) - (1 - L(e)/A) π(e)/Π(e), with L the likelihood, A its mean below e, and
    π/Π ≤ 1/(2e (1-e)^½), so that it is positive for (e - m/n) n ≥ ½; and nearer to m/n, W is below 1/.3.

    Args:
        misses: Counts from 0 to n, of any shape.
        n: The numbers of votes, at least 1; broadcast against `misses`.
        alpha: The probability with which the bound may ever fail, in (0, .3].

    Raises:
        InputError: A count, n or alpha is outside its range.
    """
    alpha = check_anytime_alpha(alpha)
    m, k = check_counts(misses, n)
    needed = -np.log(alpha) + evaluation_error(k)
    low = np.minimum((m + 0.5) / k, 0.5)
    high = np.full(m.shape, 0.5)
    excess = log_evidence(m, k, high) - needed
    found = (low < high) & (excess >= 0)
    excess = np.where(found, excess, 0.0)
    # Newton's method from above: log W is nearly convex, so that steps stop short of the solution; those
    # that do not are refused and halved. Each bound stops by itself, so that it depends on its counts only.
    size, moving = np.ones(m.shape), found
    for _ in range(60):
        log_w = np.where(moving, excess + needed, 0.0)
        prior = 0.5 / (np.sqrt(high * (1 - high)) * np.arcsin(np.sqrt(high)))
        slope = (high * k - m) / (high * (1 - high)) + np.expm1(-log_w) * prior
        step = np.where(moving, size * excess / np.where(slope > 0, slope, np.inf), 0.0)
        moving = step > 1e-12 * high
        if not moving.any():
            break
        closer = np.where(moving, np.maximum(high - step, low), high)
        left = log_evidence(m, k, closer) - needed
        enough = moving & (left >= 0)
        high, excess = np.where(enough, closer, high), np.where(enough, left, excess)
        size = np.where(enough, 1.0, size / 2)
    return np.where(found, high, 1.0)[()]


def check_anytime_alpha(alpha: float) -> float:
    """Alpha as a float; refuses what an anytime-valid bound cannot have."""
    alpha = check_alpha(alpha)
    if alpha > LARGEST_ALPHA:
        raise InputError(
            f"alpha must be at most {LARGEST_ALPHA} where votes decide when sampling stops, got {alpha}; "
            "take a smaller one, or a fixed n.",
            "alpha",
        )
    return alpha


@final
@dataclasses.dataclass(frozen=True)
class Anytime:
    """When to stop sampling an input; the certificate is valid whenever that is.

    Give `radii`, to decide for each of them whether it can be certified, or `relative`, to stop when the
    radius is known to that relative precision. Either way an input that will hardly reach a radius above
    zero is given up early, and n is never exceeded.

    Attributes:
        radii: The radii of interest, in input units.
        relative: The relative precision of the radius, e.g. .02.
        beta: A radius is given up when the votes so far leave it a smaller chance than this of being
            certified by n votes; a smaller beta costs samples.
        skip_incorrect: Whether labelled inputs whose selected label is wrong end at once, uncertified: only
            correct ones count in certified accuracy. None stands for True where labels are known and
            radii are asked for.
    """

    radii: tuple[float, ...] = ()
    relative: float | None = None
    beta: float = 1e-3
    skip_incorrect: bool | None = None

    def __post_init__(self) -> None:
        radii = real_numbers("the radii of Anytime", self.radii, *POSITIVE)
        object.__setattr__(self, "radii", tuple(radii))
        if bool(self.radii) == (self.relative is not None):
            raise InputError("Anytime needs one of radii=[...] and relative=, e.g. radii=[0.5, 1].")
        if self.relative is not None:
            real_number("the relative precision", self.relative, *SHARE)
        real_number("beta", self.beta, *SHARE)
        if self.skip_incorrect is not None and not isinstance(self.skip_incorrect, bool):
            raise InputError(f"skip_incorrect must be True, False or None, got {shown(self.skip_incorrect)}.")

    def settled(self, labelled: bool) -> "Anytime":
        """The same with `skip_incorrect` decided, for inputs whose labels are known or not."""
        if self.skip_incorrect is not None:
            return self
        return dataclasses.replace(self, skip_incorrect=bool(self.radii) and labelled)
