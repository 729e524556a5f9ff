"""The page in a real browser: what is on the screen is what is in the files, by mouse, finger and key, and no network.

Chromium without a window shows it. Where there is none the tests are skipped and say so, but in the gate, which sets
REQUIRE_BROWSER, they fail.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nlsr_cli.viewing import page as page_module
from tests.conftest import ASSETS
from tests.test_cli import run
from tests.viewing.pages import array_of, interpolated, save_pair

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP = {"viewport": {"width": 1000, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "the package playwright"
    else:
        missing = "" if CHROMIUM else "Chromium"
    if missing:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(f"needs {missing}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a source, two results, the truth, and their page."""
    folder = tmp_path_factory.mktemp("desk")
    source, result = save_pair(folder)
    with Image.open(result) as image:
        image.filter(ImageFilter.SHARPEN).save(folder / "truth.png")
        image.quantize(32).convert("RGB").save(folder / "other.png")
    made = run("compare", source, result, folder / "other.png", "--truth", folder / "truth.png")
    assert made.exit_code == 0, made.stderr
    return folder


@pytest.fixture
def show(browser: Any, desk: Path) -> Iterator[Open]:
    """Return what opens the page, in a profile of its own, and fails afterwards if the page had an error."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_(
        path: Path = desk / "photo_x4_compare.html", *, ready: bool = True, clock: bool = False, **settings: Any
    ) -> Any:
        context = browser.new_context(**{**DESKTOP, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if clock:
            page.clock.install()
        page.goto(path.as_uri())
        if ready:
            page.wait_for_selector("#viewer[data-ready]")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def picture_of(page: Any) -> np.ndarray:
    """Return what is on the screen where A is, without what lies over the pictures; a policy forbids other styles."""
    page.evaluate("for (const each of document.querySelectorAll('.tag, #split')) each.style.opacity = 0")
    box = page.locator("#view-a img").bounding_box()
    with Image.open(io.BytesIO(page.screenshot())) as image:
        screen = np.asarray(image.convert("RGB"))
    left, top = int(box["x"]), int(box["y"])
    assert (left, top) == (box["x"], box["y"])
    return screen[top : top + int(box["height"]), left : left + int(box["width"])]


def split(page: Any) -> float:
    return float(page.input_value("#split"))


def zoom(page: Any) -> float:
    return float(page.evaluate("parseFloat(stage.style.getPropertyValue('--z'))"))


def boxes(page: Any) -> list[dict[str, float]]:
    """Return where the pictures A and B are, each as seen from its own pane."""
    return [
        page.evaluate(
            f"(() => {{ const pane = document.querySelector('#view-{each}'), a = pane.getBoundingClientRect(), "
            "b = pane.querySelector('img').getBoundingClientRect(); "
            "return Object.fromEntries(Object.entries({x: b.x - a.x, y: b.y - a.y, w: b.width, h: b.height})"
            ".map(([name, value]) => [name, Math.round(value * 100) / 100])); })()"
        )
        for each in "ab"
    ]


def fingers(page: Any, *steps: list[tuple[float, float]]) -> None:
    """Put fingers on the screen, move them from step to step, and take them off."""
    session = page.context.new_cdp_session(page)
    for number, points in enumerate(steps):
        kind = "touchMove" if number else "touchStart"
        touches = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_slider_shows_the_pixels_of_both_files(show: Open, desk: Path) -> None:
    """A on the left of the border, B on the right, at one pixel for one not a single level is another."""
    page = show()
    page.click("#one")
    result, smooth = array_of(desk / "photo_x4.png"), interpolated(desk / "photo.png", desk / "photo_x4.png")
    shown = picture_of(page)
    assert (shown[:, :155] == smooth[:, :155]).all()
    assert (shown[:, 165:] == result[:, 165:]).all()
    assert (smooth != result).any()


def test_slider_moves_by_key_mouse_and_finger(show: Open) -> None:
    page = show(has_touch=True)
    page.focus("#split")
    page.keyboard.press("ArrowRight")
    assert split(page) == 50.5
    assert "50.5%" in page.evaluate("getComputedStyle(document.querySelector('#view-b')).clipPath")
    page.keyboard.press("Home")
    assert split(page) == 0
    page.fill("#split", "50")
    box = page.locator("#stage").bounding_box()
    middle, level = box["x"] + box["width"] / 2, box["y"] + 60
    page.mouse.move(middle, level)
    page.mouse.down()
    page.mouse.move(middle + box["width"] / 4, level, steps=4)
    page.mouse.up()
    assert split(page) == pytest.approx(75, abs=1)
    place = box["x"] + box["width"] * 0.75
    fingers(page, [(place, level)], [(place - 50, level)], [(box["x"] + box["width"] * 0.3, level)])
    assert split(page) == pytest.approx(30, abs=2)


def test_zoom_and_pan_are_in_step(show: Open) -> None:
    """By button, wheel, key and drag, both pictures are at the same place and of the same size."""
    page = show()
    page.check("[value=side]", force=True)
    before = zoom(page)
    page.click("#in")
    assert zoom(page) == pytest.approx(1.5 * before)
    box = page.locator("#view-b").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 40)
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"parseFloat(stage.style.getPropertyValue('--z')) > {1.55 * before}")
    a, b = boxes(page)
    assert a == b
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.up()
    dragged, other = boxes(page)
    assert dragged == other
    assert (dragged["x"], dragged["y"]) == (pytest.approx(a["x"] - 20, abs=1), pytest.approx(a["y"] - 10, abs=1))
    page.focus("#stage")
    page.keyboard.press("ArrowLeft")
    moved, other = boxes(page)
    assert moved == other
    assert moved["x"] == pytest.approx(min(0, dragged["x"] + 40), abs=1)
    page.keyboard.press("0")
    assert zoom(page) == before


def test_fingers_zoom(show: Open) -> None:
    page = show(**PHONE)
    before, box = zoom(page), page.locator("#stage").bounding_box()
    x, y = box["x"] + 80, box["y"] + 80
    fingers(page, [(x, y), (x + 40, y)], [(x - 20, y), (x + 60, y)], [(x - 40, y), (x + 80, y)])
    assert zoom(page) == pytest.approx(3 * before, rel=0.05)
    a, b = boxes(page)
    assert a == b


def test_lens_shows_single_pixels_of_both(show: Open, desk: Path) -> None:
    """In a view that is reduced, on a screen with two dots for a pixel."""
    page = show(viewport={"width": 160, "height": 600}, device_scale_factor=2)
    page.click("#glass")
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.is_visible("#lens")
    data = page.evaluate("document.querySelector('#lens').toDataURL()").partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        lens = np.asarray(image.convert("RGB"))
    edge = lens.shape[0]
    for number, whole in enumerate(
        (interpolated(desk / "photo.png", desk / "photo_x4.png"), array_of(desk / "photo_x4.png"))
    ):
        part = lens[20 : edge - 20, number * (edge + 2) + 20 : number * (edge + 2) + edge - 20].astype(int)
        height, width = part.shape[:2]
        centre = (240 - height) // 2, (320 - width) // 2
        near = [
            np.abs(whole[centre[0] + down :, centre[1] + across :][:height, :width].astype(int) - part).max()
            for down in range(-3, 4)
            for across in range(-3, 4)
        ]
        assert min(near) == 0
    page.focus("#stage")
    left = page.locator("#lens").bounding_box()["x"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("#lens").bounding_box()["x"] != left


def test_difference_is_amplified_exactly(show: Open, desk: Path) -> None:
    page = show()
    page.click("#one")
    page.check("[value=difference]", force=True)
    result, smooth = array_of(desk / "photo_x4.png"), interpolated(desk / "photo.png", desk / "photo_x4.png")
    expected = np.minimum(np.abs(result.astype(int) - smooth) * 8, 255)
    assert np.abs(picture_of(page).astype(int) - expected).max() <= 8  # the browser may round before it multiplies
    page.fill("#gain", "1")
    assert np.abs(picture_of(page).astype(int) - np.abs(result.astype(int) - smooth)).max() <= 1


def test_blink_changes_pictures_and_can_be_stopped(show: Open) -> None:
    page = show(clock=True)
    page.check("[value=blink]", force=True)
    for expected, hidden in (("b", "a"), ("a", "b")):
        page.clock.run_for(700)
        assert page.get_attribute("#stage", "data-shown") == expected
        assert page.evaluate(f"getComputedStyle(document.querySelector('#view-{hidden}')).visibility") == "hidden"
    page.click("#swap")
    page.clock.run_for(2000)
    assert page.get_attribute("#stage", "data-shown") == "b"
    assert page.text_content("#pause") == "Play"


def test_who_wants_less_motion_sees_no_blinking(show: Open) -> None:
    page = show(clock=True, reduced_motion="reduce")
    page.check("[value=blink]", force=True)
    page.clock.run_for(2000)
    assert page.get_attribute("#stage", "data-shown") == "a"
    page.focus("#stage")
    page.keyboard.press("Space")
    assert page.get_attribute("#stage", "data-shown") == "b"


def test_any_two_pictures_can_be_chosen(show: Open) -> None:
    page = show()
    texts = page.locator("#a option").all_text_contents()
    assert texts == [
        "photo.png (as it was)",
        "bicubic",
        "photo_x4.png (result)",
        "other.png (result)",
        "truth.png (truth)",
    ]
    page.select_option("#a", "0")
    assert page.locator("#view-a img").get_attribute("alt") == "photo.png, as it was"
    page.select_option("#b", "0")  # which A shows: they change places
    assert [page.input_value("#a"), page.input_value("#b")] == ["2", "0"]
    assert page.text_content("#tag-b").split() == ["B", "photo.png", "(as", "it", "was)"]


def test_a_place_is_shown_in_the_viewer(show: Open) -> None:
    page = show()
    button = page.locator("[data-place]").first
    left, top, width, height = map(float, button.get_attribute("data-place").split())
    button.click()
    (a, b), scale = boxes(page), zoom(page)
    assert a == b
    pane = page.locator("#view-a").bounding_box()
    for start, length, side, room in ((left, width, "x", pane["width"]), (top, height, "y", pane["height"])):
        assert a[side] + start * scale >= -1
        assert a[side] + (start + length) * scale <= room + 1


def test_nothing_leaves_the_page(show: Open) -> None:
    """No request is made, and the policy stops one that a script would make."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = show()
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.wait_for_selector("#viewer[data-ready]")
        for mode in ("side", "blink", "difference"):
            page.check(f"[value={mode}]", force=True)
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        blocked = page.evaluate(
            """async (url) => {
                const seen = [];
                document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
                const img = new Image(), script = document.createElement("script");
                img.src = url + "picture";
                script.src = url + "script";
                document.body.append(img, script);
                await fetch(url + "fetch").catch(() => {});
                while (seen.length < 3) await new Promise((done) => setTimeout(done, 10));
                return seen;
            }""",
            f"http://127.0.0.1:{server.server_port}/",
        )
        server.shutdown()
    assert sorted(blocked) == ["connect-src", "img-src", "script-src-elem"]
    assert [path for path in asked if path.startswith("/")] == []


