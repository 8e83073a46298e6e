"""From the votes of an input to its record: what a run certifies, on which terms."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from wulff import noises
from wulff._typing import FloatArray, IntArray
from wulff.norms import Norm
from wulff.runs.records import CertifiedRadius, Record, sparse
from wulff.smoothing import (
    Bound,
    Certification,
    EstimationCounts,
    Estimator,
    Grid,
    SelectionCounts,
    certify_counts,
    estimator_draws,
    grid_for,
    statement,
)
from wulff.stats import Anytime


@dataclasses.dataclass(frozen=True)
class Counted:
    """The votes of one input: integers by class for selection and estimation, and their sample sizes.

    Attributes:
        not_a_number: See `Record`.
    """

    index: int
    label: int
    seconds: float
    selection: IntArray
    estimation: IntArray
    n0: int
    n: int
    not_a_number: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """What turns counts into certificates; see `wulff.runs.Spec` for the fields.

    Attributes:
        noise: The noise, with the dimension of the inputs.
        grid: The grid of exact sampling, or None.
    """

    noise: noises.Noise
    norms: Sequence[Norm]
    n0: int
    n: int
    alpha: float
    seed: int
    bound: Bound = "one-sided"
    estimator: Estimator = "clopper-pearson"
    stop: Anytime | None = None
    grid: Grid | None = None

    @classmethod
    def of_run(cls, spec: dict[str, Any]) -> "Terms":
        """The terms of a certification, from the table `run` of its spec."""
        noise = noises.parse(spec["noise"])
        return cls(
            noise=noise.in_dim(spec["dim"]) if "dim" in spec else noise,
            norms=[Norm.parse(norm) for norm in spec["norms"]],
            n0=spec["n0"],
            n=spec["n"],
            alpha=spec["alpha"],
            seed=int(spec["seed"]),
            bound=spec["bound"],
            estimator=spec.get("estimator", "clopper-pearson"),
            stop=Anytime(**spec["stop"]) if "stop" in spec else None,
            grid=grid_for(spec.get("sampling", "float"), spec.get("levels", 1)),
        )

    @property
    def statement(self) -> str:
        """What is guaranteed, in words."""
        return statement(
            self.noise,
            list(self.norms),
            self.n0,
            self.n,
            self.alpha,
            self.stop,
            self.bound,
            estimator=self.estimator,
            grid=self.grid,
        )

    def records(self, inputs: Sequence[Counted]) -> list[Record]:
        """The record of each input, with a radius against every norm; all from one bound on its error."""
        n = np.array([counted.n for counted in inputs])
        selection = SelectionCounts(np.stack([counted.selection for counted in inputs]), inputs[0].n0)
        estimation = EstimationCounts(np.stack([counted.estimation for counted in inputs]), n)
        draw = None
        if self.estimator == "randomized-clopper-pearson":
            draw = estimator_draws(self.seed, [counted.index for counted in inputs])
        proofs = {
            norm: certify_counts(
                selection,
                estimation,
                self.noise,
                norm=norm,
                alpha=self.alpha,
                seed=self.seed,
                stop=self.stop,
                bound=self.bound,
                estimator=self.estimator,
                draw=draw,
                grid=self.grid,
            )
            for norm in self.norms
        }
        return [_record(counted, i, proofs, draw) for i, counted in enumerate(inputs)]


def _record(counted: Counted, row: int, proofs: dict[Norm, Certification], draw: FloatArray | None) -> Record:
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
    )
