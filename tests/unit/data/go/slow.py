"""Go by points and sets, as one would explain it: an opinion apart from `dlspec.data.go`."""

from __future__ import annotations

Point = tuple[int, int]


class SlowBoard:
    """Stones as a dictionary from points to colours."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stones: dict[Point, int] = {}
        self.ko: Point | None = None

    def beside(self, point: Point) -> list[Point]:
        row, column = point
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [p for p in around if all(0 <= c < self.size for c in p)]

    def chain(self, point: Point) -> tuple[set[Point], set[Point]]:
        """The stones that hang together with one, and their liberties."""
        colour, chain, free, left = self.stones[point], {point}, set[Point](), [point]
        while left:
            for near in self.beside(left.pop()):
                if near not in self.stones:
                    free.add(near)
                elif self.stones[near] == colour and near not in chain:
                    chain.add(near)
                    left.append(near)
        return chain, free

    def play(self, colour: int, point: Point) -> set[Point] | None:
        """The stones taken; None (and nothing happens) where the move is not allowed."""
        if point in self.stones or point == self.ko:
            return None
        self.stones[point] = colour
        taken: set[Point] = set()
        for near in self.beside(point):
            if self.stones.get(near) == 1 - colour:
                chain, free = self.chain(near)
                if not free:
                    taken |= chain
        for stone in taken:
            del self.stones[stone]
        chain, free = self.chain(point)
        if not free:
            del self.stones[point]  # nothing was taken, or there were a liberty
            return None
        self.ko = next(iter(taken)) if len(taken) == len(chain) == len(free) == 1 else None
        return taken
