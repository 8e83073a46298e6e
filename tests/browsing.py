"""A headless Chromium for tests; without one they are skipped, and say so."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome", "chromium-browser")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    api = pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")
    named = os.environ.get("WULFF_BROWSER")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    with api.sync_playwright() as playwright:
        executable = found or playwright.chromium.executable_path
        if not Path(executable).exists():
            pytest.skip("THE PAGES ARE NOT TESTED: no Chromium found; run `make browser`")
        # Chromium refuses its sandbox to the superuser, as whom containers often run.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()
