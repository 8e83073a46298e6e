"""wulff: provably stable classifiers by randomized smoothing."""

from wulff import certificates, geometry, noises, reports, runs, stats
from wulff.certificates import Radii, certified_radius, plan
from wulff.errors import InputError, NotCoveredError, RunError, WulffError
from wulff.norms import Norm
from wulff.smoothing import Certification, Smoothed

__version__ = "0.1.0"

__all__ = [
    "Certification",
    "InputError",
    "Norm",
    "NotCoveredError",
    "Radii",
    "RunError",
    "Smoothed",
    "WulffError",
    "__version__",
    "certificates",
    "certified_radius",
    "geometry",
    "noises",
    "plan",
    "reports",
    "runs",
    "stats",
]
