"""Certificates in the box: reference numbers, exact overlaps, and no direction of the box that breaks one."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import integrate

from tests.cases import SPECS_IN_DIM, noise_of
from tests.certificates.test_brute_force import _grown, _log_density
from tests.nightly import NIGHTLY, everyday, taking_turns
from wulff.certificates import certified_probability, certified_radius, two_sided_radius
from wulff.certificates.box.cubes import cubes_in_the_box
from wulff.certificates.certificate import Case
from wulff.errors import InputError
from wulff.noises import parse
from wulff.norms import Box, Norm, Room, parse_threat

SPECS = [(spec, dim) for spec, dim in SPECS_IN_DIM if dim in (2, 3)]
OWN_ROOM = " with the room of an input"
BROKEN = [name + room for name in ("l1-box", "lp(1.5)-box", "l2-box", "l0-box") for room in ("", OWN_ROOM)]


@pytest.mark.parametrize(
    ("scale", "error", "radius"),
    [
        (2, 0.001, 2.437333333333333),
        (2, 0.1, 1.8),
        (6, 0.001, 7.945505240550309),
        (6, 0.1, 5.87563318451919),
    ],
)
def test_uniform_noise_in_the_unit_box(scale: float, error: float, radius: float) -> None:
    found = certified_radius(f"uniform(scale={scale})", error, "l1-box", dim=3072)
    assert found.method == "unit-box"
    assert found.tight
    assert radius * (1 - 1e-12) < found.radius <= radius


def test_uniform_noise_with_the_room_of_an_input() -> None:
    room = Room.of(np.array([0.9, 0.2, 0.3, 0.6, 0.5]))  # .9 .8 .7 .6 .5
    found = certified_radius("uniform(scale=2)", 0.01, Box(Norm.L1, room), dim=5)
    assert found.method == "box"
    assert 2.411730205278592 * (1 - 1e-12) < found.radius <= 2.411730205278592


@pytest.mark.parametrize(("error", "radius"), [(0.01, 5.641790020999), (0.001, 9.741306755725)])
def test_gaussian_noise_in_the_unit_box(error: float, radius: float) -> None:
    found = certified_radius("gaussian(sigma=1)", error, "l1-box", dim=3072)
    assert found.tight
    assert found.radius == pytest.approx(radius, rel=1e-12)


@pytest.mark.parametrize(("error", "least"), [(0.1, 1.382), (0.01, 4.158), (0.001, 7.299)])
def test_laplace_noise_is_composed_along_the_greedy_perturbation(error: float, least: float) -> None:
    found = float(certified_radius("laplace(sigma=1)", error, "l1-box", dim=3072).radius)
    assert least < found < least * 1.002


def test_a_composed_radius_is_true_by_numerical_integration() -> None:
    scale, error = 2**-0.5, 0.1
    radius = float(certified_radius("laplace(sigma=1)", error, "l1-box", dim=10).radius)
    first, second = 1 / scale, (radius - 1) / scale
    assert 0 < second < first

    def divergence(log_t: float) -> float:
        def of_the_other(loss: float) -> float:
            rest = log_t - loss  # E(1 - e^(rest - L₂))₊ for a shift by `second`
            found = 0.5 * max(1 - np.exp(rest - second), 0) + 0.5 * np.exp(-second) * max(
                1 - np.exp(rest + second), 0
            )
            low = min(max((rest + second) / 2, 0), second)
            inside = lambda x: 0.5 * np.exp(x - second) * (1 - np.exp(rest - 2 * x + second))  # noqa: E731
            return found + integrate.quad(inside, low, second, epsabs=1e-13)[0]

        inside = lambda x: 0.5 * np.exp(x - first) * of_the_other(2 * x - first)  # noqa: E731
        ends = 0.5 * of_the_other(first) + 0.5 * np.exp(-first) * of_the_other(-first)
        breaks = sorted(min(max((first + log_t + sign * second) / 2, 0), first) for sign in (-1, 1))
        return ends + integrate.quad(inside, 0, first, points=breaks, epsabs=1e-12)[0]

    grown = min(np.exp(log_t) * error + divergence(log_t) for log_t in np.linspace(0, 2, 201))
    assert 0.4995 < grown <= 0.5


def test_coordinates_that_may_change_at_all() -> None:
    assert certified_radius("uniform(sigma=3.5)", 0.001, "l0-box", dim=3072).radius == 8
    assert certified_radius("gaussian(sigma=1)", 0.001, "l0-box", dim=3072).radius == 9  # 9 < R² = 9.55
    assert certified_radius("laplace(sigma=1)", 0.001, "l0-box", dim=3072).radius == 7
    assert certified_radius("gaussian(sigma=9)", 0.001, "l0-box", dim=5).radius == 5


def test_l2_radius_of_a_whole_number_does_not_certify_so_many_coordinates() -> None:
    # ‖v‖₂ < 2 is certified at most, and four coordinates have ‖v‖₂ = 2.
    noise = "ball(scale=2)"
    grid = certified_radius(noise, np.linspace(0.1, 0.4, 4001), "l2", dim=8).radius
    counts = certified_radius(noise, np.linspace(0.1, 0.4, 4001), "l0-box", dim=8).radius
    assert (np.sqrt(counts) < grid).all()


BOXES = ["l1-box", "lp(1.5)-box", "l2-box", "linf-box"]


@pytest.mark.parametrize(("spec", "dim", "name"), taking_turns(SPECS, BOXES, 1, noise_of))
def test_never_below_the_radius_without_the_box_and_monotone(spec: str, dim: int, name: str) -> None:
    noise = parse(spec).in_dim(dim)
    errors = np.array(everyday([1e-12, 1e-3, 0.05, 0.3, 0.45], 2))
    radii = certified_radius(noise, errors, name, dim).radius
    assert (radii >= certified_radius(noise, errors, name.removesuffix("-box"), dim).radius).all()
    assert (np.diff(radii) <= 0).all()
    room = Room.of(np.linspace(0.3, 0.6, dim))
    own = certified_radius(noise, errors, Box(parse_threat(name).norm, room), dim).radius
    assert (own >= radii).all() or (own >= np.linalg.norm(room.sizes, ord=parse_threat(name).norm.p)).all()
    assert (np.diff(own) <= 0).all()


@pytest.mark.parametrize(("spec", "dim", "name"), taking_turns(SPECS[::-1], BROKEN, 1, noise_of))
def test_no_direction_in_the_box_breaks_a_certificate(spec: str, dim: int, name: str) -> None:
    """By draws of the noise, as `test_brute_force`: 5 standard deviations are allowed."""
    draws = 400_000 if NIGHTLY else 20_000
    noise = parse(spec.replace("scale=1", "scale=0.8")).in_dim(dim)
    z = noise.sample((draws, dim), generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    here = _log_density(noise, z / noise.scale)
    threat, _, own = name.partition(OWN_ROOM)
    room = np.linspace(0.6, 0.9, dim) if own else np.ones(dim)
    norm = parse_threat(threat).norm
    box = Box(norm, Room.of(1 - room)) if own else parse_threat(threat)
    for error in (0.3, 0.02):
        radius = float(certified_radius(noise, error, box, dim).radius)
        for v in _changed(room, int(radius)) if norm.p == 0 else _in_the_box(room, norm.p, radius):
            if norm.p > 0:
                assert np.linalg.norm(v, ord=norm.p) <= radius * (1 + 1e-9)
            there = _log_density(noise, (z + v) / noise.scale)
            assert _grown(error, here - there) < 0.5 + 2.5 / np.sqrt(draws), (error, v)


def _in_the_box(room: np.ndarray, p: float, radius: float) -> list[np.ndarray]:
    """Coordinates filled one after the other in every order, the largest rooms first; and rough ones."""
    filled = []
    for order in itertools.permutations(np.argsort(-room)):
        budget, v = radius**p, np.zeros(len(room))
        for i in order:
            v[i] = min(budget ** (1 / p), room[i])
            budget = max(budget - room[i] ** p, 0.0)
        filled.append(v)
    rough = np.abs(np.random.default_rng(len(room)).standard_normal((4, len(room))))
    sized = [np.minimum(radius * v / np.linalg.norm(v, ord=p), room) for v in [*rough, np.ones(len(room))]]
    return [*filled, *sized]


def _changed(room: np.ndarray, count: int) -> list[np.ndarray]:
    """Every choice of so many coordinates, changed as far as they can be, and less."""
    chosen = [np.isin(range(len(room)), some) for some in itertools.combinations(range(len(room)), count)]
    return [share * room * some for some in chosen for share in (1.0, 0.6)]


def test_the_same_check_finds_out_a_slightly_larger_radius() -> None:
    noise, draws = parse("gaussian(scale=0.8)").in_dim(3), 200_000
    z = noise.sample((draws, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    radius = 1.03 * float(certified_radius(noise, 0.02, "l1-box", 3).radius)
    worst = _in_the_box(np.ones(3), 1, radius)[0]
    here, there = _log_density(noise, z / 0.8), _log_density(noise, (z + worst) / 0.8)
    assert _grown(0.02, here - there) > 0.5 + 2.5 / np.sqrt(draws)


def test_overlaps_of_uniform_noise_in_rational_arithmetic() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        dim, scale = int(rng.integers(1, 9)), float(rng.choice([0.6, 1.5, 4.0]))
        x = rng.integers(0, 256, dim) / 255
        error, room = float(rng.uniform(0.001, 0.4)), Room.of(x)
        radius = float(certified_radius(f"uniform(scale={scale})", error, Box(Norm.L1, room), dim).radius)
        largest = np.maximum(x, 1 - x)
        if radius > largest.sum():
            assert np.prod([1 - Fraction(m) / (2 * Fraction(scale)) for m in largest]) > Fraction(
                error
            ) + Fraction(1, 2)
            continue
        budget, overlap = Fraction(radius), Fraction(1)
        for m in sorted(map(Fraction, largest), reverse=True):
            step = min(budget, m)
            budget -= step
            overlap *= 1 - step / (2 * Fraction(scale))
        assert 0 <= overlap - Fraction(1, 2) - Fraction(error) < 1e-11


def test_the_whole_box() -> None:
    found = certified_radius("gaussian(sigma=3)", 0.001, "l1-box", dim=10)
    assert 10 < found.radius < 10 + 1e-12
    whole = certified_radius("gaussian(sigma=3)", 0.001, "linf-box", dim=5)  # √5 is within the l2 radius
    assert whole.radius >= np.nextafter(1.0, 2)


@pytest.mark.parametrize("spec", ["gaussian(sigma=1)", "uniform(scale=2)", "laplace(sigma=1)"])
def test_probability_and_two_classes(spec: str) -> None:
    radius = float(certified_radius(spec, 0.01, "l1-box", dim=50).radius)
    at = certified_probability(spec, 0.01, "l1-box", [0.5, radius * (1 - 1e-9), radius * 1.05], dim=50).error
    assert at[0] < at[1] < at[2]
    assert 0.45 < at[1] <= (0.52 if spec.startswith("laplace") else 0.5) < at[2]
    two = float(two_sided_radius(spec, 0.01, 0.01, "l1-box", dim=50).radius)
    assert radius * 0.97 < two <= radius * (1 + 1e-9)
    assert float(two_sided_radius(spec, 0.01, 0.001, "l1-box", dim=50).radius) > radius


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"needs inputs in \[0, 1\], got 1\.2; use the threat without -box"):
        Room.of([0.5, 1.2])
    with pytest.raises(InputError, match="unknown norm"):
        parse_threat("l7x-box")
    assert str(parse_threat("l1-box")) == "l1-box"
    assert str(parse_threat("LP(1.5)-box")) == "lp(1.5)-box"


@pytest.mark.parametrize("spec", ["exp-linf(scale=2,j=0.5,k=2)", "power-linf(scale=8,a=8,k=1)"])
def test_total_variation_of_cubes_at_the_greedy_perturbation(spec: str) -> None:
    """E Π (1 - v_i/2H)₊ is one minus the total variation of the shift, here by draws of the noise."""
    noise, draws = parse(spec).in_dim(3), 400_000
    z = noise.sample((draws, 3), generator=torch.Generator().manual_seed(2), dtype=torch.float64).numpy()
    v = np.array([1.0, 0.4, 0.0])
    ratio = np.exp(_log_density(noise, (z + v) / noise.scale) - _log_density(noise, z / noise.scale))
    shared = np.minimum(ratio, 1).mean()
    (entry,) = cubes_in_the_box(type(noise), parse_threat("l1-box"))
    grown = float(Case(entry, noise, 3, parse_threat("l1-box")).grown(np.array([1e-9]), np.array([1.4]))[0])
    assert grown >= 1 - shared - 2.5 / np.sqrt(draws)  # 5 standard deviations
    assert grown <= 1 - shared + 0.01


def test_cubes_gain_from_the_box_and_from_the_room_of_an_input() -> None:
    noise, errors = "exp-linf(sigma=1,k=2)", np.array([0.001, 0.05])
    boxed = certified_radius(noise, errors, "l1-box", dim=784)
    assert (boxed.method == "unit-box").all()
    assert (boxed.radius > 1.1 * certified_radius(noise, errors, "l1", dim=784).radius).all()
    # In many dimensions nearly all of its cubes are as large as that of uniform noise of the same sigma.
    uniform = certified_radius("uniform(sigma=1)", errors, "l1-box", dim=784).radius
    assert (boxed.radius < uniform).all()
    assert (boxed.radius > 0.99 * uniform).all()
    grey = Box(Norm.L1, Room.of(np.full(784, 0.5)))
    assert (certified_radius(noise, errors, grey, dim=784).radius > 1.02 * boxed.radius).all()
