"""A trained mixture and batches in, figures and a report out."""

from sensorium.evaluation.evaluate import Evaluation, EvaluationConfig, evaluate

__all__ = ["Evaluation", "EvaluationConfig", "evaluate"]
