"""The web server of `view`: on this machine alone, for whoever has the address with its token, and read only."""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tune_jobs.errors import UserError, first_line
from tune_jobs.view.reports import CurrentReport
from tune_jobs.view.state import study_state
from tune_jobs.view.watched import WatchedStudy

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_PAGE = Path(__file__).resolve().parent / "page"
_FILES = {
    "": ("view.html", "text/html"),
    "view.css": ("view.css", "text/css"),
    "view.js": ("view.js", "text/javascript"),
}
# Reading a large ledger takes seconds: it is read at most so often, or after so many times what it took.
_LEAST_PERIOD_SECONDS, _PERIOD_PER_SECOND = 1.0, 4.0
# What is being sent when it ends may take so long.
_GRACE_SECONDS = 1
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:"


@dataclass
class Viewed:
    """A study on the page.

    Attributes:
        study: which may be edited meanwhile.
        report: of it.
    """

    study: WatchedStudy
    report: CurrentReport
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _state: Mapping[str, Any] = field(default_factory=dict)
    _next: float = 0.0

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.current.definition.name

    def state(self) -> dict[str, Any]:
        """Say where the study stands; what was said a moment ago is said again."""
        with self._lock:
            if time.monotonic() >= self._next:
                began = time.monotonic()
                self._read()
                taken = time.monotonic() - began
                self._next = time.monotonic() + max(_LEAST_PERIOD_SECONDS, _PERIOD_PER_SECOND * taken)
            report = self.report
            return {
                **self._state,
                "fault": self.study.fault,
                "note": self.study.note,
                "report": {"version": report.version, "writing": report.writing, "error": report.error},
            }

    def _read(self) -> None:
        """Find where the study stands; if it cannot be found, what was known stays, with why."""
        try:
            self.study.refresh()
            self._state = study_state(self.study.current.standing())
        except UserError as error:  # as before its first run
            self._state = {**self._state, "error": str(error)}
        except Exception as error:  # one study must not take the others from the page
            _log.exception("%s cannot be read", self.name)
            self._state = {**self._state, "error": f"{self.name} cannot be read: {first_line(error)}"}
        else:
            ended = self._state["done"], self._state["failed"]
            # A report reads the file too: it waits until the file is valid.
            self.report.update((*ended, self.study.edits) if any(ended) and not self.study.fault else None)


def application(studies: Mapping[str, Viewed], token: str) -> Starlette:
    """Make the application: the page, where each study stands, and its report.

    Args:
        studies: by the names that addresses have for them.
        token: the first part of every address; without it nothing is there.
    """

    def states(request: Request) -> Response:
        return JSONResponse(
            {"studies": [{"id": name, "name": one.name, **one.state()} for name, one in studies.items()]}
        )

    def report(request: Request) -> Response:
        viewed = studies.get(request.path_params["study"])
        page = None if viewed is None else viewed.report.folder / "index.html"
        if page is None or not page.is_file():
            return PlainTextResponse("there is no report of this study yet\n", 404)
        return FileResponse(page, media_type="text/html")

    def file(request: Request, name: str, kind: str) -> Response:
        return FileResponse(_PAGE / name, media_type=kind, headers={"Content-Security-Policy": _POLICY})

    routes = [
        Route("/state", states),
        Route("/report/{study}", report),
        *(Route(f"/{path}", partial(file, name=name, kind=kind)) for path, (name, kind) in _FILES.items()),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    return Starlette(routes=routes, middleware=[hosts, Middleware(_Guarded, token=token)])


class _Guarded:
    """Lets requests pass whose address begins with the token, and tells browsers to keep and pass on nothing."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, _, rest = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            await PlainTextResponse("open the address that `ablatune view` printed\n", 403)(scope, receive, send)
            return

        if not rest and not scope["path"].endswith("/"):
            # What the page asks for lies below its address.
            await RedirectResponse(f"{scope['path']}/")(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"cache-control", b"no-store"),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"x-frame-options", b"SAMEORIGIN"),
                ]
            await send(message)

        await self._app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send_with_headers)


class _Server(uvicorn.Server):
    """Ends by a signal that is not uvicorn's too, and then waits for no reader."""

    def __init__(self, app: Starlette, over: Callable[[], bool]) -> None:
        super().__init__(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS)
        )
        self._over = over

    async def on_tick(self, counter: int) -> bool:
        if not self._over() and not await super().on_tick(counter):
            return False
        # It would call what it leaves unanswered an error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        return True


def serve(studies: Mapping[str, Viewed], port: int, ready: Callable[[str], None], over: Callable[[], bool]) -> None:
    """Serve until it is over, or interrupted.

    Args:
        studies: by the names that addresses have for them.
        port: on the loopback address; 0 for any that is free.
        ready: told the address once it is served.
        over: whether it is.

    Raises:
        UserError: the port is taken, or none.
    """
    token = secrets.token_urlsafe(16)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except OverflowError as error:
            raise UserError(f"--port {port}: a port is 0 to 65535; leave --port out for any that is free") from error
        except OSError as error:
            raise UserError(
                f"--port {port}: cannot be served ({error.strerror}); leave --port out for any that is free"
            ) from error
        listening.listen()
        address = f"http://{LOOPBACK}:{listening.getsockname()[1]}/{token}/"
        try:
            ready(address)
            _Server(application(studies, token), over).run(sockets=[listening])
        finally:
            for one in studies.values():
                one.report.close()
