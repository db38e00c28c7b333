"""Vectors of a frozen model and labels in; how well a simple reader finds the labels there out."""

from sensorium.evaluation.probe.features import Features, gather
from sensorium.evaluation.probe.probe import LABELS_PER_CLASS, Curve, Probed, Reading, probe

__all__ = ["LABELS_PER_CLASS", "Curve", "Features", "Probed", "Reading", "gather", "probe"]
