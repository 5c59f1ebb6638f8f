"""Keeps images of a bus's market, so that gateways can begin at the newest one."""

import asyncio
import time

import structlog

from deltawire.bus.images import encode_market
from deltawire.bus.nats.connection import TROUBLE, Address, connect
from deltawire.bus.nats.retained import Images, Manifest
from deltawire.errors import BusError
from deltawire.roles.bus_market import BusMarket, join, reporter

log = structlog.get_logger("deltawire")
RETRY_S = 0.5
OTHERS = 3
"""Another keeper takes over when there has been no image for so many intervals."""


async def keep_images(address: Address, stop: asyncio.Event, *, every_s: float) -> None:
    """Write an image of the market every so often, until `stop`; of several keepers one writes."""
    connection = await connect(address, report=reporter())
    images = Images(connection)
    try:
        await images.make()
        while not stop.is_set():
            market = BusMarket(connection, await join(connection, images))
            following = asyncio.create_task(market.follower.run())
            writing = asyncio.create_task(_write(market, images, every_s))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({following, writing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (following, writing, stopping):
                task.cancel()
            for outcome in await asyncio.gather(following, writing, stopping, return_exceptions=True):
                if isinstance(outcome, BusError):
                    log.warning("begins again", error=str(outcome))
                elif isinstance(outcome, Exception):
                    raise outcome
    finally:
        await connection.close()


async def _write(market: BusMarket, images: Images, every_s: float) -> None:
    await market.caught_up()
    ours = ""
    while True:
        before = await images.manifest()
        if before is None or before.id == ours or _is_old(before, market, every_s):
            try:
                written = await _write_one(market, images)
            except TROUBLE as error:
                log.warning("cannot write an image", error=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            if not ours:
                log.info("keeping images", sequence=written.sequence, bytes=written.size)
            ours = written.id
        else:
            ours = ""
        await asyncio.sleep(every_s)


def _is_old(manifest: Manifest, market: BusMarket, every_s: float) -> bool:
    age_s = time.time() - manifest.written_ns / 1e9
    return manifest.created != market.created or not 0 <= age_s < OTHERS * every_s


async def _write_one(market: BusMarket, images: Images) -> Manifest:
    """Between two messages the market and the places belong together."""
    state = market.left_at()
    assert state.market is not None, "there is one when following has caught up"
    return await images.write(
        encode_market(state.market.freeze()),
        created=state.created,
        sequence=state.sequence,
        epoch=state.epoch,
        places=state.places,
        now_ns=time.time_ns(),
    )
