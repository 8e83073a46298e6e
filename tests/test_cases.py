"""Completeness: whoever adds a member also adds its case, and with it all generic tests."""

import pytest

from tests import cases
from tests.fault_drill import FAULTS, ROOT, Fault
from wulff.noises import NOISES, parse


def test_every_noise_has_a_case() -> None:
    assert set(cases.NOISES) == set(NOISES)


def test_cases_are_of_the_noise_they_stand_for() -> None:
    for name, specs in cases.NOISES.items():
        assert specs
        assert {parse(spec).name for spec in specs} == {name}
        assert all(parse(spec).scale == 1 for spec in specs)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_of_the_drill_can_be_planted(fault: Fault) -> None:
    assert fault.old in (ROOT / "src" / "wulff" / fault.file).read_text()
    assert all((ROOT / file).exists() for file in fault.tests.split())
