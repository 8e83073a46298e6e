"""Make docs/images/report.png: `python docs/screenshot.py quickstart/report/report.html`."""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("images") / "report.png"


def screenshot(report: Path) -> None:
    """The top of the page, with the pointer on the chart, beside the inputs with the smallest radii."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 980, "height": 3000})
        page.goto(report.resolve().as_uri())
        page.get_by_role("button", name="Smallest radius").click()
        # What lies between the first chart and the inputs is left out.
        page.add_style_tag(content=".left-out, .threat > :not(figure) { display: none !important }")
        page.evaluate(
            """() => {
                const body = [...document.body.children];
                const first = body.findIndex((e) => e.tagName === "SECTION");
                const last = body.findIndex((e) => e.textContent === "The inputs");
                body.slice(first + 1, last).forEach((e) => e.classList.add("left-out"));
            }"""
        )
        page.locator("svg[role=img]").first.hover(position={"x": 480, "y": 200})
        card = page.locator(".card").first.bounding_box()
        assert card
        end = card["y"] + card["height"] + 8
        page.screenshot(path=PICTURE, clip={"x": 0, "y": 0, "width": 980, "height": end})
        browser.close()
    Image.open(PICTURE).convert("RGB").quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    screenshot(Path(sys.argv[1]))
