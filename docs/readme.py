"""The README as a release shows it, where no file of the repository is beside it. Used by `hatch_build.py`."""

import re

__all__ = ["published"]

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(docs/([\w/-]+)(\.\w+)(#[\w-]+)?\)")


def published(readme: str, site: str) -> str:
    """Return the README with links to the published site of the docs.

    Args:
        readme: The README, whose links lead to files below docs/.
        site: Address of the site. Empty: it is not published, so links become plain text and pictures are left out.
    """

    def link(found: re.Match[str]) -> str:
        picture, text, name, ending, anchor = found.groups(default="")
        if not site:
            return "" if picture else text
        return f"{picture}[{text}]({site.rstrip('/')}/{name}{'/' if ending == '.md' else ending}{anchor})"

    return _LINK.sub(link, readme)
