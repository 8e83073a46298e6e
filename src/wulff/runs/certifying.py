"""From the votes of an input to its record."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from wulff._typing import FloatArray, IntArray
from wulff.norms import Box, Threat
from wulff.runs.records import CertifiedRadius, Record, sparse
from wulff.smoothing import Certification, EstimationCounts, SelectionCounts, Terms, certify_counts
from wulff.smoothing.rooms import own_boxes


@dataclasses.dataclass(frozen=True)
class Counted:
    """The votes of one input: integers by class for selection and estimation, and their sample sizes.

    Attributes:
        not_a_number: See `Record`, as for file.
    """

    index: int
    label: int
    seconds: float
    selection: IntArray
    estimation: IntArray
    n0: int
    n: int
    not_a_number: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    file: str | None = None


def certified_records(
    terms: Terms, threats: Sequence[Threat], inputs: Sequence[Counted], x: Tensor | None = None
) -> list[Record]:
    """The record of each input, with a radius against every norm; all from one bound on its error.

    Args:
        terms: On which terms.
        threats: The adversaries.
        inputs: The votes of each input.
        x: The inputs themselves, whose room in the box makes radii there larger; None if they are not there.
    """
    index = tuple(counted.index for counted in inputs)
    n = np.array([counted.n for counted in inputs])
    n0 = np.array([counted.n0 for counted in inputs])
    selection = SelectionCounts(np.stack([counted.selection for counted in inputs]), n0, index)
    estimation = EstimationCounts(
        np.stack([counted.estimation for counted in inputs]), n, index, stop=terms.stop
    )
    proofs = {}
    for threat in threats:
        against = threat
        if x is not None and isinstance(threat, Box):
            against = own_boxes(x, threat, terms.grid)
        proofs[threat] = certify_counts(selection, estimation, terms, against)
    draw = terms.draws(estimation)
    return [_record(counted, i, proofs, draw) for i, counted in enumerate(inputs)]


def _record(
    counted: Counted, row: int, proofs: dict[Threat, Certification], draw: FloatArray | None
) -> Record:
    last = list(proofs.values())[-1]
    radii = {
        str(norm): CertifiedRadius(
            radius=float(proof.radius[row]), method=str(proof.method[row]), tight=bool(proof.tight[row])
        )
        for norm, proof in proofs.items()
    }
    return Record(
        index=counted.index,
        label=counted.label,
        predict=int(last.label[row]),
        seconds=counted.seconds,
        n=counted.n,
        error=float(last.error[row]),
        draw=None if draw is None else float(draw[row]),
        counts={"selection": sparse(counted.selection), "estimation": sparse(counted.estimation)},
        not_a_number=counted.not_a_number,
        radii=radii,
        file=counted.file,
    )
