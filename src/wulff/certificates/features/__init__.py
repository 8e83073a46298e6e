"""Certificates for features: columns with scales of their own, hidden and resampled ones."""

from wulff.certificates.features import (  # noqa: F401  (each file registers its theorems)
    ablation,
    categories,
    flips,
    mixed,
    scales,
)
