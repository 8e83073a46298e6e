"""The differential engine against closed forms, and against the true worst case in low dimension."""

import math
import time

import mpmath as mp
import numpy as np
import pytest
import torch

from tests import cases
from tests.cases import noise_of
from tests.nightly import NIGHTLY, everyday
from wulff.certificates import certified_radius
from wulff.certificates.differential.directions import sign_sum_deviation
from wulff.errors import InputError, NotCoveredError
from wulff.noises import CustomIID, CustomRadial, HalfLine, Noise, NormRadialNoise, parse

ERRORS = np.array([*cases.ERRORS, 0.3, 0.45, 0.5 - 1e-12])
POINTS = 1400 if NIGHTLY else 500
"""On a side of the grid in the plane."""


def _radius(noise: Noise | str, error: np.ndarray | float, norm: str, dim: int, method: str) -> np.ndarray:
    return certified_radius(noise, error, norm, dim, method).radius


@pytest.mark.parametrize("dim", [1, 2, 3, 10, 64, 3072])
@pytest.mark.parametrize(
    ("spec", "norm"),
    [
        ("exp-l1(scale=1)", "l1"),
        ("exp-l1(scale=1)", "linf"),
        ("exp-l2(scale=1)", "l2"),
        ("exp-linf(scale=1)", "l1"),
        ("exp-linf(scale=1)", "linf"),
    ],
)
def test_closed_forms_agree_with_the_engine(spec: str, norm: str, dim: int) -> None:
    closed = _radius(spec, ERRORS, norm, dim, "closed-form")
    engine = _radius(spec, ERRORS, norm, dim, "differential")
    if (spec, norm) == ("exp-l1(scale=1)", "linf") and dim > 24:
        # A normal law of variance d + 0.7 stands for the sum of signs, whose far tails are lighter.
        assert (engine < closed).all()
        assert (engine > closed * (1 - 2 / dim))[ERRORS > 1e-3].all()
        return
    assert np.abs(closed / engine - 1).max() < 1e-10


@pytest.mark.parametrize(
    ("spec", "dim"),
    [
        *(("exp-linf(scale=1,k=2)", dim) for dim in (2, 64, 3072)),
        *(("exp-linf(scale=1,k=0.5)", dim) for dim in (2, 64)),
        *(("exp-linf(scale=1,j=1,k=2)", dim) for dim in (3, 64, 3072)),
        *((f"power-linf(scale=1,a={dim + 3},k=1)", dim) for dim in (2, 64, 3072)),
        *((f"power-linf(scale=1,a={dim},k=2)", dim) for dim in (2, 64, 3072)),
    ],
)
def test_linear_radii_of_cubes_against_l1(spec: str, dim: int) -> None:
    error = np.array([0.5 / dim, 0.6 / dim, 0.3, 0.49, 0.5 - 1e-9])
    error = error[(error >= 0.5 / dim) & (error < 0.5)]
    closed = _radius(spec, error, "l1", dim, "closed-form")
    assert np.abs(closed / _radius(spec, error, "l1", dim, "differential") - 1).max() < 1e-10


@pytest.mark.parametrize("dim", [1, 2, 3, 64, 3072, 150_528])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_special_cases_coincide(norm: str, dim: int) -> None:
    gaussian = certified_radius("gaussian(scale=1)", ERRORS, norm, dim).radius / np.sqrt(2)
    engine = _radius("exp-l2(scale=1,k=2)", ERRORS, norm, dim, "differential")
    assert (engine <= gaussian).all()
    assert engine == pytest.approx(gaussian, rel=1e-10)


