"""Advice: the best noise per probability comes from the certificates, with the reason."""

import numpy as np
import pytest

from wulff.certificates import certified_radius
from wulff.errors import InputError
from wulff.geometry import advise
from wulff.noises import CustomIID


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_choices_are_the_largest_certified_radii(norm: str) -> None:
    errors = [0.4, 0.1, 0.01, 1e-4]
    advice = advise(norm, 64, 0.5, errors)
    for choice in advice.choices:
        radii = [
            float(certified_radius(candidate.noise, choice.error, norm).radius)
            for candidate in advice.candidates
        ]
        assert choice.radius == pytest.approx(max(radii), rel=1e-12)
        assert choice.second == pytest.approx(sorted(radii)[-2], rel=1e-12)
        assert all(candidate.noise.sigma == pytest.approx(0.5) for candidate in advice.candidates)


def test_against_l1_the_cube_wins_near_half_and_the_tail_later() -> None:
    advice = advise("l1", 3072, 0.5)
    assert advice.crystal == "the cube"
    steepest = advice.candidates[0]
    assert steepest.noise.name == "uniform"
    assert steepest.is_crystal
    assert steepest.slope == pytest.approx(np.sqrt(3), rel=1e-6)  # 2λ with λ = √3 σ
    assert steepest.limit == pytest.approx(np.sqrt(3) / 2, rel=1e-6)
    by_error = {choice.error: choice for choice in advice.choices}
    assert by_error[0.2].best is steepest
    assert "shape" in by_error[0.2].reason
    assert "Wulff crystal of the l1 ball" in by_error[0.2].reason
    assert by_error[0.001].best.noise.name == "laplace"
    assert "tail" in by_error[0.001].reason
    assert "ends at 0.866" in by_error[0.001].reason


def test_against_l2_round_noise_wins() -> None:
    advice = advise("l2", 300, 1.0)
    assert all(choice.best.level_sets == "Euclidean balls" for choice in advice.choices)
    assert all(choice.best.is_crystal for choice in advice.choices)


def test_crystals_in_low_dimension() -> None:
    assert advise("linf", 2, 1.0, [0.1], ("gaussian(scale=1)",)).crystal == "the rhombus"
    advice = advise(
        "linf", 2, 1.0, [0.49], ("exp-l1(scale=1,k=1)", "exp-l2(scale=1,k=1)", "exp-linf(scale=1,k=1)")
    )
    assert advice.choices[0].best.noise.name == "exp-l1"
    assert advice.choices[0].best.is_crystal
    for norm in ("l1", "lp(3)"):
        advice = advise(norm, 1, 1.0, [0.1])
        assert advice.crystal == "the interval"
        assert all(candidate.is_crystal for candidate in advice.candidates)


def test_what_cannot_be_compared_is_left_out_with_a_reason() -> None:
    custom = CustomIID(scale=1, log_density=lambda z: -(z**4))
    noises = ("gaussian(scale=1)", "pareto(scale=1,a=1.5)", custom)
    advice = advise("l2", 8, 1.0, [0.1], noises)
    assert [candidate.noise.name for candidate in advice.candidates] == ["gaussian"]
    assert "variance" in advice.left_out["pareto(a=1.5)"]
    assert "no certificate" in advice.left_out["custom-iid"] or "cover" in advice.left_out["custom-iid"]
    assert advice.choices[0].second == 0
    with pytest.raises(InputError, match="no noise is left"):
        advise("l2", 8, 1.0, [0.1], noises[1:])
    with pytest.raises(InputError, match=r"^dim must be a positive integer"):
        advise("l2", 0, 1.0)
    with pytest.raises(InputError, match="sigma"):
        advise("l2", 8, -1.0)
    with pytest.raises(InputError, match="errors"):
        advise("l2", 8, 1.0, [0.5])


def test_in_the_box_the_cube_loses_to_the_ball_at_large_radii() -> None:
    noises = ("uniform(sigma=1)", "gaussian(sigma=1)", "laplace(sigma=1)")
    advice = advise("l1-box", 784, 1.0, errors=[0.3, 0.01], noises=noises)
    near, far = advice.choices
    assert near.best.noise.name == "uniform"
    assert far.best.noise.name == "gaussian"
    assert far.reason.startswith("box:")
    for choice in advice.choices:
        assert choice.radius == certified_radius(choice.best.noise, choice.error, "l1-box", 784).radius
    assert 5.64 < far.radius < 5.65
    plain = advise("l1", 784, 1.0, errors=[0.01], noises=noises)
    assert plain.choices[0].best.noise.name != "gaussian" or plain.choices[0].radius < far.radius
