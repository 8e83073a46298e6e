"""Exact sampling: proven tables, the right law, ambiguous draws, and the attack that floats allow."""

import dataclasses
import itertools
import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import wulff
from tests.exact import normal_sf
from wulff import InputError, noises
from wulff._numerics import fixed_point
from wulff.noises.lattice import LatticeNoise, lattice_noise
from wulff.smoothing import Grid, Phase, certify_counts, samplers, stream

CPU = torch.device("cpu")
NOISES = ["gaussian(sigma=0.25)", "laplace(sigma=0.5)", "uniform(sigma=1)"]


def exact_tail(noise: noises.Noise, size: int, resolution: int) -> mp.mpf:
    """P[|round(resolution · Z)| ≥ size] at 50 digits; scale is the float64 number, taken as exact."""
    t = mp.mpf(2 * size - 1) / (2 * resolution * mp.mpf(noise.scale))
    laws = {"gaussian": 2 * normal_sf(t), "laplace": mp.exp(-t), "uniform": max(1 - t, mp.mpf(0))}
    return laws[noise.name]


@pytest.mark.parametrize("spec", NOISES)
@pytest.mark.parametrize("resolution", [1, 255, 2040, 30_001])
def test_tables_enclose_the_tails(spec: str, resolution: int) -> None:
    noise = noises.parse(spec)
    law = lattice_noise(noise, resolution, CPU)
    sizes = len(law.lower)
    assert (law.lower.diff() >= 0).all()
    assert (law.upper.diff() >= 0).all()
    rng = np.random.default_rng(0)
    for size in {1, sizes - 1, sizes, sizes + 1, *rng.integers(1, sizes + 1, size=60).tolist()}:
        row = max(sizes - size, 0)  # sizes beyond the table share its last row
        tail = 2**63 * exact_tail(noise, size, resolution)
        assert int(law.lower[row]) <= tail <= int(law.upper[row])
    assert int((law.upper - law.lower).max()) <= 2
    # 10¹⁰ coordinates, as those of 66,000 copies of a 224×224 image, hold hardly an ambiguous one.
    assert law.ambiguity * 1e10 < 1e-4 or resolution > 2040


@pytest.mark.parametrize("end", [9.3, 43.7])
def test_fixed_point_errors_are_as_declared(end: float) -> None:
    step = Fraction(end) / 801
    found = (fixed_point.gaussian_tails if end < 10 else fixed_point.laplace_tails)(step, 400)
    with mp.workdps(70):
        for j in (1, 2, 10, 100, 200, 300, 399, 400):
            t = mp.mpf((2 * j - 1) * step.numerator) / step.denominator
            exact = mp.erfc(t / mp.sqrt(2)) if end < 10 else mp.exp(-t)
            assert abs(found[j - 1] - exact * fixed_point.ONE) < fixed_point.ERROR
    assert fixed_point.ERROR < fixed_point.ONE >> 80
    for law, tails in (("gaussian", fixed_point.GAUSSIAN), ("laplace", fixed_point.LAPLACE)):
        t = mp.mpf(tails.end.numerator) / tails.end.denominator
        assert (2 * normal_sf(t) if law == "gaussian" else mp.exp(-t)) < mp.mpf(2) ** -63


@pytest.mark.parametrize("spec", NOISES)
def test_law_of_the_draws(spec: str) -> None:
    noise = noises.parse(spec)
    law = lattice_noise(noise, 200, CPU)
    numbers, ambiguous = law.draw(1000, 100, stream(CPU, 4, 0, Phase.ESTIMATION, 0))
    assert not ambiguous.any()
    drawn = numbers.flatten().numpy()
    edges = np.unique(np.quantile(drawn, np.linspace(0.01, 0.99, 40)).astype(int))
    assert isinstance(noise, noises.IIDNoise)
    below = 1 - noise.coordinate_sf((edges + 0.5) / (200 * noise.scale))
    expected = np.diff([0.0, *below, 1.0]) * len(drawn)
    observed = np.bincount(np.searchsorted(edges, drawn), minlength=len(edges) + 1)
    assert stats.chisquare(observed, expected).pvalue > 1e-6  # the false-alarm rate


