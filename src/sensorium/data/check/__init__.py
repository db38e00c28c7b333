"""Opened sets enter, and are decoded whole; what they hold, and what is wrong with them, leaves."""

from sensorium.data.check.check import OpenedSet, Unopened, check_sets
from sensorium.data.check.report import Report
from sensorium.data.check.sets import find_sets

__all__ = ["OpenedSet", "Report", "Unopened", "check_sets", "find_sets"]
