"""Conformance suites for members that others write: call them from a test; they raise AssertionError."""

from wulff.testing.certificates import check_certificates
from wulff.testing.datasets import check_dataset
from wulff.testing.engines import check_engine
from wulff.testing.noises import check_noise
from wulff.testing.objectives import check_objective

__all__ = ["check_certificates", "check_dataset", "check_engine", "check_noise", "check_objective"]
