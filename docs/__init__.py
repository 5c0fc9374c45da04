"""The site: `make docs`. Its pages are the Markdown files here, and what `generate.py` adds."""
