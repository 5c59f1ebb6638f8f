"""What a page costs in headless Chromium: by its own counters, and by processor time of threads in /proc."""

import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.lateness import percentile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

WORKER = "DedicatedWorker"
"""How the threads of workers are named; Linux shows the first 15 letters."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FRAMES = """() => {
  const gaps = [];
  let last = 0, stopped = false;
  const next = (at) => { if (last) gaps.push(at - last); last = at; if (!stopped) requestAnimationFrame(next); };
  requestAnimationFrame(next);
  window.stopFrames = () => { stopped = true; return gaps; };
}"""


@dataclass
class Cost:
    """Milliseconds per second of script on the main thread, of the worker's thread and of all of Chromium; frames."""

    main: float
    worker: float
    whole: float
    frame_p50: float
    frame_p99: float
    frame_most: float

    @property
    def script(self) -> float:
        """Main thread and worker together."""
        return self.main + self.worker


class Chromium:
    """One browser, whose processes are known by a mark on its command line."""

    def __init__(self, browser: "Browser", mark: str) -> None:
        self.browser = browser
        self._root = next(
            pid for pid in processes() if mark in command_line(pid) and "--type=" not in command_line(pid)
        )

    def open(self, address: str, script: str = "", files: Mapping[str, Path] | None = None) -> "View":
        """A page of its own; `script` runs in it first, `files` are given for these paths instead of the server's."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 860}, color_scheme="dark")
        if files:
            # A page that did not come from the server is of another network than the server for Chromium.
            context.grant_permissions(["local-network-access"])
        if script:
            context.add_init_script(script)
        page = context.new_page()
        for path, file in (files or {}).items():
            page.route(f"**{path}", lambda route, _request, file=file: route.fulfill(path=file))
        page.goto(address)
        return View(page, self)

    def processor_s(self) -> tuple[float, float]:
        """Processor time so far: of workers' threads, and of all processes of the browser."""
        worker = whole = 0.0
        for pid in descendants(self._root):
            for name, ticks in threads(pid):
                whole += ticks
                worker += ticks if name.startswith(WORKER) else 0
        return worker / TICKS_PER_S, whole / TICKS_PER_S

    def resident_mib(self) -> float:
        """Memory of the renderers, each page of memory by the share of who use it."""
        renderers = [pid for pid in descendants(self._root) if "--type=renderer" in command_line(pid)]
        return sum(proportional_kib(pid) for pid in renderers) / 1024


class View:
    """A page that is measured."""

    def __init__(self, page: "Page", chromium: Chromium) -> None:
        self.page = page
        self._chromium = chromium
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")

    def close(self) -> None:
        """Close it, and its context."""
        self.page.context.close()

    def counters(self) -> dict[str, float]:
        """Of `Performance.getMetrics`."""
        found: Any = self._session.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in found["metrics"]}

    def measure(self, seconds: float, *, frames: bool = True) -> Cost:
        """What it costs in the next seconds."""
        if frames:
            self.page.evaluate(FRAMES)
        before, (worker, whole), begin = self.counters(), self._chromium.processor_s(), time.monotonic()
        time.sleep(seconds)
        after, (worker_after, whole_after) = self.counters(), self._chromium.processor_s()
        passed = time.monotonic() - begin
        gaps: list[float] = self.page.evaluate("stopFrames()") if frames else [0.0]
        return Cost(
            1000 * (after["ScriptDuration"] - before["ScriptDuration"]) / passed,
            1000 * (worker_after - worker) / passed,
            1000 * (whole_after - whole) / passed,
            *(percentile(gaps, which) for which in (50, 99, 100)),
        )

    def heap_mib(self) -> float:
        """Of the main thread, after garbage was collected."""
        self._session.send("HeapProfiler.collectGarbage")
        return self.counters()["JSHeapUsedSize"] / 2**20

    def hide(self) -> None:
        """Tell the page that it is hidden. Headless Chromium hides none: frames and timers go on as before."""
        self.page.evaluate(
            "Object.defineProperty(document, 'hidden', { get: () => true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


@contextmanager
def launched() -> Iterator[Chromium]:
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.exit("browser-bench: no Chromium; apt-get install chromium, or name it: CHROMIUM=program")
    mark = f"--bench-{uuid.uuid4()}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", mark])
        try:
            yield Chromium(browser, mark)
        finally:
            browser.close()


def processes() -> list[int]:
    """All that there are."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def command_line(pid: int) -> str:
    """With spaces between the arguments; empty if it has ended."""
    return read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")


def descendants(root: int) -> list[int]:
    """A process and all below it."""
    parents = {pid: stat[1] for pid in processes() if (stat := fields(Path(f"/proc/{pid}/stat")))}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if int(parent) == pid]
    return found


def threads(pid: int) -> list[tuple[str, int]]:
    """Name and processor time in ticks of each thread."""
    stats = [fields(path / "stat") for path in Path(f"/proc/{pid}/task").glob("*")]
    return [(stat[-1], int(stat[11]) + int(stat[12])) for stat in stats if stat]


def fields(path: Path) -> list[str]:
    """Of a `stat` file: state, parent, …, and the name last; none if the process has ended."""
    text = read(path)
    name, _, rest = text.partition("(")[2].rpartition(")")
    return [*rest.split(), name] if rest else []


def proportional_kib(pid: int) -> int:
    """`Pss` of a process."""
    lines = read(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def read(path: Path) -> str:
    """The text of a file that may vanish."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
