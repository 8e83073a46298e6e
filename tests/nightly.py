"""Which of many equal cases run every day; with WULFF_NIGHTLY=1 all of them do."""

import os
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

NIGHTLY = bool(os.environ.get("WULFF_NIGHTLY"))

Case = TypeVar("Case")


def everyday(
    cases: Sequence[Case], few: int, kind: Callable[[Case], Hashable] | None = None
) -> Sequence[Case]:
    """So many of the cases, spread evenly over their list.

    Args:
        cases: All cases.
        few: How many run every day, about.
        kind: Tells cases of different kinds apart, of which none may be left out: `few` of each are taken.
    """
    if NIGHTLY:
        return cases
    by_kind: dict[Hashable, list[int]] = {}
    for i, case in enumerate(cases):
        by_kind.setdefault(kind(case) if kind else None, []).append(i)
    chosen: list[int] = []
    for turn, some in enumerate(by_kind.values()):
        step = max(1, -(-len(some) // few))
        chosen += some[turn % step :: step]  # kinds begin at different places, so that not all begin alike
    return [cases[i] for i in sorted(chosen)]


def taking_turns(
    cases: Sequence[tuple[Any, ...]],
    others: Sequence[object],
    few: int,
    kind: Callable[[tuple[Any, ...]], Hashable] | None = None,
) -> Sequence[tuple[Any, ...]]:
    """The cases, each with all others; every day so many of each kind, with one of the others in turn."""
    if NIGHTLY:
        return [(*case, other) for case in cases for other in others]
    return [(*case, others[i % len(others)]) for i, case in enumerate(everyday(cases, few, kind))]
