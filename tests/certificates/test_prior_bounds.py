"""Earlier bounds: their order, and that nobody gets them without asking."""

import mpmath as mp
import numpy as np

from wulff.certificates import certified_radius, methods

ERRORS = np.array([1e-12, 1e-6, 1e-3, 0.01, 0.1, 0.3, 0.45])


def test_each_later_bound_is_better() -> None:
    lecuyer, li, cohen = (
        certified_radius("gaussian(scale=2)", ERRORS, "l2", 3, method=method).radius
        for method in ("lecuyer-2019", "li-2019", "closed-form")
    )
    assert np.all((lecuyer > 0) & (lecuyer < li) & (li < cohen))


@mp.workdps(40)
def test_formulas() -> None:
    for error in (1e-6, 0.01, 0.3):
        b, a = mp.mpf(error), 1 - mp.mpf(error)

        def lecuyer(beta: mp.mpf, a: mp.mpf = a, b: mp.mpf = b) -> mp.mpf:
            margin = a - mp.exp(2 * beta) * b
            return beta / mp.sqrt(2 * mp.log(mp.mpf("1.25") * (1 + mp.exp(beta)) / margin))

        def li(order: mp.mpf, a: mp.mpf = a, b: mp.mpf = b) -> mp.mpf:
            mean = ((a ** (1 - order) + b ** (1 - order)) / 2) ** (1 / (1 - order))
            return mp.sqrt(-2 / order * mp.log(1 - a - b + 2 * mean))

        largest = min(mp.mpf(1), mp.log(a / b) / 2)
        for method, best in [
            ("lecuyer-2019", max(lecuyer(largest * i / 500) for i in range(1, 500))),
            ("li-2019", max(li(mp.mpf(10) ** (mp.mpf(i) / 100)) for i in range(-199, 400, 2))),
        ]:
            found = float(certified_radius("gaussian(scale=1)", error, "l2", 3, method=method).radius)
            assert abs(found / best - 1) < 1e-3


def test_they_are_never_a_default() -> None:
    names = [entry.method for entry in methods("gaussian(scale=1)", "l2")]
    assert names[0] == "closed-form"
    assert all("2019" not in name for name in names)
    assert all("2019" not in entry.method for entry in methods("gaussian(scale=1)", "linf"))
    assert str(certified_radius("gaussian(scale=1)", 0.01, "l2", 3).method) == "closed-form"
