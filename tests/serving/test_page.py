"""The page in a real browser: from the drop of a picture to its download, with what goes wrong told, for everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nlsr_cli.serving.page import POLICY
from nlsr_cli.serving.refusals import TooMany
from tests.serving.serving import Running, picture, running

TOKEN = "a-token-of-the-tests"

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def fast() -> Iterator[Running]:
    """Return a server with small limits."""
    with running(max_upload=10 << 10, token=TOKEN) as found:
        yield found


@pytest.fixture
def show(browser: Any) -> Iterator[Open]:
    """Return what opens a server's page, in a profile of its own, and fails afterwards if the page had an error."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_(server: Running, *, token: str | None = None, **settings: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **settings}))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.address)
        if token is not None:
            page.fill("#token", token)
            page.click("#login button")
        page.wait_for_selector("body[data-ready]")
        page.evaluate("chosen = () => ({ scale: document.querySelector('[name=scale]:checked').value, strength: 0 })")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def drop(page: Any, *files: tuple[str, str, bytes]) -> None:
    """Let go of files over the page, as somebody who drags them there does."""
    values = [[name, kind, list(data)] for name, kind, data in files]
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, type, data] of files) {
                transfer.items.add(new File([new Uint8Array(data)], name, { type }));
            }
            return transfer;
        }""",
        values,
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": transfer})
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})


def state(page: Any, name: str) -> str:
    return str(page.locator(f"li:has(.name:text-is('{name}')) .state").text_content())


def test_from_drop_to_download(show: Open, server: Running, tmp_path: Path) -> None:
    page = show(server)
    page.check("[name=scale][value='2']", force=True)
    drop(
        page, ("a.png", "image/png", picture()), ("b.png", "image/png", picture(30, 20)), ("c.txt", "text/plain", b"c")
    )
    page.locator("li.done").nth(1).wait_for()
    assert page.text_content("#sum") == "2 of 2 done"
    assert "1 file left out: not a picture." in page.text_content("#notice")
    assert state(page, "a.png").startswith("24×20 → 48×40, ")
    with page.expect_download() as download:
        page.click("li:has(.name:text-is('a.png')) .save")
    assert download.value.suggested_filename == "a_x2.png"
    download.value.save_as(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (48, 40)
    with page.expect_download() as download:
        page.click("#all")
    assert download.value.suggested_filename == "nlsr.zip"
    page.click("li:has(.name:text-is('b.png')) .see")
    page.wait_for_selector("#viewer[open]")
    assert page.text_content("#title") == "b.png"
    page.focus("#split")
    page.keyboard.press("Home")
    assert "100%" in page.evaluate("getComputedStyle(document.querySelector('#before')).clipPath")
    page.evaluate("async () => { while (!before.naturalWidth || !after.naturalWidth) await pause(0.01); }")
    assert page.evaluate("[before.naturalWidth, after.naturalWidth].join()") == "30,60"
    page.keyboard.press("Escape")
    page.reload()
    page.locator("li.done").nth(1).wait_for()
    page.click("#clear")
    page.locator("#empty").wait_for()
    assert server.ask("GET", "/v1/jobs").json["jobs"] == []


def test_progress_and_the_queue_are_seen_and_a_picture_is_cancelled(
    show: Open, server: Running, gate: threading.Event
) -> None:
    page = show(server)
    drop(page, *((f"{number}.png", "image/png", picture()) for number in range(3)))
    page.locator("li.running progress").wait_for()
    page.locator("li:has-text('2 pictures before it')").wait_for()
    page.click("li:has(.name:text-is('1.png')) .drop")
    page.locator("li:has(.name:text-is('2.png')) .state:has-text('1 picture before it')").wait_for()
    gate.set()
    page.locator("li.done").nth(1).wait_for()
    assert page.locator("li").count() == 2
    page.click("#clear")
    page.locator("#empty").wait_for()


def test_what_is_wrong_with_a_picture_stands_beside_it(show: Open, fast: Running) -> None:
    page = show(fast, token=TOKEN)
    drop(page, ("torn.png", "image/png", picture()[:40]), ("large.bmp", "image/bmp", picture(90, 80, "BMP")))
    page.locator("li.failed").nth(1).wait_for()
    assert state(page, "large.bmp") == "has 22 KiB, more than the 10 KiB that this server takes"
    assert page.is_hidden("li:has(.name:text-is('large.bmp')) .again"), "it would not help"
    assert "torn.png" not in state(page, "torn.png")
    assert page.text_content("#sum") == "0 of 2 done, 2 failed"
    page.click("li:has(.name:text-is('torn.png')) .again")
    page.locator("li:has(.name:text-is('torn.png')).failed").wait_for()


def test_a_job_that_fails_at_once_can_be_tried_again(show: Open, server: Running) -> None:
    """News of it may come before the answer to its upload, and must not lose the file."""
    page = show(server)
    page.evaluate("chosen = () => ({ width: 30, strength: 0 })")
    torn = picture(90, 80, "JPEG")[:-900]
    page.evaluate(
        "send_ = fetch; fetch = async (...rest) => { const got = await send_(...rest); await pause(1); return got; }"
    )
    drop(page, ("torn.jpg", "image/jpeg", torn))
    page.locator("li.failed .again").click()
    page.locator("li.failed .again").wait_for()
    page.evaluate("fetch = send_")
    page.click("#clear")
    page.locator("#empty").wait_for()


def test_what_is_dropped_while_the_page_asks_is_not_taken_for_forgotten(show: Open, server: Running) -> None:
    """An answer with all jobs may be older than the news of a new one."""
    page = show(server)
    page.evaluate(
        """() => {
            send_ = fetch;
            fetch = async (url, ...rest) => {
                const got = await send_(url, ...rest);
                if (url === "/v1/jobs") await new Promise((done) => { answer = done; });
                return got;
            };
            answer = null;
            opened = events.onopen();
        }"""
    )
    page.evaluate("async () => { while (!answer) await pause(0.01); }")
    drop(page, ("a.png", "image/png", picture()))
    page.locator("li.done").wait_for()
    page.evaluate("() => { answer(); return opened; }")
    assert state(page, "a.png").startswith("24×20 → ")
    page.evaluate("fetch = send_")
    page.click("#clear")
    page.locator("#empty").wait_for()


def test_a_full_queue_is_waited_for(show: Open, gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no place is sent again by itself."""
    monkeypatch.setattr(TooMany, "headers", {"Retry-After": "1"})
    with running(queue=2) as server:
        page = show(server)
        drop(page, ("a.png", "image/png", picture()), ("b.png", "image/png", picture()))
        page.locator("li.waiting .state:has-text('Next try in 1 second')").wait_for()
        gate.set()
        page.locator("li.done").nth(1).wait_for()


