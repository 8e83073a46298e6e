"""From vote counts to certified labels: what is proved for each input, in numbers and in words."""

import dataclasses

import numpy as np
import numpy.typing as npt

from wulff._checks import instance
from wulff._typing import FloatArray, IntArray
from wulff.certificates import Radii, certified_radius, two_sided_radius
from wulff.noises import Noise
from wulff.norms import Threat
from wulff.smoothing.counts import EstimationCounts, SelectionCounts
from wulff.smoothing.samplers import Grid
from wulff.smoothing.terms import Bound, Estimator, Terms
from wulff.stats import ABSTAIN, Anytime


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
        norm: The adversary's norm, or a norm in the box.
        terms: On which terms: the noise with its dimension, sample sizes, alpha and so on; each of them is
            also a property of the certification.
        draw: The uniform numbers of the randomised estimator, shape (m,).
    """

    label: IntArray
    radius: FloatArray
    error: FloatArray
    counts: EstimationCounts
    selection: SelectionCounts
    method: npt.NDArray[np.str_]
    tight: npt.NDArray[np.bool_]
    norm: Threat
    terms: Terms
    draw: FloatArray | None = None

    @property
    def noise(self) -> Noise:
        """The noise, with its dimension."""
        return self.terms.noise

    @property
    def alpha(self) -> float:
        """The probability, for each input, with which its certificate may be wrong."""
        return self.terms.alpha

    @property
    def seed(self) -> int:
        """The seed of the noise."""
        return self.terms.seed

    @property
    def stop(self) -> Anytime | None:
        """The stopping policy, where the votes decided the number of samples."""
        return self.terms.stop

    @property
    def bound(self) -> Bound:
        """`one-sided`, or `two-sided` where the other classes were bounded too."""
        return self.terms.bound

    @property
    def estimator(self) -> Estimator:
        """How errors were bounded from counts of a fixed n."""
        return self.terms.estimator

    @property
    def grid(self) -> Grid | None:
        """The grid of exact sampling; None if the noise was drawn in floating point."""
        return self.terms.grid

    @property
    def statement(self) -> str:
        """What is guaranteed, in words."""
        return self.terms.statement([self.norm])

    def against(self, norm: Threat | str) -> "Certification":
        """The same counts against another norm; both statements hold at once, with the same alpha."""
        return certify_counts(self.selection, self.counts, self.terms, norm)


def certify_counts(
    selection: SelectionCounts,
    estimation: EstimationCounts,
    terms: Terms,
    threat: Threat | str,
    method: str | None = None,
) -> Certification:
    """Certify from counts [Cohen et al. 2019, Certify; any noise and norm].

    Args:
        selection: Counts that choose each label.
        estimation: Counts of independent samples, from which the label's error is bounded.
        terms: On which terms they were counted, and are to be bounded.
        threat: The adversary's norm, or a norm in the box such as `l1-box`.
        method: One theorem, by name; the one with the largest radius by default.

    Raises:
        InputError: The counts are of the wrong kind, do not belong together, or were not counted on these
            terms.
    """
    instance("terms", terms, Terms, "a wulff.smoothing.Terms").check(selection, estimation)
    error, rival = terms.errors(selection, estimation)
    radii: Radii = (
        certified_radius(terms.noise, error, threat, method=method)
        if rival is None
        else two_sided_radius(terms.noise, error, rival, threat, method=method)
    )
    return Certification(
        label=np.where(radii.method != "abstain", selection.top(), ABSTAIN),
        radius=radii.radius,
        error=error,
        counts=estimation,
        selection=selection,
        method=radii.method,
        tight=radii.tight,
        norm=radii.norm,
        terms=dataclasses.replace(terms, noise=radii.noise),
        draw=terms.draws(estimation),
    )
