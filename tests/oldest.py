"""Prints the oldest versions that pyproject.toml allows, as constraints for pip: `make test-oldest` installs those."""

import re
import tomllib
from pathlib import Path

LOWER_BOUND = re.compile(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)")


def oldest() -> list[str]:
    """The lower bound of each dependency, also of those of the extras, as a pin."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    needed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return ["{}=={}".format(*found.groups()) for found in map(LOWER_BOUND.match, needed) if found]  # extras have none


if __name__ == "__main__":
    print(*oldest(), sep="\n")