def test_it_fits_every_screen_and_anybody_can_use_it(show: Open) -> None:
    """Nothing is wider than the screen, and axe-core, which checks WCAG, finds nothing."""
    from axe_playwright_python.sync_playwright import Axe

    page = show()
    for width, scheme, mode in ((390, "light", "slider"), (820, "dark", "side"), (1440, "light", "difference")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.check(f"[value={mode}]", force=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("tbody th").first.bounding_box()["width"] > 120, "names are not broken letter by letter"
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_without_scripts_the_pictures_are_there(show: Open) -> None:
    page = show(ready=False, java_script_enabled=False)
    assert page.locator("#pictures img").count() == 5
    assert page.locator("#pictures img").first.is_visible()
    assert not page.locator("#viewer").is_visible()


def test_names_are_text_and_never_markup(show: Open, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&'$title.png"
    source, result = save_pair(tmp_path, result=name)
    assert run("compare", source, result, "-o", tmp_path / "page.html").exit_code == 0
    page = show(tmp_path / "page.html")
    assert page.title() == f"photo.png → {name}"
    assert page.locator("[onerror]").count() == 0


def test_what_is_too_large_is_shown_smaller_and_says_so(
    show: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "WHOLE", 320 * 240 // 4)
    source, result = save_pair(tmp_path)
    assert run("compare", source, result, "-o", tmp_path / "page.html").exit_code == 0
    page = show(tmp_path / "page.html")
    assert page.is_disabled("#glass")
    assert page.evaluate("document.querySelector('#view-b img').naturalWidth") == 160
    page.click("#one")
    assert page.text_content("#zoom") == "50 %"
    assert "sides are 2 times smaller here" in page.text_content(".hint")
    assert page.locator(".crop img").first.evaluate("each => each.naturalWidth") == 160
    page.locator("[data-place]").first.click()
    assert page.text_content("#zoom") != "50 %"


def test_the_page_of_the_attention_needs_nothing_and_fits(show: Open, tmp_path: Path) -> None:
    """No script, no request, nothing wider than the screen, no violation; all maps and crops have their pixels."""
    from axe_playwright_python.sync_playwright import Axe

    shutil.copy(ASSETS / "tower.jpg", tmp_path)
    assert run("attention", tmp_path / "tower.jpg", "--at", "16,79", "-s", "2").exit_code == 0
    page = show(tmp_path / "tower_attention.html", ready=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    assert [url for url in asked if not url.startswith("data:")] == [page.url]
    assert page.locator("script").count() == 0
    for width, scheme in ((390, "light"), (820, "dark"), (1440, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    sizes = page.evaluate("[...document.images].map(each => [each.naturalWidth, each.naturalHeight])")
    assert sizes == [[768, 576]] * 2 + [[144, 144]] * 9
