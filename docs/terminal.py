"""Makes the picture of `suno-async` in a terminal from a real run: `make terminal`."""

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent / "images" / "terminal.svg"
COMMANDS = (
    'suno-async generate-music --prompt "a calm piano track" --save songs',
    "suno-async separate-stems --last --save songs",
    "suno-async tasks",
)
WIDTH = 100


def main() -> None:
    """Run the commands against an emulator, and draw what a terminal shows at the end."""
    with tempfile.TemporaryDirectory() as folder, emulator() as environment:
        environment |= {"XDG_DATA_HOME": folder, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        lines: list[str] = []
        for command in COMMANDS:
            lines += [f"\x1b[1;32m$\x1b[0m {command}", *screen(typed(command, folder, environment))]
    PICTURE.write_text(drawn(lines), encoding="utf-8")


@contextmanager
def emulator() -> Generator[dict[str, str]]:
    """Run an emulator as a process; gives the environment that leads to it."""
    command = [sys.executable, "-m", "suno_async", "emulator", "--port", "0", "--speed", "40", "--seed", "3"]
    with subprocess.Popen(
        [*command, "--media-seconds", "20"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield {**os.environ, **dict(re.findall(r"(SUNO_\w+)=(\S+)", process.stdout.readline()))}
        process.terminate()


def typed(command: str, folder: str, environment: dict[str, str]) -> str:
    """Run a command in a terminal, and return all that it wrote there."""
    arguments = [sys.executable, "-m", "suno_async", *re.findall(r'"[^"]*"|\S+', command)[1:]]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [one.strip('"') for one in arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # the terminal was left
            break
        if not chunk:
            break
        written += chunk
    os.close(ours)
    assert process.wait() == 0, written.decode()
    return written.decode()


def screen(written: str) -> list[str]:
    """Return the lines that a terminal shows at the end: bars are drawn again and again over each other."""
    lines, row = [""], 0
    place = 0
    for found in re.finditer(r"\x1b\[[\d;]*m|\x1b\[(\d*)([A-Za-z])|\x1b\[\?25[hl]|\r|\n|[^\x1b\r\n]+", written):
        text, count, letter = found[0], int(found[1] or 1), found[2]
        if text == "\n":
            row, place = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif text == "\r":
            place = 0
        elif letter == "A":
            row = max(row - count, 0)
        elif letter == "K":
            lines[row] = ""
        elif letter or text.startswith("\x1b[?"):
            continue
        else:
            lines[row] = text if place == 0 else lines[row] + text
            place += len(text)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def drawn(lines: list[str]) -> str:
    """Return the lines as a picture."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115  open to the end of the program
    for line in lines:
        console.print(Text.from_ansi(line), overflow="fold")
    console.file.close()
    svg = console.export_svg(title="suno-async", unique_id="terminal")
    # The fonts come from the reader's machine: the picture asks no other host.
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    main()
