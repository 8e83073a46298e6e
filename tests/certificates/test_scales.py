"""Noise whose coordinates have scales of their own, against enumeration and reference numbers."""

import math
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import torch

import wulff
from wulff import certified_radius
from wulff.certificates import certified_probability, methods, plan, two_sided_radius
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Gaussian, parse
from wulff.norms import Norm, Scaled, parse_threat
from wulff.smoothing.samplers import sampler

SCALES = "scales=[0.5, 2]"


# Values of Φ⁻¹ and of the roots at 30 digits, by mpmath.
@pytest.mark.parametrize(
    ("noise", "norm", "radius"),
    [
        ("gaussian(sigma=1", "l2-scaled", 1.644853626951),
        ("gaussian(sigma=1", "l2", 0.822426813476),
        ("gaussian(sigma=1", "l1", 0.822426813476),
        ("gaussian(sigma=1", "linf", 0.797871205012),
        ("uniform(scale=1", "linf", 0.390497689027),
        ("uniform(scale=1", "linf-scaled", 0.516760302581),
    ],
)
def test_reference_numbers(noise: str, norm: str, radius: float) -> None:
    found = certified_radius(f"{noise}, {SCALES})", 0.05, norm)
    assert found.tight
    assert radius - 2e-12 < float(found.radius) < radius + 1e-12


@pytest.mark.parametrize("spec", ["ball(scale=1", "exp-l2(scale=1, j=0, k=1"])
def test_a_radius_is_not_called_the_largest_where_immutable_coordinates_are_drawn(spec: str) -> None:
    """The law of one coordinate of a disc is smoother than the disc, and certifies more."""
    assert certified_radius(f"{spec}, scales=[1, 2])", 0.05, "l2-scaled").tight
    assert not certified_radius(f"{spec}, scales=[1, 0])", 0.05, "l2-scaled").tight
    assert certified_radius("gaussian(scale=1, scales=[1, 0])", 0.05, "l2-scaled").tight
    assert certified_radius("laplace(scale=1, scales=[1, 0])", 0.05, "l1-scaled").tight


def test_conversion_loses_what_the_reference_says() -> None:
    entry = "closed-form-from-linf-scaled"
    found = certified_radius(f"uniform(scale=1, {SCALES})", 0.05, "linf", method=entry)
    assert math.floor(found.radius * 1000) == 258


@pytest.mark.parametrize(
    "spec", ["gaussian(sigma=1", "laplace(sigma=0.5", "uniform(sigma=1", "pareto(scale=1,a=3"]
)
@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "lp(1.5)", "lp(3)"])
def test_equal_scales_are_a_scale(spec: str, norm: str) -> None:
    """Noise with all scales 2 is noise of twice the size, and the weighted norm is half of the plain one."""
    errors = np.array([1e-9, 1e-3, 0.1, 0.3])
    plain = certified_radius(f"{spec})", errors, norm, dim=3).radius
    scaled = certified_radius(f"{spec}, scales=[2, 2, 2])", errors, norm).radius
    np.testing.assert_allclose(scaled, 2 * plain, rtol=1e-12)
    in_units = certified_radius(f"{spec}, scales=[2, 2, 2, 0])", errors, f"{norm}-scaled").radius
    np.testing.assert_array_equal(in_units, plain)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf", "lp(1.5)", "lp(3)"])
def test_the_gaussian_radius_is_the_truth(norm: str) -> None:
    """The longest ‖v/s‖₂ in the ball, found by trying many v, is never above the certified length."""
    scales = np.array([0.5, 2.0, 0.7])
    radius = float(certified_radius(f"gaussian(sigma=1, scales={scales.tolist()})", 0.05, norm).radius)
    v = np.random.default_rng(0).standard_normal((100_000, 3)) ** 3
    v = np.concatenate([v, np.eye(3), np.ones((1, 3))])
    v *= radius / np.linalg.norm(v, ord=Norm.parse(norm).p, axis=1, keepdims=True)
    longest = np.linalg.norm(v / scales, axis=1).max()
    limit = 1.6448536269514722
    assert longest <= limit * (1 + 1e-12)
    assert longest > 0.99 * limit


