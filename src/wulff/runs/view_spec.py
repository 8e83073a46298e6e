"""What a run is asked for that classifies all views of each input."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, final

from wulff import views as view_families
from wulff._checks import whole_number
from wulff._quoting import shown
from wulff.errors import InputError
from wulff.norms import Adversary, parse_adversaries, parse_adversary
from wulff.runs.vote_spec import VoteSpec, put
from wulff.views import Views


@final
@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewSpec(VoteSpec):
    """All views of each input, which certify and predict at once; the others are those of `VoteSpec`.

    Nothing is sampled: there is no n, no alpha and no seed but that of the views.

    Attributes:
        top: Among how many of the most frequent classes the label has to stay; 1 for the first.
    """

    task = "enumerate"

    top: int = 1
    n: ClassVar[None] = None
    alpha: ClassVar[None] = None
    seed: ClassVar[None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        put(self, "top", whole_number("top", self.top))
        if self.noise is not None:
            put(self, "noise", str(enumerated_views(self.noise)))

    @property
    def views(self) -> Views:
        """The views.

        Raises:
            InputError: It is left to the model which ones they are.
        """
        return enumerated_views(self.noise)

    @property
    def adversary(self) -> Adversary:
        """Whom the views certify against."""
        return parse_adversary(self.views.threat)

    @property
    def norms(self) -> tuple[str, ...]:
        """What radii are against: one adversary, by the kind of views."""
        return () if self.noise is None else (str(self.adversary),)

    def check_norms(self, norms: Sequence[Adversary | str]) -> None:
        """Refuse to certify against whom the views are not for.

        Raises:
            InputError: One of the adversaries is another one.
        """
        for norm in map(str, parse_adversaries(norms)):
            if norm != str(self.adversary):
                raise InputError(
                    f"{self.noise} certifies against {self.adversary}, got {norm}; leave the norm out.",
                    "norm",
                )

    def copies(self, shape: tuple[int, ...]) -> int:
        return self.views.count(shape)

    def to_document(self) -> dict[str, Any]:
        """The table `run`; that a label has to stay the first is not said."""
        table = {key: value for key, value in super().to_document().items() if (key, value) != ("top", 1)}
        return table | {"norms": list(self.norms)}


def enumerated_views(text: str | None) -> Views:
    """The views of a spec string; a noise is refused with what it is for."""
    if text is not None and view_families.is_views(text):
        return view_families.parse(text)
    families = ", ".join(view_families.FAMILIES)
    raise InputError(
        f"{shown(text)} is no family of views, such as {families}; a noise is for a Spec or a PredictSpec.",
        "noise",
    )


def refused_terms(views: Views, names: Sequence[str]) -> str:
    """Why terms of sampling are refused, in words."""
    them = "it" if len(names) == 1 else "them"
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{', '.join(names)} {verb} for noise, which is sampled; all views of {views} are classified, so "
        f"that nothing is left to chance: leave {them} out"
    )
