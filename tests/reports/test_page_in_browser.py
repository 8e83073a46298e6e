"""The report page in headless Chromium: no error, every chart, working filters, and no network."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browsing import browser
from wulff import reports, runs
from wulff.reports.page import guarantee
from wulff.runs.records import CertifiedRadius, Record
from wulff.training import Schedule

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

MANY = 10_000
NOWHERE = Path("/nowhere")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[runs.Run]:
    """Two small runs on digits, with inputs of every outcome."""
    folder = tmp_path_factory.mktemp("real")
    made = []
    for name in ("laplace", "gaussian"):
        training = runs.TrainingSpec(noise=f"{name}(sigma=0.5)", schedule=Schedule(epochs=3))
        model = str(runs.train(training, folder / "models" / name))
        spec = runs.Spec(model=model, slice=":60", norms=("l1", "l2"), n0=20, n=300)
        made.append(runs.certify(spec, folder / "runs" / name))
    return made


@pytest.fixture(scope="module")
def many() -> list[runs.Run]:
    """Three made-up runs on ten thousand inputs."""
    rng = np.random.default_rng(0)
    return [_made_up(name, rng) for name in ("a", "b", "</script><img src=x onerror=boom()>")]


def _made_up(name: str, rng: np.random.Generator) -> runs.Run:
    records = []
    for index in range(MANY):
        label, predict = int(rng.integers(10)), int(rng.choice([-1, 0, 1, 2, 3]))
        predict = label if rng.random() < 0.6 else predict
        radius = 0.0 if predict == -1 else float(rng.random())
        votes = {label: 700, (label + 1) % 10: 300}
        counts = {"selection": {label: 10}, "estimation": votes}
        found = {norm: CertifiedRadius(radius, "closed-form", True) for norm in ("l1", "l2")}
        records.append(Record(index, label, predict, 0.01, 1000, 0.3, counts=counts, radii=found))
    spec = runs.Spec(model=name, noise="laplace(scale=1.0)", norms=("l1", "l2"), n0=10, n=1000)
    return runs.Run(NOWHERE, spec, records, runs.Facts(dim=4, classes=11, inputs=MANY))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up runs have names that no folder could have."""
    folder_name = runs.Run.name.fget  # type: ignore[attr-defined]
    assert folder_name is not None
    made_up = property(lambda run: run.spec.model if run.folder == NOWHERE else folder_name(run))
    monkeypatch.setattr(runs.Run, "name", made_up)


