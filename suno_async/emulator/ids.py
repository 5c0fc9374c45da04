"""Task ids."""

import random

__all__ = ["Ids"]


class Ids:
    """Makes ids of 32 hexadecimal digits, the same ones for the same seed."""

    # State, all of it: _random, a generator of random numbers; made, how many ids it gave.

    def __init__(self, seed: int | None) -> None:
        self._random = random.Random(seed)
        self.made = 0

    def new(self) -> str:
        """An id that was not used before."""
        self.made += 1
        return self._random.randbytes(16).hex()

    def resume(self, made: int) -> None:
        """Go on after so many ids."""
        while self.made < made:
            self.new()
