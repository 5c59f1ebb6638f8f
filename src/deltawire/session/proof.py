"""The method that makes the server prove what it sends."""

from typing import Annotated, Any

import msgspec

from deltawire.errors import RequestError
from deltawire.session.effects import EnableMac
from deltawire.session.methods import Context, method
from deltawire.wire.mac import ALGORITHM, mac_text
from deltawire.wire.rpc import INVALID_REQUEST


class _Mac(msgspec.Struct):
    nonce: Annotated[str, msgspec.Meta(min_length=16, max_length=128)]


@method("private/enable_mac", websocket_only=True)
def enable_mac(context: Context, params: _Mac) -> Any:
    """Prove every frame behind this answer with the key's secret; once per connection.

    The MAC's key is made of both nonces, so that neither side can be given an older connection's frames.
    """
    session = context.session
    assert session is not None, "the table lets only WebSocket sessions in"
    if session.attested:
        raise RequestError(INVALID_REQUEST, "Invalid Request", reason="the MAC runs already: connect anew")
    nonce = context.access.make_token()
    key = context.access.derived(context.require_identity, mac_text(params.nonce, nonce), context.now)
    session.attest()
    context.effects.append(EnableMac(key))
    return {"algorithm": ALGORITHM, "nonce": nonce}
