"""The process: uvicorn with our protocol, that ends without cutting anybody off.

SIGTERM -> /readyz says 503, new work is refused -> what is under way is answered -> exit 0
"""

from __future__ import annotations

import asyncio
import gc
import logging.config
from types import FrameType

import uvicorn

from sensorium.deployment.server.app import build_app
from sensorium.deployment.server.desk import Desk
from sensorium.deployment.server.log import LOGGER, configuration
from sensorium.deployment.server.protocol import HEAD_BYTES, guarded

TICK_SECONDS = 0.05


class Process(uvicorn.Server):
    """A server that drains before it shuts down.

    Args:
        config: of uvicorn.
        desk: what is served.
    """

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self.desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Of SIGTERM and SIGINT; the second of them ends at once."""
        if self.desk.draining:
            self.should_exit = self.force_exit = True
        self.desk.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Asked by uvicorn several times a second whether to end."""
        if self.desk.draining and not self.should_exit:
            await self._drain()
        return await super().on_tick(counter) or self.should_exit

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        LOGGER.info("draining", extra={"facts": {"under_way": self.desk.under_way}})
        end = loop.time() + self.desk.limits.drain_seconds
        while self.desk.under_way and loop.time() < end and not self.should_exit:
            await asyncio.sleep(TICK_SECONDS)
        self.should_exit = True


def run(
    desk: Desk, *, host: str, port: int, token: str | None = None, log_level: str = "INFO"
) -> None:
    """Serve until a signal says to end.

    Args:
        host: address to listen at.
        port: 0 takes a free one, which the log names.
        token: what clients have to show; None lets in everybody.
    """
    limits = desk.limits
    logging.config.dictConfig(configuration(log_level))
    config = uvicorn.Config(
        build_app(desk, token=token),
        host=host,
        port=port,
        http=guarded(limits.header_seconds, limits.connections),
        ws="none",
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=round(limits.keep_alive_seconds) or 1,
        timeout_graceful_shutdown=1,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    # All that was imported and loaded stays: looking through it for garbage stops every thread for
    # a tenth of a second, again and again.
    gc.collect()
    gc.freeze()
    Process(config, desk).run()