def test_bits_decide_the_draw_on_every_path() -> None:
    law = lattice_noise(noises.parse("gaussian(scale=1)"), 64, CPU)
    edges = torch.cat([law.lower, law.upper, law.lower - 1, law.upper - 1]).clamp(0)
    bits = torch.cat(
        [
            edges,
            torch.empty(20_000, dtype=torch.int64).random_(generator=stream(CPU, 1, 0, Phase.ESTIMATION, 0)),
        ]
    )
    numbers, ambiguous = law.decode(bits)
    size, open_ = law._search(bits)
    assert torch.equal(numbers, size)
    assert torch.equal(ambiguous, open_)
    mirrored, _ = law.decode(bits | torch.iinfo(torch.int64).min)
    assert torch.equal(mirrored, -numbers)
    # The defining counts, one by one: tails certainly above the draw, and tails possibly above it.
    for w, n, a in list(zip(bits.tolist(), size.tolist(), open_.tolist(), strict=True))[:3000:7]:
        assert n == int((w < law.lower).sum())
        assert a == (n != int((w < law.upper).sum()))


def test_ambiguous_draws_are_misses_for_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = lattice_noise(noises.parse("uniform(scale=1)"), 256, CPU)
    # Thresholds as if they were known to 2⁻¹³ only: hundreds of gaps, into which a draw falls now and then.
    vague = LatticeNoise(256, (honest.lower - 2**50).clamp(0), honest.upper + 2**50)
    numbers, ambiguous = vague.draw(5000, 4, stream(CPU, 0, 0, Phase.ESTIMATION, 0))
    assert 0.05 < ambiguous.float().mean() < 0.5
    exact, _ = honest.draw(5000, 4, stream(CPU, 0, 0, Phase.ESTIMATION, 0))
    assert torch.equal(numbers[~ambiguous], exact[~ambiguous])
    assert not torch.equal(numbers, exact)

    x = torch.full((2, 1, 2, 2), 0.5)

    def always(batch: Tensor) -> Tensor:
        return torch.zeros(len(batch), dtype=torch.long)

    smoothed = wulff.Smoothed(always, "uniform(scale=1)", 3, sampling="exact", levels=256)
    assert smoothed.counts(x, 5000).votes.tolist() == [[5000, 0, 0]] * 2
    monkeypatch.setattr(samplers, "lattice_noise", lambda *_: vague)
    voids = [0, 0]  # copies with an ambiguous coordinate, block by block of 64; the last one is not used up
    for i, block in itertools.product(range(2), range(79)):
        void = vague.draw(64, 4, stream(CPU, 0, i, Phase.ESTIMATION, block))[1]
        voids[i] += int(void[: 5000 - 64 * block].sum())
    assert min(voids) > 100
    for batch in (16, 100, 1000):
        few = wulff.Smoothed(always, "uniform(scale=1)", 3, sampling="exact", levels=256, batch=batch)
        counts = few.counts(x, 5000)
        assert counts.votes[:, 0].tolist() == [5000 - void for void in voids]
        assert (counts.votes[:, 1:] == 0).all()
        np.testing.assert_array_equal(counts.misses(np.zeros(2, dtype=int)), counts.unknown)
    proof = few.certify(x, norm="l1", n0=100, n=5000, bound="two-sided")
    terms = dataclasses.replace(proof.terms, bound="one-sided", grid=None)
    one = certify_counts(proof.selection, proof.counts, terms, "l1")
    assert (proof.radius < one.radius).all()  # missing votes may have been a rival's
    assert few.predict(x, n=50).tolist() == [0, 0]


def test_unknown_votes_weaken_a_prediction() -> None:
    votes = np.array([[60, 30, 10], [60, 30, 0]])
    assert wulff.stats.predict(votes, 0.01).tolist() == [0, 0]
    assert wulff.stats.predict(votes, 0.01, np.array([0, 10])).tolist() == [0, -1]


# The attack [Jin et al. 2022, floating-point attacks on certified robustness]: sums of floats carry, in their
# lowest bits, traces of the input that the noise was added to, and a classifier may read them.


def reads_gaussian_bits(batch: Tensor) -> Tensor:
    """0 if some small coordinate is finer than 2⁻²⁷, as noise near zero is, and sums with .125 never are."""
    y = batch.flatten(1)
    fine = torch.frac(y.double() * 2.0**27) != 0
    return torch.where((fine & (y.abs() < 2.0**-4)).any(dim=1), 0, 1)


