"""Who may ask the page for what: host, origin and token are checked before any route sees a request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spiroct.server.refusals import RequestRefusedError, error_document
from spiroct.server.settings import ServeSettings

SAFE_METHODS = {"GET", "HEAD"}
MOST_WORDS = 1 << 16  # bytes of a request that is no file; particulars of a person need a few hundred
FILES = re.compile(r"/api/uploads/[^/]+/files/[^/]+")  # these count for themselves, and go to the disk
OPEN_PATHS = {"/api/session"}  # the token itself is given there
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOO_LONG = ("a request this long", f"{MOST_WORDS} bytes are enough for words", "send scans to /api/uploads")
# NiiVue unpacks its own font and matcap from data: addresses, hence connect-src data:, which leads nowhere.
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Sessions:
    """Browsers that gave the token; each has a random name of its own, kept in memory only.

    Parameters
    ----------
    token : str or None
        The token; None opens the door to everyone.
    """

    MOST = 1000

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._known: dict[str, None] = {}

    def open(self, token: str) -> str | None:
        """Return a new session for the right token, None for a wrong one."""
        if not self._is_token(token):
            return None
        session = secrets.token_urlsafe(32)
        self._known[session] = None
        while len(self._known) > self.MOST:
            del self._known[next(iter(self._known))]
        return session

    def close(self, session: str) -> None:
        """Forget a session."""
        self._known.pop(session, None)

    def admits(self, headers: Mapping[str, str], cookie: str) -> bool:
        """Whether a request carries the token, or the cookie of a session."""
        if self.token is None:
            return True
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(credentials.strip()):
            return True
        return cookie_parser(headers.get("cookie", "")).get(cookie, "") in self._known

    def _is_token(self, given: str) -> bool:
        return self.token is None or secrets.compare_digest(given.encode("utf-8", "surrogatepass"), self.token.encode())


class Guard:
    """ASGI middleware that refuses strangers and sends the security headers with every answer.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    settings : ServeSettings
        Hosts and the cookie's name.
    sessions : Sessions
        Who gave the token.
    """

    def __init__(self, app: ASGIApp, *, settings: ServeSettings, sessions: Sessions) -> None:
        self.app, self.settings, self.sessions = app, settings, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request, then let it through or answer with the reason."""
        if scope["type"] != "http":  # start and end of the server; there are no web sockets here
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], scope["path"], headers, scope.get("scheme", "http"))
        answer = refusal or self.app
        taken = receive if FILES.fullmatch(scope["path"]) else _at_most(receive)
        await answer(scope, taken, _with_headers(send, scope["path"]))

    def _refusal(self, method: str, path: str, headers: Headers, scheme: str) -> JSONResponse | None:
        host = headers.get("host", "")
        if _host_name(host) not in self.settings.hosts:
            return _refuse(
                421,
                "this host name",
                f"the page answers to {', '.join(self.settings.hosts)} only",
                "open it under one of these, or add --allow-host",
            )
        if not _same_origin(headers, f"{scheme}://{host}", writes=method not in SAFE_METHODS, api=_is_api(path)):
            return _refuse(
                403,
                "a request that another site started",
                "only the page itself may ask",
                "open the page and use it directly",
            )
        if _is_api(path) and path not in OPEN_PATHS and not self.sessions.admits(headers, self.settings.cookie):
            return _refuse(
                401,
                "a request without the right token",
                "scans and results are for those who have the token",
                "open the address that 'spiroct serve' printed, or send the header 'Authorization: Bearer TOKEN'",
            )
        announced = headers.get("content-length", "0")
        if not FILES.fullmatch(path) and announced.isascii() and announced.isdigit() and int(announced) > MOST_WORDS:
            return JSONResponse(error_document(*TOO_LONG), status_code=413)
        return None


def _at_most(receive: Receive) -> Receive:
    """Take no more of a request than its words may have, whatever its header says."""
    received = 0

    async def receive_at_most() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_WORDS:
            raise RequestRefusedError(413, *TOO_LONG)
        return message

    return receive_at_most


def _is_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(headers: Headers, own: str, *, writes: bool, api: bool) -> bool:
    """Tell a request of the page itself, or of a program, from one that another site made a browser send."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"} and (writes or api):
        return False
    origin = headers.get("origin")
    return origin is None or origin == own or not (writes or api)


def _refuse(status: int, what: str, rule: str, remedy: str) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(error_document(what, rule, remedy), status_code=status, headers=headers)


def _with_headers(send: Send, path: str) -> Callable[[Message], Awaitable[None]]:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            # Nothing of a patient stays in a browser's cache; the page's own files are asked for anew, cheaply.
            headers.setdefault("Cache-Control", "no-store" if _is_api(path) else "no-cache")
        await send(message)

    return send_with_headers
