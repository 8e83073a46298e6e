"""How far each feature alone may change: in records' numbers, tables, CSV files and pages."""

import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import wulff
from tests.browsing import browser  # noqa: F401 (a fixture)
from tests.cli.conftest import call
from wulff import datasets, reports
from wulff.errors import InputError
from wulff.reports.features import amount

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pandas = pytest.importorskip("pandas")
FRAME = pandas.DataFrame(
    {
        "weight": [80.0, 60, 95, 70],
        "=height": [1.8, 1.6, 1.7, 1.9],
        "city": ["Oslo", "Rome", "Rome", "Oslo"],
        "shoes": [44.0, 40, 41, 45],
        "heavy": ["yes", "no", "yes", "no"],
    }
)
SCALES = {"weight": 10.0, "=height": 0.1}


def model(x: torch.Tensor) -> torch.Tensor:
    return (x[:, 0] > 75).long()


def certified(
    noise: str, *norms: str, folder: Path | None = None, immutable: tuple[str, ...] = ()
) -> wulff.runs.Run:
    layout = datasets.layout_of(FRAME, target="heavy", scales=SCALES, immutable=("shoes", *immutable))
    rows = datasets.read_table(FRAME, layout)
    return wulff.certify(
        model, rows, noise=noise, norms=norms, num_classes=2, n=2_000, store=folder, progress=False
    )


def test_changes_of_numbers_are_radii_in_their_own_units(tmp_path: Path) -> None:
    run = certified("gaussian(sigma=0.5)", "l2-scaled", "linf", folder=tmp_path / "run", immutable=("city",))
    changes = run.largest_changes()
    radii = run.radii("l2-scaled")
    assert changes.names == ("weight", "=height", "city", "shoes")
    np.testing.assert_allclose(changes.largest[:, 0], 10 * radii)
    assert (changes.largest[:, 0] <= 10 * radii).all()
    assert (changes.largest[:, 1] >= run.radii("linf") * (1 - 1e-15)).all()  # the larger one of both
    assert not changes.largest[:, 2:].any()
    assert changes.together is None
    table = run.to_pandas()
    assert table["change_weight"].tolist() == changes.largest[:, 0].tolist()
    assert changes.to_pandas().columns.tolist() == ["input", *changes.names]
    assert "counted from 0: 'weight', '=height', 'city', 'shoes'" in run.statement
    assert "immutable" in run.statement


def test_categories_may_become_anything_or_not() -> None:
    noise = "mixed(numbers=gaussian(sigma=0.5), categories=ablation(keep_probability=0.1, null=-1))"
    run = certified(noise, "l2-scaled")
    changes = run.largest_changes()
    assert run.norms == ["l2-scaled+0", "l2-scaled+1"]
    covered = run.radii("l2-scaled+1") > 0
    assert changes.largest[:, 2].tolist() == np.where(covered, math.inf, 0).tolist()
    assert changes.together is not None
    assert changes.together.tolist() == covered.astype(int).tolist()
    np.testing.assert_allclose(changes.largest[:, 0], 10 * run.radii("l2-scaled+0"))
    assert reports.feature_ranges(run).names[2:] == ("city", "shoes")
    hidden = wulff.certify(
        lambda x: (x >= 0).sum(dim=1).clamp(max=1), torch.ones(2, 30), [1, 1],
        noise="ablation(keep=2, null=-1)", norms=["l0"], num_classes=2, n=500, progress=False,
    )  # fmt: skip
    assert not wulff.runs.has_features(hidden)  # nothing says that they are features


def test_ranges_over_the_inputs() -> None:
    run = certified("gaussian(sigma=0.5)", "l2-scaled", immutable=("city",))
    ranges = reports.feature_ranges(run)
    largest = np.where(run.scored[:, None], run.largest_changes().largest, 0)
    weight = ranges.names.index("weight")
    assert (
        ranges.quantiles[weight].tolist()
        == np.quantile(largest[:, 0], [0.1, 0.5, 0.9], method="lower").tolist()
    )
    assert ranges.spans[weight] == 35
    assert ranges.names[2:] == ("shoes", "city")  # immutable ones come last
    assert "'=height" in ranges.render("csv")
    assert [amount(value) for value in (0, math.inf, 0.0123456, 12345.6, 9.9999)] == [
        "0", "any value", "0.01234", "12340", "9.999",
    ]  # fmt: skip
    plain = wulff.certify(
        lambda x: (x[:, 0, 0] > 0.5).long(), torch.rand(2, 1, 4), [0, 1], noise="gaussian(sigma=0.5)",
        norms=["l2"], num_classes=2, n=100, progress=False,
    )  # fmt: skip
    with pytest.raises(InputError, match="a certification of a table, or with noise that has scales"):
        reports.feature_ranges(plain)


