"""The program, and small real files."""

from tests.cli.conftest import files, wulff

__all__ = ["files", "wulff"]
