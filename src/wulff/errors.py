"""The errors that wulff raises on purpose: every message names the value, what is allowed and the remedy."""

__all__ = [
    "InputError",
    "NotCoveredError",
    "RunError",
    "WulffError",
]


class WulffError(Exception):
    """Base class of all errors raised on purpose; the command line prints them as one line."""


class InputError(WulffError, ValueError):
    """An argument, file or data set that wulff cannot accept.

    Args:
        message: What was given, what is allowed, and what to do.
        parameters: The arguments that the message speaks of by their names in Python. The command line writes
            them as the options that they come from.
    """

    def __init__(self, message: str, *parameters: str) -> None:
        super().__init__(message)
        self.parameters = parameters


class NotCoveredError(WulffError, NotImplementedError):
    """No theorem in the registry covers this noise, norm, method and error."""


class RunError(WulffError, RuntimeError):
    """A run folder that is damaged, in use, or belongs to another spec."""
