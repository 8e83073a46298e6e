"""Certificates of mixed-norm noise: Gaussian without a pole, and against simulation with one."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from tests.nightly import NIGHTLY, everyday
from wulff.certificates import certified_radius, mixed_linf_loss
from wulff.certificates.privacy_loss import mixed_curves
from wulff.certificates.privacy_loss.mixed import lower_parabola
from wulff.certificates.privacy_loss.mixed_curves import MixedLossCurves
from wulff.noises import MixedLinf, parse

ERRORS = np.array([1e-12, 1e-3, 0.1, 0.4, 0.4999])


@pytest.mark.parametrize("dim", everyday([16, 6, 3072], 1))  # 6 needs four times as long
def test_without_a_pole_the_curves_are_those_of_gaussian_noise(dim: int) -> None:
    """D_t ≥ the exact one, Φ(-τ/z + z/2) - t Φ(-τ/z - z/2), and by less than 1e-6."""
    for shift in np.array(everyday([0.1, 1.0, 4.0], 2)) / np.sqrt(dim):
        curve = MixedLossCurves(dim, 0.0).curve(float(shift))
        z = float(shift) * np.sqrt(dim)
        exact = stats.norm.sf(curve.log_t / z - z / 2)
        exact = exact - np.exp(curve.log_t + stats.norm.logsf(curve.log_t / z + z / 2))
        excess = -np.expm1(curve.log_overlap) - exact
        assert (excess >= 0).all()
        assert (excess < 1e-6).all()


class Truncated:
    """Normals truncated to [-other, largest], many at once, by Gauss-Legendre quadrature."""

    def __init__(self, other: np.ndarray, largest: np.ndarray) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(400)
        half = (largest + other)[:, None] / 2
        self.z = (largest - other)[:, None] / 2 + half * nodes
        density = np.exp(-(self.z**2) / 2)
        self.mass = density * weights / (density * weights).sum(axis=1, keepdims=True)
        self.height = density.max(axis=1) / (density * weights * half).sum(axis=1)
        self.mean = (self.z * self.mass).sum(axis=1)
        self.variance = ((self.z - self.mean[:, None]) ** 2 * self.mass).sum(axis=1)

    def size(self, omega: np.ndarray) -> np.ndarray:
        """|φ(ω)|; good to ten digits for ω times the length up to 400."""
        return np.abs((self.mass * np.exp(1j * omega[:, None] * self.z)).sum(axis=1))


def some_truncated(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    largest = np.exp(rng.uniform(-4, 2, count))
    return largest * rng.uniform(-0.999, 1, count), largest


def test_characteristic_functions_stay_below_their_bound_from_there_on() -> None:
    """Theorem 17, and the variance from below, for many truncated normals."""
    other, largest = some_truncated(1000 if NIGHTLY else 150)
    laws = Truncated(other, largest)
    variance = mixed_curves._least_variance(other, largest, laws.mean, laws.height)
    assert (variance <= laws.variance * (1 + 1e-9)).all()
    assert np.median(variance / laws.variance) > 0.99
    for ratio in np.geomspace(0.01, 100, 60):
        omega = ratio / np.sqrt(laws.variance)
        x = np.minimum(omega**2 * laws.variance, 0.5)
        good = omega * (largest + other) < 400
        assert (laws.size(omega)[good] ** 2 <= (1 - np.minimum(x - x**2, 0.198))[good] + 1e-9).all()


@pytest.mark.parametrize("n", [4, 60, 300, 400, 3000])
def test_the_rest_of_a_series_is_bounded(n: int) -> None:
    """By what the terms add up to, each 2/(πk) |φ|^n at most, as long as there are any."""
    other, largest = some_truncated(200 if NIGHTLY else 60)
    laws = Truncated(other, largest)
    first = np.pi / (mixed_curves._WINDOW * np.sqrt(n * laws.variance))
    for terms in (1, 8, 20, 32):
        found = mixed_curves._rest_of_series(terms * first, terms, other, largest, laws.mean, n)
        further = np.arange(terms + 1, terms + 200)
        parts = [2 / (np.pi * k) * laws.size(k * first) ** n for k in further]
        good = further[-1] * first * (largest + other) < 400
        assert good.mean() > 0.5
        assert (np.minimum(sum(parts), 1.0)[good] <= found[good] + 1e-15).all()
    assert np.median(found) < {4: 0.5, 60: 1e-6}.get(n, 1e-12)  # of 32 terms


NORMS_AND_DIMENSIONS = [(norm, dim) for norm in ("l1", "l2", "linf", "lp(3)") for dim in (1, 3, 16)]


@pytest.mark.parametrize(("norm", "dim"), everyday(NORMS_AND_DIMENSIONS, 1, kind=lambda case: case[0]))
def test_without_a_pole_radii_stay_below_gaussian_ones(norm: str, dim: int) -> None:
    errors = everyday(ERRORS.tolist(), 2)
    found = certified_radius("mixed-linf(scale=1,j=0)", errors, norm, dim).radius
    gaussian = certified_radius("gaussian(scale=1)", errors, norm, dim).radius
    assert (found <= gaussian).all()
    assert (found >= 0.999 * gaussian).all()


@pytest.mark.parametrize(("dim", "j"), everyday([(8, 7.2), (3072, 250.0), (64, 20.0), (6, 2.0)], 2))
def test_curves_lie_above_simulated_divergences(dim: int, j: float) -> None:
    """The dual's expectation over draws of the noise; z-scores beyond 5 in 48 levels: below 2e-5."""
    noise = MixedLinf(scale=1.0, j=j).in_dim(dim)
    draws = 4_000 if dim > 1000 else 40_000 if NIGHTLY else 10_000
    z = noise.sample((draws, dim), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    curves = MixedLossCurves(dim, j)
    for shift in (0.7 * curves.unit, 2 * curves.unit):
        curve = curves.curve(shift)
        loss = mixed_linf_loss(noise)(z, shift).numpy()
        for log_t, log_overlap in zip(curve.log_t, curve.log_overlap, strict=True):
            value = -np.expm1(np.minimum(log_t - loss, 0.0))
            margin = 5 * value.std() / np.sqrt(draws) + 1e-4
            assert value.mean() <= -np.expm1(log_overlap) + margin
            if j < dim - 1:  # beyond, the quadrature's margin is visible
                assert value.mean() >= -np.expm1(log_overlap) - margin - 1e-4


LAWS = [
    (3072, 8.0),
    (3072, 500.0),
    (12, 4.0),
    (784, 300.0),
    (64, 8.0),
    (3072, 1500.0),
    (150528, 8.0),
    (6, 2.0),
]


@pytest.mark.parametrize(("dim", "j"), everyday(LAWS, 3))
def test_radii_between_places_obey_the_dual_inequality(
    dim: int, j: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error that a radius was for is one that its shift does not bring above ½, by finer rules."""
    rng = np.random.default_rng(dim)
    count = 15 if NIGHTLY else 8
    errors = np.concatenate([10 ** -rng.uniform(0.31, 14, count), rng.uniform(0.001, 0.4999, count)])
    found = certified_radius(f"mixed-linf(scale=1,j={j})", errors, "linf", dim)
    monkeypatch.setattr(mixed_curves, "_LADDER", ((7, 6), (9, 8), (11, 10)))
    monkeypatch.setattr(mixed_curves, "_CLOSE", 1e-7)
    chosen = np.flatnonzero(found.method == "privacy-loss")
    assert len(chosen) > count
    for i in chosen:
        assert MixedLossCurves(dim, j).reach(float(found.radius[i]))[0] >= errors[i]


STRONG = [(402, 396.01, 0.0008654), (784, 779.7225823754259, 0.00019237), (402, 362.842, 0.0112)]


@pytest.mark.parametrize(("dim", "j", "shift"), everyday(STRONG, 2))
def test_two_rules_that_agree_by_chance_claim_no_more_than_a_fine_one(
    dim: int, j: float, shift: float
) -> None:
    """At one t the first two rules differ by nothing there, while both are wrong by a ten-thousandth."""
    coarse, fine = (mixed_curves._LossLaw(dim, j, shift, *rule) for rule in ((4, 4), (18, 13)))
    best, _ = coarse.best_log_t()
    log_t = best + 0.02 * coarse.moments()[1] * np.arange(-15, 16)
    supported = ((0.5 - fine.divergence(log_t)) * np.exp(-log_t)).max()
    error, part = MixedLossCurves(dim, j).reach(shift)
    assert 0 < error <= supported
    assert supported <= error + 4 * part * min(error, 0.5 - error)


@pytest.mark.parametrize(
    "curve", [lambda x: np.exp(0.3 * x), lambda x: x + 0.02 * np.sin(x), lambda x: x - 0.1 * np.exp(-x)]
)
def test_lower_parabolas_are_below_curves_and_close(curve: Callable[[np.ndarray], np.ndarray]) -> None:
    x = np.array([0.1, 0.6, 1.05, 1.6])
    at = np.linspace(x[1], x[2], 101)
    gap = curve(at) - lower_parabola(x, curve(x), at, 2e-4)
    assert ((gap >= 0) & (gap < 2e-3)).all()
    assert (lower_parabola(np.array([0.1, 0.6, 1.05, np.inf]), curve(x), at, 0.0) == curve(x)[1]).all()


def test_the_known_radius_in_the_dimension_of_small_images() -> None:
    # At equal sigma the pole costs radius: about .0271 where Gaussian noise has .0420.
    found = certified_radius("mixed-linf(sigma=1,j=250)", 0.01, "linf", 3072)
    assert found.method == "privacy-loss"
    assert 0.0270 < found.radius < 0.02715
    assert found.radius < certified_radius("gaussian(sigma=1)", 0.01, "linf", 3072).radius


@pytest.mark.parametrize(("j", "dim"), [(0.5, 1), (1.9999, 3), (2.5, 3)])
def test_a_pole_that_is_too_strong_certifies_nothing(j: float, dim: int) -> None:
    noise = parse(f"mixed-linf(scale=1,j={j})")
    assert (certified_radius(noise, ERRORS, "l2", dim).radius == 0).all()


@pytest.mark.parametrize(("j", "dim"), [(299.0, 300), (63.5, 64), (5.0, 6)])
def test_where_differential_radii_are_0_there_are_none_between_shifts(j: float, dim: int) -> None:
    found = certified_radius(f"mixed-linf(scale=1,j={j})", ERRORS, "linf", dim, method="privacy-loss")
    assert (found.radius == 0).all()


def test_the_last_shift_of_a_list_is_no_less_than_the_one_before() -> None:
    """Where rules differ so much that it is lowered by more than the way between them."""
    errors = np.array([1e-10, 2e-8, 3e-7, 5e-4])
    found = certified_radius("mixed-linf(scale=1,j=148.7)", errors, "linf", 150, method="privacy-loss").radius
    assert (found > 0).all()
    assert (np.diff(found) <= 0).all()


def test_radii_just_before_that_are_reached() -> None:
    errors = np.array([0.01, 0.3])
    found = certified_radius("mixed-linf(scale=1,j=62.99)", errors, "linf", 64, method="privacy-loss").radius
    assert (found > 0).all()
    assert all(
        MixedLossCurves(64, 62.99).reach(float(radius))[0] >= e
        for e, radius in zip(errors, found, strict=True)
    )


@pytest.mark.parametrize("missing", everyday([0.2, 0.23, 0.27, 0.32], 1))
def test_a_pole_that_hides_a_part_of_the_law_still_has_curves(missing: float) -> None:
    # Between a sixth and a third of the draws have a largest coordinate below 1e-3.
    curves = MixedLossCurves(6, 6 - missing)
    divergence = -np.expm1(curves.curve(curves.unit).log_overlap)
    assert ((divergence > 0) & (divergence <= 1)).all()
