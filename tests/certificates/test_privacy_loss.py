"""Product noise against linf: closed forms, numerical integration in the plane, and the errors declared."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact import normal_sf
from tests.nightly import NIGHTLY, everyday, taking_turns
from wulff._numerics.composition import LatticeMeasure, coarsened, compose, compose_in_blocks
from wulff.certificates import certified_radius, table
from wulff.certificates.privacy_loss.lattice import TAIL_ACCURACY, privacy_loss
from wulff.noises import ExpLp, IIDNoise, Laplace, Pareto, parse
from wulff.norms import Norm

SPECS = [
    "laplace(scale=1)",
    "exp-lp(scale=1,p=1.5)",
    "exp-lp(scale=1,p=4)",
    "exp-lp(scale=1,p=0.7)",
    "pareto(scale=1,a=3)",
    "pareto(scale=1,a=0.5)",
]


def radius(spec: str, error: float | list[float], dim: int) -> np.ndarray:
    return np.asarray(certified_radius(spec, error, "linf", dim, method="privacy-loss").radius)


@mp.workdps(50)
def test_one_dimensional_laplace_is_the_closed_form_from_below() -> None:
    for error in (1e-12, 1e-3, 0.1, 0.3, 0.45, 0.4999):
        exact = -mp.log(2 * mp.mpf(error))
        found = mp.mpf(float(radius("laplace(scale=1)", error, 1)))
        assert exact * (1 - mp.mpf("4e-4")) <= found <= exact


@pytest.mark.parametrize("dim", [1, 2, 16, 3072])
def test_normal_coordinates_are_gaussian_noise_from_below(dim: int) -> None:
    for error in (1e-12, 1e-3, 0.1, 0.45):
        found = float(radius("exp-lp(scale=1,p=2)", error, dim))
        z = found * math.sqrt(2 * dim)
        assert normal_sf(z) >= mp.mpf(error)
        assert normal_sf(z * (1 + 4e-4)) < mp.mpf(error)


def test_larger_than_the_differential_radius() -> None:
    # The differential method gives .227 at sigma = 1.
    found = certified_radius("laplace(sigma=1)", 0.1, "linf", 16, method="privacy-loss").radius
    assert found == pytest.approx(0.2380, abs=1e-4)


def worst_case_error(noise: IIDNoise, shift: float, points: int = 1200) -> tuple[np.ndarray, np.ndarray]:
    """Errors p and what the shift (r, r) makes of them, by brute force: cells of the plane by their ratio."""
    ends = np.concatenate([np.geomspace(1e-6, 60, points // 4), shift + np.geomspace(1e-6, 60, points // 4)])
    edges = np.unique(np.concatenate([-ends, [0, shift], ends, np.linspace(0, shift, points)]))
    tail, moved = noise.coordinate_sf(edges), noise.coordinate_sf(edges - shift)
    before, after = -np.diff(tail), -np.diff(moved)
    before, after = np.outer(before, before).ravel(), np.outer(after, after).ravel()
    order = np.argsort(-after / np.maximum(before, 1e-300))
    return np.cumsum(before[order]), np.cumsum(after[order])


@pytest.mark.parametrize(
    ("spec", "error"), taking_turns([(spec,) for spec in SPECS[:-1]], [0.01, 0.1, 0.3], len(SPECS))
)
def test_two_dimensions_by_numerical_integration(spec: str, error: float) -> None:
    noise = parse(spec)
    assert isinstance(noise, IIDNoise)
    shift = float(radius(spec, error, 2))
    before, after = worst_case_error(noise, shift)
    # A class of these cells has an error of at least G less a little: it must not reach ½.
    grown = float(np.interp(error, before, after))
    assert grown <= 0.5 + 2e-5
    assert grown >= 0.5 - 6e-3


@pytest.mark.parametrize(
    ("spec", "direction"),
    taking_turns([(spec,) for spec in SPECS], [(1.0, 0.3), (1.0, 0.0), (1.0, -1.0)], len(SPECS)),
)
def test_no_other_direction_is_worse(spec: str, direction: tuple[float, float]) -> None:
    """Neyman-Pearson sets against random perturbations in the cube, in two dimensions."""
    noise = parse(spec)
    assert isinstance(noise, IIDNoise)
    shift = float(radius(spec, 0.1, 2))
    ends = np.geomspace(1e-6, 1e3, 500)
    masses = []
    for moved in (shift * direction[0], shift * direction[1]):
        edges = np.unique(np.concatenate([-ends, ends, moved - ends, moved + ends, [0, moved]]))
        masses.append((-np.diff(noise.coordinate_sf(edges)), -np.diff(noise.coordinate_sf(edges - moved))))
    before = np.outer(masses[0][0], masses[1][0]).ravel()
    after = np.outer(masses[0][1], masses[1][1]).ravel()
    order = np.argsort(-after / np.maximum(before, 1e-300))
    assert np.interp(0.1, np.cumsum(before[order]), np.cumsum(after[order])) <= 0.5


@pytest.mark.parametrize("spec", [*SPECS, *(f"exp-lp(scale=1,p={p})" for p in (1.96, 1.998, 2))])
def test_declared_accuracy_of_tails(spec: str) -> None:
    """Also about where |z|^p is 1: SciPy's incomplete gamma function was off by 1e-13 there for p near 2."""
    noise = parse(spec)
    assert isinstance(noise, IIDNoise)
    places = np.geomspace(1e-6, float(noise.coordinate_isf(np.array(1e-20))), 40)
    for z in np.concatenate([places, np.linspace(0.9, 1.1, 40)]):
        if isinstance(noise, Laplace):
            exact = mp.exp(-mp.mpf(z)) / 2
        elif isinstance(noise, Pareto):
            exact = (1 + mp.mpf(z)) ** -mp.mpf(noise.a) / 2
        else:
            assert isinstance(noise, ExpLp)
            exact = mp.gammainc(1 / mp.mpf(noise.p), mp.mpf(z) ** mp.mpf(noise.p), regularized=True) / 2
        assert abs(mp.mpf(float(noise.coordinate_sf(np.array(z)))) / exact - 1) <= TAIL_ACCURACY