def test_uniform_noise_is_exact_at_50_digits() -> None:
    scales = [0.5, 2.0, 0.5, 0.9, 1e3]
    for error in (1e-12, 1e-3, 0.05, 0.3, 0.4999):
        radius = float(certified_radius(f"uniform(scale=1.5, scales={scales})", error, "linf").radius)

        def overlap(r: float) -> mp.mpf:
            return mp.fprod(1 - mp.mpf(r) / (2 * mp.mpf(1.5) * scale) for scale in scales)

        assert overlap(radius) >= mp.mpf("0.5") + mp.mpf(error)
        assert overlap(radius * (1 + 1e-10) + 1e-13) < mp.mpf("0.5") + mp.mpf(error)


@pytest.mark.parametrize("error", [1e-6, 0.05, 0.3])
@pytest.mark.parametrize("norm", ["l1-scaled", "linf-scaled", "l1", "l2", "linf", "lp(1.5)"])
@pytest.mark.parametrize("spec", ["gaussian(sigma=1", "uniform(sigma=1"])
def test_the_checker_proves_them(spec: str, norm: str, error: float) -> None:
    verify = pytest.importorskip("wulff.verify")
    radii = certified_radius(f"{spec}, scales=[0.5, 2, 0, 1])", error, norm)
    law = verify.read_law(str(radii.noise), 4, radii.noise.scale)
    assert verify.radius(law, norm, str(radii.method), error, float(radii.radius)) != "FALSE"
    assert verify.radius(law, norm, str(radii.method), error, float(radii.radius) * 1.01 + 1e-9) != "proven"
    closed = verify.radius(law, norm, str(radii.method), error, float(radii.radius))
    assert closed == "proven" or "closed-form" not in str(radii.method)


def test_single_coordinates_in_their_own_units() -> None:
    radii = certified_radius("laplace(scale=1, scales=[3, 0.5, 0])", [0.1, 0.7], "l1-scaled")
    changes = radii.largest_changes()
    assert changes.shape == (2, 3)
    np.testing.assert_allclose(changes[0], [3 * radii.radius[0], 0.5 * radii.radius[0], 0], rtol=1e-15)
    assert (changes[0] <= radii.radius[0] * np.array([3, 0.5, 0])).all()
    assert (changes[1] == 0).all()
    plain = certified_radius("laplace(scale=1, scales=[3, 0.5, 0])", 0.1, "l1")
    assert plain.largest_changes().tolist() == pytest.approx([plain.radius, plain.radius, 0])
    with pytest.raises(InputError, match="changes of single coordinates follow from radii against a norm"):
        certified_radius("gaussian(sigma=1)", 0.1, "l0-box", dim=9).largest_changes()


def test_other_questions_take_scales_too() -> None:
    noise = f"gaussian(sigma=1, {SCALES})"
    one = "gaussian(sigma=1)"
    assert (
        two_sided_radius(noise, 0.2, 0.1, "l2-scaled").radius
        == two_sided_radius(one, 0.2, 0.1, "l2", 2).radius
    )
    at = certified_probability(noise, 0.01, "l2-scaled", 0.5)
    assert at.error == certified_probability(one, 0.01, "l2", 0.5, dim=2).error
    assert plan(noise, 0.5, "l2-scaled").n == plan(one, 0.5, "l2").n
    assert [entry.method for entry in methods(noise, "l2-scaled")] == [
        entry.method for entry in methods(one, "l2")
    ]


def test_samples_have_their_scales() -> None:
    noise = parse("exp-l2(sigma=1, j=0, k=1, scales=[1, 10, 0, 0.1])")
    z = noise.sample((4000, 4), generator=torch.Generator().manual_seed(0)).double()
    np.testing.assert_allclose(z.pow(2).mean(dim=0).sqrt(), [1, 10, 0, 0.1], rtol=0.15)
    copies, x = torch.empty(4000, 2, 2), torch.full((2, 2), 7.0)
    made = sampler(noise, None, torch.device("cpu"))
    made.fill(copies, x, torch.Generator().manual_seed(0))
    np.testing.assert_allclose((copies - 7).flatten(1).double(), z, atol=1e-5)


