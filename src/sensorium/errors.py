"""The errors that a user can mend. The command line prints each as one line, without a traceback.

A message says what was expected, what came, where, and how to mend it. Anything that is not a
`SensoriumError` is a defect of ours, and keeps its traceback.
"""


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


class TrainingError(SensoriumError):
    """Training met a loss that is not finite, or that exploded."""


class OtherRankError(SensoriumError):
    """Another process of the same training failed, so this one cannot go on."""


class MissingDependencyError(SensoriumError):
    """An optional package is not installed; the text gives the install line."""
