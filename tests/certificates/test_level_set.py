"""Level-set radii: exact from below, by reference values, by the dual inequality and by brute force."""

import itertools
import json
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import mpmath
import numpy as np
import pytest

from tests.cases import noise_of
from tests.nightly import everyday
from wulff._numerics.normal import normal_quantile
from wulff._numerics.rounding import float_at_least
from wulff.certificates import certified_radius, table
from wulff.certificates.level_set.kernels import CubeAgainstL1, Kernel, OwnNorm, Spherical
from wulff.certificates.level_set.quadrature import overlaps
from wulff.certificates.level_set.solver import Duality, best_tau
from wulff.certificates.level_set.table import RadiusTable, radius_table
from wulff.noises import Profile, parse
from wulff.noises.exponential import ExponentialProfile
from wulff.noises.power import PowerProfile
from wulff.norms import Norm

ERRORS = np.array([0.4999999999, 0.49, 0.3, 0.1, 1e-3, 1e-6, 1e-12, 1e-30, 1e-100])


def _covered(spec: str, norm: str) -> bool:
    noise = type(parse(spec))
    return any(entry.method == "level-set" for entry in table(noise, Norm.parse(norm)))


def test_reference_radii_from_below(published_data: Path) -> None:
    groups = defaultdict(list)
    for record in json.loads((published_data / "oracle.json").read_text())["records"]:
        if record["tight"] and _covered(record["spec"], record["norm"]):
            groups[record["spec"], record["dim"], record["norm"]].append(record)
    assert sum(map(len, groups.values())) >= 1608
    some = everyday(list(groups.items()), 1, kind=lambda group: (noise_of(group[0]), group[0][2]))
    for (spec, dim, norm), records in some:
        records = everyday(records, 4)
        errors = np.array([float_at_least(Decimal(record["error"])) for record in records])
        radii = certified_radius(spec, errors, norm, dim, method="level-set").radius
        for record, radius in zip(records, radii, strict=True):
            reference, certified = Decimal(record["radius"]), Decimal(float(radius))
            assert certified <= reference * (1 + Decimal(repr(record["ref_rtol"]))), record
            assert certified >= reference * (1 - Decimal(repr(record["rtol"]))), record


@pytest.mark.parametrize("dim", [2, 3, 64, 3072, 150_528])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_gaussian_special_case(dim: int, norm: str) -> None:
    exact = normal_quantile(ERRORS) / np.sqrt(2) / (np.sqrt(dim) if norm == "linf" else 1)
    radii = certified_radius("exp-l2(scale=1,j=0,k=2)", ERRORS, norm, dim).radius
    assert (radii <= exact).all()
    assert (radii >= exact * (1 - 1e-9)).all()


@pytest.mark.parametrize(("spec", "norm"), [("exp-l1(scale=1,j=0,k=1)", "l1"), ("exp-linf(scale=1)", "linf")])
def test_constant_score_has_a_closed_form(spec: str, norm: str) -> None:
    exact = -np.log(2 * ERRORS)
    for dim in (1, 3, 3072):
        radii = certified_radius(spec, ERRORS, norm, dim).radius
        assert (radii <= exact).all()
        assert (radii >= exact * (1 - 1e-12)).all()


@pytest.mark.parametrize("parameters", ["exp-{}(scale=1,j=0.5,k=2)", "power-{}(scale=1,a=3,k=1)"])
def test_one_dimension_knows_no_norm(parameters: str) -> None:
    cells = [("l1", "l1"), ("l2", "linf"), ("linf", "l1")]
    radii = [
        certified_radius(parameters.format(s), np.array([0.3, 1e-3]), norm, 1).radius for s, norm in cells
    ]
    assert all((radius == radii[0]).all() for radius in radii)


def test_cubes_near_one_half_follow_total_variation() -> None:
    # exp-linf(0, 1): E[1/R] = 1/(d-1), so P[|Z₁| ≤ r/2] is nearly linear: 2d(½ - error) is its linearisation.
    radii = certified_radius("exp-linf(scale=1)", np.array([0.4, 0.1, 0.01]), "l1", 784).radius
    assert radii == pytest.approx(2 * 784 * (0.5 - np.array([0.4, 0.1, 0.01])), rel=0.02)