def test_an_immutable_coordinate_stays_and_the_statement_says_so() -> None:
    def model(x: torch.Tensor) -> torch.Tensor:
        assert (x[:, 1] == 40).all()
        return (x[:, 0] > 100).long()

    smoothed = wulff.Smoothed(model, "gaussian(sigma=0.5, scales=[20, 0, 3])", num_classes=2)
    proof = smoothed.certify(torch.tensor([[130.0, 40.0, 5.0]]), "l2-scaled", n0=100, n=1000)
    assert proof.label.tolist() == [1]
    assert proof.largest_changes()[0].tolist() == pytest.approx(
        [20 * proof.radius[0], 0, 3 * proof.radius[0]]
    )
    assert "Coordinates with scale 0 are immutable, and x' has those of x: 1." in proof.statement
    assert "each coordinate of x' - x is divided by its scale" in proof.statement
    assert str(parse_threat("l2-scaled")) == "l2-scaled"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("scales=[]", "each of scales must be a number, got ''"),
        ("scales=[0, 0]", "scales must have one above 0"),
        ("scales=[1, -1]", "each of scales must be at least 0 and finite, got -1.0"),
        ("scales=[1, nan]", "each of scales must be at least 0 and finite, got nan"),
        ("scales=3", r"scales must be numbers as in \[1, 0.5\]"),
        ("scales=[1, 2], dim=3", "scales are for dim=2, got dim=3"),
    ],
)
def test_wrong_scales_are_refused(arguments: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(f"gaussian(sigma=1, {arguments})")


def test_scales_that_depend_on_the_input_are_refused() -> None:
    with pytest.raises(InputError, match="fixed before an input is seen, got a function"):
        Gaussian(sigma=1.0, scales=lambda x: x)  # type: ignore[arg-type]


def test_what_scales_are_not_for_is_refused() -> None:
    noise = parse(f"uniform(sigma=1, {SCALES})")
    with pytest.raises(NotCoveredError, match="against l1-box"):
        certified_radius(noise, 0.1, "l1-box")
    with pytest.raises(NotCoveredError, match="against l2-scaled"):
        certified_radius("uniform(sigma=1)", 0.1, Scaled(Norm.L2), dim=2)
    with pytest.raises(InputError, match=r"exact sampling exists for .* noise of one size"):
        wulff.Smoothed(lambda x: x, noise, 2, sampling="exact").certify(torch.zeros(1, 2))
    with pytest.raises(InputError, match="one size in all coordinates"):
        wulff.geometry.growth_function(noise, 0.1, [0.1, 0.1])
    with pytest.raises(InputError, match="made for dim=2"):
        noise.in_dim(3)


def test_spec_strings_and_run_files(tmp_path: Path) -> None:
    noise = parse("laplace(scale=0.5, scales=[1, 2.5, 0])")
    assert parse(str(noise)) == noise
    assert noise != parse("laplace(scale=0.5, scales=[1, 2.5, 1])")
    run = wulff.certify(
        lambda x: (x[:, 0] > 0).long(),
        torch.tensor([[50.0, 1.0, 0.0], [-9.0, 3.0, 0.0]]),
        [1, 0],
        noise=str(noise),
        norms=["l1-scaled", "l1", "linf"],
        num_classes=2,
        n=500,
        store=f"{tmp_path}/run",
        progress=False,
    )
    again = run.recertify(norms=["l2-scaled"])
    assert again.to_pandas().shape[0] == 2
    assert wulff.runs.load(f"{tmp_path}/run").radii("l1-scaled").min() > 0
    verify = pytest.importorskip("wulff.verify")
    findings = verify.verify_run(f"{tmp_path}/run")
    assert {finding.verdict for finding in findings} == {"proven"}, findings