def reads_uniform_bits(batch: Tensor) -> Tensor:
    """0 if all coordinates are multiples of 2⁻²³, as uniform float32 noise on (-1, 1) is."""
    return torch.where((torch.frac(batch.flatten(1).double() * 2.0**23) == 0).all(dim=1), 0, 1)


ATTACKS = [
    ("gaussian(sigma=1)", "l2", reads_gaussian_bits, 32 / 255, 256),
    ("uniform(scale=1)", "l1", reads_uniform_bits, 3 / 255, 16),
]


@pytest.mark.parametrize(("noise", "norm", "f", "step", "dim"), ATTACKS, ids=[case[0] for case in ATTACKS])
def test_rounding_attack_breaks_float_sampling_and_not_exact_sampling(noise, norm, f, step, dim) -> None:
    x, other = torch.zeros(1, 1, dim), torch.full((1, 1, dim), step)
    distance = float(other.double().norm(p=1 if norm == "l1" else 2))
    arguments = {"norm": norm, "n": 5000, "alpha": 1e-6}

    broken = wulff.Smoothed(f, noise, 2)
    proof = broken.certify(x, **arguments)
    assert proof.label.tolist() == [0]
    assert float(proof.radius[0]) > distance  # a certificate ...
    assert broken.predict(other, n=5000).tolist() == [1]  # ... that the smoothed classifier contradicts
    assert broken.certify(other, **arguments).label.tolist() == [1]

    sound = wulff.Smoothed(f, noise, 2, sampling="exact")
    here, there = sound.certify(x, **arguments), sound.certify(other, **arguments)
    for one, two in ((here, there), (there, here)):
        assert one.radius[0] <= distance or one.label[0] in (two.label[0], -1)
    # The bits of k/255 are the same wherever k comes from, so that they no longer tell the inputs apart:
    votes = (here.counts.votes[0] / 5000, there.counts.votes[0] / 5000)
    assert abs(votes[0][0] - votes[1][0]) < 0.2


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("stop", [None, wulff.stats.Anytime(radii=[0.1])], ids=["fixed", "anytime"])
def test_votes_do_not_depend_on_batch_size_order_or_company(noise: str, stop) -> None:
    x = torch.randint(0, 256, (5, 1, 3, 3), generator=torch.Generator().manual_seed(0)) / 255

    def bright(batch: Tensor) -> Tensor:
        return (batch.flatten(1).sum(dim=1) > 4.5).long()

    arguments = {"norm": "l1", "n": 700, "stop": stop}
    reference = wulff.Smoothed(bright, noise, 2, sampling="exact").certify(x, **arguments)
    assert len(np.unique(reference.counts.votes)) > 2
    for batch in (1, 50, 64, 1000):
        proof = wulff.Smoothed(bright, noise, 2, sampling="exact", batch=batch).certify(x, **arguments)
        np.testing.assert_array_equal(proof.counts.votes, reference.counts.votes)
        np.testing.assert_array_equal(proof.selection.votes, reference.selection.votes)
    smoothed = wulff.Smoothed(bright, noise, 2, sampling="exact", batch=130)
    backwards = smoothed.certify(x.flip(0), index=range(4, -1, -1), **arguments)
    np.testing.assert_array_equal(backwards.counts.votes[::-1], reference.counts.votes)
    alone = smoothed.certify(x[3:4], index=[3], **arguments)
    np.testing.assert_array_equal(alone.counts.votes[0], reference.counts.votes[3])


def test_draws_do_not_depend_on_how_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    law = lattice_noise(noises.parse("laplace(scale=1)"), 100, CPU)
    whole, _ = law.draw(64, 50, stream(CPU, 0, 0, Phase.ESTIMATION, 0))
    monkeypatch.setattr(noises.lattice, "_CHUNK", 170)
    parts, _ = law.draw(64, 50, stream(CPU, 0, 0, Phase.ESTIMATION, 0))
    assert torch.equal(whole, parts)


def test_copies_are_the_same_floats_wherever_the_sum_comes_from() -> None:
    seen: list[Tensor] = []

    def keep(batch: Tensor) -> Tensor:
        seen.append(batch.clone())
        return torch.zeros(len(batch), dtype=torch.long)

    x = torch.tensor([[0, 1, 128, 255]]) / 255
    wulff.Smoothed(keep, "gaussian(sigma=0.25)", 2, sampling="exact").counts(x, 640)
    copies = torch.cat(seen)
    steps = Grid().resolution(noises.parse("gaussian(sigma=0.25)"))
    assert steps % 255 == 0
    k = (copies.double() * steps).round()
    assert torch.equal(copies, k.float() / steps)
    assert float((k - x.double() * steps).abs().max()) < 7 * 0.25 * steps


