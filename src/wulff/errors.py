"""The errors that wulff raises on purpose: every message names the value, what is allowed and the remedy."""


class WulffError(Exception):
    """Base class of all errors raised on purpose; the command line prints them as one line."""


class InputError(WulffError, ValueError):
    """An argument, file or data set that wulff cannot accept."""


class NotCoveredError(WulffError, NotImplementedError):
    """No theorem in the registry covers this noise, norm, method and error."""


class RunError(WulffError, RuntimeError):
    """A run folder that is damaged, in use, or belongs to another spec."""