def test_ball_overlap() -> None:
    for dim in (1, 2, 64, 784):
        radii = certified_radius("ball(scale=1)", ERRORS, "l2", dim).radius
        for error, radius in zip(ERRORS, radii, strict=True):
            with mpmath.workdps(40):
                half = mpmath.mpf(float(radius)) / 2
                lost = mpmath.betainc(0.5, mpmath.mpf(dim + 1) / 2, 0, half**2, regularized=True)
                assert lost <= mpmath.mpf("0.5") - mpmath.mpf(float(error))
                assert lost >= (mpmath.mpf("0.5") - mpmath.mpf(float(error))) * (1 - mpmath.mpf("1e-9"))


CASES: list[tuple[Profile, Kernel]] = [
    (ExponentialProfile(3, 0.0, 1.0), Spherical(3)),
    (ExponentialProfile(10, 2.5, 2.0), Spherical(10)),
    (PowerProfile(4, 7.0, 1.0), Spherical(4)),
    (ExponentialProfile(2, 1.5, 2.0), OwnNorm(2)),
    (ExponentialProfile(5, 0.0, 0.5), OwnNorm(5)),
    (PowerProfile(3, 2.0, 2.0), OwnNorm(3)),
    (ExponentialProfile(3, 1.0, 1.0), CubeAgainstL1(3)),
    (ExponentialProfile(10, 0.0, 3.0), CubeAgainstL1(10)),
    (PowerProfile(6, 4.0, 2.0), CubeAgainstL1(6)),
]


def kind_of_kernel(case: tuple[Profile, Kernel]) -> type:
    return type(case[1])


def _outside_and_inside(kernel: Kernel, shell, level, r):
    """P[‖X - v‖ ≥ level] and P[‖X - v‖ ≤ level] for ‖X‖ = shell, from the definitions."""
    d = kernel.dim
    if level <= abs(shell - r):
        return (1, 0) if shell < r or level < shell else (0, 1)
    if level >= shell + r:
        return 0, 1
    if isinstance(kernel, Spherical):
        cosine = (shell**2 + r**2 - level**2) / (2 * shell * r)
        tail = mpmath.betainc(mpmath.mpf(d - 1) / 2, 0.5, 0, 1 - cosine**2, regularized=True) / 2
        return (1 - tail, tail) if cosine > 0 else (tail, 1 - tail)
    if isinstance(kernel, OwnNorm):
        share = ((shell + level - r) / (2 * shell)) ** (d - 1) / 2
        return 1 - share, share
    share = (level / shell) ** (d - 1) / (2 * d) if level <= shell else None
    across = mpmath.mpf(1) / (2 * d) + (1 - mpmath.mpf(1) / d) * min(1, (r - level + shell) / (2 * shell))
    return across, share


@pytest.mark.parametrize(("profile", "kernel"), everyday(CASES, 1, kind_of_kernel), ids=str)
@pytest.mark.parametrize("error", [0.02])
def test_dual_inequality_at_20_digits(profile: Profile, kernel: Kernel, error: float) -> None:
    duality = Duality(profile, kernel)
    errors = np.array([error])
    log_r = RadiusTable(duality).log_radius(errors)
    (tau,) = best_tau(duality, log_r, np.ones(1))
    with mpmath.workdps(20):
        r, t, d, k = mpmath.exp(float(log_r[0])), mpmath.mpf(float(tau)), profile.dim, mpmath.mpf(profile.k)
        if isinstance(profile, ExponentialProfile):
            j = mpmath.mpf(profile.j)

            def log_h(x):
                return mpmath.exp(k * x) + j * x
        else:
            assert isinstance(profile, PowerProfile)
            a = mpmath.mpf(profile.a)

            def log_h(x):
                return a * mpmath.log1p(mpmath.exp(k * x))

        def level(x, rise):  # log of the radius at which h is larger by `rise`; None below the least value
            goal = log_h(x) + rise
            low, high = mpmath.mpf(-150), mpmath.mpf(60)
            if log_h(low) > goal:
                return None
            for _ in range(64):
                middle = (low + high) / 2
                low, high = (middle, high) if log_h(middle) < goal else (low, middle)
            return low

        def density(x):
            return mpmath.exp(d * x - log_h(x))

        def upper(x):
            shell = mpmath.exp(x)
            return density(x) * _outside_and_inside(kernel, shell, mpmath.exp(level(x, t)), r)[0]

        def lower(x):
            inner = level(x, -t)
            if inner is None:
                return mpmath.mpf(0)
            return density(x) * _outside_and_inside(kernel, mpmath.exp(x), mpmath.exp(inner), r)[1]

        def integral(f, regime):
            return sum(
                mpmath.mpf(w) * f(low + (high - low) * mpmath.mpf(p)) * (high - low)
                for low, high in _panels(regime)
                for p, w in NODES
            )

        def upper_regime(x):
            shell = mpmath.exp(x)
            outer = mpmath.exp(level(x, t))
            return outer + shell <= r, outer - shell >= r

        def lower_regime(x):
            shell, inner = mpmath.exp(x), level(x, -t)
            return inner is None or mpmath.exp(inner) <= abs(shell - r)

        mass = integral(density, lambda x: 0)
        p1, p0 = integral(upper, upper_regime) / mass, integral(lower, lower_regime) / mass
        bound = mpmath.exp(t) * mpmath.mpf(error) + p1 - mpmath.exp(t) * p0
        assert mpmath.mpf("0.5") - 1e-7 < bound < mpmath.mpf("0.5") + 1e-9


