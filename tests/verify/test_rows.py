"""The checker of numbers that move while categories change, against the prover and against larger claims."""

import json
from pathlib import Path

import pytest

from tests.verify.made import make_run
from wulff.certificates import certified_radius, two_sided_radius
from wulff.cli import main
from wulff.noises import Mixed, parse
from wulff.verify import radius, read_law, verify_run

ABLATION, COUNTED = "ablation(keep_probability=0.2, null=-1)", "ablation(keep=1, null=-1)"
RESAMPLING, UNEVEN = "resampling(keep=0.8, values=3)", "resampling(keep=0.8, values=[2, 5, 3, 4])"


def claims(numbers: str, categories: str, norm: str, error: float, factor: float = 1.0) -> tuple[str, float]:
    """The verdict on a radius times a factor, and the radius."""
    noise = parse(f"mixed(numbers={numbers}, categories={categories}, columns=[5, 0, 1, 3], dim=9)")
    assert isinstance(noise, Mixed)
    found = certified_radius(noise, error, norm)
    law = read_law(str(noise), 9, noise.of_numbers().scale)
    size = float(found.radius)
    return radius(law, norm, str(found.method), error, size * factor), size


@pytest.mark.parametrize(
    ("numbers", "norm"),
    [
        ("gaussian(sigma=0.7)", "l2"), ("gaussian(sigma=0.7)", "linf"), ("gaussian(sigma=0.7)", "lp(3)"),
        ("gaussian(sigma=1, scales=[1, 2, 3, 0, 0.5])", "l2-scaled"),
        ("gaussian(sigma=1, scales=[1, 2, 3, 0, 0.5])", "l1"),
        ("laplace(sigma=1)", "l1"), ("laplace(sigma=1)", "l2"), ("uniform(sigma=1)", "l1"),
        ("uniform(sigma=1)", "linf"), ("ball(sigma=1)", "l2"), ("exp-linf(sigma=1, j=0, k=1)", "linf"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("categories", [ABLATION, COUNTED])
def test_hidden_categories(numbers: str, norm: str, categories: str) -> None:
    for changed, error in ((0, 0.1), (1, 0.003), (1, 0.08), (2, 1e-9)):
        verdict, size = claims(numbers, categories, f"{norm}+{changed}", error)
        if size == 0:  # two of four that are seen are too many
            assert (categories, changed) == (COUNTED, 2)
            assert claims(numbers, ABLATION, f"{norm}+9", error)[0] == "proven"
            continue
        assert verdict == "proven", (changed, error)
        assert claims(numbers, categories, f"{norm}+{changed}", error, 1.0001)[0] == "FALSE", (changed, error)


@pytest.mark.parametrize("categories", [RESAMPLING, UNEVEN])
@pytest.mark.parametrize(
    ("numbers", "norm"),
    [
        ("gaussian(sigma=0.7)", "l2"), ("gaussian(sigma=0.7)", "linf"),
        ("gaussian(sigma=1, scales=[1, 2, 3, 0, 0.5])", "l1-scaled"),
        ("gaussian(sigma=1, scales=[1, 2, 3, 0, 0.5])", "linf"),
    ],
)  # fmt: skip
def test_categories_that_are_drawn_again(numbers: str, norm: str, categories: str) -> None:
    for changed, error in ((0, 0.1), (1, 0.02), (1, 1e-5), (2, 1e-4)):
        verdict, size = claims(numbers, categories, f"{norm}+{changed}", error)
        assert size > 0
        assert verdict == "proven", (changed, error)
        # Four numbers of values are three to the prover, which raises the smallest: it may be cautious.
        factor = 1.0001 if categories == RESAMPLING else 1.6
        assert claims(numbers, categories, f"{norm}+{changed}", error, factor)[0] == "FALSE", (changed, error)


def test_what_it_does_not_cover_and_what_cannot_be() -> None:
    law = read_law(f"mixed(numbers=laplace(scale=1), categories={ABLATION}, columns=[0, 1], dim=9)")
    assert radius(law, "linf+1", "privacy-loss", 0.01, 0.1) == "not covered"
    assert radius(law, "l1-box+1", "closed-form", 0.01, 0.1) == "not covered"
    assert radius(law, "l1+1", "closed-form", 0.45, 1e-9) == "FALSE"
    for norm, method in (("l1", "closed-form"), ("l1+1", "magic"), ("l1-scaled+1", "closed-form")):
        with pytest.raises(Exception, match=r"no radius against|no method|no scales"):
            radius(law, norm, method, 0.01, 0.1)
    for text in ("columns=[0, 9]", "columns=[1, 1]"):
        with pytest.raises(Exception, match="it has categories in columns"):
            read_law(f"mixed(numbers=laplace(scale=1), categories={ABLATION}, {text}, dim=9)")


def test_two_bounds() -> None:
    noise = parse(f"mixed(numbers=gaussian(sigma=1), categories={RESAMPLING}, columns=[0, 1, 2], dim=5)")
    law = read_law(str(noise), 5, 1.0)
    found = float(two_sided_radius(noise, 0.05, 0.01, "l2+1").radius)
    assert radius(law, "l2+1", "likelihood-ratios", 0.05, found, 0.01) == "proven"
    assert radius(law, "l2+1", "likelihood-ratios", 0.05, found * 1.5, 0.01) == "FALSE"


@pytest.mark.parametrize("categories", [ABLATION, RESAMPLING])
def test_runs(categories: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = f"mixed(numbers=gaussian(sigma=0.5), categories={categories}, columns=[1, 2, 4])"
    folder = make_run(tmp_path / "run", noise, ["l2+0", "l2+1", "linf+2"], 6)
    scale = 0.5
    found = verify_run(folder, scale)
    assert {finding.verdict for finding in found} == {"proven"}, [f for f in found if f.verdict != "proven"]
    lines = (folder / "records.jsonl").read_text().splitlines()
    record = json.loads(lines[2])
    record["radii"]["l2+1"]["radius"] *= 1.001
    (folder / "records.jsonl").write_text("\n".join([*lines[:2], json.dumps(record), *lines[3:]]) + "\n")
    assert [f.record for f in verify_run(folder, scale) if f.verdict == "FALSE"] == [3]
    with pytest.raises(SystemExit) as end:
        main(["radius", f"{noise[:-1]}, dim=6)", "--norm", "l2+1", "--dim", "6", "--rho", "0.99", "--verify"])
    assert end.value.code == 0
    assert "proven" in capsys.readouterr().out