def test_noise_with_scales_has_features_without_names() -> None:
    x = torch.tensor([[9.0, 1.0], [2.0, 1.0]])
    run = wulff.certify(
        model, 10 * x, [1, 0], noise="laplace(sigma=0.5, scales=[5, 1])", norms=["l1-scaled"], num_classes=2,
        n=200, progress=False,
    )  # fmt: skip
    assert run.largest_changes().names == ("0", "1")
    assert reports.feature_ranges(run).spans.tolist() == [0, 70]


def test_reports_on_the_command_line(tmp_path: Path) -> None:
    certified("gaussian(sigma=0.5)", "l2-scaled", folder=tmp_path / "run", immutable=("city",))
    printed = call("report", str(tmp_path / "run"), "--features", "--format", "csv")
    assert printed.code == 0, printed
    assert next(csv.reader(printed.out.splitlines()))[:2] == ["feature", "may change"]
    written = call("report", str(tmp_path / "run"), "-o", str(tmp_path / "inputs.csv"))
    assert written.code == 0, written
    with (tmp_path / "inputs.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4
    assert float(lines[0]["change_weight"]) > 0
    assert lines[0]["label_name"] == "yes"
    for arguments, message in (
        (
            (str(tmp_path / "run"), "-o", str(tmp_path / "a.csv")),
            "a line for each input is written for one run",
        ),
        (("--features", "-o", str(tmp_path / "a.html")), "--features changes nothing in a page"),
        (("-o", str(tmp_path / "no" / "a.csv")), "there is no folder"),
    ):
        refused = call("report", str(tmp_path / "run"), *arguments)
        assert (refused.code, refused.err.count("\n")) == (2, 1), refused
        assert message in refused.err


def test_cards_show_ranges_with_the_most_fragile_feature_first(
    browser: "Browser",  # noqa: F811
    tmp_path: Path,
) -> None:
    noise = "mixed(numbers=gaussian(sigma=0.5), categories=ablation(keep_probability=0.1, null=-1))"
    run = certified(noise, "l2-scaled")
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(run.report(tmp_path / "page.html").as_uri())
    card = page.locator("article").first
    names = [line.locator("span").all_inner_texts() for line in card.locator(".range").all()]
    radius = run.radii("l2-scaled+0")[0]
    assert [line[0] for line in names][-2:] == ["city", "shoes"]
    by_name = {line[0]: line[1:3] for line in names}
    assert by_name["weight"][0] == "80"
    shown = float(by_name["weight"][1].removeprefix("± "))
    assert 10 * radius * 0.999 <= shown <= 10 * radius
    assert by_name["city"] == ["Oslo", "no change"]
    assert by_name["shoes"] == ["44", "immutable"]
    page.locator("#norm").select_option("l2-scaled+1")
    assert card.locator(".range").nth(2).locator("span").nth(2).inner_text() == "any value"
    assert page.locator("table.features tbody tr").count() == 4
    data = json.loads(page.locator("#data").inner_text() or page.locator("#data").text_content() or "")
    assert data["runs"][0]["features"]["names"][2:] == ["city", "shoes"]
    assert errors == []
    page.close()


def test_a_page_looks_up_the_features_of_a_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, found = certified("gaussian(sigma=0.5)", "l2-scaled", immutable=("city",)), []
    known = reports.features.feature_changes

    def counted(run: wulff.runs.Run) -> wulff.runs.FeatureChanges:
        found.append(known(run))
        return found[-1]

    monkeypatch.setattr(reports.features, "feature_changes", counted)
    page = run.report(tmp_path / "page.html").read_text()
    assert len(found) == 1
    assert '"values":{"0":[' in page  # of the rows, by the same look
    assert "<h3>" in page