_X, _W = np.polynomial.legendre.leggauss(13)
_XI = (_X + 1) / 2
NODES = list(zip((_XI**2 * (3 - 2 * _XI)).tolist(), (3 * _W * _XI * (1 - _XI)).tolist(), strict=True))


def _panels(regime):
    """[-80, 40] in pieces, cut where the regime changes."""
    tails = [-80, -56, -40, -30, -22, -16, -12], [7, 8, 9, 10, 12, 15, 19, 24, 31, 40]
    middle = [*mpmath.linspace(-10, -3, 8), *mpmath.linspace(-2.5, 6, 18)]
    places = [mpmath.mpf(x) for x in (*tails[0], *middle, *tails[1])]
    for low, high in itertools.pairwise(places):
        if regime(low) == regime(high):
            yield low, high
            continue
        a, b, first = low, high, regime(low)
        for _ in range(60):
            middle = (a + b) / 2
            a, b = (middle, b) if regime(middle) == first else (a, middle)
        yield low, a
        yield b, high


@pytest.mark.parametrize(
    ("spec", "norm"),
    everyday(
        [
            ("exp-l1(scale=1,j=0,k=2)", "l1"),
            ("exp-l1(scale=1,j=1,k=1)", "l1"),
            ("exp-linf(scale=1,j=0.9,k=2)", "linf"),
            ("exp-linf(scale=1,j=0,k=2)", "l1"),
            ("power-linf(scale=1,a=5,k=1)", "l1"),
            ("power-l2(scale=1,a=5,k=1)", "linf"),
            ("exp-l2(scale=1,j=0.5,k=1)", "l1"),
        ],
        3,
    ),
)
def test_no_direction_is_worse_in_the_plane(spec: str, norm: str) -> None:
    """The growth function on a fine grid of the plane, for perturbations in several directions."""
    error, noise = 0.1, parse(spec)
    radius = float(certified_radius(spec, error, norm, 2, method="level-set").radius)
    p, law = Norm.parse(norm).p, noise.radial_law(2)  # type: ignore[attr-defined]
    side = np.sinh(np.linspace(-4.2, 4.2, 1202))  # no node at 0
    weight = np.gradient(side)
    x, y = np.meshgrid(side, side)
    cell = np.outer(weight, weight)

    def density(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        size = np.linalg.norm(np.stack([x, y]), ord=noise.level_norm.p, axis=0)  # type: ignore[attr-defined]
        return np.exp(-law.potential(np.log(np.maximum(size, 1e-12))))

    base = density(x, y) * cell
    worst = 0.0
    for angle in np.linspace(0, np.pi / 4, 5):
        v = np.array([np.cos(angle), np.sin(angle)])
        v *= radius / np.linalg.norm(v, ord=p)
        moved = density(x - v[0], y - v[1]) * cell
        order = np.argsort(-(moved / np.maximum(base, 1e-280)).ravel(), kind="stable")
        share = np.cumsum(base.ravel()[order]) / base.sum()
        growth = np.interp(error, share, np.cumsum(moved.ravel()[order]) / moved.sum())
        worst = max(worst, float(growth))
    assert worst == pytest.approx(0.5, abs=6e-3)


@pytest.mark.parametrize(
    ("spec", "norm", "dim"),
    everyday(
        [
            ("exp-l2(scale=1,j=0,k=10)", "l2", 3072),
            ("exp-l1(scale=1,j=63.5,k=1)", "l1", 64),
            ("exp-linf(scale=1,j=0,k=0.5)", "l1", 784),
            ("exp-linf(scale=1,j=9,k=2)", "linf", 10),
            ("power-l2(scale=1,a=10.05,k=1)", "l2", 10),
            ("power-l1(scale=1,a=1e6,k=1)", "l1", 64),
            ("power-linf(scale=1,a=3.2,k=1)", "linf", 3),
            ("exp-l2(scale=1,j=0,k=0.1)", "l2", 3),
            ("power-linf(scale=1,a=150538,k=1)", "l1", 150_528),
        ],
        3,
    ),
)
def test_the_whole_range_of_parameters(spec: str, norm: str, dim: int) -> None:
    errors = ERRORS[:-1:2]
    radii = certified_radius(spec, errors, norm, dim, method="level-set").radius
    assert (np.diff(radii) > 0).all()
    assert (radii > 0).all()


def test_radii_far_beyond_the_bulk() -> None:
    # In one dimension the level set tends to [v - c, v + c] with P[|X| ≤ c] = ½, and p₀ to 2c · density(r):
    # for the density 1.5 (1 + |x|)^-4, c = 2^⅓ - 1.
    error = 1e-100
    exact = (3 * (2 ** (1 / 3) - 1) / error) ** 0.25
    radius = float(certified_radius("power-l1(scale=1,a=4,k=1)", error, "l1", 1).radius)
    assert radius == pytest.approx(exact, rel=1e-9)
    assert radius <= exact * (1 + 1e-14)


def test_many_errors_quickly_and_consistently() -> None:
    errors = np.exp(np.random.default_rng(0).uniform(np.log(1e-9), np.log(0.499), 100_000))
    duality = Duality(ExponentialProfile(3072, 0.0, 2.0), Spherical(3072))
    start = time.process_time()
    log_r = RadiusTable(duality).log_radius(errors)
    assert time.process_time() - start < 4  # about .4 s on an idle core
    exact = np.log(normal_quantile(errors) / np.sqrt(2))
    assert (log_r <= exact).all()
    assert (log_r >= exact - 1e-9).all()
    order = np.argsort(errors)
    assert (np.diff(log_r[order]) <= 1e-9).all()


@pytest.mark.parametrize(
    "profile", [ExponentialProfile(2, 0.0, 2.0), PowerProfile(3072, 3082.0, 1.0)], ids=str
)
def test_interpolation_between_kinks(profile: Profile) -> None:
    duality = Duality(profile, CubeAgainstL1(profile.dim))
    errors = np.geomspace(1e-9, 0.3, 30)
    log_r = RadiusTable(duality).log_radius(errors)
    # The inequality holds at these radii and no longer a little further out.
    for step, holds in ((0.0, True), (1e-8, False)):
        tau = best_tau(duality, log_r + step, np.ones(30))
        assert ((duality.slack_bound(errors, log_r + step, tau) <= 0) == holds).all()


EXTREMES = [
    ("exp-l1(scale=1,j=0.5,k=8.471715746649922)", "l1", 1, [5e-324, 2.97344535066616e-159, 1e-137]),
    ("power-linf(scale=1,a=8,k=1)", "linf", 5, [1e-300, 2.3e-104, 1.5e-82, 1e-60, 0.49999999]),
    ("power-l2(scale=1,a=.00505,k=200)", "l2", 1, [1e-300, 1e-100, 1e-40, 0.1, 0.4]),
    ("exp-linf(scale=0.3,j=1.99,k=13.5)", "linf", 2, [1e-301, 1e-98, 0.1, 0.45]),
]


@pytest.mark.parametrize(("spec", "norm", "dim", "errors"), everyday(EXTREMES, 2))
def test_radii_fall_with_the_error_alone_and_in_company(spec: str, norm: str, dim: int, errors: list) -> None:
    errors = list(everyday(errors, 2))
    together = certified_radius(spec, errors, norm, dim, method="level-set").radius
    assert (together > 0).all()
    assert (np.diff(together) <= 0).all()
    radius_table.cache_clear()
    alone = [certified_radius(spec, error, norm, dim, method="level-set").radius for error in errors]
    np.testing.assert_array_equal(alone, together)


def test_heavy_tails_far_beyond_the_bulk() -> None:
    # Beyond 1 the density is that of z^-1.01: P[Z > z] = (50/101) z^-.01 up to a part in 10⁴.
    errors = np.array([0.01, 0.1])
    radius = certified_radius("power-l2(scale=1,a=.00505,k=200)", errors, "l2", 1).radius

    def tail(z: np.ndarray) -> np.ndarray:
        beyond = 50 / 101 * np.abs(z) ** -0.01
        return np.where(z > 0, beyond, 1 - beyond)

    # The set (r/2, b) of probability `error` has at most probability ½ around r.
    rest = tail(radius / 2) - errors
    assert (rest > 0).all()
    b = (101 / 50 * rest) ** -100
    assert (1 - tail(radius / 2) - tail(b - radius) <= 0.5 + 1e-5).all()
    # Where the total variation 1 - 2 P[Z > r/2] is at most ½ - error, every error stays below ½.
    assert (radius >= 0.99 * 2 * (101 / 100 * (0.5 + errors)) ** -100).all()


@pytest.mark.parametrize("profile", [ExponentialProfile(3, 2.5, 2.0), PowerProfile(3, 3.5, 1.0)], ids=str)
def test_steps_between_level_sets(profile: Profile) -> None:
    y, rise = np.linspace(-30, 2, 65)[:, None], np.array([1e-12, 1e-3, 1.0, 100.0])
    s = profile.step(y, rise)
    found = profile.potential(y + s) - profile.potential(y)
    size = np.abs(profile.potential(y)) + np.abs(profile.potential(y + s))
    assert (np.abs(found - rise) <= 1e-14 * (size + rise)).all()


def test_kinks_are_found_where_a_pole_meets_a_steep_law() -> None:
    # Close to the pole R₀ - R₁ passes r twice; e^(k s) overflows far below, where the signs are looked at.
    profile = ExponentialProfile(1, 0.5, 20.0)
    log_r, tau = np.array([0.453]) + profile.log_mode, np.array([220.19])
    coarse, fine, finest = overlaps(profile, OwnNorm(1), log_r, tau, (20, 28, 60))
    np.testing.assert_allclose(coarse.p0, finest.p0, rtol=1e-10)
    np.testing.assert_allclose(fine.p1, finest.p1, rtol=1e-12)


def test_no_radius_rises_between_neighbouring_errors() -> None:
    rng = np.random.default_rng(0)
    near = np.arange(300) * 2.0**-52
    starts = np.concatenate([10 ** rng.uniform(-299, -0.4, 6), 0.5 - 10 ** rng.uniform(-6, -1, 6)])
    errors = np.unique(np.outer(starts, np.concatenate([1 + near, 1 + 1000 * near])))
    radius = certified_radius("exp-l2(scale=1,j=0,k=2)", errors[errors < 0.5], "l2", 784).radius
    assert (np.diff(radius) <= 0).all()


@pytest.mark.parametrize(
    ("spec", "norm"),
    everyday(
        [
            ("exp-l1(scale=1,j=0.5,k=2)", "l1"),
            ("exp-l2(scale=1,j=0,k=1)", "l1"),
            ("exp-linf(scale=1,j=0,k=10)", "l1"),
            ("exp-linf(scale=1,j=1.9,k=2)", "linf"),
            ("power-l2(scale=1,a=12,k=1)", "linf"),
            ("power-linf(scale=1,a=12,k=1)", "l1"),
        ],
        2,
    ),
)
def test_a_look_finds_every_radius_that_is_larger(spec: str, norm: str) -> None:
    noise, errors = parse(spec).in_dim(8), np.array(everyday([1e-300, 1e-12, 0.01, 0.1, 0.3, 0.4999], 3))
    (entry,) = [e for e in table(type(noise), Norm.parse(norm)) if e.method == "level-set"]
    found = entry.radius(noise, errors, 8, Norm.parse(norm))
    assert entry.promises(noise, errors, found * (1 - 1e-6), 8).all()
    assert entry.promises(noise, errors, found * 0.1, 8).all()
    assert not entry.promises(noise, errors, found * 1.1, 8).any()


def test_a_look_takes_radii_of_zero() -> None:
    # None is above the smallest radius that is looked at: before the box's greedy bound there may be none.
    radius = certified_radius("exp-linf(scale=0.7,j=1,k=2)", 0.1, "l1-box", 2).radius
    assert radius == certified_radius("exp-linf(scale=0.7,j=1,k=2)", 0.1, "l1", 2).radius
