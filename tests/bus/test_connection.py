"""A bus with TLS and passwords, and what is said when it cannot be used."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="needs deltawire[nats]")

from deltawire.bus.nats.broker import NatsBroker
from deltawire.bus.nats.connection import Address, connect
from deltawire.errors import UsageError
from deltawire.ports import Batch
from deltawire.store.certificates import self_signed
from tests.support.bus.nats_server import NatsServer

SECRET = "s3cret"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return self_signed(home, "127.0.0.1")


def secured(tmp_path: Path, pem: Path) -> NatsServer:
    """A server with TLS and one user."""
    options = (
        f'tls {{ cert_file: "{pem}", key_file: "{pem}" }}\nauthorization {{ user: desk, password: {SECRET} }}'
    )
    return NatsServer(tmp_path / "nats", options=options)


async def test_a_bus_with_tls_and_a_password_is_used_like_any_other(tmp_path: Path, pem: Path) -> None:
    with secured(tmp_path, pem) as server:
        url = f"tls://desk:{SECRET}@127.0.0.1:{server.port}"
        broker = await NatsBroker.open(Address(url, cafile=str(pem)))
        assert await broker.publish("md.v1.a", Batch("a", 1, [])) == 1
        assert broker.connection.url == f"tls://127.0.0.1:{server.port}"
        await broker.close()


async def test_what_is_wrong_is_said_in_one_line_without_the_secret(tmp_path: Path, pem: Path) -> None:
    with secured(tmp_path, pem) as server:
        place = f"127.0.0.1:{server.port}"
        for address in (
            Address(f"tls://desk:wrong{SECRET}@{place}", cafile=str(pem)),
            Address(f"tls://desk:{SECRET}@{place}"),
            Address(f"nats://{place}", cafile=str(pem)),
            Address(f"tls://{place}", credentials=str(tmp_path / "none.creds")),
            Address(f"tls://{place}", cafile=str(tmp_path / "none.pem")),
        ):
            with pytest.raises(UsageError) as caught:
                await asyncio.wait_for(connect(address), 60)
            said = str(caught.value)
            assert said.startswith(("cannot connect to the bus at ", "cannot read the "))
            assert SECRET not in said
            assert "\n" not in said
