"""The largest error that certifies a radius, however small it is."""

import pytest
from scipy import special

from wulff.certificates import certified_radius, largest_error


@pytest.mark.parametrize("radius", [0.1, 1.0, 15.0, 18.0])
def test_the_largest_error_is_where_the_radius_ends(radius: float) -> None:
    found = largest_error("gaussian(sigma=0.5)", radius, "l2", 10)
    assert found == pytest.approx(special.ndtr(-2 * radius), rel=2e-12)
    assert certified_radius("gaussian(sigma=0.5)", found, "l2", 10).radius >= radius


def test_no_error_is_below_the_smallest() -> None:
    assert largest_error("gaussian(sigma=0.5)", 50.0, "l2", 10) is None
    assert largest_error("gaussian(sigma=0.5)", 18.0, "l2", 10, smallest=1e-200) is None
