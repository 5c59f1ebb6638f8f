"""What a message that JetStream delivers says of its place."""

import pytest

pytest.importorskip("nats", reason="needs deltawire[nats]")

from nats.aio.msg import Msg

from deltawire.bus.nats.following import delivery_numbers

OLD = "$JS.ACK.DELTAWIRE.aBc.1.4711.42.1764550000000000000.7"
NEW = "$JS.ACK._.hash.DELTAWIRE.aBc.1.4711.42.1764550000000000000.7"


@pytest.mark.parametrize("reply", [OLD, NEW, f"{NEW}.random"])
def test_places_are_read_from_the_subject_for_acknowledgements_of_old_and_new_servers(reply: str) -> None:
    assert delivery_numbers(reply) == (4711, 42, 7)
    metadata = Msg.Metadata._from_reply(reply)
    assert (metadata.sequence.stream, metadata.sequence.consumer, metadata.num_pending) == (4711, 42, 7)
