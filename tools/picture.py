"""Draw docs/watch.svg: what `deltawire watch` shows of a generated recording, served over a real socket."""

import asyncio
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console

from deltawire.cli.screens import Screen
from deltawire.client import connect
from deltawire.testing.recordings import make_recording, write_log

TARGET = Path(__file__).resolve().parent.parent / "docs" / "watch.svg"
CHANNELS = ("book.BTC-PERPETUAL.raw", "book.BTC-25DEC26-100000-C.raw", "trades.any.BTC.raw")
NOTES = 900
TITLE = "deltawire watch 127.0.0.1:8080 book.BTC-PERPETUAL.raw …"
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" \
height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


async def draw(url: str) -> str:
    """Take in notifications and render what they come to."""
    console, screen = Console(record=True, width=128, file=StringIO()), Screen()
    async with connect(url) as client:
        await client.subscribe(*CHANNELS)
        left = NOTES
        async for note in client:
            screen.take(note)
            left -= 1
            if not left:
                break
    console.print(screen.render())
    return console.export_svg(title=TITLE, code_format=FORMAT, unique_id="watch")


def main() -> None:
    """Serve, watch, draw."""
    with tempfile.TemporaryDirectory() as folder:
        file = write_log(make_recording(7), Path(folder) / "recording.log")
        command = [sys.executable, "-m", "deltawire", "serve", "--replay", str(file), "--venue", "deribit"]
        with subprocess.Popen([*command, "--port", "0", "--speed", "10"], stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                url = next(line.split()[-1].decode() for line in server.stdout if b"ws://" in line)
                TARGET.write_text(asyncio.run(draw(url)))
            finally:
                server.terminate()
    print(TARGET.name)


if __name__ == "__main__":
    main()
