"""The site of the documentation: built without a warning; usable from disk, on a phone and in the dark."""

import gc
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browsing import browser
from tests.processes import forked

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

ROOT = Path(__file__).parents[1]
PHONE = 390


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; a broken link, an undocumented public name or a page without a place fails the build."""
    folder, said = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("said") / "log"
    done = forked(build, folder, said)
    done.join()
    assert done.exitcode == 0, said.read_text()
    return folder


def build(folder: Path, said: Path) -> None:
    """`mkdocs build`, in a process that has loaded wulff."""
    from mkdocs.__main__ import cli

    gc.disable()  # it ends with all that it has made
    os.chdir(ROOT)
    os.environ["WULFF_NOTEBOOKS"] = "0"  # their cells are run by test_documentation.py
    sys.stdout = sys.stderr = said.open("w")
    cli(["build", "--site-dir", str(folder)])


@pytest.fixture
def page(browser: "Browser", site: Path) -> "Page":
    """A page that fails the test when the console has an error, or anything is asked of a network."""
    page = browser.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: pytest.fail(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: pytest.fail(asked.url) if not asked.url.startswith(LOCAL) else None)
    return page


LOCAL = ("file:", "data:", "blob:")


def address(site: Path, name: str) -> str:
    return (site / name).as_uri()


def test_every_package_and_verb_is_in_the_reference(site: Path) -> None:
    assert 'id="wulff.certificates.certified_radius"' in (site / "reference/certificates.html").read_text()
    verbs = set(re.findall(r'<h3 id="wulff-(\w+)', (site / "reference/command_line.html").read_text()))
    assert {"certify", "import", "plot", "radius", "serve"} <= verbs


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    for path in site.glob("**/*.html"):
        text = path.read_text()
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="([^"]+)"', text)
        loaded += re.findall(r'<link rel="(?:stylesheet|icon|preconnect)[^>]+href="([^"]+)"', text)
        assert not [url for url in loaded if re.match("(https?:)?//", url)], path


@pytest.mark.parametrize(("words", "found"), [("certified_radius", "certificates"), ("DSSN", "glossary")])
def test_search_finds_names_and_words_from_disk(page: "Page", site: Path, words: str, found: str) -> None:
    page.goto(address(site, "index.html"))
    page.get_by_placeholder("Search").first.click()
    page.keyboard.type(words)
    page.locator(f".md-search-result__link[href*='{found}']").first.wait_for(state="attached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "guarantees.html", "reference/command_line.html"])
def test_pages_fit_on_a_phone(browser: "Browser", site: Path, name: str, scheme: "str") -> None:
    """Nothing is wider than the screen, but tables and code, which scroll; letters stand out."""
    page = browser.new_page(viewport={"width": PHONE, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(address(site, name))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    letters, ground = (
        page.evaluate(f"getComputedStyle(document.body).{what}") for what in ("color", "backgroundColor")
    )
    assert abs(brightness(letters) - brightness(ground)) > 100
    assert (brightness(ground) < 100) == (scheme == "dark")


def brightness(colour: str) -> float:
    """The mean of red, green and blue, from 0 to 255."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3
