"""The packages that graphs need, which are installed only where somebody wants graphs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sensorium.errors import MissingDependencyError

INSTALL = "pip install 'sensorium[export]'"


def package(name: str) -> Any:
    """A module of onnx, onnxruntime or onnxscript.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"graphs need the package {name.partition('.')[0]}: {INSTALL}"
        ) from error


@contextmanager
def quiet(logger: str) -> Iterator[None]:
    """What a logger, or one below it, has to say but errors is left unsaid."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
