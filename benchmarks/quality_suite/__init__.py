"""The stacks that fusion methods are compared on: rendered, with a known answer."""

from quality_suite.first import FIRST
from quality_suite.row import Row
from quality_suite.second import SECOND
from quality_suite.traced import TracedRow

__all__ = ["SUITES", "Row", "TracedRow"]

SUITES: dict[str, tuple[Row | TracedRow, ...]] = {"first": FIRST, "second": SECOND}
"""Tune on the first, prove on the second: other photographs, shapes and seeds."""