@pytest.mark.parametrize("dim", [2, 3, 25, 26, 63, 784, 3072, 150_527])
def test_a_normal_law_is_above_sums_of_signs(dim: int) -> None:
    """E(N - c)₊ ≥ E(D - c)₊ with variance d + 0.7, at 60 digits, on a grid finer than the atoms."""
    assert sign_sum_deviation(dim) == np.sqrt(dim + 0.7)
    with mp.workdps(60):
        deviation = mp.sqrt(mp.mpf(dim) + mp.mpf("0.7"))
        atoms = [m for m in range(dim % 2, dim + 1, 2) if m <= 36 * np.sqrt(dim)]
        mass = [mp.binomial(dim, (dim + m) // 2) / mp.mpf(2) ** dim for m in atoms]
        above = mp.fsum(mass[1:] if atoms[0] == 0 else mass)
        share = mp.fsum(m * p for m, p in zip(atoms, mass, strict=True))
        for m, p in zip(atoms, mass, strict=True):
            if m > 0:
                above, share = above - p, share - m * p
            if above < mp.mpf("1e-250"):
                break
            if dim > 1000 and m % 64 > 1:
                continue
            for c in (m, m + mp.mpf("0.5"), m + 1, m + mp.mpf("1.5")):
                z = c / deviation
                assert deviation * mp.npdf(z) - c * mp.ncdf(-z) > share - c * above


def test_exponents_of_one_and_two_are_laplace_and_gaussian() -> None:
    laplace = certified_radius("laplace(scale=1)", ERRORS, "l1", 3).radius
    gaussian = certified_radius("gaussian(scale=1)", ERRORS, "l1", 3).radius / np.sqrt(2)
    assert _radius("exp-lp(scale=1,p=1)", ERRORS, "l1", 3, "quantile") == pytest.approx(laplace, rel=1e-10)
    assert _radius("exp-lp(scale=1,p=2)", ERRORS, "l1", 3, "quantile") == pytest.approx(gaussian, rel=1e-10)


def test_the_error_at_which_cubes_leave_the_linear_regime() -> None:
    # Below 1/(2d) the linear formula is loose; the engine goes on and never falls below it.
    error = np.array([0.1, 0.01, 1e-6])
    noise = parse("exp-linf(scale=1,k=2,dim=3)")
    assert isinstance(noise, NormRadialNoise)
    linear = 2 * 3 * (0.5 - error) / noise.radial_law(3).mean_score
    assert (_radius(noise, error, "l1", 3, "differential") > 1.01 * linear).all()


def test_a_strong_pole_has_radius_zero() -> None:
    assert _radius("exp-linf(scale=1,j=2.5,k=1)", 0.01, "l1", 3, "differential") == 0


IN_THE_PLANE = [
    *((f"exp-{s}(scale=1,k={k})", norm) for s in ("l1", "linf") for k in (1, 2) for norm in ("l2", "linf")),
    *((f"exp-linf(scale=1,j=0.5,k={k})", norm) for k in (1, 2) for norm in ("l1", "l2", "linf")),
    *(("exp-l1(scale=1,j=0.5,k=1)", norm) for norm in ("l1", "l2", "linf")),
    *((f"power-{s}(scale=1,a=8,k=1)", norm) for s in ("l1", "l2", "linf") for norm in ("l1", "l2", "linf")),
    *((f"power-{s}(scale=1,a=8,k=2)", "l2") for s in ("l1", "l2", "linf")),
    ("pareto(scale=1,a=5)", "l1"),
    ("pareto(scale=1,a=5)", "l2"),
    ("exp-lp(scale=1,p=0.5)", "l1"),
]


def noise_and_norm(case: tuple[str, str, float]) -> tuple[str, str]:
    return noise_of(case), case[1]


TURNS = [(*case, (0.05, 0.3)[i % 2]) for i, case in enumerate(IN_THE_PLANE)]
EVERY = [(*case, error) for case in IN_THE_PLANE for error in (0.05, 0.3)]


@pytest.mark.parametrize(("spec", "norm", "error"), EVERY if NIGHTLY else everyday(TURNS, 1, noise_and_norm))
def test_no_perturbation_in_two_dimensions_breaks_the_certificate(spec: str, norm: str, error: float) -> None:
    """Neyman–Pearson on a grid: the likeliest set of probability `error` stays below ½ when it is moved."""
    noise = parse(spec).in_dim(2)
    p = {"l1": 1.0, "l2": 2.0, "linf": np.inf}[norm]
    radius = max(
        float(certified_radius(noise, error, norm, 2, method).radius)
        for method in ("differential", "closed-form", "convex-order")
        if _covers(noise, error, norm, method)
    )
    reach = 60.0 if spec.startswith(("pareto", "exp-lp")) else 16.0
    side = np.sinh(np.linspace(-np.arcsinh(reach / 0.02), np.arcsinh(reach / 0.02), POINTS)) * 0.02
    cell = np.outer(np.gradient(side), np.gradient(side))
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    here = np.exp(_log_density(noise, grid))
    total = (here * cell).sum()
    for angle in np.linspace(0, np.pi / 4, 5 if NIGHTLY else 3):
        v = np.array([np.cos(angle), np.sin(angle)])
        v *= radius / np.linalg.norm(v, p)
        moved = np.exp(_log_density(noise, grid - v))
        order = np.argsort((here / np.maximum(moved, 1e-300)).ravel())
        size = np.cumsum((here * cell).ravel()[order]) / total
        chosen = order[: np.searchsorted(size, error)]
        assert (moved * cell).ravel()[chosen].sum() / total < 0.5 + 4e-3


def _covers(noise: Noise, error: float, norm: str, method: str) -> bool:
    try:
        certified_radius(noise, error, norm, 2, method)
    except NotCoveredError:
        return False
    return True


def _log_density(noise: Noise, z: np.ndarray) -> np.ndarray:
    if isinstance(noise, NormRadialNoise):
        size = np.linalg.norm(z, ord=noise.level_norm.p, axis=-1)
        return -noise.radial_law(2).potential(np.log(np.maximum(size, 1e-9)))
    return noise.coordinate_log_density(z).sum(axis=-1)  # type: ignore[attr-defined]


def test_custom_noise_reaches_the_radii_of_the_same_law_built_in() -> None:
    errors = np.array([1e-12, 1e-3, 0.1, 0.4])
    for level, norm in (("l1", "l1"), ("l2", "l2"), ("linf", "l1"), ("linf", "l2")):
        custom = CustomRadial(scale=1, norm=level, log_density=lambda r: -(r**2))
        built_in = _radius(f"exp-{level}(scale=1,k=2)", errors, norm, 3, "differential")
        assert _radius(custom, errors, norm, 3, "differential") == pytest.approx(built_in, rel=1e-9)
    concave = CustomIID(scale=1, log_density=lambda z: -(z**4), half_line=HalfLine.LOG_CONCAVE)
    built_in = _radius("exp-lp(scale=1,p=4)", errors, "l1", 3, "quantile")
    assert _radius(concave, errors, "l1", 3, "quantile") == pytest.approx(built_in, rel=1e-9)
    convex = CustomIID(scale=1, log_density=lambda z: -4 * (1 + z).log(), half_line=HalfLine.LOG_CONVEX)
    built_in = _radius("pareto(scale=1,a=3)", errors[1:], "l1", 3, "differential")
    assert _radius(convex, errors[1:], "l1", 3, "differential") == pytest.approx(built_in, rel=1e-8)


def test_a_false_claim_about_custom_noise_is_refused() -> None:
    with pytest.raises(InputError, match="contradicts"):
        CustomIID(scale=1, log_density=lambda z: -4 * (1 + z).log(), half_line=HalfLine.LOG_CONCAVE)
    # The score is infinite at 0, falls, and rises again: at error .1 the radius is below 1, not 15.
    with pytest.raises(InputError, match="contradicts"):
        CustomIID(scale=1, log_density=lambda z: -0.05 * z.sqrt() - z**8, half_line=HalfLine.LOG_CONVEX)


def test_claims_that_only_rounding_contradicts_are_believed() -> None:
    logistic = CustomIID(
        scale=1,
        log_density=lambda z: -z - 2 * torch.log1p(torch.exp(-z)),  # its score cancels near 0
        half_line=HalfLine.LOG_CONCAVE,
    )
    assert certified_radius(logistic, 0.01, "l1", 1).radius == pytest.approx(math.log(99), rel=1e-9)


@pytest.mark.parametrize(
    "profile",
    [
        lambda r: torch.where(r <= 1, -0.01 * r, -torch.inf),
        lambda r: torch.where(r <= 200, -r, -torch.inf),  # where the density is e^-200 of its peak
        lambda r: torch.where(r <= 3, -r, -r - 1e-6),
        lambda r: torch.where(r <= 1, -r, 4 - r),
        lambda r: -r - (r > 2).double(),
    ],
    ids=["cut off", "cut off far out", "a small step", "a step up", "no where"],
)
def test_custom_densities_that_jump_are_refused(profile) -> None:
    """The differential method looks at slopes, and would certify 481 where no radius beyond 2 is true."""
    for level in ("l1", "l2", "linf"):
        with pytest.raises(InputError, match="log-density jumps"):
            CustomRadial(scale=1, norm=level, log_density=profile, dim=3)
    with pytest.raises(InputError, match="log-density jumps"):
        CustomIID(scale=1, log_density=profile)


def test_continuous_densities_with_kinks_and_steep_ends_are_no_jumps() -> None:
    for profile in (
        lambda r: torch.where(r <= 1, -(r**2) / 2, 0.5 - r),
        lambda r: -(r**100),
        lambda r: -torch.exp(torch.exp(r)),
        lambda r: -5 * torch.log1p(r),
        lambda r: -1.5 * torch.log(r) - r,
    ):
        CustomRadial(scale=1, norm="l2", log_density=profile, dim=3)


def test_heavy_tails_are_no_jumps() -> None:
    # The square overflows at 1.3e154, long after the table ends.
    cauchy = CustomRadial(scale=1, norm="l2", log_density=lambda r: -torch.log1p(r**2))
    errors = np.array([1e-3, 0.1, 0.4])
    built_in = _radius("power-l2(scale=1,a=1,k=2)", errors, "l2", 1, "differential")
    assert _radius(cauchy, errors, "l2", 1, "differential") == pytest.approx(built_in, rel=1e-9)


def test_kinks_are_covered_by_break_points() -> None:
    # Huber's density: normal up to 1, exponential beyond.
    huber = CustomIID(
        scale=1,
        log_density=lambda z: torch.where(z < 1, -(z**2) / 2, 0.5 - z),
        half_line=HalfLine.LOG_CONCAVE,
        break_points=(1.0,),
    )
    inner, outer = math.sqrt(math.pi / 2) * math.erf(math.sqrt(0.5)), math.exp(-0.5)
    for error in (1e-9, 0.01, 0.1):
        exact = 0.5 - math.log(2 * error * (inner + outer))
        assert _radius(huber, np.array([error]), "l1", 3, "quantile")[0] == pytest.approx(exact, rel=1e-9)
    kink = CustomRadial(
        scale=1, norm="linf", log_density=lambda z: torch.where(z < 1, -z / 2, 0.5 - z), break_points=(1.0,)
    )
    # Never above the quantile, which is the truth in one dimension as the density is log-concave.
    half, rest = 2 * (1 - math.exp(-0.5)), math.exp(-0.5)
    radius = _radius(kink, np.array([0.1]), "linf", 1, "differential")[0]
    exact = 0.5 - math.log(2 * 0.1 * (half + rest))
    assert radius <= exact
    assert radius == pytest.approx(exact, rel=1e-4)
    with pytest.raises(InputError, match="break_points must be a tuple of positive"):
        CustomIID(scale=1, log_density=lambda z: -z, break_points=(-1.0,))


def test_a_score_too_rough_for_the_method_is_not_covered() -> None:
    zigzag = CustomRadial(
        scale=1,
        norm="l2",
        log_density=lambda z: -z + 0.3 * torch.sin(40 * z).abs(),
        break_points=tuple(math.pi / 40 * k for k in range(1, 400)),
    )
    with pytest.raises(NotCoveredError, match="no method covers"):
        certified_radius(zigzag, 0.1, "l2", 2)


class Profile(torch.nn.Module):
    """A log-density whose name does not tell its parameter."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = a

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return -(self.a + 1) * torch.log1p(z)


def test_custom_noises_that_print_alike_are_not_taken_for_each_other() -> None:
    noises = [CustomIID(scale=1, log_density=Profile(a), half_line=HalfLine.LOG_CONVEX) for a in (1.5, 30.0)]
    assert str(noises[0]) == str(noises[1])
    assert noises[0] != noises[1]
    assert noises[0] == noises[0].unit()
    for noise, a in zip(noises, (1.5, 30.0), strict=True):
        law = f"pareto(scale=1,a={a})"
        built_in = _radius(law, np.array([0.1]), "l1", 1, "differential")
        assert _radius(noise, np.array([0.1]), "l1", 1, "differential") == pytest.approx(built_in, rel=1e-6)


def test_many_errors_at_once_are_fast() -> None:
    errors = 10.0 ** -np.random.default_rng(0).uniform(0.31, 12, 100_000)
    start = time.process_time()
    _radius("exp-l2(scale=1,k=3)", errors[:1], "l2", 3072, "differential")
    warm = time.process_time()
    _radius("exp-l2(scale=1,k=3)", errors, "l2", 3072, "differential")
    assert warm - start < 1.0
    assert time.process_time() - warm < 0.2
