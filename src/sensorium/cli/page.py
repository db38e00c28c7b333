"""The address of a server's page, said and opened as soon as the server answers."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable

HOST, PORT = "127.0.0.1", 8000
TICK_SECONDS, PATIENCE_SECONDS = 0.2, 300.0


def free_port(wanted: int = PORT) -> int:
    """That port, or another one where somebody listens there."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, wanted))
        except OSError:
            trial.bind((HOST, 0))
        port: int = trial.getsockname()[1]
        return port


def when_up(port: int, act: Callable[[str], None]) -> threading.Thread:
    """Call `act` with the page's address, in a thread of its own, once somebody listens there."""

    def wait() -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
            except OSError:
                time.sleep(TICK_SECONDS)
            else:
                act(f"http://{HOST}:{port}/")
                return

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def show(address: str) -> None:
    """Say the address; open it where somebody sits before a screen."""
    print(f"page: {address} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    if sys.stderr.isatty() and _has_screen():
        webbrowser.open(address)


def _has_screen() -> bool:
    """A browser in the terminal would hide what stands there."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
