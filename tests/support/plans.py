"""How PostgreSQL ran a query: what it read, where, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A query that was run and measured.

    Attributes:
        plan: The tree that EXPLAIN gives.
        nodes: All nodes of it that were run, those of subqueries too; a function that is not part of the plan is one.
    """

    plan: Node
    nodes: list[Node] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", [node for node in _walk(self.plan) if node["Actual Loops"]])

    @property
    def rows(self) -> int:
        """Rows that it gave."""
        return int(self.plan["Actual Rows"])

    @property
    def buffers(self) -> int:
        """Pages of 8 KiB that it looked at, as often as it did; those inside functions too."""
        return int(self.plan["Shared Hit Blocks"] + self.plan["Shared Read Blocks"])

    @property
    def tables(self) -> set[str]:
        """Tables that it read."""
        return {node["Relation Name"] for node in self.nodes if "Relation Name" in node}

    @property
    def whole_tables(self) -> set[str]:
        """Tables that it read from the first page to the last."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}

    @property
    def kinds(self) -> set[str]:
        """Kinds of its nodes."""
        return {node["Node Type"] for node in self.nodes}

    def rows_read(self, table: str) -> int:
        """Rows of a table that it looked at, also those that it passed over."""
        return sum(
            round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
            for node in self.nodes
            if node.get("Relation Name") == table
        )


def measure(ask: Callable[[str], list[dict[str, Any]]], query: str) -> Run:
    """Runs a query to its end, for whoever asks."""
    (row,) = ask(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {query}")
    return Run(row["QUERY PLAN"][0]["Plan"])


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)
