"""Reference radii computed independently at high precision: every one is reproduced, and from below."""

import itertools
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cases import noise_of
from tests.nightly import everyday
from wulff._numerics.rounding import float_at_least
from wulff.certificates import certified_radius


@pytest.mark.parametrize("part", range(4))
def test_oracle(published_data: Path, part: int) -> None:
    records = json.loads((published_data / "oracle.json").read_text())["records"]
    assert len(records) > 2000

    def case(record: dict) -> tuple[str, int, str]:
        return record["spec"], record["dim"], record["norm"]

    groups = [(key, list(group)) for key, group in itertools.groupby(sorted(records, key=case), key=case)]
    some = everyday(groups, 1, kind=lambda group: (noise_of(group[0]), group[0][2]))
    for (spec, dim, norm), entries in some[part::4]:
        errors = [float_at_least(Decimal(entry["error"])) for entry in entries]
        radii = certified_radius(spec, errors, norm, dim)
        for entry, radius in zip(entries, radii.radius.tolist(), strict=True):
            reference = Decimal(entry["radius"])
            assert Decimal(radius) >= reference * (1 - Decimal(repr(entry["rtol"]))), entry
            if entry["tight"]:
                assert Decimal(radius) <= reference * (1 + Decimal(repr(entry["ref_rtol"]))), entry


@pytest.mark.parametrize("spec", ["gaussian(scale=1)", "laplace(scale=1)", "uniform(scale=1)"])
def test_radii_scale_with_the_noise(spec: str) -> None:
    once = certified_radius(spec, 0.1, "l1", 64).radius
    twice = certified_radius(spec.replace("scale=1", "scale=2"), 0.1, "l1", 64).radius
    assert twice == 2 * once
