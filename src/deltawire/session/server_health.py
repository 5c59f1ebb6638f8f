"""`public/get_server_health`: how the server itself is doing."""

from typing import Any

from deltawire.access.access import FORBIDDEN
from deltawire.errors import RequestError
from deltawire.session.methods import Context, NoParams, method


@method("public/get_server_health")
def get_server_health(context: Context, params: NoParams) -> Any:
    """Clients, queues, latency, and connections to venues; for networks that may read `/metrics`."""
    if context.server_health is None:
        reason = "for networks that may read /metrics (access.metrics)"
        raise RequestError(FORBIDDEN, "forbidden", reason=reason, param="ip")
    return context.server_health()
