"""Serve what was trained, runs and bundles, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from sensorium.deployment.index import SearchIndex
from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.limits import Limits
from sensorium.deployment.server.process import run as run_process
from sensorium.deployment.server.served import Served
from sensorium.errors import RunError, nearest
from sensorium.verbs.examples import examples_of
from sensorium.verbs.load import open_trained


def serve(
    *runs: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    limits: Mapping[str, Any] | None = None,
) -> None:
    """Answer requests with the models of some runs or bundles, until SIGTERM or Ctrl-C.

        sensorium.serve("runs/mine", port=8000, limits={"queue": 512})

    Args:
        runs: their folders; each is called by its folder's name, and the first is the default.
        host: address to listen at; 0.0.0.0 listens to other machines, too.
        port: 0 takes a free one, which the log names.
        token: what clients have to show as `Authorization: Bearer ...`; None lets in everybody.
        device: where to compute.
        precision: as of `load`; `auto` takes the fastest that says the same.
        threads: that the model computes with; None leaves it to torch.
        limits: name -> value of what `Limits` bounds, beside its defaults.

    Raises:
        SensoriumError: no such run or bundle, two of one name, no such limit, or the extra `serve`
            is not installed.
    """
    bounds = _limits(limits or {})
    if threads is not None:
        torch.set_num_threads(threads)
    desk = Desk(_opened(runs, device, precision, bounds), bounds)
    run_process(desk, host=host, port=port, token=token)


def _limits(said: Mapping[str, Any]) -> Limits:
    known = list(Limits.model_fields)
    for name in said:
        if name not in known:
            near = nearest(name, known) or ";"
            raise RunError(f"no limit {name!r}{near} there are {', '.join(known)}")
    try:
        return Limits.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(f"limit {place}: {first['msg']}" if place else first["msg"]) from error


def _opened(
    runs: Sequence[str | Path], device: str, precision: str, limits: Limits
) -> list[Served]:
    if not runs:
        raise RunError("expected at least one run or bundle to serve")
    found: dict[str, Served] = {}
    for folder in runs:
        name = Path(folder).resolve().name
        if name in found:
            raise RunError(f"two runs are called {name!r}; rename a folder")
        trained = open_trained(folder, device=device, precision=precision)
        bounded = replace(trained, data=limits.for_data(trained.data))
        index = SearchIndex(Path(folder) / "index")
        found[name] = Served(
            name, bounded.predictor(), index, examples_of(trained), engine=trained.engine
        )
    return list(found.values())
