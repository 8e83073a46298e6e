"""Exact counts of all views: the label is the most frequent class, until too many views have changed.

All in whole numbers. A perturbation changes so many views at most, and an adversary chooses what these then
vote for.
"""

import dataclasses
import math
import re
from collections.abc import Sequence
from fractions import Fraction

from wulff.verify.balls import Contradiction, Verdict

NAMES = {
    "splitting": {"sigma", "levels", "seed"},
    "bands": {"width"},
    "blocks": {"size"},
    "partitions": {"parts"},
}
USUAL = {"splitting": {"levels": Fraction(255), "seed": Fraction(0)}}
ADVERSARY = {"splitting": "l1", "bands": "patch", "blocks": "patch", "partitions": "poisoning"}


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of views of inputs of one shape.

    Attributes:
        name: Of the family.
        sizes: What its spec string says, exactly.
        shape: Of an input.
    """

    name: str
    sizes: dict[str, Fraction]
    shape: tuple[int, ...]

    @property
    def views(self) -> int:
        """How many there are of each input."""
        if self.name == "splitting":  # ⌊2√3 · sigma · levels⌋
            return math.isqrt(math.floor(12 * (self.sizes["sigma"] * self.sizes["levels"]) ** 2))
        if self.name == "partitions":
            return int(self.sizes["parts"])
        return self.shape[2] * (self.shape[1] if self.name == "blocks" else 1)

    def changed(self, size: Fraction) -> Fraction:
        """How many views a perturbation of that size changes at most, of inputs on the grid."""
        if self.name == "splitting":
            return size * self.sizes["levels"]
        if size.denominator == 1 and self.name == "partitions":
            return size
        if size.denominator != 1 or size > max(self.shape[1:]):
            raise Contradiction(
                f"the side of a square is {size}, in images of {self.shape[1]}×{self.shape[2]}"
            )
        if size == 0:
            return Fraction(0)
        _, height, width = self.shape
        kept = self.sizes["width" if self.name == "bands" else "size"]
        columns = min(width, size + kept - 1)
        return Fraction(columns if self.name == "bands" else columns * min(height, size + kept - 1))


def read_family(text: str, shape: Sequence[int]) -> Family:
    """The views of a spec string such as `bands(width=4)`."""
    match = re.fullmatch(r"\s*([a-z]+)\s*\(([^()]*)\)\s*", text)
    if match is None or match[1] not in NAMES:
        raise Contradiction(f"{text!r} names no views that are known here")
    items = [item.partition("=") for item in match[2].split(",")]
    sizes = USUAL.get(match[1], {}) | {key.strip(): Fraction(float(value)) for key, _, value in items}
    if set(sizes) != NAMES[match[1]] or any(value < 0 for value in sizes.values()):
        raise Contradiction(f"{text!r} does not say what these views are")
    if ADVERSARY[match[1]] == "patch" and len(shape) != 3:
        raise Contradiction(f"{text!r} is of images, and an input has the shape {tuple(shape)}")
    return Family(match[1], sizes, tuple(shape))


def label(votes: Sequence[int]) -> int:
    """The most frequent class, the smallest of several; -1 without any vote."""
    return votes.index(max(votes)) if any(votes) else -1


def stays(votes: Sequence[int], changed: int, top: int) -> bool:
    """Whether the label is among the first `top` whatever so many of the views vote for after a change.

    They are best taken from the label, and given to those that come ahead of it with the fewest votes. A
    smaller class is ahead at a tie. If all votes may be lost, there may be no label.
    """
    kept = label(votes)
    left = votes[kept] - min(changed, votes[kept])
    lacking = sorted(
        max(0, left - count + (1 if rival > kept else 0))
        for rival, count in enumerate(votes)
        if rival != kept
    )
    return changed < sum(votes) and (len(lacking) < top or sum(lacking[:top]) > changed)


def radius(
    family: Family, votes: Sequence[int], predict: int, against: str, size: float, top: int
) -> Verdict:
    """Whether the label stays under every perturbation up to that size."""
    if against != ADVERSARY[family.name]:
        raise Contradiction(f"{family.name} is not against {against}")
    if predict != label(votes):
        raise Contradiction(f"predict is {predict}, and most views vote for {label(votes)}")
    if predict == -1:
        return "proven" if size == 0 else "FALSE"
    changed = math.ceil(family.changed(Fraction(size)))
    return "proven" if stays(votes, changed, top) else "FALSE"  # fewer changes do no more
