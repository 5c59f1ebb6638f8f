"""Methods of authentication: log in, log out, list keys."""

from typing import Annotated, Any

import msgspec

from deltawire.access.access import UNAUTHORIZED, Signature
from deltawire.access.keys import number_of
from deltawire.access.scopes import LONGEST_NAME
from deltawire.access.tokens import Grant, Identity
from deltawire.errors import RequestError
from deltawire.session.conversation import leave
from deltawire.session.effects import Close, SendMessage
from deltawire.session.methods import NO_ANSWER, Context, Conversation, NoParams, method
from deltawire.session.rights import covers
from deltawire.wire.rpc import INVALID_PARAMS, format_unsubscribed

NORMAL_CLOSURE = 1000
_FEATURES: dict[str, Any] = {
    "enabled_features": [],
    "google_login": False,
    "mandatory_tfa_status": "disabled",
}
GRANT_TYPES = ("client_credentials", "client_signature", "refresh_token", "password")


class _Auth(msgspec.Struct):
    grant_type: str
    client_id: str = ""
    client_secret: str = ""
    username: str = ""
    password: str = ""
    timestamp: int | str = 0
    nonce: str = ""
    data: str = ""
    signature: str = ""
    refresh_token: str = ""
    scope: str = ""
    state: str | None = None

    @property
    def timestamp_ms(self) -> int:
        """The signed time; -1, which is always too old, if it is not a number."""
        text = str(self.timestamp)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


class _Fork(msgspec.Struct):
    refresh_token: str
    session_name: Annotated[str, msgspec.Meta(pattern=rf"^\S{{1,{LONGEST_NAME}}}$")]


class _Exchange(msgspec.Struct):
    refresh_token: str
    subject_id: int
    scope: str = ""


class _Logout(msgspec.Struct):
    invalidate_token: bool = True


@method("public/auth")
def auth(context: Context, params: _Auth) -> Any:
    """Authenticate. Over WebSocket, the whole connection is authenticated from then on."""
    grant = _grant(context, params)
    if context.session is not None:
        before = context.session.identity
        context.session.signed_in(grant)
        _recheck_channels(context, context.session, before)
    state = {} if params.state is None else {"state": params.state}
    return _tokens(grant) | _FEATURES | state


@method("public/fork_token")
def fork_token(context: Context, params: _Fork) -> Any:
    """Create a session with the rights of a refresh token."""
    grant = context.access.fork(params.refresh_token, params.session_name, context.address, context.now)
    return _tokens(grant)


@method("public/exchange_token")
def exchange_token(context: Context, params: _Exchange) -> Any:
    """A session's rights in another account of the same owner: in a sub-account, or back in the main one."""
    if context.trading is None:
        raise RequestError(UNAUTHORIZED, "unauthorized", reason="this server has no accounts")
    trading, wanted = context.trading, params.subject_id
    before = context.access.refreshed(params.refresh_token, context.address, context.now)
    number, login = trading.account(before.account), trading.login(wanted)
    reason = ""
    if number is None or not login or trading.owner(wanted) != trading.owner(number):
        reason = "no such account of this owner"
    elif trading.account(login) is None:
        reason = "its login is disabled: private/toggle_subaccount_login"
    if reason:
        raise RequestError(INVALID_PARAMS, "Invalid params", reason=reason, param="subject_id")
    token, scope = params.refresh_token, params.scope
    return _tokens(context.access.exchange(token, login, scope, context.address, context.now))


@method("private/logout", websocket_only=True)
def logout(context: Context, params: _Logout) -> Any:
    """Log out and close the connection; there is no answer, as on Deribit."""
    who = {context.require_identity}
    if context.session is not None:
        who |= {context.session.identity or context.require_identity}
        context.session.signed_out()
    for identity in who if params.invalidate_token else ():
        context.access.tokens.end(identity.grant)
    context.effects.append(Close(NORMAL_CLOSURE, "logged out"))
    return NO_ANSWER


@method("private/list_api_keys", right="account:read")
def list_api_keys(context: Context, params: NoParams) -> Any:
    """The keys of the account, the oldest first, without their secrets."""
    account = context.require_identity.account
    own = [key for key in context.access.ring if key.account == account]
    return [
        {
            "id": number_of(key),
            "client_id": key.client_id,
            "name": key.name,
            "default": place == 0,
            "enabled_features": [],
            "max_scope": " ".join(key.rights),
            "enabled": key.lives(context.now),
            "timestamp": key.created_ms,
            "expires": key.expires_ms or None,
            "ip_whitelist": list(key.addresses),
            "asymmetric": key.kind == "ed25519",
        }
        for place, key in enumerate(own)
    ]


def _recheck_channels(context: Context, session: Conversation, before: Identity | None) -> None:
    """Leave the channels to which the newly authenticated client has no right."""
    identity = session.identity
    names = [name for name in session.channels if name not in session.authorized_by]
    for name, lender in list(session.authorized_by.items()):
        if covers(identity, lender, name):
            session.authorize(name, None)
    lost = [name for name in names if not covers(identity, before or identity, name)]
    if lost:
        why = "not for whom you have signed in as"
        context.effects.extend((leave(session, lost), SendMessage(format_unsubscribed(lost, why))))


def _grant(context: Context, params: _Auth) -> Grant:
    access, where = context.access, (context.address, context.now)
    over_http = context.session is None
    match params.grant_type:
        case "client_credentials":
            return access.by_secret(
                params.client_id, params.client_secret, params.scope, *where, over_http=over_http
            )
        case "password":
            return access.by_password(
                params.username, params.password, params.scope, *where, over_http=over_http
            )
        case "client_signature":
            signed = Signature(
                params.client_id, params.timestamp_ms, params.nonce, params.data, params.signature
            )
            return access.by_signature(signed, params.scope, *where, over_http=over_http)
        case "refresh_token":
            identity = context.session.identity if context.session is not None else None
            own = identity.grant if identity is not None else 0
            return access.by_refresh_token(
                params.refresh_token, params.scope, *where, over_http=over_http, own=own
            )
    raise RequestError(
        INVALID_PARAMS,
        "Invalid params",
        reason=f"must be one of {', '.join(GRANT_TYPES)}",
        param="grant_type",
    )


def _tokens(grant: Grant) -> dict[str, Any]:
    identity = grant.identity
    where = f"session:{identity.session}" if identity.session else "connection"
    return {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "expires_in": grant.expires_s,
        "scope": " ".join([where, *identity.rights]),
        "token_type": "bearer",
    }
