"""HTTP requests of tests: one connection each, read to its end."""

import asyncio
import ssl
from urllib.parse import urlsplit

import h11


async def get(
    url: str, *, method: str = "GET", body: bytes = b"", tls: ssl.SSLContext | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
    connection = h11.Connection(h11.CLIENT)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = [("host", parts.netloc), ("content-length", f"{len(body)}"), ("connection", "close")]
    sent = [
        connection.send(h11.Request(method=method, target=target, headers=headers)),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    ]
    writer.write(b"".join(part for part in sent if part))
    status, received, names = 0, b"", {}
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(1 << 16))
        elif isinstance(event, h11.Response):
            status = event.status_code
            names = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            received += bytes(event.data)
        else:
            break
    writer.close()
    return status, received, names
