"""From vote counts to certified labels: what is proved for each input, in numbers and in words."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from wulff import _display
from wulff._checks import file_path, instance, sequence_of, whole_numbers
from wulff._numerics.rounding import decimal_down
from wulff._reading import reading
from wulff._typing import FloatArray, IntArray
from wulff.certificates import Radii, certified_radius, top_k_radius, two_sided_radius
from wulff.certificates.box.own_rooms import OWN, with_rooms
from wulff.certificates.radii import largest_changes
from wulff.errors import InputError
from wulff.noises import Noise
from wulff.norms import Box, Threat, parse_threat
from wulff.smoothing import certification_file
from wulff.smoothing.counts import Counts, EstimationCounts, SelectionCounts
from wulff.smoothing.samplers import Grid
from wulff.smoothing.terms import Bound, Estimator, Terms
from wulff.stats import ABSTAIN, Anytime

_ARRAYS = {"label": int, "radius": float, "error": float, "method": str, "tight": bool}
"""What is certified for each input, and as which type."""


@dataclasses.dataclass(frozen=True, repr=False)
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

    def accuracy(self, labels: Any, radii: float | Sequence[float] = 0.0) -> FloatArray:
        """The share of inputs with the right label and a radius of at least each of these.

        Args:
            labels: The true label of each input.
            radii: In input units; one, or several.
        """
        truth = np.array(whole_numbers("labels", labels, len(self), least=0))
        certified = self.radius[self.label == truth]
        at = np.asarray(radii, dtype=np.float64)
        return np.array([(certified >= radius).sum() / len(self) for radius in at.ravel()]).reshape(at.shape)

    def largest_changes(self) -> FloatArray:
        """How far each coordinate of each input may move alone, in its own unit; of shape (m, dim)."""
        return largest_changes(self.noise, self.norm, self.radius)

    def save(self, path: str | Path) -> None:
        """Write it to a file, from which `Certification.load` reads it.

        Raises:
            InputError: The path is no place for a file, or the noise was made in Python.
        """
        index = self.counts.index
        certification_file.write(
            file_path("path", path),
            {
                "norm": str(self.norm),
                "terms": certification_file.of_terms(self.terms),
                "classes": self.counts.votes.shape[1],
                "index": None if index is None else list(index),
                "n0": np.broadcast_to(self.selection.n, len(self)).tolist(),
                "n": np.broadcast_to(self.counts.n, len(self)).tolist(),
                "selection": certification_file.of_votes(self.selection.votes),
                "estimation": certification_file.of_votes(self.counts.votes),
                **{name: getattr(self, name).tolist() for name in _ARRAYS},
                "draw": None if self.draw is None else self.draw.tolist(),
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The certification in a file that `save` wrote.

        Raises:
            InputError: The file is missing, damaged or changed.
        """
        path = file_path("path", path)
        found = certification_file.read(path)
        with reading(path, certification_file.KIND, "certify again"):
            terms = certification_file.to_terms(found["terms"])
            index = None if found["index"] is None else tuple(found["index"])
            votes = {
                phase: certification_file.to_votes(found[phase], found["classes"])
                for phase in ("selection", "estimation")
            }
            return cls(
                **{name: np.array(found[name], dtype) for name, dtype in _ARRAYS.items()},
                selection=SelectionCounts(votes["selection"], _alike(found["n0"]), index),
                counts=EstimationCounts(votes["estimation"], _alike(found["n"]), index, terms.stop),
                norm=parse_threat(found["norm"]),
                terms=terms,
                draw=None if found["draw"] is None else np.array(found["draw"], float),
            )

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each input."""
        n = np.broadcast_to(self.counts.n, len(self))
        return _display.pandas().DataFrame({name: getattr(self, name) for name in _ARRAYS} | {"n": n})

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, chosen: Any) -> "Certification":
        """What is certified for some of the inputs: by their places, a slice or a mask."""
        places = np.atleast_1d(np.arange(len(self))[chosen])
        draw = None if self.draw is None else self.draw[places]
        return dataclasses.replace(
            self,
            **{name: getattr(self, name)[places] for name in _ARRAYS},
            counts=_some(self.counts, places),
            selection=_some(self.selection, places),
            draw=draw,
        )

    def __repr__(self) -> str:
        terms, certain = self.terms, self.label != ABSTAIN
        lost = len(self) - int(certain.sum())
        return (
            f"Certification of {len(self):,} inputs against {self.norm}, {lost:,} of them abstained\n"
            f"  noise {terms.noise}, n0 = {terms.n0:,}, n = {terms.n:,}, alpha = {terms.alpha:g}\n"
            f"  radius {_display.range_of(self.radius[certain])} (rounded down)\n"
            f"  by {', '.join(np.unique(self.method[certain]).tolist()[:4]) or 'no theorem'}"
        )

    def _repr_html_(self) -> str:
        shown = range(min(len(self), _display.ROWS))
        rows = [
            [
                str(i),
                str(int(self.label[i])) if self.label[i] != ABSTAIN else "abstains",
                decimal_down(float(self.radius[i]), 4),
                f"{self.error[i]:.4g}",
                str(self.method[i]),
            ]
            for i in shown
        ]
        heads = ["input", "label", f"{self.norm} radius", "error at most", "method"]
        return _display.html_lines(repr(self)) + _display.html_table(heads, rows, len(self) - len(shown))

    def against(self, norm: Threat | str) -> "Certification":
        """The same counts against another norm; both statements hold at once, with the same alpha."""
        return certify_counts(self.selection, self.counts, self.terms, norm)


def _alike(sizes: list[int]) -> int | IntArray:
    """One sample size where all inputs have the same."""
    return sizes[0] if len(set(sizes)) == 1 else np.array(sizes, dtype=np.int64)


Some = TypeVar("Some", bound=Counts)


def _some(counts: Some, places: IntArray) -> Some:
    """The counts of the inputs in these places; their numbers stay those of all of them."""
    index = tuple(range(len(counts))) if counts.index is None else counts.index
    n = counts.n if isinstance(counts.n, int) else np.broadcast_to(counts.n, len(counts))[places]
    return dataclasses.replace(
        counts, votes=counts.votes[places], n=n, index=tuple(index[place] for place in places.tolist())
    )


def certify_counts(
    selection: SelectionCounts,
    estimation: EstimationCounts,
    terms: Terms,
    threat: Threat | str | Sequence[Box],
    method: str | None = None,
) -> Certification:
    """Certify from counts [Cohen et al. 2019, Certify; any noise and norm].

    Args:
        selection: Counts that choose each label.
        estimation: Counts of independent samples, from which the label's error is bounded.
        terms: On which terms they were counted, and are to be bounded.
        threat: The adversary's norm, or a norm in the box such as `l1-box`; or a `Box` for each input, with
            its room.
        method: One theorem, by name; the one with the largest radius by default.

    Raises:
        InputError: The counts are of the wrong kind, do not belong together, or were not counted on these
            terms.
    """
    instance("terms", terms, Terms, "a wulff.smoothing.Terms").check(selection, estimation)
    error, rival = terms.errors(selection, estimation)

    def radii_of(places: Any, against: Threat | str, method: str | None = method) -> Radii:
        if rival is None:
            return certified_radius(terms.noise, error[places], against, method=method)
        if terms.top > 1:
            return top_k_radius(terms.noise, error[places], rival[places], against, method=method)
        return two_sided_radius(terms.noise, error[places], rival[places], against, method=method)

    if isinstance(threat, Threat | str):
        radii = radii_of(slice(None), threat)
    else:
        boxes = _boxes(threat)
        everywhere = None if method == OWN else method  # of this method there are none without a room
        radii = radii_of(slice(None), Box(boxes[0].norm), everywhere)
        if method in (None, OWN):
            radii = with_rooms(radii, boxes, lambda i, box: radii_of(i, box, OWN))
    names = radii.method
    if terms.top > 1:
        names = np.where(names == "abstain", names, np.char.add(names, f"-top-{terms.top}"))
    return Certification(
        label=np.where(radii.method != "abstain", selection.top(), ABSTAIN),
        radius=radii.radius,
        error=error,
        counts=estimation,
        selection=selection,
        method=names,
        tight=radii.tight,
        norm=radii.norm,
        terms=dataclasses.replace(terms, noise=radii.noise),
        draw=terms.draws(estimation),
    )


def _boxes(threat: object) -> list[Box]:
    """A threat for each input: boxes with rooms, measured alike."""
    boxes = sequence_of("threat", threat, (Box,), "'l1-box', or one wulff.norms.Box for each input")
    if not boxes or len({box.norm for box in boxes}) > 1:
        raise InputError("threat must be one Box for each input, all of one norm.")
    return boxes
