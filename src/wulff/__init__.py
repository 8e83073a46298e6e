"""wulff: provably stable classifiers by randomized smoothing."""

__version__ = "0.1.0"
