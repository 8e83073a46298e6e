"""Every parameter of a noise, an objective and a schedule has a domain, which is checked and described."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from tests import cases
from wulff import noises, training
from wulff._domains import Domain, described, domains, within
from wulff._registry import field_kinds
from wulff.errors import InputError
from wulff.noises import NOISES
from wulff.training import OBJECTIVES

OWNERS: dict[str, type] = {**NOISES, **OBJECTIVES, "schedule": training.Schedule}
PARAMETERS = [(owner, name) for owner, kind in OWNERS.items() for name in domains(kind)]


def make(owner: str, name: str, value: Any) -> Any:
    """The member with a value of one parameter; the others are such that only that one can be wrong."""
    kind = OWNERS[owner]
    if owner not in NOISES:
        return kind(**{name: value})
    others = noises.parse(cases.NOISES[owner][-1])
    shape = {key: getattr(others, key) for key in others.shape_parameters()}
    size = {} if name in ("scale", "sigma") else {"scale": 1.0}
    return kind(**{**shape, **size, name: value})


@pytest.mark.parametrize("owner", OWNERS)
def test_every_number_has_a_domain(owner: str) -> None:
    kind = OWNERS[owner]
    numbers = {f.name for f in dataclasses.fields(kind) if f.type in (int, float, "int", "float")}
    assert numbers == set(domains(kind))


@pytest.mark.parametrize(("owner", "name"), PARAMETERS)
def test_a_domain_is_what_is_accepted(owner: str, name: str) -> None:
    """At an end that belongs to it, and next to one that does not; outside of it the message says what is."""
    domain = domains(OWNERS[owner])[name]
    whole = field_kinds(OWNERS[owner])[name] is int
    for end, belongs, outwards in (
        (domain.low, domain.with_low, -math.inf),
        (domain.high, domain.with_high, math.inf),
    ):
        if math.isinf(end):
            continue
        beyond = end + (1 if outwards > 0 else -1) if whole else float(np.nextafter(end, outwards))
        inside = end if belongs else float(np.nextafter(end, -outwards))
        if owner in NOISES and inside == 5e-324:
            inside = 1e-3  # float64 holds no noise of such a shape
        assert getattr(make(owner, name, inside), name) == inside
        for outside in [beyond, *([] if belongs else [end])]:
            with pytest.raises(InputError, match=rf"^{name} must .*got"):
                make(owner, name, outside)
    for outside in (math.nan, math.inf, -math.inf, 10**400, True, "1"):
        with pytest.raises(InputError, match=rf"^({name} must|.*needs exactly one of)"):
            make(owner, name, outside)
    if domain.below_dim:
        with pytest.raises(InputError, match=f"{name} must be less than the dimension 3"):
            noises.parse(f"{owner}(scale=1, {name}=3, dim=3)")


@pytest.mark.parametrize(
    ("domain", "words", "value", "wrong"),
    [
        (within(above=0), "x > 0", 0.0, "x must be positive and finite"),
        (within(at_least=0, below_dim=True), "0 ≤ x < d", -1.0, "x must be at least 0 and finite"),
        (within(at_least=0, below=1), "0 ≤ x < 1", 1.0, "x must lie in [0, 1)"),
        (within(above=0, at_most=14), "0 < x ≤ 14", 15.0, "x must lie in (0, 14]"),
        (within(above=0, also="x > y"), "x > 0 and x > y", -1.0, "x must be positive and finite"),
        (within(at_least=2, because="why"), "x ≥ 2", 1.0, "x must be at least 2 and finite (why)"),
        (within(below=1), "x < 1", 1.0, "x must be below 1"),
        (within(), "x", math.inf, "x must be a finite number"),
    ],
)
def test_words(domain: dict[str, Domain], words: str, value: float, wrong: str) -> None:
    (declared,) = domain.values()
    assert declared.words("x") == words
    assert declared.wrong("x", value) == wrong
    assert declared.wrong("x", 2.5 if words == "x ≥ 2" else 0.5) is None


def test_defaults_and_choices_are_described() -> None:
    assert described(training.Stability) == {
        "weight": "weight ≥ 0 (default 6)",
        "reference": "reference = noisy or clean (default noisy)",
    }
    assert NOISES["power-l2"].parameters_in_words() == ["a > 0 and k·a > d", "k > 0 (default 1)"]
