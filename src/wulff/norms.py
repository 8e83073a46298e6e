"""What adversaries may do: how their perturbations are measured, and where they must stay.

A threat is a norm, for perturbations in all of space, a `Box`, for those that stay in [0, 1]^d, `Scaled`, for
those that are measured in the units of a noise with scales, or `WithChanges`, for numbers that move while
some categories change. Views know two adversaries more: one who overwrites a `Patch`, and one who does
`Poisoning` of the training set.
"""

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from wulff._checks import real_number, sequence_of, whole_number
from wulff._quoting import shown
from wulff.errors import InputError

__all__ = [
    "Adversary",
    "Box",
    "Norm",
    "Patch",
    "Poisoning",
    "Room",
    "Scaled",
    "Threat",
    "WithChanges",
    "parse_adversary",
    "parse_threat",
]

_NAME = re.compile(r"l(?:p\((?P<paren>[^()]*)\)|(?P<bare>inf|[0-9.]+(?:e[+-]?[0-9]+)?))")


_STEP = re.compile(r"(?P<norm>.*)(?<![0-9.]e)\+\s*(?P<changed>[0-9]{1,9})")
"""A plus sign that is none of an exponent."""


@final
@dataclasses.dataclass(frozen=True)
class Norm:
    """The norm ‖v‖_p on input space, with 1 ≤ p ≤ ∞; l0 counts the coordinates that differ from 0.

    Attributes:
        p: The exponent; `math.inf` is the largest absolute coordinate, 0 the number of changed coordinates.

    Raises:
        InputError: p is neither 0 nor a number of at least 1.
    """

    p: float

    L0: ClassVar["Norm"]
    L1: ClassVar["Norm"]
    L2: ClassVar["Norm"]
    LINF: ClassVar["Norm"]

    def __post_init__(self) -> None:
        allowed = "have p ≥ 1, as l1, l2, linf or e.g. lp(1.5) have"
        p = real_number("a norm lp(p)", self.p, allowed, lambda p: p >= 1 or p == 0)
        object.__setattr__(self, "p", p)

    def __str__(self) -> str:
        if self.p == math.inf:
            return "linf"
        return f"l{self.p:g}" if self.p in (0, 1, 2) else f"lp({self.p!r})"

    @classmethod
    def parse(cls, text: "str | Norm") -> "Norm":
        """The norm that a name stands for: `l1`, `l2`, `linf`, `lp(1.5)`; a Norm is returned as it is."""
        if isinstance(text, Norm):
            return text
        match = _NAME.fullmatch(text.strip().lower()) if isinstance(text, str) else None
        try:
            p = float(match["paren"] or match["bare"])  # type: ignore[index]
            return cls(p if p else math.nan)  # l0 is no norm: what it counts is for `parse_threat`
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"unknown norm {shown(text)}; use l1, l2, linf or lp(p) with p ≥ 1.") from None

    def equivalence(self, source: "Norm", dim: int) -> float:
        """The factor f such that every radius r in `source` is the radius f·r in this norm.

        It is the reciprocal of max ‖v‖_source over the unit ball of this norm: 1 when p ≤ source.p, and
        dim^(1/p - 1/source.p) otherwise.
        """
        if self.p <= source.p:
            return 1.0
        return dim ** (1 / self.p - 1 / source.p)


Norm.L0 = Norm(0.0)
Norm.L1 = Norm(1.0)
Norm.L2 = Norm(2.0)
Norm.LINF = Norm(math.inf)


@final
@dataclasses.dataclass(frozen=True)
class Box:
    """Perturbations v of inputs x in the box [0, 1]^d for which x + v is in it, too, measured by a norm.

    Attributes:
        norm: How they are measured; `l0` counts changed coordinates.
        room: How far each coordinate of one input can move, in any order; None for what holds for every
            input of the box, where a coordinate moves by at most 1.
    """

    norm: Norm
    room: "Room | None" = None

    def __str__(self) -> str:
        return f"{self.norm}-box"


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Room:
    """How far each coordinate of one input can move: max(x_i - l_i, h_i - x_i) in the box [l, h].

    Attributes:
        sizes: In descending order, shape (d,).
    """

    sizes: np.ndarray

    @classmethod
    def of(cls, x: npt.ArrayLike, low: float = 0.0, high: float = 1.0) -> "Room":
        """The room of an input in the box [low, high]^d.

        Raises:
            InputError: The input is not in the box.
        """
        flat = np.asarray(x, dtype=np.float64).ravel()
        outside = ~((flat >= low) & (flat <= high))
        if outside.any():
            raise InputError(
                f"a threat in the box needs inputs in [{low:g}, {high:g}], got {flat[outside][0]:g}; use the "
                "threat without -box."
            )
        rooms = np.nextafter(np.maximum(flat - low, high - flat), np.inf)
        return cls(np.sort(np.minimum(rooms, high - low))[::-1])


@final
@dataclasses.dataclass(frozen=True)
class Scaled:
    """Perturbations v measured by ‖v / s‖, s the `scales` of the noise; where s_i is 0, v_i is.

    Attributes:
        norm: How they are measured.
    """

    norm: Norm

    def __str__(self) -> str:
        return f"{self.norm}-scaled"


