"""Tries what `make dist` has built, as those would who get it.

The wheel is installed in a fresh environment, where the first program of the README runs against the emulator. The
sdist is unpacked, and there `make demo` runs. At the end it is said what a release still lacks.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
BIN = "Scripts" if os.name == "nt" else "bin"


def run(*command: str | Path, at: Path, **variables: str) -> str:
    """Run a command in a folder, outside of our own environment. Returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [*command], cwd=at, env=environment | variables, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def first_program() -> str:
    """The first program of the README."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def emulator(python: Path, folder: Path) -> Generator[dict[str, str]]:
    """An emulator in a process of its own; gives the variables that lead a client to it."""
    command = [str(python), "-m", "suno_async", "emulator", "--port", "0", "--speed", "20"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield dict(one.split("=", 1) for one in process.stdout.readline().split() if "=" in one)
        finally:
            process.terminate()


def described(wheel: Path) -> str:
    """What PyPI shows of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return archive.read(name).decode()


def try_wheel(wheel: Path, folder: Path) -> None:
    """Install the wheel with its emulator, and run the first program of the README."""
    assert "](docs/" not in described(wheel), "a link of the README leads nowhere on PyPI"
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / BIN / "python"
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", f"{wheel}[emulator]", at=folder)
    (folder / "first.py").write_text(first_program(), encoding="utf-8")
    with emulator(python, folder) as variables:
        print(run(python, "-W", "error", "first.py", at=folder, **variables), end="")
    assert len(list((folder / "songs").iterdir())) == 4  # two takes and their pictures
    print(f"{wheel.name}: the first program of the README has run")


def try_sdist(sdist: Path, folder: Path) -> None:
    """Unpack the sdist, and run the demo as the README says."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    printed = run("make", "demo", f"PYTHON={sys.executable}", at=unpacked)
    print(printed.splitlines()[-1])
    print(f"{sdist.name}: make demo has run")


def lacks() -> Iterator[str]:
    """What a release still lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, address in project["urls"].items():
        if not address:
            yield f"[project.urls] {name} in pyproject.toml is empty: fill in its address before you upload anything"


def main() -> None:
    """Try both. An error if one of them does not work."""
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    for attempt, built in ((try_wheel, wheel), (try_sdist, sdist)):
        with tempfile.TemporaryDirectory() as folder:
            attempt(built, Path(folder))
    for lack in lacks():
        print(f"missing: {lack}")


if __name__ == "__main__":
    main()
