"""How many of something are under way."""

__all__ = ["UnderWay"]


class UnderWay:
    """Counts what has begun and not ended: `with under_way: …`."""

    # State, all of it: _count.

    def __init__(self) -> None:
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *exc: object) -> None:
        self._count -= 1
