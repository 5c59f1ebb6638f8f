"""Images of the market beside the stream: where a reader begins who was not there from the beginning."""

import asyncio
import secrets

import msgspec
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from deltawire.bus.nats.connection import RETRY_S, TROUBLE, Connection
from deltawire.bus.nats.following import Place
from deltawire.errors import NOT_DECODED, BusError

VERSION = 4
PREFIX = "img.v1"
MANIFEST = f"{PREFIX}.manifest"
SLOTS = 2
"""An image is written beside the last one, which stays until the manifest names the new one."""
ID_BYTES = 12
CHUNKS_AT_ONCE = 16
TRIES = 5


class Manifest(msgspec.Struct, frozen=True):
    """What the newest image is: the market behind message `sequence` of the stream that was made at `created`."""

    version: int
    id: str
    slot: int
    chunks: int
    size: int
    created: str
    sequence: int
    epoch: str
    places: dict[str, Place]
    written_ns: int
    """Nanoseconds since 1970, by the clock of who wrote it."""


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Manifest).decode


class Images:
    """The images of a bus; `NAME_IMAGES` is their stream."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._name = f"{connection.settings.name}_IMAGES"

    async def make(self) -> None:
        """Make their stream, if there is none."""
        js = self._connection.js
        config = StreamConfig(
            name=self._name,
            subjects=[f"{PREFIX}.>"],
            max_msgs_per_subject=1,
            storage=StorageType.FILE,
            allow_direct=True,
        )
        while True:
            try:
                await js.stream_info(self._name)
                return
            except NotFoundError:
                try:
                    await js.add_stream(config)
                except APIError:
                    await asyncio.sleep(RETRY_S)  # another process makes it
            except TROUBLE:
                await asyncio.sleep(RETRY_S)

    async def manifest(self) -> Manifest | None:
        """What the newest image is; None if there is none that this version reads. Waits for the server."""
        while True:
            try:
                message = await self._connection.js.get_msg(self._name, subject=MANIFEST)
                return _manifest(message.data or b"")
            except NotFoundError:
                return None
            except TROUBLE:
                await asyncio.sleep(RETRY_S)

    async def read(self) -> tuple[Manifest, bytes] | None:
        """The newest image and what it is; None if there is none."""
        for _ in range(TRIES):
            manifest = await self.manifest()
            if manifest is None:
                return None
            data = await self._chunks(manifest)
            if data is not None:
                return manifest, data
        raise BusError("garbage", "images are replaced faster than they can be read")

    async def _chunks(self, manifest: Manifest) -> bytes | None:
        """The image; None if another one has been written over it."""
        found: list[bytes] = []
        try:
            for first in range(0, manifest.chunks, CHUNKS_AT_ONCE):
                numbers = range(first, min(first + CHUNKS_AT_ONCE, manifest.chunks))
                found += await asyncio.gather(*(self._chunk(manifest, number) for number in numbers))
        except (NotFoundError, *TROUBLE):
            await asyncio.sleep(RETRY_S)
            return None
        mark = manifest.id.encode()
        if any(chunk[:ID_BYTES] != mark for chunk in found):
            return None
        data = b"".join(chunk[ID_BYTES:] for chunk in found)
        return data if len(data) == manifest.size else None

    async def _chunk(self, manifest: Manifest, number: int) -> bytes:
        subject = f"{PREFIX}.{manifest.slot}.{number}"
        message = await self._connection.js.get_msg(self._name, subject=subject, direct=True)
        return message.data or b""

    async def write(
        self, data: bytes, *, created: str, sequence: int, epoch: str, places: dict[str, Place], now_ns: int
    ) -> Manifest:
        """Write an image; until the end the last one stays. Errors of NATS are raised, and nothing is changed."""
        before = await self.manifest()
        js, size = self._connection.js, self._connection.part_bytes
        mark = secrets.token_hex(ID_BYTES // 2)
        slot = (before.slot + 1) % SLOTS if before else 0
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        manifest = Manifest(
            VERSION, mark, slot, len(chunks), len(data), created, sequence, epoch, places, now_ns
        )
        for number, chunk in enumerate(chunks):
            await js.publish(f"{PREFIX}.{slot}.{number}", mark.encode() + chunk)
        await js.publish(MANIFEST, _encode(manifest))
        return manifest


def _manifest(data: bytes) -> Manifest | None:
    try:
        manifest = _decode(data)
    except NOT_DECODED:
        return None
    return manifest if manifest.version == VERSION else None
