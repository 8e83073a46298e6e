"""The norms in which adversaries are measured: l1, l2, linf and lp for any p ≥ 1."""

import dataclasses
import math
import re
from typing import ClassVar, final

from wulff.errors import InputError

_NAME = re.compile(r"l(?:p\((?P<paren>[^()]*)\)|(?P<bare>inf|[0-9.]+(?:e[+-]?[0-9]+)?))")


@final
@dataclasses.dataclass(frozen=True)
class Norm:
    """The norm ‖v‖_p on input space, with 1 ≤ p ≤ ∞.

    Attributes:
        p: The exponent; `math.inf` is the largest absolute coordinate.

    Raises:
        InputError: p is not a number of at least 1.
    """

    p: float

    L1: ClassVar["Norm"]
    L2: ClassVar["Norm"]
    LINF: ClassVar["Norm"]

    def __post_init__(self) -> None:
        if not self.p >= 1:
            raise InputError(f"a norm lp(p) needs p ≥ 1, got p = {self.p}; use l1, l2, linf or e.g. lp(1.5).")

    def __str__(self) -> str:
        if self.p == math.inf:
            return "linf"
        return f"l{self.p:g}" if self.p in (1, 2) else f"lp({self.p!r})"

    @classmethod
    def parse(cls, text: "str | Norm") -> "Norm":
        """The norm that a name stands for: `l1`, `l2`, `linf`, `lp(1.5)`; a Norm is returned as it is."""
        if isinstance(text, Norm):
            return text
        match = _NAME.fullmatch(text.strip().lower()) if isinstance(text, str) else None
        try:
            return cls(float(match["paren"] or match["bare"]))  # type: ignore[index]
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"unknown norm {text!r}; use l1, l2, linf or lp(p) with p ≥ 1.") from None

    def equivalence(self, source: "Norm", dim: int) -> float:
        """The factor f such that every radius r in `source` is the radius f·r in this norm.

        It is the reciprocal of max ‖v‖_source over the unit ball of this norm: 1 when p ≤ source.p, and
        dim^(1/p - 1/source.p) otherwise.
        """
        if self.p <= source.p:
            return 1.0
        return dim ** (1 / self.p - 1 / source.p)


Norm.L1 = Norm(1.0)
Norm.L2 = Norm(2.0)
Norm.LINF = Norm(math.inf)
