"""Random noise of every kind against every norm: radii are finite, not negative, and fall with the error.

WULFF_NIGHTLY=1 makes 20,000 draws, which takes hours. In pieces, on several days or processors:
`WULFF_NIGHTLY=1 WULFF_DRAWS=1000 pytest --hypothesis-seed=7 tests/certificates/test_radii_sweep.py`.
"""

import os
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wulff.certificates import certified_radius
from wulff.errors import InputError, NotCoveredError

DRAWS = int(os.environ.get("WULFF_DRAWS", "20000" if os.environ.get("WULFF_NIGHTLY") else "6"))
DIMENSIONS = [1, 2, 3, 5, 17, 24, 25, 64, 784, 3072, 150_528]
CURVES = ("laplace", "exp-lp", "pareto", "mixed-linf")
"""Against linf, and by conversion p ≥ 3, these need privacy-loss curves: slow in many dimensions."""
LARGEST_CURVES = 5

Draw = Callable[[st.SearchStrategy[float]], float]


def _poles(dim: int) -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, 0.5, dim / 2, dim - 1.0, dim - 0.01, max(0.0, dim - 1.01)])


def _exponential(draw: Draw, dim: int) -> str:
    return f",j={draw(_poles(dim))!r},k={draw(st.floats(0.2, 20))!r}"


def _power(draw: Draw, dim: int) -> str:
    k = draw(st.floats(0.2, 20))
    return f",a={dim / k + draw(st.floats(0.02, 100))!r},k={k!r}"


SHAPES: dict[str, Callable[[Draw, int], str]] = {
    **dict.fromkeys(("uniform", "ball", "gaussian", "laplace"), lambda draw, dim: ""),
    "exp-lp": lambda draw, dim: f",p={draw(st.floats(0.05, 200))!r}",
    "pareto": lambda draw, dim: f",a={draw(st.floats(0.01, 1000))!r}",
    **{f"exp-{level}": _exponential for level in ("l1", "l2", "linf")},
    **{f"power-{level}": _power for level in ("l1", "l2", "linf")},
    "mixed-linf": lambda draw, dim: f",j={draw(_poles(dim))!r}",
}
ERRORS = st.one_of(
    st.floats(5e-324, 0.5),
    st.floats(-300, -0.302).map(lambda power: 10.0**power),
    st.floats(1e-15, 0.01).map(lambda gap: 0.5 - gap),
)


@given(data=st.data())
@settings(max_examples=DRAWS, deadline=None)
def test_radii_are_finite_and_fall_with_the_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(SHAPES)))
    norm = data.draw(st.sampled_from(["l1", "l2", "linf", "lp(1.5)", "lp(3)", "lp(100)"]))
    slow = name in CURVES and norm in ("linf", "lp(3)", "lp(100)")
    dim = data.draw(st.sampled_from([d for d in DIMENSIONS if not slow or d <= LARGEST_CURVES]))
    scale = data.draw(st.sampled_from([1.0, 0.3, 1e-6, 1e6]))
    spec = f"{name}(scale={scale!r}{SHAPES[name](data.draw, dim)})"
    errors = np.sort(np.array(data.draw(st.lists(ERRORS, min_size=3, max_size=8))))
    try:
        radius = certified_radius(spec, errors, norm, dim).radius
    except (InputError, NotCoveredError):
        return  # j ≥ d, or a density that float64 cannot hold
    assert np.isfinite(radius).all()
    assert (radius >= 0).all()
    assert (np.diff(radius) <= 1e-10 * radius[:-1]).all()
    assert (radius[errors == 0.5] == 0).all()
