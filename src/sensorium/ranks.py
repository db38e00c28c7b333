"""Several processes (ranks) that train one model together, as torch's own launcher starts them.

    torchrun --nproc-per-node 2 -m sensorium pretrain ...

Every rank has the whole model and its share of each batch. Nothing is wrapped: where something is
said of the whole batch, as a count, a similarity or a gradient, it is brought together here. Alone,
every function gives back what it was given.

All ranks have to call the same functions in the same order. Inside `together` and `first_alone` no
other function of this file may be called, so that an error on one rank finds the others waiting
for it.

Shapes: R ranks, K rows on a rank.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from sensorium.errors import OtherRankError

Result = TypeVar("Result")

LONGEST_WAIT = timedelta(hours=1)  # for a rank that evaluates while the others wait


def count() -> int:
    """How many ranks there are; 1 alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which one this is, from 0; the first writes logs and checkpoints, and evaluates."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@contextmanager
def joined() -> Iterator[None]:
    """Join the other ranks for as long as the context lasts, where a launcher started several."""
    if distributed.is_initialized() or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        own = int(os.environ.get("LOCAL_RANK", "0"))
        if own < torch.cuda.device_count():
            torch.cuda.set_device(own)  # what the device "cuda" then means
    distributed.init_process_group(backend, timeout=LONGEST_WAIT)
    yield
    distributed.destroy_process_group()  # after an error the process ends, and its end is enough


def totals(values: Sequence[float]) -> list[float]:
    """Sums over the ranks, number by number."""
    if count() == 1:
        return list(values)
    summed = torch.tensor(values, dtype=torch.float64)
    distributed.all_reduce(summed)
    return summed.tolist()


def add_up(values: Tensor) -> None:
    """Give every rank the sum of all ranks' values, in place."""
    if count() > 1:
        distributed.all_reduce(values)


def everyone(value: Result) -> list[Result]:
    """What every rank gave, by rank."""
    if count() == 1:
        return [value]
    given: list[Any] = [None] * count()
    distributed.all_gather_object(given, value)
    return given


@contextmanager
def together() -> Iterator[None]:
    """A block that every rank goes through by itself: an error in one ends it in all.

    Raises:
        OtherRankError: the block failed on another rank; its message says how.
    """
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
    if sum(totals([error is not None])):
        said = everyone(None if error is None else str(error) or type(error).__name__)
        if error is None:
            failed, message = next((r, text) for r, text in enumerate(said) if text is not None)
            raise OtherRankError(f"stopped, because rank {failed} has: {message}")
    if error is not None:
        raise error


def first_alone(work: Callable[[], Result]) -> Result:
    """Do some work on rank 0, and then, once that went well, on the others."""
    done: list[Result] = []
    for turn in (True, False):
        with together():
            if turn == (rank() == 0):
                done.append(work())
    return done[0]


def only_first(work: Callable[[], Result]) -> Result:
    """Do some work on rank 0 alone; every rank gets its result."""
    result: Result | None = None
    with together():
        if rank() == 0:
            result = work()
    return everyone(result)[0]  # type: ignore[return-value]  # rank 0 has done it


def gather(rows: Tensor) -> Tensor:
    """The rows [K, ...] of all ranks, by rank; gradients go back to the rank whose rows they are.

    Every rank must give rows that require a gradient, or none.
    """
    if count() == 1:
        return rows
    sizes = everyone(len(rows))
    padded = rows.new_zeros((max(sizes) - len(rows), *rows.shape[1:]))
    parts = _Gather.apply(torch.cat([rows, padded]))
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


class _Gather(torch.autograd.Function):
    """[K, ...] of every rank -> [R, K, ...]."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(count())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(summed)
        return summed[rank()]


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give every rank the sum of all ranks' gradients.

    A parameter that this rank had no use for counts as zero; one that no rank had a use for keeps
    no gradient, and so is left alone by the optimizer, as it is in a single process.
    """
    if count() == 1:
        return
    own = [p for p in parameters if p.requires_grad]
    used = totals([float(p.grad is not None) for p in own])
    trained = [p for p, users in zip(own, used, strict=True) if users]
    if not trained:
        return
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in trained if p.grad is not None]
    joined_gradients = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(joined_gradients)
    parts = joined_gradients.split([gradient.numel() for gradient in gradients])
    torch._foreach_copy_(
        gradients, [part.view_as(g) for part, g in zip(parts, gradients, strict=True)]
    )