@pytest.mark.parametrize("spec", SPECS)
def test_lattice_law_dominates_the_coordinate(spec: str) -> None:
    """Every hockey-stick divergence is at least that of cells of the line, which is below the true one."""
    noise = parse(spec)
    assert isinstance(noise, IIDNoise)
    for shift in (1e-3, 0.1, 1.0):
        law = privacy_loss(noise, shift)
        assert law is not None
        loss = law.step * (law.first + np.arange(len(law.mass)))
        ends = np.geomspace(1e-9, 1e6, 3000)
        edges = np.unique(
            np.concatenate([-ends, ends, shift - ends, shift + ends, np.linspace(0, shift, 999)])
        )
        before = np.abs(np.diff(noise.coordinate_sf(edges)))
        after = np.abs(np.diff(noise.coordinate_sf(edges - shift)))
        for log_t in np.quantile(loss, [0.0, 0.3, 0.5, 0.55, 0.7, 0.99]):
            divergence = np.maximum(after - np.exp(log_t) * before, 0).sum()
            found = (law.mass * -np.expm1(np.minimum(log_t - loss, 0))).sum() + law.infinite
            assert found >= divergence * (1 - 1e-12) - 1e-14
            assert found <= divergence + 2e-3


def test_composition_is_the_sum() -> None:
    law = LatticeMeasure(0.5, -1, np.array([0.2, 0.5, 0.29]), 0.01)
    for copies in (1, 2, 7):
        exact = np.array([1.0])
        for _ in range(copies):
            exact = np.convolve(exact, law.mass)
        total = compose(law, copies)
        skip = -copies - total.first
        assert total.mass[skip : skip + len(exact)] == pytest.approx(exact, abs=1e-14)
        assert total.lost >= 1 - 0.99**copies
        assert total.lost <= 1.1 * (1 - 0.99**copies) + 1e-12


def test_a_short_window_pays_for_what_it_cuts() -> None:
    law = LatticeMeasure(1.0, 0, np.array([0.999, *np.zeros(2000), 0.001]), 0.0)
    total = compose(law, 1000, width=2.0)
    exact_mean = 2001.0
    points = total.first + np.arange(len(total.mass))
    assert float(points @ total.mass) + total.lost * 1e6 >= exact_mean


def divergences(law: LatticeMeasure, log_t: np.ndarray) -> np.ndarray:
    loss = law.step * (law.first + np.arange(len(law.mass)))
    parts = -np.expm1(np.minimum(log_t[:, None] - loss, 0.0))
    return parts @ law.mass + law.infinite


