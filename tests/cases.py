"""One list of examples that feeds all generic tests; a member without a case fails `test_cases.py`."""

NOISES: dict[str, list[str]] = {
    "gaussian": ["gaussian(scale=1)"],
    "laplace": ["laplace(scale=1)"],
    "uniform": ["uniform(scale=1)"],
}
"""Spec strings at scale 1, by noise; several where the shape parameters change the law's character."""

SPECS: list[str] = [spec for specs in NOISES.values() for spec in specs]
DIMENSIONS: tuple[int, ...] = (1, 2, 3, 64, 3072)
ERRORS: tuple[float, ...] = (1e-300, 1e-30, 1e-12, 1e-6, 1e-3, 0.01, 0.1, 0.25, 0.4, 0.49, 0.4999999)
NORMS: tuple[str, ...] = ("l1", "l2", "linf", "lp(1.5)", "lp(3)")
