"""The differential method: radii are integrals of 1/Φ, with the growth rate Φ of the error."""

from wulff.certificates.differential import coordinates, mixed, norm_radial  # noqa: F401  (they register)