def test_certified_radius_is_below_the_true_one_and_close() -> None:
    # Class 1 where the first coordinate exceeds ½: the true radius is the distance to it.
    def half_space(batch: Tensor) -> Tensor:
        return (batch.flatten(1)[:, 0] > 0.5).long()

    x = torch.arange(140, 256, 20).view(-1, 1, 1) / 255
    smoothed = wulff.Smoothed(half_space, "uniform(scale=1)", 2, sampling="exact")
    proof = smoothed.certify(x, norm="l1", n0=1000, n=50_000, alpha=1e-9)
    truth = x.flatten().double().numpy() - 0.5
    # The classifier sees multiples of 1/resolution: on that grid the true radius is up to a step larger.
    step = 1 / Grid().resolution(proof.noise)
    assert (proof.radius <= truth + step).all()
    assert (proof.radius >= truth - 0.05).all()
    assert "multiples of 1/" in proof.statement
    assert "in integers that follow its law exactly" in proof.statement
    assert proof.against("l2").grid == Grid(255)


def test_resolution_is_a_refinement_of_the_levels() -> None:
    for spec, levels in (("gaussian(sigma=0.12)", 255), ("uniform(sigma=3)", 255), ("laplace(sigma=1)", 16)):
        noise = noises.parse(spec)
        steps = Grid(levels).resolution(noise)
        assert math.log2(steps / levels).is_integer()
        assert 256 <= steps * noise.scale < 512 or steps == levels


X = torch.arange(8).view(1, 1, 8) / 255
REFUSED = [
    ({"levels": 100}, X, "they are multiples of 1/255: give levels=255"),
    ({}, X + 0.001, "round them to the grid first"),
    ({}, X / 7 * 255, "they are multiples of 1/7: give levels=7"),
    ({}, X * 1e5, "inputs must be images in"),
    ({"levels": 0}, X, "levels must be an integer"),
    ({"levels": 2.5}, X, "levels must be an integer"),
    ({"noise": "ball(sigma=0.5)"}, X, "exact sampling exists for gaussian, laplace, uniform"),
    ({"noise": "gaussian(sigma=1000)"}, X, "use fewer levels"),
    ({"sampling": "precise"}, X, "sampling must be float or exact"),
]


@pytest.mark.parametrize(("changes", "x", "message"), REFUSED, ids=[case[2] for case in REFUSED])
@pytest.mark.filterwarnings("ignore:inputs range")
def test_refusals(changes: dict, x: Tensor, message: str) -> None:
    arguments = {"noise": "uniform(sigma=1)", "sampling": "exact"} | changes
    with pytest.raises(InputError, match=message):
        wulff.Smoothed(lambda b: b.flatten(1), num_classes=8, **arguments).certify(x, norm="l1", n=10)


def test_coverage_is_alpha_with_exact_noise_and_the_randomised_bound() -> None:
    """Nothing is lost: of 3,000 certifications at alpha = .05, about 150 fail."""

    def half_space(batch: Tensor) -> Tensor:
        return (batch.flatten(1)[:, 0] > 0.5).long()

    inputs, alpha = 3_000, 0.05
    smoothed = wulff.Smoothed(half_space, "uniform(scale=1)", 2, sampling="exact", levels=256)
    proof = smoothed.certify(
        torch.full((inputs, 1, 1), 218 / 256),
        norm="l1",
        n0=10,
        n=64,
        alpha=alpha,
        estimator="randomized-clopper-pearson",
    )
    # 218/256 + N/256 is at most ½ where N ≤ -90, with N the noise rounded to multiples of 1/256.
    truth = np.where(proof.selection.top() == 1, 0.5 * (1 - 89.5 / 256), 0.5 * (1 + 89.5 / 256))
    failures = int((proof.error < truth).sum())
    # A false alarm in a million on either side.
    assert stats.binom.ppf(1e-6, inputs, alpha) <= failures <= stats.binom.isf(1e-6, inputs, alpha)
