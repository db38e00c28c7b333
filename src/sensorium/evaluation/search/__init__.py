"""The trials of a search in; which values are best, what mattered, and a page of it, out."""

from sensorium.evaluation.search.found import Found, State, Tried, Where

__all__ = ["Found", "State", "Tried", "Where"]
