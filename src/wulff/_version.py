"""The version, and since which one votes and radii are what they are.

It moves with every change to a vote or a certified number; VOTES or RADII then move to it. A run that an
older version began is not gone on with: one run has the numbers of one program.
"""

import re

__version__ = "0.3.0"
VOTES = "0.3.0"
"""The last version that changed which copies are drawn, or how they are counted."""
RADII = "0.3.0"
"""The last version that changed a label, an error or a radius for the same votes."""


def what_changed(made: str, now: str = __version__) -> str | None:
    """Why a run that version `made` began cannot be gone on with by version `now`; None where it can."""
    began, current = _parts(made), _parts(now)
    if began is None or current is None or began > current:
        return "only a version that knows both can tell whether their numbers agree"
    for what, since in (("votes", VOTES), ("radii", RADII)):
        changed = _parts(since)
        assert changed is not None
        if began < changed:
            return f"{what} changed in {since}"
    return None


def _parts(version: str) -> tuple[int, ...] | None:
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return tuple(map(int, match.groups())) if match else None