def open_page(browser: "Browser", path: Path, **options: object) -> "tuple[Page, list[str]]":
    """The page, and everything that went wrong or went out while it loaded."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "data:")) else None,
    )
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=true]")
    return page, wrong


def shown(page: "Page") -> list[int]:
    return [
        int(text) for text in page.eval_on_selector_all(".card", "cards => cards.map(c => c.dataset.index)")
    ]


def count(page: "Page") -> str:
    return (page.text_content("#count") or "").partition(" of ")[2]


@pytest.fixture
def page(browser: "Browser", real: list[runs.Run], tmp_path: Path) -> "Iterator[Page]":
    page, wrong = open_page(browser, reports.write_page(real, tmp_path / "report.html", [0, 0.1, 0.2]))
    yield page
    assert wrong == []
    page.context.close()


def test_every_chart_is_drawn_and_says_the_values(page: "Page", real: list[runs.Run]) -> None:
    charts = page.locator("figure[data-norm]")
    assert charts.count() == 2
    for number, norm in enumerate(("l1", "l2")):
        page.get_by_role("tab", name=norm).click()
        chart = charts.nth(number)
        paths = chart.locator("path.curve")
        assert paths.count() == len(real) + 1  # and the envelope
        for i in range(paths.count()):
            box = paths.nth(i).bounding_box()
            assert box
            assert box["width"] > 100
            assert box["height"] > 100
        chart.locator("svg[role=img]").hover(position={"x": 300, "y": 200})
        words = chart.locator(".tip").inner_text().split("\n")
        at = float(words[0].removeprefix("radius "))
        for run in real:
            line = words[words.index(run.name) + 1]
            share = float(reports.curve(run, norm).accuracy(at))
            assert abs(float(line) - share) <= 1.5 / len(run.records), (norm, words)


def test_keyboard_and_legend(page: "Page") -> None:
    chart = page.locator("figure[data-norm=l1]")
    chart.locator("svg[role=img]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    words = chart.locator(".tip").inner_text()
    assert words.startswith("radius 0.0")
    assert not words.startswith("radius 0.000")
    chart.get_by_role("button", name="laplace").click()
    assert chart.locator("path.curve:visible").count() == 2
    chart.get_by_role("button", name="laplace").click()
    assert chart.locator("path.curve:visible").count() == 3


def test_filters_show_what_they_say(page: "Page", real: list[runs.Run]) -> None:
    for run in real:
        page.select_option("#run", label=run.name)
        wrong = [r.index for r in run.records if r.predict not in (r.label, -1)]
        abstained = [r.index for r in run.records if r.predict == -1]
        assert abstained
        page.get_by_role("button", name="Wrong").click()
        assert shown(page) == wrong[:24]
        page.get_by_role("button", name="Abstained").click()
        assert shown(page) == abstained[:24]
        assert page.locator(".card dt", has_text="because").count() == min(24, len(abstained))
        page.get_by_role("button", name="Smallest radius").click()
        by_index = {r.index: r for r in run.records}
        radii = [by_index[i].radii["l1"].radius for i in shown(page)]
        right = sorted(r.radii["l1"].radius for r in run.records if r.predict == r.label)
        assert radii == right[:24]
        page.get_by_role("button", name="Largest radius").click()
        assert [by_index[i].radii["l1"].radius for i in shown(page)] == right[::-1][:24]
        page.get_by_role("button", name="All", exact=True).click()
        assert count(page) == "60"
        page.get_by_role("button", name="Next").click()
        assert shown(page) == list(range(24, 48))
        page.fill("#index", "59")
        assert shown(page) == [59]
        page.fill("#index", "")


def test_cards_show_input_noisy_copy_votes_and_radii_rounded_down(page: "Page", real: list[runs.Run]) -> None:
    page.select_option("#run", label="gaussian")
    page.get_by_role("button", name="Largest radius").click()
    card = page.locator(".card").first
    record = next(r for r in real[1].records if r.index == shown(page)[0])
    assert card.locator("img").count() == 2
    assert card.locator("img").first.evaluate("image => image.naturalWidth") == 8
    sources = card.locator("img").evaluate_all("images => images.map(i => i.src)")
    assert sources[0] != sources[1]
    for norm in ("l1", "l2"):
        printed = float(card.locator("dt", has_text=f"{norm} radius").locator("+ dd").inner_text())
        assert printed <= record.radii[norm].radius < printed + 1e-4
    assert card.locator(".bar.label").count() == 1
    votes = record.counts["estimation"][record.label]
    assert card.locator(".bar.label span").last.inner_text() == f"{votes:,}"


def test_tabs_show_one_threat_and_paper_all(page: "Page") -> None:
    sections = page.locator("section.threat")
    assert [sections.nth(i).is_visible() for i in range(2)] == [True, False]
    page.get_by_role("tab", name="l1").focus()
    page.keyboard.press("ArrowRight")
    assert [sections.nth(i).is_visible() for i in range(2)] == [False, True]
    assert page.get_by_role("tab", name="l2").get_attribute("aria-selected") == "true"
    page.emulate_media(media="print")
    assert [sections.nth(i).is_visible() for i in range(2)] == [True, True]
    assert not page.locator("#cards").is_visible()


def test_axes_fit_or_are_the_same(page: "Page") -> None:
    def last_ticks() -> list[list[str]]:
        charts = page.locator("figure[data-norm] svg[role=img]").all()
        return [[text.text_content() or "" for text in chart.locator("text").all()] for chart in charts]

    first, second = last_ticks()
    assert first != second
    page.get_by_label("common scale").check()
    first, second = last_ticks()
    assert [t for t in first if "radius" not in t] == [t for t in second if "radius" not in t]


def test_the_head_says_what_was_run_and_contents_lead_there(page: "Page", real: list[runs.Run]) -> None:
    head = page.locator("table.terms").inner_text()
    for words in ("digits [:60]", "laplace(sigma=0.5)", "300 (and 20", "0.001", "l1, l2", "wulff 0."):
        assert words in head, words
    links = page.locator("nav a").all()
    assert len(links) >= 5
    for link in links:
        target = (link.get_attribute("href") or "").removeprefix("#")
        assert page.locator(f"[id='{target}']").inner_text() == link.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_legible(
    browser: "Browser", real: list[runs.Run], tmp_path: Path, scheme: str
) -> None:
    path = reports.write_page(real, tmp_path / "report.html", pictures=3)
    page, wrong = open_page(browser, path, color_scheme=scheme)
    luminance = """element => { const s = getComputedStyle(element);
        return [s.color, s.backgroundColor].map(c => c.match(/[\\d.]+/g).slice(0, 3).map(Number)) }"""
    ink, paper = (_luminance(colour) for colour in page.eval_on_selector("body", luminance))
    assert (paper > ink) == (scheme == "light")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7  # contrast, WCAG 2 level AAA
    assert wrong == []
    page.context.close()


def _luminance(colour: list[float]) -> float:
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_phone_need_not_scroll_sideways(browser: "Browser", real: list[runs.Run], tmp_path: Path) -> None:
    path = reports.write_page(real, tmp_path / "report.html", pictures=3)
    page, wrong = open_page(browser, path, viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("svg[role=img]").first.tap()
    assert page.locator(".tip").first.is_visible()
    assert wrong == []
    page.context.close()


def test_ten_thousand_inputs_stay_responsive(
    browser: "Browser", many: list[runs.Run], tmp_path: Path
) -> None:
    path = reports.write_page(many, tmp_path / "report.html")
    assert path.stat().st_size < 10e6
    page, wrong = open_page(browser, path)
    assert page.locator(".card").count() == 24
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    assert page.evaluate("performance.timing.domComplete - performance.timing.responseEnd") < 2000
    for button in ("Wrong", "Abstained", "Smallest radius", "All", "Next"):
        took = page.get_by_role("button", name=button, exact=True).evaluate(
            """button => {
                const start = performance.now();
                button.click();
                document.body.offsetHeight;
                return performance.now() - start;
            }"""
        )
        assert took < 500, (button, took)  # milliseconds; a tenth of it on an idle machine
    assert count(page) == "10,000"
    # The name of the third run is text, wherever it appears.
    assert page.locator("option", has_text="onerror=boom()").count() == 1
    assert wrong == []
    page.context.close()


def test_predictions_have_a_page_without_charts(
    browser: "Browser", many: list[runs.Run], tmp_path: Path
) -> None:
    records = [Record(i, 1, 1, 0.1, 10, counts={"prediction": {1: 10}}) for i in range(3)]
    spec = runs.PredictSpec(model="m", noise="laplace(scale=1.0, dim=4)", n=10)
    run = runs.Run(tmp_path / "prediction", spec, records, runs.Facts(inputs=3))
    page, wrong = open_page(browser, reports.write_page([run], tmp_path / "report.html"))
    assert page.locator("figure[data-norm]").count() == 0
    words = page.locator("body").inner_text()
    assert "radi" not in words.split("What is guaranteed")[0].replace("without radii", "").lower()
    assert page.locator(".card").count() == 3
    assert wrong == []
    page.context.close()


def test_nothing_certified_has_an_axis_all_the_same(browser: "Browser", tmp_path: Path) -> None:
    made = reports.write_page([_small("none", [0.0, 0.0])], tmp_path / "report.html")
    page, wrong = open_page(browser, made)
    ticks = page.locator("figure svg[role=img] text").all_text_contents()
    assert "1.0" in ticks
    assert max(map(len, ticks)) < 20
    assert wrong == []
    page.context.close()


def test_runs_on_different_inputs_have_no_envelope(browser: "Browser", tmp_path: Path) -> None:
    different = [_small("a", [0.1, 0.2]), _small("b", [0.1, 0.2, 0.3])]
    page, wrong = open_page(browser, reports.write_page(different, tmp_path / "report.html"))
    assert page.locator("path.curve").count() == 2
    assert "best run" not in page.locator("figcaption").first.inner_text()
    assert not page.locator("label", has=page.locator("#norm")).is_visible()  # there is one norm
    assert wrong == []
    page.context.close()


def _small(name: str, radii: list[float]) -> runs.Run:
    """Inputs of class 1, abstained where the radius is 0."""
    records = [
        Record(i, 1, 1 if r else -1, 0.1, radii={"l2": CertifiedRadius(r, "published", False)})
        for i, r in enumerate(radii)
    ]
    return runs.Run(Path("/nowhere") / name, runs.ImportedSpec(norms=("l2",)), records)


def test_what_is_said_of_imports_is_true_of_them() -> None:
    assert "lowered" in guarantee(_small("log", [0.1]))
    computed = dataclasses.replace(_small("a", [0.1]).records[0], error=0.2)
    assert "computed anew" in guarantee(dataclasses.replace(_small("arrays", [0.1]), records=[computed]))
    predicted = [Record(0, 1, 1, 0.1)]
    said = guarantee(dataclasses.replace(_small("labels", [0.1]), records=predicted))
    assert "predictions" in said
    assert "radii" not in said
