"""Certified accuracy: the share of inputs that are correct with a radius of at least r."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from wulff._checks import NOT_NEGATIVE, SHARE, flag, real_number, real_numbers, sequence_of, whole_number
from wulff._quoting import shown
from wulff._typing import FloatArray
from wulff.errors import InputError
from wulff.norms import Adversary, Patch, is_counted, parse_adversary
from wulff.runs import Run
from wulff.runs.run import check_run
from wulff.stats import check_alpha


@dataclasses.dataclass(frozen=True)
class Curve:
    """The certified accuracy of one run against one norm, as a function of the radius.

    Attributes:
        run: The run.
        norm: The adversary's norm.
        certified: The radius of each correctly labelled input, ascending; compared unrounded. Where true
            labels are not known, every input with a label counts.
        inputs: The number of all inputs.
    """

    run: Run
    norm: Adversary
    certified: FloatArray
    inputs: int

    def correct(self, radius: float) -> int:
        """How many inputs are correctly labelled with a certified radius of at least `radius`."""
        radius = real_number("radius", radius, *NOT_NEGATIVE)
        return int(len(self.certified) - np.searchsorted(self.certified, radius, side="left"))

    def accuracy(self, radius: float) -> Fraction:
        """The certified accuracy at `radius`: a share of certificates, each of which may fail by chance."""
        return Fraction(self.correct(radius), self.inputs)

    def bound(self, radius: float, confidence: float) -> Fraction | None:
        """A certified accuracy that is true with probability `confidence`, at all radii at once.

        Each certificate is false with probability at most alpha, independently of those of other inputs,
        so that the number of false ones is dominated by Binomial(inputs, alpha). Its quantile is
        subtracted. This replaces the bound of Cohen et al. 2019, theorem 6, by its exact form.

        Returns:
            None for imported logs that do not say their alpha; the accuracy itself where all views were
            classified.
        """
        if self.alpha is None:
            return None
        false = false_certificates(self.inputs, self.alpha, confidence)
        return Fraction(max(self.correct(radius) - false, 0), self.inputs)

    @property
    def alpha(self) -> float | None:
        """The probability with which a certificate may be false: 0 where nothing is left to chance."""
        return 0.0 if self.run.is_exact else self.run.alpha

    @property
    def average_certified_radius(self) -> float:
        """The mean radius, where wrong and abstained inputs count as zero."""
        return float(self.certified.sum() / self.inputs)


def curve(run: Run, norm: Adversary | str, *, as_published: bool = False) -> Curve:
    """The certified-accuracy curve of a run.

    Raises:
        InputError: The run has no records, or no radii against the norm.
    """
    norm = parse_adversary(norm)
    check_run(run)
    flag("as_published", as_published)
    if not run.records:
        raise InputError(f"{run.folder} has no records yet; run the same command again to make them.")
    radii = run.radii(norm, as_published=as_published)
    return Curve(run, norm, np.sort(radii[run.scored]), len(run.records))


def false_certificates(inputs: int, alpha: float, confidence: float) -> int:
    """The number that false certificates exceed with probability at most 1 - confidence.

    Args:
        inputs: How many inputs were certified, with independent noise.
        alpha: The probability with which the certificate of one input may be false; 0 if none may.
        confidence: The probability with which the number shall suffice, in (0, 1).

    Raises:
        InputError: The confidence is outside its range.
    """
    inputs = whole_number("inputs", inputs, least=0)
    real_number("confidence", confidence, *SHARE)
    if isinstance(alpha, int | float) and alpha == 0:
        return 0
    alpha = check_alpha(alpha)
    from scipy import stats  # imported here: it takes half a second

    false = int(stats.binom.ppf(confidence, inputs, alpha))
    # ppf errs on either side by one where the tail is a rounding error away; the tail itself decides.
    while stats.binom.sf(false, inputs, alpha) > 1 - confidence:
        false += 1
    return false


def check_runs(runs: Sequence[Run]) -> list[Run]:
    """Runs, as a list.

    Raises:
        InputError: They are none; `wulff.runs.load` makes one of a folder.
    """
    return sequence_of("runs", runs, Run, "[wulff.runs.load('FOLDER')]")


def some_runs(runs: Sequence[Run]) -> list[Run]:
    """At least one run, as a list.

    Raises:
        InputError: There is none.
    """
    found = check_runs(runs)
    if not found:
        raise InputError("at least one run is needed; `wulff.runs.load` reads them.", "runs")
    return found


def check_radii(
    radii: Sequence[float], against: Adversary | None = None, runs: Sequence[Run] = ()
) -> list[float]:
    """The radii at which a report is wanted.

    Args:
        radii: The radii.
        against: Whom they are against, where they are to be whole numbers against some.
        runs: The runs, in whose images a square has to fit.

    Raises:
        InputError: One is negative or not finite, or no whole number or too large where it must not be.
    """
    if isinstance(radii, str):
        raise InputError(
            f"radii must be numbers such as [0.25, 0.5], got {shown(radii)}; "
            f"a norm is given as norm={shown(radii)}.",
            "radii",
        )
    found = real_numbers("radii", radii, *NOT_NEGATIVE)
    if against is not None and is_counted(against) and any(radius != int(radius) for radius in found):
        raise InputError(f"radii against {against} are whole numbers, got {shown(found)}.", "radii")
    if isinstance(against, Patch):
        sides = [max(run.facts.shape[1:]) for run in runs if run.facts.shape is not None]
        if found and sides and max(found) > min(sides):
            raise InputError(
                f"a patch of side {max(found):g} is larger than the images, which have {min(sides)} pixels.",
                "radii",
            )
    return found


def default_radii(curves: Sequence[Curve]) -> list[float]:
    """Round radii from zero to just beyond the largest that any curve reaches, at most nine."""
    largest = max([float(c.certified[-1]) for c in curves if len(c.certified)], default=0.0)
    if largest == 0:
        return [0.0]
    if curves and is_counted(curves[0].norm):
        return [float(i) for i in range(0, int(largest) + 1, max(1, round(largest / 8)))]
    step = 10.0 ** np.floor(np.log10(largest))
    step = next(step * f for f in (0.1, 0.125, 0.2, 0.25, 0.5, 1.0, 2.0) if largest / (step * f) <= 8)
    return [round(i * step, 12) for i in range(int(largest / step) + 2)]