@pytest.mark.parametrize("first", [-7, 0, 5])
def test_a_coarser_lattice_dominates_and_keeps_both_masses(first: int) -> None:
    law = LatticeMeasure(0.01, first, np.random.default_rng(first + 7).uniform(size=43), 0.1)
    coarse = coarsened(law, 8)
    log_t = np.linspace(-1.0, 1.0, 401)
    fine, found = divergences(law, log_t), divergences(coarse, log_t)
    assert (found >= fine).all()
    assert (found > fine * (1 + 1e-12)).any()
    for power in (0.0, 1.0):
        masses = []
        for measure in (law, coarse):
            loss = measure.step * (measure.first + np.arange(len(measure.mass)))
            masses.append(float(np.exp(-power * loss) @ measure.mass))
        assert masses[0] == pytest.approx(masses[1], rel=1e-13)


@pytest.mark.parametrize("copies", [100, 3072, 3101])
def test_composition_in_blocks_dominates_composition_at_once(copies: int) -> None:
    noise = parse("laplace(scale=1)")
    assert isinstance(noise, IIDNoise)
    law = privacy_loss(noise, 0.06)
    assert law is not None
    whole, blocks = (way(law, copies).measure() for way in (compose, compose_in_blocks))
    centre, deviation = (value * whole.step for value in whole.moments())
    log_t = centre + deviation * np.linspace(-3, 5, 33)
    exact, found = divergences(whole, log_t), divergences(blocks, log_t)
    assert (found >= exact - whole.infinite - 1e-13).all()
    assert (found <= exact + 1e-5 * exact.max()).all()


@given(
    spec=st.sampled_from(SPECS),
    errors=st.tuples(st.floats(1e-6, 0.49), st.floats(1e-6, 0.49)),
    dim=st.sampled_from([1, 2, 5]),
)
@settings(deadline=None, max_examples=30)
def test_monotone(spec: str, errors: tuple[float, float], dim: int) -> None:
    small, large = sorted(errors)
    found = radius(spec, [small, large], dim)
    assert found[0] >= found[1] * (1 - 0.02)
    assert radius(spec, small, dim + 1) <= found[0] * 1.02
    assert radius(spec, small, dim) == found[0]  # whatever else is asked for


def test_many_errors_at_once_and_extreme_ones() -> None:
    errors = np.array([1e-300, 1e-30, 1e-6, 0.3, 0.49999, 0.4999999999])
    found = radius("laplace(scale=1)", list(errors), 3072)
    assert np.all(np.diff(found) < 0)
    assert np.all(found[:-1] > 0)
    assert found[-1] == 0  # valid, and nothing to be proud of


@pytest.mark.parametrize(("p", "norm"), [(154, "l2"), (200, "linf")])
def test_densities_that_underflow_on_both_sides_of_a_cell_have_radii(p: int, norm: str) -> None:
    found = certified_radius(f"exp-lp(scale=1,p={p})", [0.01, 0.140625, 0.3], norm, 1).radius
    assert (found > 0).all()
    assert (found < certified_radius("uniform(scale=1)", [0.01, 0.140625, 0.3], norm, 1).radius).all()


@pytest.mark.parametrize(
    "spec", ["laplace(scale=1)", "exp-lp(scale=1,p=0.5)", "pareto(scale=1,a=3)", "mixed-linf(scale=1,j=0.5)"]
)
def test_a_look_finds_every_radius_that_is_larger(spec: str) -> None:
    """Certificates are left out where a look says that another one's radius is as large; it may not err."""
    dim = 16 if spec.startswith("mixed") else 8 if NIGHTLY else 3
    noise, errors = parse(spec).in_dim(dim), np.array(everyday([1e-30, 1e-6, 0.01, 0.1, 0.3, 0.45], 2))
    (entry,) = [e for e in table(type(noise), Norm.LINF) if e.method == "privacy-loss"]
    found = entry.radius(noise, errors, dim, Norm.LINF)
    assert entry.promises(noise, errors, found * (1 - 1e-6), dim).all()
    assert entry.promises(noise, errors, np.full(len(errors), np.nan), dim).all()
    assert not entry.promises(noise, errors, found * 1.1, dim).any()


@pytest.mark.parametrize("spec", ["laplace(scale=1)", "exp-lp(scale=1,p=1.5)", "pareto(scale=1,a=3)"])
def test_radii_of_errors_that_lie_close_together_do_not_rise(spec: str) -> None:
    """Where one pair of lines takes over from another, radii rose by some millionths."""
    rng = np.random.default_rng(1)
    near = rng.uniform(0.1, 0.101, 3000)
    errors = np.sort(np.concatenate([near, 10 ** rng.uniform(-15, -0.4, 1000)]))
    radius = certified_radius(spec, errors, Norm.LINF, 5).radius
    assert (np.diff(radius) <= 0).all()
