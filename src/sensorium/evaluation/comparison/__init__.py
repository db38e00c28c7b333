"""Finished runs of several variants in; who is best, and whether that is more than noise, out."""

from sensorium.evaluation.comparison.comparison import Comparison
from sensorium.evaluation.comparison.contenders import Contender, Reached, Terms, reached
from sensorium.evaluation.comparison.headlines import check_metric

__all__ = ["Comparison", "Contender", "Reached", "Terms", "check_metric", "reached"]
