"""The report in headless Chromium, on a wide screen and on a phone's; skipped where there is no chromium."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from eurus_core.stages.report import StageReport, Table, write_report
from eurus_eval.report.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
WIDE, PHONE = (1280, 900), (390, 844)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")


class Browser:
    """One tab of Chromium, asked over its debugging pipe: no driver and no port. Use as a context manager."""

    def __enter__(self) -> Browser:
        assert CHROMIUM is not None
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        for_it, ours = os.pipe()
        theirs, for_us = os.pipe()
        # The pipe's ends must be 3 and 4 in the child: a shell puts them there, whatever they are called here.
        command = (
            f'exec {CHROMIUM} --headless --no-sandbox --disable-gpu --remote-debugging-pipe "--user-data-dir=$0" '
            f"about:blank 3<&{for_it} 4>&{for_us}"
        )
        self._process = subprocess.Popen(
            ["bash", "-c", command, self._profile.name],
            pass_fds=(for_it, for_us),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(for_it)
        os.close(for_us)
        self._to, self._from = os.fdopen(ours, "wb"), os.fdopen(theirs, "rb")
        self._numbers, self._waiting, self._session = itertools.count(1), b"", ""
        target = next(one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.ask("Page.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._to.close()
        self._from.close()
        self._profile.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        number = next(self._numbers)
        call = {"id": number, "method": method, "params": parameters}
        if self._session:
            call["sessionId"] = self._session
        self._to.write(json.dumps(call).encode() + b"\0")
        self._to.flush()
        while (answer := self._next()).get("id") != number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path, screen: tuple[int, int], *, dark: bool = False, media: str = "screen") -> None:
        """Show a page on a screen of so many pixels, a phone's where it is narrow."""
        width, height = screen
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.ask("Page.navigate", url=page.resolve().as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def value(self, script: str) -> Any:
        """Return what a script comes to, as JSON."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, file: Path) -> None:
        """Write a PNG of the screen."""
        found = self.ask("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(found["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            more = self._from.read1(1 << 20)
            if not more:
                raise ConnectionError("Chromium is gone")
            self._waiting += more
        message, _, self._waiting = self._waiting.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


UNREACHED = """
[...document.querySelectorAll("table")].flatMap((table) => {
  for (let fold = table.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const frame = table.closest(".scroll") ?? table.parentElement;
  const place = frame.getBoundingClientRect();
  const scrolls = ["auto", "scroll"].includes(getComputedStyle(frame).overflowX);
  const room = scrolls ? frame.scrollWidth - frame.clientWidth : 0;
  const beyond = [...table.querySelectorAll("th, td")].some((cell) => cell.getBoundingClientRect().right > place.right + room + 1);
  return beyond || place.right > innerWidth || place.left < 0 ? [table.textContent.slice(0, 60)] : [];
})
"""
"""The tables of which a part lies where no scrolling of the table's own frame reaches, or whose frame is not on the screen."""

UNTOLD = """
[...document.querySelectorAll(".scroll")].filter(
  (frame) => frame.checkVisibility() && frame.scrollWidth > frame.clientWidth + 1
    && !(frame.nextElementSibling?.classList.contains("hint") && frame.tabIndex === 0 && frame.classList.contains("wider")),
).length
"""
"""How many frames hold more than they show without a border, a hint and a way for the keyboard."""


def test_a_hostile_run_cannot_run_its_words_and_our_script_does(
    make_demo_run: Callable[..., Path], browser: Browser
) -> None:
    browser.open(write_page(make_demo_run(hostile=HOSTILE)), WIDE)
    assert browser.value("document.title").startswith("From problems to a better policy<script>")
    assert browser.value("document.documentElement.className") == "js"
    assert browser.value("document.querySelectorAll('.node.root.on').length") == 3


@pytest.mark.parametrize("screen", [WIDE, PHONE])
def test_no_column_of_a_table_is_lost_and_nothing_is_wider_than_the_screen(
    demo_run: Path, browser: Browser, screen: tuple[int, int]
) -> None:
    many = Table(
        "many", tuple(f"a long column {i}" for i in range(40)), (tuple(range(40)), tuple("text" * 5 for _ in range(40)))
    )
    (demo_run / "theirs").mkdir()
    write_report(demo_run / "theirs" / "report.json", StageReport("theirs", tables=(many,)))
    browser.open(write_page(demo_run), screen)
    assert browser.value(UNREACHED) == []
    browser.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert browser.value(UNTOLD) == 0
    assert browser.value("document.documentElement.scrollWidth") <= screen[0]
    shown = browser.value("document.querySelectorAll('.hint').length")
    assert shown > 0  # the forty columns on a wide screen, the trees on a phone's


def test_a_phone_shows_a_row_as_a_card_with_every_columns_name(demo_run: Path, browser: Browser) -> None:
    browser.open(write_page(demo_run), PHONE)
    cell = "document.querySelector('#result td[data-label=nca]')"
    assert browser.value(f"{cell}.getBoundingClientRect().right") <= PHONE[0]
    assert browser.value(f"getComputedStyle({cell}, '::before').content") == '"nca"'
    assert browser.value("getComputedStyle(document.querySelector('#result thead')).display") == "none"
    browser.value("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    spilt = "[...document.querySelectorAll('.cards td')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1)"
    assert browser.value(f"{spilt}.map((cell) => cell.textContent)") == []


def test_the_way_around_takes_under_a_fifth_of_a_phones_screen_and_leads_everywhere(
    demo_run: Path, browser: Browser
) -> None:
    browser.open(write_page(demo_run), PHONE)
    assert browser.value("document.querySelector('nav').getBoundingClientRect().height") < PHONE[1] / 5
    assert browser.value(
        "[...document.querySelectorAll('nav > ol > li > a')].every((a) => document.getElementById(a.hash.slice(1)))"
    )
    assert (
        browser.value(
            "(() => { const ol = document.querySelector('nav > ol'); ol.scrollLeft = 9999; return ol.scrollLeft; })()"
        )
        > 0
    )


def test_a_node_that_is_chosen_shows_its_words(demo_run: Path, browser: Browser) -> None:
    browser.open(write_page(demo_run), WIDE)
    browser.value("document.querySelectorAll('.node')[1].dispatchEvent(new MouseEvent('click'))")
    assert (
        browser.value("[...document.querySelectorAll('#trees .panel.on b')].map((b) => b.textContent)[0]")
        == "Turn 1, incorrect"
    )


def test_paper_has_no_navigation_and_the_dark_page_is_dark(demo_run: Path, browser: Browser) -> None:
    page = write_page(demo_run)
    browser.open(page, WIDE, media="print")
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.open(page, WIDE, dark=True)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"


def test_a_page_is_drawn(demo_run: Path, browser: Browser, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browser.open(write_page(demo_run), WIDE)
    browser.picture(picture)
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 80_000  # an empty page of this size has some 10 kB
