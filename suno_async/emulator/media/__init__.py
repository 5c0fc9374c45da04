"""Media files that players can open: tunes, notes, images and videos, generated from texts.

The same content gives the same file. PyAV and NumPy are imported when the first file is made.
"""

from .content import Content
from .files import TYPES, etag_of, make

__all__ = ["TYPES", "Content", "etag_of", "make"]
