"""Task ids."""

import random

__all__ = ["Ids"]


class Ids:
    """Makes ids of 32 hexadecimal digits, the same ones for the same seed."""

    # State, all of it: _random, a generator of random numbers.

    def __init__(self, seed: int | None) -> None:
        self._random = random.Random(seed)

    def new(self) -> str:
        """An id that was not used before."""
        return self._random.randbytes(16).hex()