def test_the_token_is_asked_for(show: Open, browser: Any, fast: Running) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(fast.address)
    page.fill("#token", "another token of somebody")
    page.click("#login button")
    page.locator("#denied:has-text('This is not the token.')").wait_for()
    assert page.is_hidden("#desk")
    context.close()
    page = show(fast, token=TOKEN)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.is_hidden("#login"), "the browser is known by its cookie"


def test_nothing_leaves_the_server(show: Open, server: Running) -> None:
    """The page asks nobody else, and could not."""
    page = show(server)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert asked
    assert [url for url in asked if not url.startswith(server.address)] == []
    assert "unsafe" not in POLICY
    blocked = page.evaluate(
        """async () => {
            const seen = [];
            document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
            const hostile = "<img src=x onerror='window.hit = 1'><i style='color: red'></i>";
            document.body.insertAdjacentHTML("beforeend", hostile);
            await fetch("http://127.0.0.2:9/").catch(() => {});
            while (seen.length < 3) await new Promise((done) => setTimeout(done, 10));
            return [...new Set(seen)].sort().concat(window.hit ?? "no script ran");
        }"""
    )
    assert blocked == ["connect-src", "script-src-attr", "style-src-attr", "no script ran"]


def test_it_fits_every_screen_and_anybody_can_use_it(show: Open, server: Running, gate: threading.Event) -> None:
    """Nothing is wider than the screen, and axe-core, which checks WCAG, finds nothing, whatever the page shows.

    Axe takes a second of the processor: it looks at each scheme and at each view once, not at all pairs of them.
    """
    from axe_playwright_python.sync_playwright import Axe

    page = show(server)
    name = "a name that is quite long for a screen of a telephone " * 2 + ".png"
    gate.set()
    drop(page, (name, "image/png", picture()), ("torn.png", "image/png", picture()[:40]))
    page.locator("li.done").wait_for()
    gate.clear()
    drop(page, ("a.png", "image/png", picture()), ("b.png", "image/png", picture()))
    page.locator("li.running").wait_for()
    page.locator("li.queued").wait_for()
    for width, scheme, opened, checked in (
        (390, "dark", False, True),
        (820, "dark", True, False),
        (390, "light", True, True),
        (1440, "light", False, False),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if opened:
            page.click("li.done .see")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if checked:
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        if opened:
            page.click("#close")
    gate.set()
