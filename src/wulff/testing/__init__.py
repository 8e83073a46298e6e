"""Conformance suites for members that others write: call them from a test; they raise AssertionError."""

from wulff.testing.certificates import check_certificates
from wulff.testing.engines import check_engine
from wulff.testing.noises import check_noise

__all__ = ["check_certificates", "check_engine", "check_noise"]
