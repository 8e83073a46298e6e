"""The program, called in this process."""

from tests.cli.conftest import wulff

__all__ = ["wulff"]
