"""What a run is asked for: every parameter, checked and normalised. A document is the same as TOML."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, final

from wulff import noises
from wulff._checks import flag, instance
from wulff._quoting import shown
from wulff.backends.denoisers import check_pixels
from wulff.certificates.features.staircase import steps
from wulff.errors import InputError
from wulff.norms import Threat, parse_adversary, parse_threat
from wulff.runs.view_spec import ViewSpec
from wulff.runs.vote_spec import Table, VoteSpec, put
from wulff.smoothing import Bound, Estimator, Grid, Sampling, Terms
from wulff.smoothing.checks import check_seed
from wulff.smoothing.samplers import grid_for
from wulff.stats import Anytime, check_alpha, check_sample_size, error_upper_bound
from wulff.tables import of_table
from wulff.views import is_views
from wulff.views import parse as parse_views

IN_PYTHON = "in Python"
"""Stands for a data set or model that was no name but an object; hashes tell it from others."""
UNTIL_STOPPED = 4_000
"""About so many copies are classified of an input where the votes decide when sampling stops."""
_ANY_NOISE = noises.parse("gaussian(sigma=1)")
"""Stands for the noise of a model that is not loaded yet, in terms that are only checked."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampledSpec(VoteSpec):
    """What runs have in common whose copies are sampled with noise; use `Spec` or `PredictSpec`.

    Attributes:
        n: Samples that bound the error of a label, or that predict it.
        alpha: The probability, for each input, with which its answer may be wrong.
        seed: The seed of the noise; None draws one from the operating system, and records it.
        sampling: `float`, or `exact` for integer noise on inputs that are multiples of 1/levels.
        levels: Grid steps per 1.0, for exact sampling: 255 for 8-bit pixels.
        denoiser: `python:FILE.py:NAME` of what denoises inputs before the model, with its normalisation, sees
            them: `denoise(x)`, or `denoise(x, sigma)`.
        denoiser_pixels: Its numbers for 0 and 1, in which it sees images and is told sigma; by default these.
        random_denoiser: Whether it draws random numbers, afresh for each row of each call. Probabilities are
            then over its draws too, and a run that is made again has other votes.

    Raises:
        InputError: A value is not allowed, or two of them do not go together.
    """

    required = (*VoteSpec.required, "n", "alpha", "seed")

    n: int = 1_000
    alpha: float = 1e-3
    seed: int | None = 0
    sampling: Sampling = "float"
    levels: int = 255
    denoiser: str | None = None
    denoiser_pixels: Sequence[float] | None = None
    random_denoiser: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        instance("sampling", self.sampling, str, "text")
        if self.denoiser is not None:
            instance("denoiser", self.denoiser, str, "text")
        flag("random_denoiser", self.random_denoiser)
        if self.denoiser is None and (self.denoiser_pixels is not None or self.random_denoiser):
            raise InputError(
                "denoiser_pixels and random_denoiser are for a denoiser; give denoiser=python:FILE.py:NAME.",
                *("denoiser_pixels", "random_denoiser", "denoiser"),
            )
        if self.denoiser is not None:
            put(self, "denoiser_pixels", check_pixels(self.denoiser_pixels or (0.0, 1.0)))
        put(self, "n", check_sample_size(self.n))
        if self.noise is not None:
            put(self, "noise", str(sampled_noise(of_table(self.noise, self.table))))
        if self.seed is not None:
            put(self, "seed", check_seed(self.seed))
        grid_for(self.sampling, self.levels)

    @property
    def grid(self) -> Grid | None:
        """The grid of exact sampling, or None."""
        return grid_for(self.sampling, self.levels)

    @property
    def is_random(self) -> bool:
        return self.random_denoiser

    def copies(self, shape: tuple[int, ...]) -> int:
        return self.n

    def to_document(self) -> dict[str, Any]:
        unsaid = set[str]() if self.sampling == "exact" else {"levels"}
        unsaid |= set[str]() if self.denoiser else {"random_denoiser"}
        return {key: value for key, value in super().to_document().items() if key not in unsaid}


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class Spec(SampledSpec):
    """A certification to be made; the other attributes are those of `SampledSpec` and `VoteSpec`.

    Attributes:
        norms: Against which adversaries; all certificates come from the same votes. Of mixed noise a norm
            stands for all of its steps that n samples could certify, at most ten: l2+0, l2+1, ...
        n0: Samples that choose the label.
        n: Samples that bound its error.
        bound: `one-sided`, or `two-sided` to bound the other classes too.
        estimator: `clopper-pearson`, or `randomized-clopper-pearson` for a fixed n.
        stop: When to stop sampling an input; None takes n samples for each.
        top: Among how many of the most likely classes the label has to stay; 1 for the first.
    """

    task = "certify"
    required = (*SampledSpec.required, "norms", "n0", "bound")

    norms: tuple[str, ...] = ("l2",)
    n0: int = 100
    n: int = 100_000
    bound: Bound = "one-sided"
    estimator: Estimator = "clopper-pearson"
    stop: Anytime | None = None
    top: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.norms, str) or not isinstance(self.norms, list | tuple) or not self.norms:
            raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {shown(self.norms)}.")
        threats = [parse_threat(norm) for norm in self.norms]
        terms = self.terms(noise := _ANY_NOISE if self.noise is None else noises.parse(self.noise))
        put(self, "n0", terms.n0)
        put(self, "alpha", terms.alpha)
        if isinstance(noise, noises.Mixed):
            least = float(error_upper_bound(0, terms.n, terms.alpha))
            threats = [step for threat in threats for step in steps(noise, threat, least)]
        put(self, "norms", tuple(dict.fromkeys(map(str, threats))))

    @property
    def threats(self) -> list[Threat]:
        """The adversaries' norms."""
        return [parse_threat(norm) for norm in self.norms]

    def terms(self, noise: noises.Noise) -> Terms:
        """The terms of the certification, with the noise in the dimension of the inputs."""
        return Terms(
            noise=noise,
            n0=self.n0,
            n=self.n,
            alpha=self.alpha,
            seed=0 if self.seed is None else self.seed,
            bound=self.bound,
            estimator=self.estimator,
            stop=self.stop,
            grid=self.grid,
            top=self.top,
        )

    def copies(self, shape: tuple[int, ...]) -> int:
        return self.n0 + (self.n if self.stop is None else min(self.n, UNTIL_STOPPED))

    def to_document(self) -> dict[str, Any]:
        """The table `run`; that a label has to stay the first is not said."""
        return {key: value for key, value in super().to_document().items() if (key, value) != ("top", 1)}


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictSpec(SampledSpec):
    """A prediction to be made; the attributes are those of `SampledSpec` and `VoteSpec`."""

    task = "predict"

    def __post_init__(self) -> None:
        super().__post_init__()
        put(self, "alpha", check_alpha(self.alpha))

    @property
    def norms(self) -> tuple[str, ...]:
        """The norms that radii are against: none."""
        return ()


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedSpec(Table):
    """What is known of a published log; None is what it does not say.

    Attributes:
        norms: The norms of its radii; none for predictions.
        noise: The noise.
        n: How many samples bounded each error.
        alpha: The probability with which each answer may be wrong; without it there are no bounds.
        training_noise: The noise that the model was trained with.
        training_accuracy: The accuracy on training inputs under noise.
        rounded_to_digits: To how many significant digits its radii are rounded, at worst.
        rounded_to_decimals: To how many decimals.
        dataset: The data set.

    Raises:
        InputError: A value is not allowed.
    """

    task = "import"
    table: ClassVar[None] = None

    norms: tuple[str, ...] = ()
    noise: str | None = None
    n: int | None = None
    alpha: float | None = None
    training_noise: str | None = None
    training_accuracy: float | None = None
    rounded_to_digits: int | None = None
    rounded_to_decimals: int | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.norms, list | tuple):
            raise InputError(f"norms must be a sequence such as ('l1', 'l2'), got {shown(self.norms)}.")
        put(self, "norms", tuple(str(parse_adversary(norm)) for norm in self.norms))
        for name in ("noise", "training_noise"):
            if (noise := getattr(self, name)) is not None:
                instance(name, noise, str, "text")
                put(self, name, str(parse_views(noise) if is_views(noise) else noises.parse(noise)))
        if self.n is not None:
            put(self, "n", check_sample_size(self.n))
        if self.alpha is not None:
            put(self, "alpha", check_alpha(self.alpha))
        accuracy = self.training_accuracy
        if accuracy is not None and not (type(accuracy) in (int, float) and 0 <= accuracy <= 1):
            raise InputError(f"training_accuracy must lie in [0, 1], got {accuracy!r}.")
        for name in ("rounded_to_digits", "rounded_to_decimals"):
            if getattr(self, name) is not None and type(getattr(self, name)) is not int:
                raise InputError(f"{name} must be a whole number, got {getattr(self, name)!r}.")


RunSpec = Spec | PredictSpec | ViewSpec
"""What a run can be made from."""
AnySpec = RunSpec | ImportedSpec
SPECS: dict[str, type[AnySpec]] = {spec.task: spec for spec in (Spec, PredictSpec, ViewSpec, ImportedSpec)}
"""Specs by the task that a document names."""


def sampled_noise(text: str) -> noises.Noise:
    """The noise of a spec string; views, which are enumerated, are refused with what they are for."""
    if is_views(text):
        raise InputError(
            f"{text} are views, which are enumerated and not sampled; make a ViewSpec of them, or give a "
            "noise.",
            "noise",
        )
    return noises.parse(text)
