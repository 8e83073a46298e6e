"""Completeness: whoever adds a member also adds its case, and with it all generic tests."""

from tests import cases
from wulff.noises import NOISES, parse


def test_every_noise_has_a_case() -> None:
    assert set(cases.NOISES) == set(NOISES)


def test_cases_are_of_the_noise_they_stand_for() -> None:
    for name, specs in cases.NOISES.items():
        assert specs
        assert {parse(spec).name for spec in specs} == {name}
        assert all(parse(spec).scale == 1 for spec in specs)
