"""The exact radii of norm-radial noise, from the level sets of the likelihood ratio."""

from wulff.certificates.level_set import entries  # noqa: F401  (registers its theorems)
