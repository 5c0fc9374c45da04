"""The price of a song for every line of a file, and the lines that would be refused. Nothing is sent.

`python examples/dry_run.py prompts.txt`
"""

import sys
from pathlib import Path

from suno_async import GenerateMusic, SunoClient


def main(prompts: Path) -> int:
    """How many lines would be refused."""
    suno = SunoClient()
    credits, refused = 0.0, 0
    for number, line in enumerate(prompts.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        shown = suno.preview(GenerateMusic(prompt=line.strip()))
        if shown.problems:
            refused += 1
            print(f"line {number}: {'; '.join(map(str, shown.problems))}")
        else:
            credits += shown.credits or 0.0
    print(f"{credits:g} credits for the other lines")
    return refused


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) > 0)
