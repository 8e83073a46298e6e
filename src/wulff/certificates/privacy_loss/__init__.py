"""Radii from the law of the privacy loss of a shift, for noise with no closed form."""

from wulff.certificates.privacy_loss import coordinates, mixed  # noqa: F401  (each registers its theorems)
