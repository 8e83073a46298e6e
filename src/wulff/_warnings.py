"""Warnings that point at the line of the user's program which asked for what they are about."""

import sys
import warnings

OURS = ("wulff", "torch")
"""Packages whose lines are not the user's; PyTorch calls modules and decorates functions."""


def warn(message: str) -> None:
    """Warn, once for each line of the user's program."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