@final
@dataclasses.dataclass(frozen=True)
class WithChanges:
    """Perturbations of a row of numbers and categories: any of so many categories, and the numbers.

    The certificate of noise on both is a staircase, and this is one of its steps: `l2+2` measures the change
    of the numbers in l2, while up to two categories change to whatever else.

    Attributes:
        norm: How changes of the numbers are measured.
        changed: How many categories may change at most.

    Raises:
        InputError: It is no norm of numbers, or no whole number from 0.
    """

    norm: Norm | Box | Scaled
    changed: int

    def __post_init__(self) -> None:
        plain = self.norm.norm if isinstance(self.norm, Scaled | Box) else self.norm
        if not isinstance(plain, Norm) or plain.p < 1:
            raise InputError(
                "categories change beside numbers that are measured by a norm, as in l2+1 or l2-scaled+1, "
                f"got {self.norm}+{self.changed}.",
                "norm",
            )
        whole_number("the number of changed categories", self.changed, least=0)

    def __str__(self) -> str:
        return f"{self.norm}+{self.changed}"


Threat = Norm | Box | Scaled | WithChanges
"""What noise certifies against."""


@final
@dataclasses.dataclass(frozen=True)
class Patch:
    """Any change within one square of an image, wherever it is, measured by the square's side in pixels."""

    def __str__(self) -> str:
        return "patch"


@final
@dataclasses.dataclass(frozen=True)
class Poisoning:
    """Training examples that are inserted or removed, measured by their number."""

    def __str__(self) -> str:
        return "poisoning"


Adversary = Norm | Box | Scaled | WithChanges | Patch | Poisoning
"""What noise or views certify against, as runs and reports have it."""


def parse_adversary(text: str | Adversary) -> Adversary:
    """The adversary that a name stands for: `patch`, `poisoning`, or a threat as in `parse_threat`."""
    if isinstance(text, Patch | Poisoning):
        return text
    name = text.strip().lower() if isinstance(text, str) else ""
    for kind in (Patch(), Poisoning()):
        if name == str(kind):
            return kind
        if name.startswith(f"{kind}("):
            raise InputError(
                f"{shown(text)} has its size in it, which is the radius; the norm is {kind} alone.", "norm"
            )
    return parse_threat(text)  # type: ignore[arg-type]  (others are refused)


def is_counted(adversary: Adversary) -> bool:
    """Whether sizes are whole numbers, all of which up to the radius are certified."""
    if isinstance(adversary, Patch | Poisoning):
        return True
    return (adversary.norm if isinstance(adversary, Box) else adversary) == Norm.L0


def measured_part(threat: Threat) -> Norm | Box | Scaled:
    """How changes of numbers are measured, whatever categories change beside them."""
    return threat.norm if isinstance(threat, WithChanges) else threat


def heading(adversary: Adversary) -> str:
    """What radii against an adversary are called in tables."""
    if isinstance(adversary, Patch):
        return "patch side"
    if isinstance(adversary, WithChanges):
        categories = "category" if adversary.changed == 1 else "categories"
        return f"{adversary.norm} radius with {adversary.changed} {categories} changed"
    return "poisoned examples" if isinstance(adversary, Poisoning) else f"{adversary} radius"


def parse_threat(text: str | Threat) -> Threat:
    """The threat of a name: a norm such as `l1`, in the box `l1-box`, in units of the scales `l1-scaled`.

    With so many changed categories it is `l1+2`, or `l1-scaled+2`.
    """
    if isinstance(text, Box | Scaled | WithChanges):
        return text
    name = text.strip().lower() if isinstance(text, str) else text
    if isinstance(name, str) and (match := _STEP.fullmatch(name)):
        return WithChanges(_of_numbers(match["norm"].strip()), int(match["changed"]))
    return _of_numbers(name)


def _of_numbers(name: str | Norm) -> Norm | Box | Scaled:
    """A norm, in the box, or in units of the scales."""
    if isinstance(name, str) and name.endswith("-box"):
        return Box(_measure(name.removesuffix("-box")))
    if isinstance(name, str) and name.endswith("-scaled"):
        return Scaled(Norm.parse(name.removesuffix("-scaled")))
    return _measure(name)


def _measure(name: str | Norm) -> Norm:
    """A norm, or l0, which counts changed coordinates."""
    return Norm.L0 if isinstance(name, str) and name == "l0" else Norm.parse(name)


def parse_adversaries(norms: Iterable[str | Adversary]) -> list[Adversary]:
    """The adversaries that a sequence of names stands for.

    Raises:
        InputError: It is no sequence, or one stands for none.
    """
    kinds = (str, Norm, Box, Scaled, WithChanges, Patch, Poisoning)
    return [parse_adversary(norm) for norm in sequence_of("norms", norms, kinds, "('l1', 'patch')")]


def parse_threats(norms: Iterable[str | Threat]) -> list[Threat]:
    """The threats that a sequence of names stands for.

    Raises:
        InputError: It is no sequence, or one stands for none.
    """
    kinds = (str, Norm, Box, Scaled, WithChanges)
    return [parse_threat(norm) for norm in sequence_of("norms", norms, kinds, "('l1', 'l2')")]
