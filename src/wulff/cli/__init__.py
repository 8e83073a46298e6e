"""The command line: one file per verb; it parses, calls the public API and prints."""

from wulff.cli.app import main

__all__ = ["main"]
