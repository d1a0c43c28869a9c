"""Average linkage by a heap: one join per step, for graphs in which few clusters are mutually nearest."""

from collections import defaultdict
from heapq import heappop, heappush

from erblock.matching.linkage import MISSING, Between, Clusters


def join_one_by_one(between: Between, clusters: Clusters) -> None:
    """Join clusters with a mean weight of 0 or more, nearest first, in place.

    Means fall as clusters grow and never rise, so an outdated mean is corrected when it is popped. The time
    of a step is proportional to the number of neighbours of the smaller cluster, times a logarithm.
    """
    _Heap(between, clusters).run()


class _Heap:
    def __init__(self, between: Between, clusters: Clusters) -> None:
        self._clusters = clusters
        self._left, self._right = clusters.left.tolist(), clusters.right.tolist()
        self._evidence: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        self._heap: list[tuple[float, int, int]] = []
        columns = (between.one, between.other, between.weight, between.pairs)
        for one, other, weight, pairs in zip(*(column.tolist() for column in columns), strict=True):
            self._evidence[one][other] = self._evidence[other][one] = (weight, pairs)
            self._push(one, other)

    def run(self) -> None:
        while self._heap:
            distance, one, other = heappop(self._heap)
            if other not in self._evidence[one]:
                continue
            if self._mean(one, other) == -distance:
                self._join(one, other)
            elif self._mean(one, other) < -distance:
                self._push(one, other)

    def _mean(self, one: int, other: int) -> float:
        weight, pairs = self._evidence[one][other]
        possible = self._left[one] * self._right[other] + self._right[one] * self._left[other]
        possible //= self._clusters.counted
        mean: float = (weight - MISSING * (possible - pairs)) / possible
        return mean

    def _push(self, one: int, other: int) -> None:
        mean = self._mean(one, other)
        if mean >= 0:
            heappush(self._heap, (-mean, min(one, other), max(one, other)))

    def _join(self, one: int, other: int) -> None:
        if len(self._evidence[one]) < len(self._evidence[other]):
            one, other = other, one
        self._clusters.of[other] = one
        self._left[one] += self._left[other]
        self._right[one] += self._right[other]
        for third, (weight, pairs) in self._evidence.pop(other).items():
            del self._evidence[third][other]
            if third != one:
                known = self._evidence[one].get(third, (0, 0))
                both = (known[0] + weight, known[1] + pairs)
                self._evidence[one][third] = self._evidence[third][one] = both
                self._push(one, third)
