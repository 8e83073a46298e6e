"""Radii of many inputs in the box, each with its own room: never below what holds for every input."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from wulff._numerics.rounding import EPSILON
from wulff.certificates.radii import Radii
from wulff.errors import InputError, NotCoveredError
from wulff.norms import Box

OWN = "box"
"""The method that knows the room of an input."""

TIE = 256 * EPSILON
"""Radii that differ by less are the same but for rounding."""


def with_rooms(everywhere: Radii, boxes: Sequence[Box], radius_of: Callable[[int, Box], Radii]) -> Radii:
    """Radii for every input of the box, raised to those that the room of each input gives.

    Args:
        everywhere: Radii against the box of every input, of shape (m,).
        boxes: The threat for each of the m inputs, with its room.
        radius_of: The radius of one input, by its place, against its box by the method `box`.

    Raises:
        InputError: There is not one box for each radius.
    """
    if len(boxes) != len(everywhere):
        raise InputError(f"there must be one threat for each of {len(everywhere)} inputs, got {len(boxes)}.")
    radius, tight = everywhere.radius.copy(), everywhere.tight.copy()
    method = everywhere.method.astype(object)
    for i in np.flatnonzero(everywhere.method != "abstain").tolist():
        try:
            own = radius_of(i, boxes[i])
        except NotCoveredError:
            continue
        size = float(np.ravel(own.radius)[0])
        if size >= radius[i] * (1 - TIE):
            radius[i] = max(size, radius[i])
            method[i], tight[i] = OWN, bool(np.ravel(own.tight)[0])
    return dataclasses.replace(everywhere, radius=radius, method=method.astype(str), tight=tight)
