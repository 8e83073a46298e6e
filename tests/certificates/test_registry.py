"""The registry: what it chooses, what it refuses, and that rounding cannot be forgotten."""

import numpy as np
import pytest

from wulff._typing import FloatArray
from wulff.certificates import certified_radius, methods, register, registry, table
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Laplace, Uniform
from wulff.norms import Norm


@pytest.fixture
def extra_entries():
    before = list(registry._TABLE)
    yield
    registry._TABLE[:] = before


def test_the_largest_valid_radius_wins_per_error(extra_entries: None) -> None:
    @register(Laplace, Norm.LINF, method="half", tight=False, ulps=0)
    def half(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """Covers small errors only."""
        return np.where(error < 0.1, 100.0, np.nan)

    radii = certified_radius("laplace(scale=2)", [0.01, 0.2, 0.6], "linf", 4)
    assert radii.method.tolist()[0] == "half"
    assert radii.method.tolist()[1] != "half"
    assert radii.method.tolist()[2] == "abstain"
    assert radii.radius[0] < 200
    assert radii.radius[0] > 199.99999
    with pytest.raises(NotCoveredError, match=r"does not cover .* at error 0.2; the other methods are"):
        certified_radius("laplace(scale=2)", [0.01, 0.2], "linf", 4, "half")


def test_rounding_has_a_direction(extra_entries: None) -> None:
    @register(Laplace, Norm.LINF, method="ulps", tight=True, ulps=3)
    def ulps(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """A theorem of the tests."""
        return np.full_like(error, 1.0)

    radius = float(certified_radius("laplace(scale=1)", 0.1, "linf", 4, "ulps").radius)
    assert 1 - 10 * 2**-52 < radius <= 1 - 3 * 2**-52


def test_scalars_and_shapes() -> None:
    assert certified_radius("uniform(scale=1)", 0.1, "l1", 4).radius.shape == ()
    radii = certified_radius("uniform(scale=1)", np.full((2, 3), 0.1), "l1", 4)
    assert radii.radius.shape == radii.method.shape == radii.tight.shape == (2, 3)
    assert certified_radius("uniform(scale=1)", [], "l1", 4).radius.shape == (0,)
    assert certified_radius(Uniform(scale=1, dim=4), 0.1, Norm.L1).radius > 0


@pytest.mark.parametrize("error", [0.0, -0.1, 1.1, float("nan"), float("inf")])
def test_errors_outside_their_range(error: float) -> None:
    with pytest.raises(InputError, match=r"error must lie in \(0, 1\]"):
        certified_radius("uniform(scale=1)", [0.1, error], "l1", 4)


@pytest.mark.parametrize("error", [np.float32(0.1), np.array([0.1], dtype=np.float16), "0.1", None, 1j, True])
def test_errors_of_the_wrong_type(error: object) -> None:
    with pytest.raises(InputError, match="float64"):
        certified_radius("uniform(scale=1)", error, "l1", 4)  # type: ignore[arg-type]


def test_conversions_are_labelled_and_last() -> None:
    names = [entry.method for entry in methods("laplace(scale=1)", "l1")]
    assert names[0] == "closed-form"
    assert "-from-" in names[-1]
    radii = certified_radius("laplace(scale=1)", 0.1, "lp(3)", 10)
    assert "-from-" in str(radii.method)
    assert not radii.tight


def test_absence_names_the_alternatives() -> None:
    with pytest.raises(NotCoveredError, match="the methods are closed-form"):
        certified_radius("gaussian(scale=1)", 0.1, "l2", 3, "level-set-x")


def test_every_entry_states_its_theorem() -> None:
    for entry in table():
        text = entry.function.__doc__ or ""
        assert "[" in text or "derived here" in text or "defined" in text, entry
        assert entry.ulps >= 1


def test_comparisons_are_chosen_by_name_only(extra_entries: None) -> None:
    @register(Laplace, Norm.L1, method="optimist [nobody]", tight=False, ulps=1, comparison=True)
    def optimist(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """A theorem of the tests."""
        return np.full_like(error, 1e9)

    assert certified_radius("laplace(scale=1)", 0.1, "l1", 4).radius < 2
    assert certified_radius("laplace(scale=1)", 0.1, "l1", 4, "optimist [nobody]").radius > 1e8
    assert "optimist [nobody]" not in [entry.method for entry in methods("laplace(scale=1)", "l1")]


def test_slow_certificates_are_converted_where_that_may_help_only(extra_entries: None) -> None:
    @register(Laplace, Norm.LINF, method="slow", tight=False, ulps=1, smallest_p=3)
    def slow(noise: Laplace, error: FloatArray, dim: int) -> FloatArray:
        """A theorem of the tests."""
        return np.full_like(error, 1e-3)

    assert certified_radius("laplace(scale=1)", 0.1, "l2", 64, "slow-from-linf").radius > 0
    assert certified_radius("laplace(scale=1)", 0.1, "lp(3)", 65, "slow-from-linf").radius > 0
    with pytest.raises(NotCoveredError, match="does not cover"):
        certified_radius("laplace(scale=1)", 0.1, "l2", 65, "slow-from-linf")


@pytest.mark.filterwarnings("error")
def test_heavy_tails_beyond_float64_do_not_warn() -> None:
    errors = np.array([5e-324, 1e-12, 0.25, 0.4999, 0.4999999])
    radius = certified_radius("pareto(scale=1,a=0.02)", errors, "l1", 5).radius
    assert np.isfinite(radius).all()
    assert (np.diff(radius) <= 0).all()
