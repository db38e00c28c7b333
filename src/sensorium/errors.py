"""The errors that a user can mend. The command line prints each as one line, without a traceback.

A message says what was expected, what came, where, and how to mend it. Anything that is not a
`SensoriumError` is a defect of ours, and keeps its traceback.
"""

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(name: str, valid: Sequence[str]) -> str:
    """`; did you mean 'gated'?`, where a valid name is near to the one that came; else nothing."""
    close = get_close_matches(name, valid, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class SensoriumError(Exception):
    """A mistake in a recipe, in data or in a call, with the way to mend it in its text."""


class RecipeError(SensoriumError):
    """A recipe that cannot be read, or that contradicts itself."""


class DataError(SensoriumError):
    """Data that is not there, or whose columns cannot be used."""


class FailureBudgetError(DataError):
    """More samples are broken than the recipe allows."""


class RunError(SensoriumError):
    """A run folder that is missing, incomplete or in the way."""


class BundleError(SensoriumError):
    """A bundle that is damaged, or that asks for what no bundle may."""


class ExportError(SensoriumError):
    """A model that cannot be exported as asked, or whose export does not agree with it."""


class TrainingError(SensoriumError):
    """Training met a loss that is not finite, or that exploded."""


class OtherRankError(SensoriumError):
    """Another process of the same training failed, so this one cannot go on."""


class MissingDependencyError(SensoriumError):
    """An optional package is not installed; the text gives the install line."""
