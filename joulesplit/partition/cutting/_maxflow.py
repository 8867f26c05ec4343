"""Minimum cut of a directed graph by maximum flow (Dinic), in whole numbers of any size."""

from __future__ import annotations

from collections import deque


class FlowGraph:
    """A graph with capacities, built edge by edge.

    Dinic's algorithm: as long as the sink can be reached, send as much as fits along shortest
    paths only, found by their distance from the source. Python's integers are exact at any
    size, so nothing has to be scaled or rounded. Edge 2k + 1 is the reverse of edge 2k.

    Args:
        nodes: Number of nodes; they are numbered from 0.
    """

    def __init__(self, nodes: int) -> None:
        self._edges_of: list[list[int]] = [[] for _ in range(nodes)]
        self._target: list[int] = []
        self._room: list[int] = []

    def add_edge(self, tail: int, head: int, capacity: int) -> None:
        """Add an edge from ``tail`` to ``head``."""
        for start, end, room in ((tail, head, capacity), (head, tail, 0)):
            self._edges_of[start].append(len(self._target))
            self._target.append(end)
            self._room.append(room)

    def minimum_cut(self, source: int, sink: int) -> tuple[int, frozenset[int]]:
        """Return the capacity of a minimum cut and the nodes on the source's side.

        Of all minimum cuts it is the one with the fewest nodes on that side. The graph's
        capacities are used up.
        """
        value = 0
        while True:
            distances = self._distances(source, sink)
            if distances[sink] < 0:
                return value, frozenset(n for n, distance in enumerate(distances) if distance >= 0)
            value += self._blocking_flow(source, sink, distances)

    def _distances(self, source: int, sink: int) -> list[int]:
        """Return each node's distance from the source along edges with room; -1 if none.

        What is no nearer than the sink, if that can be reached, is on no shortest path: -1 too.
        """
        edges_of, target, room = self._edges_of, self._target, self._room
        distances = [-1] * len(edges_of)
        distances[source] = 0
        queue = deque([source])
        while queue and distances[sink] < 0:
            node = queue.popleft()
            for edge in edges_of[node]:
                if room[edge] and distances[target[edge]] < 0:
                    distances[target[edge]] = distances[node] + 1
                    queue.append(target[edge])
        return distances

    def _blocking_flow(self, source: int, sink: int, distances: list[int]) -> int:
        """Send flow along shortest paths until each has a full edge; return how much.

        What a node's edges have been tried for is not tried again.
        """
        edges_of, target, room = self._edges_of, self._target, self._room
        tried = [0] * len(edges_of)
        sent, path, node = 0, list[int](), source
        while True:
            if node == sink:
                sent += self._fill(path)
                node = target[path[-1]] if path else source
            # Written out: nearly all of the time goes into these steps.
            edges, next_distance, position = edges_of[node], distances[node] + 1, tried[node]
            while position < len(edges):
                edge = edges[position]
                if room[edge] and distances[target[edge]] == next_distance:
                    break
                position += 1
            tried[node] = position
            if position < len(edges):
                path.append(edge)
                node = target[edge]
            elif not path:
                return sent
            else:
                node = target[path.pop() ^ 1]
                tried[node] += 1

    def _fill(self, path: list[int]) -> int:
        """Send what fits along a path, cut it back to its first full edge, return how much."""
        amount = min(self._room[edge] for edge in path)
        first_full = len(path)
        for position in range(len(path) - 1, -1, -1):
            edge = path[position]
            self._room[edge] -= amount
            self._room[edge ^ 1] += amount
            if not self._room[edge]:
                first_full = position
        del path[first_full:]
        return amount
