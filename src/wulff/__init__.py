"""wulff: provably stable classifiers by randomized smoothing.

All packages and modules but the command line are there after `import wulff` alone. Each is loaded when it is
first used, and PyTorch with the first one that needs it: radii, plans, limits and advice do not.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from wulff._version import __version__

if TYPE_CHECKING:
    from wulff import (
        attacks,
        backends,
        certificates,
        datasets,
        engines,
        errors,
        geometry,
        models,
        noises,
        norms,
        plugins,
        reports,
        runs,
        serving,
        smoothing,
        stats,
        tables,
        testing,
        training,
        verify,
        views,
    )
    from wulff.backends import Denoised
    from wulff.certificates import Radii, certified_radius, plan
    from wulff.errors import InputError, NotCoveredError, RunError, WulffError
    from wulff.norms import Norm
    from wulff.runs import Run
    from wulff.runs.in_python import certify
    from wulff.smoothing import Certification, Smoothed

_PACKAGE_OF = {
    "Certification": "smoothing",
    "Denoised": "backends",
    "InputError": "errors",
    "Norm": "norms",
    "NotCoveredError": "errors",
    "Radii": "certificates",
    "Run": "runs",
    "RunError": "errors",
    "Smoothed": "smoothing",
    "WulffError": "errors",
    "certified_radius": "certificates",
    "certify": "runs.in_python",
    "plan": "certificates",
}

__all__ = [
    "Certification",
    "Denoised",
    "InputError",
    "Norm",
    "NotCoveredError",
    "Radii",
    "Run",
    "RunError",
    "Smoothed",
    "WulffError",
    "__version__",
    "attacks",
    "backends",
    "certificates",
    "certified_radius",
    "certify",
    "datasets",
    "engines",
    "errors",
    "geometry",
    "models",
    "noises",
    "norms",
    "plan",
    "plugins",
    "reports",
    "runs",
    "serving",
    "smoothing",
    "stats",
    "tables",
    "testing",
    "training",
    "verify",
    "views",
]


def __getattr__(name: str) -> object:
    if name in _PACKAGE_OF:
        return getattr(_package(_PACKAGE_OF[name]), name)
    if name in __all__:
        return _package(name)
    raise AttributeError(f"module 'wulff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)


def _package(name: str) -> ModuleType:
    """A package of wulff, which is loaded at the first look at it."""
    return importlib.import_module(f"{__name__}.{name}")
