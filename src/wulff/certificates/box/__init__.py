"""Certificates for inputs in [0, 1]^d, where a coordinate can only move by its room."""

from wulff.certificates.box import composition, conversion, cubes, uniform  # noqa: F401  (register converters)
