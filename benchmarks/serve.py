"""How many requests does a server on one core answer, and does it pay to batch?

    python benchmarks/serve.py --litserve-python litserve/bin/python --json serve.json
    python benchmarks/serve.py --width 384 --depth 4 --clients 1 64

Each request is one picture (PNG, 64x64) and asks for its vector. `sensorium serve` with batches of
up to 32 and of 1, beside LitServe with the same model, the same code to decode, batches of up to 32
gathered for 1 or 5 ms (what served it best, of 0 to 50), and of 1. Each server is pinned to
`--core` with one thread for its model, the clients to `--client-core`; clients ask again as soon as
they are answered. Servers are measured in turn (A B C A B C ...), those that are not measured are
halted, and the median round counts.

Then overload: more clients than the queue holds, none of which waits before it asks again.

On one core a batch pays by what a call costs besides its arithmetic. So the model is deep and
narrow by default, where that is most of a call; the table's first lines say what a picture costs
alone and among 32. Where the arithmetic fills the core (`--width 384`), a batch brings little.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import torch
from contenders.clients import Load, ask, post
from contenders.served_run import served_run
from contenders.servers import Server, litserve, our_server
from side_by_side import describe_machine

from sensorium.verbs.load import open_trained

PACKAGES = ("torch", "uvicorn", "fastapi")
BATCH, CLIENTS = 32, (1, 8, 64)
OURS, ALONE = "sensorium", "sensorium, batch=1"
PEER, PEER_ALONE = "LitServe", "LitServe, batch=1"
LITSERVE_WAITS = (0.001, 0.005)
WARMUP_SECONDS = 0.7
OVERLOAD_CLIENTS, OVERLOAD_QUEUE = 256, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", nargs="+", type=int, default=list(CLIENTS))
    parser.add_argument("--width", type=int, default=96, help="of the picture encoder")
    parser.add_argument("--depth", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=1, help="of the servers")
    parser.add_argument("--client-core", type=int, default=0)
    parser.add_argument("--litserve-python", type=Path, help="where LitServe is installed")
    parser.add_argument(
        "--litserve-waits",
        nargs="+",
        type=float,
        default=list(LITSERVE_WAITS),
        help="its batch_timeout, in seconds: how long a batch is gathered",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    facts = describe_machine(torch.device("cpu"), PACKAGES)
    for what, fact in facts.items():
        print(f"{what}: {fact}")
    with tempfile.TemporaryDirectory() as place:
        encoder = "model.encoders.image"
        size = [f"{encoder}.width={options.width}", f"{encoder}.depth={options.depth}"]
        run = served_run(Path(place) / "run", "demo", size)
        pictures = [path.read_bytes() for path in sorted(Path(place).rglob("*.png"))]
        requests = [post("/v1/embeddings", _asking(content)) for content in pictures]
        costs = {rows: _milliseconds(run, pictures[:rows]) for rows in (1, BATCH)}
        print(f"the model, a picture: alone {costs[1]:.2f} ms, among {BATCH} {costs[BATCH]:.2f} ms")
        os.sched_setaffinity(0, {options.client_core})
        compared = compare(run, requests, options)
        overload = overloaded(run, requests, options)
    if options.json is not None:
        told = {"model_ms": costs, "servers": compared, "overload": overload}
        options.json.write_text(json.dumps({**facts, **told}, indent=1))


def _asking(picture: bytes) -> bytes:
    image = base64.b64encode(picture).decode("ascii")
    return json.dumps({"input": {"image": image}, "encoding_format": "base64"}).encode()


@torch.inference_mode()
def _milliseconds(run: Path, pictures: list[bytes], calls: int = 30) -> float:
    """What one of some pictures costs the model, decoded before."""
    trained = open_trained(run, device="cpu")
    predictor, embedder = trained.predictor(), trained.embedder()
    samples = [predictor.read({"image": {"bytes": content}}) for content in pictures]
    seconds = []
    for _ in range(calls):
        begin = time.process_time()
        embedder.embed(samples, "image")
        seconds.append(time.process_time() - begin)
    return 1e3 * median(seconds) / len(samples)


def compare(
    run: Path, requests: list[bytes], options: argparse.Namespace
) -> dict[str, dict[int, dict[str, float]]]:
    """Who -> clients -> the median of each figure; prints a line for each."""
    loads: dict[str, dict[int, list[Load]]] = {}
    with ExitStack() as stack:
        servers = _servers(run, options, stack)
        for _ in range(options.rounds):
            for who, server in servers.items():
                server.go_on()
                for clients in options.clients:
                    load = ask(server.port, requests, clients, options.seconds, WARMUP_SECONDS)
                    loads.setdefault(who, {}).setdefault(clients, []).append(load)
                server.halt()
    found = {
        who: {clients: _figures(some) for clients, some in each.items()}
        for who, each in loads.items()
    }
    _print(found, options.clients)
    return found


def _servers(run: Path, options: argparse.Namespace, stack: ExitStack) -> dict[str, Server]:
    """All of them, halted."""
    core, python = options.core, options.litserve_python
    opened = {OURS: our_server(run, core), ALONE: our_server(run, core, {"batch": 1})}
    if python is None:
        print(f"{PEER} is left out: --litserve-python says where it is installed")
    else:
        for wait in options.litserve_waits:
            opened[f"{PEER}, {1e3 * wait:g} ms"] = litserve(python, run, core, BATCH, wait)
        opened[PEER_ALONE] = litserve(python, run, core, 1, 0.0)
    servers = {}
    for who, server in opened.items():
        servers[who] = stack.enter_context(server)
        servers[who].halt()
    return servers


def _figures(loads: list[Load]) -> dict[str, float]:
    return {
        "per_second": median(load.per_second for load in loads),
        "p50_ms": median(load.wait_ms(50) for load in loads),
        "p99_ms": median(load.wait_ms(99) for load in loads),
        "not_200": sum(load.statuses.total() - load.statuses[200] for load in loads),
    }


def _print(found: dict[str, dict[int, dict[str, float]]], clients: list[int]) -> None:
    print(
        f"\n{'answers/s, p50 / p99 in ms':28}", *(f"{f'{count} clients':>26}" for count in clients)
    )
    for who, each in found.items():
        cells = [
            f"{one['per_second']:8.1f} {one['p50_ms']:7.1f} /{one['p99_ms']:7.1f}"
            + (f" ({one['not_200']:.0f} failed)" if one["not_200"] else "")
            for one in each.values()
        ]
        print(f"{who:28}", *(f"{cell:>26}" for cell in cells))
    peers = [who for who in found if who.startswith(PEER)]
    _print_ratio(f"{OURS} / {ALONE}", found[OURS], [found[ALONE]])
    if peers:
        _print_ratio(f"{OURS} / the best of {PEER}", found[OURS], [found[who] for who in peers])
        _print_ratio(f"{ALONE} / {PEER_ALONE}", found[ALONE], [found[PEER_ALONE]])


def _print_ratio(
    name: str, ours: dict[int, dict[str, float]], others: list[dict[int, dict[str, float]]]
) -> None:
    ratios = [
        one["per_second"] / max(other[clients]["per_second"] for other in others)
        for clients, one in ours.items()
    ]
    print(f"{name:40}", *(f"{ratio:.2f} x".ljust(26) for ratio in ratios))


def overloaded(run: Path, requests: list[bytes], options: argparse.Namespace) -> dict[str, Any]:
    """What becomes of more clients than the queue holds, and of the memory; prints it."""
    bounds = {"queue": OVERLOAD_QUEUE, "inputs": OVERLOAD_QUEUE}
    with our_server(run, options.core, bounds) as server:
        ask(server.port, requests, OVERLOAD_QUEUE // 2, 2.0, warmup=0.0)
        before = server.resident_megabytes
        load = ask(server.port, requests, OVERLOAD_CLIENTS, 2 * options.seconds, WARMUP_SECONDS)
        after = server.resident_megabytes
    statuses = {str(status): count for status, count in sorted(load.statuses.items())}
    print(f"\n{OVERLOAD_CLIENTS} clients without pause, a queue of {OVERLOAD_QUEUE}:")
    for status, count in statuses.items():
        print(f"  {status}: {count / load.seconds:.1f}/s")
    print(
        f"  those with 200 waited {load.wait_ms(50):.0f} ms (p50), {load.wait_ms(99):.0f} ms (p99)"
    )
    print(f"  resident memory: {before:.0f} MB before, {after:.0f} MB after")
    return {
        "statuses": statuses,
        "seconds": load.seconds,
        "p50_ms": load.wait_ms(50),
        "p99_ms": load.wait_ms(99),
        "resident_mb_before": before,
        "resident_mb_after": after,
    }


if __name__ == "__main__":
    main()
