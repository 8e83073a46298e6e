"""The domains of shape parameters that several noises have."""

from wulff._domains import within

NO_TOTAL = "the density could not be normalised"
POSITIVE_POWER = within(above=0, because=NO_TOTAL)
"""Of the norm, or of the tail."""
POLE = within(at_least=0, below_dim=True, because="the density would vanish at 0, or have no total mass")
"""The order of a pole at 0."""
