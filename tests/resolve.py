"""Installs suno_async beside the frameworks of its users, without installing: `make resolve`.

pip resolves each framework alone and beside suno_async with all its extras. A conflict, or a package that is older
beside suno_async than alone, fails: pip takes an older framework without a word if nothing else pleases both.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
OURS = "suno-async[redis,emulator]"
FRAMEWORKS = (
    "aiogram",
    "aiogram[redis]",
    "discord.py",
    "fastapi",
    "litestar",
    "arq",
    "celery[redis]",
    "taskiq-redis",
    "openai",
    "langchain",
    "temporalio",
)
SHOWN = ("aiohttp", "msgspec", "anyio", "redis")
"""What we share with them: the columns of the table."""

Versions = dict[str, Version]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


class Conflict(Exception):
    """pip found no versions that suit all."""


class Row(NamedTuple):
    """What became of one framework."""

    framework: str
    version: str
    shared: tuple[str, ...]
    problem: str


def resolve(*requirements: str) -> Versions:
    """What pip would install in an empty environment."""
    command = [*PIP, "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", *requirements]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR: ")]
        raise Conflict("; ".join(line.removeprefix("ERROR: ") for line in said) or ran.stderr)
    found = [one["metadata"] for one in json.loads(ran.stdout)["install"]]
    return {canonicalize_name(one["name"]): Version(one["version"]) for one in found}


def older(alone: Versions, beside: Versions) -> list[str]:
    """The packages that pip takes an older version of, or none, beside suno_async."""
    moved = ((name, version, beside.get(name)) for name, version in sorted(alone.items()))
    return [f"{name} {version} -> {other or 'none'}" for name, version, other in moved if not other or other < version]


def row(framework: str, ours: str) -> Row:
    """Resolve one framework alone and beside suno_async."""
    try:
        alone = resolve(framework)
        beside = resolve(framework, ours)
    except Conflict as exc:
        return Row(framework, "none", ("",) * len(SHOWN), f"conflict: {exc}")
    version = str(beside.get(canonicalize_name(framework.partition("[")[0]), "none"))
    shared = tuple(str(beside.get(name, "")) for name in SHOWN)
    return Row(framework, version, shared, ", ".join(older(alone, beside)))


def wheel(folder: str) -> str:
    """Build suno_async once; returns it as a requirement."""
    subprocess.run([*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT)], check=True)
    (built,) = Path(folder).glob("*.whl")
    return f"{OURS} @ {built.as_uri()}"


def table(rows: Sequence[Row]) -> str:
    """The rows, in columns."""
    cells: list[tuple[str, ...]] = [("beside suno_async", "version", *SHOWN, "")]
    cells += [(one.framework, one.version, *one.shared, one.problem or "ok") for one in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def main() -> int:
    """Print the table. Returns how many rows are not as they should be."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        ours = wheel(folder)
        rows = list(pool.map(row, FRAMEWORKS, repeat(ours)))
    print(table(rows))
    return sum(bool(one.problem) for one in rows)


if __name__ == "__main__":
    sys.exit(main())
