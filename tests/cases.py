"""One list of examples that feeds all generic tests; a member without a case fails `test_cases.py`."""

from wulff.errors import InputError
from wulff.noises import parse

_POLES = {1: 0.5, 2: 1.9, 3: 2.0, 64: 63.5, 3072: 3070.0}
_EXPONENTIAL = [
    *("scale=1,j=0,k=1", "scale=1,j=0,k=2", "scale=1,j=0,k=0.5", "scale=1,j=0,k=10"),
    *(f"scale=1,j={j},k=2,dim={dim}" for dim, j in _POLES.items()),
    *("scale=1,j=1,k=0.5,dim=3", "scale=1,j=250,k=1,dim=3072"),
]
_POWER = [
    *(f"scale=1,a={dim + 0.25},k=1,dim={dim}" for dim in (1, 3)),
    *(f"scale=1,a={dim + 10},k=1,dim={dim}" for dim in (1, 2, 64, 3072)),
    *("scale=1,a=1.6,k=2,dim=2", "scale=1,a=1546,k=2,dim=3072", "scale=1,a=700,k=0.1,dim=64"),
]

NOISES: dict[str, list[str]] = {
    "gaussian": ["gaussian(scale=1)"],
    "laplace": ["laplace(scale=1)"],
    "uniform": ["uniform(scale=1)"],
    "ball": ["ball(scale=1)"],
    "exp-lp": [
        "exp-lp(scale=1,p=0.5)",
        "exp-lp(scale=1,p=1.5)",
        "exp-lp(scale=1,p=4)",
        "exp-lp(scale=1,p=100)",
    ],
    "pareto": ["pareto(scale=1,a=0.5)", "pareto(scale=1,a=3)", "pareto(scale=1,a=100)"],
    **{f"exp-{norm}": [f"exp-{norm}({p})" for p in _EXPONENTIAL] for norm in ("l1", "l2", "linf")},
    **{f"power-{norm}": [f"power-{norm}({p})" for p in _POWER] for norm in ("l1", "l2", "linf")},
    "mixed-linf": [
        *("mixed-linf(scale=1,j=0)", "mixed-linf(scale=1,j=0.5)"),
        *("mixed-linf(scale=1,j=2.5,dim=3)", "mixed-linf(scale=1,j=250,dim=3072)"),
    ],
}
"""Spec strings at scale 1, by noise; several where the shape parameters change the law's character."""

SPECS: list[str] = [spec for specs in NOISES.values() for spec in specs]
DIMENSIONS: tuple[int, ...] = (1, 2, 3, 64, 3072)
ERRORS: tuple[float, ...] = (1e-300, 1e-30, 1e-12, 1e-6, 1e-3, 0.01, 0.1, 0.25, 0.4, 0.49, 0.4999999)
NORMS: tuple[str, ...] = ("l1", "l2", "linf", "lp(1.5)", "lp(3)")


def noise_of(case: tuple) -> str:
    """The name of the noise in a case that begins with a spec: cases of one noise are of one kind."""
    return case[0].partition("(")[0]


def _accepts(spec: str, dim: int) -> bool:
    try:
        parse(spec).in_dim(dim)
    except InputError:
        return False
    return True


SPECS_IN_DIM: list[tuple[str, int]] = [
    (spec, dim) for spec in SPECS for dim in DIMENSIONS if _accepts(spec, dim)
]
"""Every spec with every dimension that it allows: shape parameters may be tied to one dimension."""
