"""The page's interface: upload a scan, ask for its lung function, fetch what was found."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from spiroct import __version__
from spiroct.checkpoints.catalogue import find
from spiroct.imaging.archives import MAXIMUM_FILES
from spiroct.server.access import Guard, Sessions
from spiroct.server.documents import (
    About,
    NewResult,
    NewUpload,
    Person,
    Received,
    Refusal,
    ResultDocument,
    Token,
    result_document,
)
from spiroct.server.node_routes import node_routes
from spiroct.server.particulars import check_particulars
from spiroct.server.refusals import RequestRefusedError, answer_errors, not_found
from spiroct.server.results import SUMMARY, VIEW, Results, State
from spiroct.server.settings import ServeSettings
from spiroct.server.uploads import Uploads
from spiroct.server.worker import Worker
from spiroct.workflows.estimate import model_line

PAGE = Path(__file__).parent / "page"
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}  # fmt: skip
# The report is a page without scripts; it may be looked at, but gets no more rights than a picture.
REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
PAGES = ("report.html", "explanation.html")
Identifier = Annotated[str, InPath(pattern="^[a-z0-9]{16}$")]
REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 421, 422, 429, 507)
}


def create_app(settings: ServeSettings) -> FastAPI:
    """Build the web application.

    Parameters
    ----------
    settings : ServeSettings
        Where files go, and what is allowed.

    Raises
    ------
    CheckpointError
        If there is no such model.
    """
    model = model_line(find(settings.model))
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    uploads, results, sessions = Uploads(settings), Results(settings), Sessions(settings.token)
    worker = Worker(settings, results, uploads)

    @contextlib.asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(worker.run())
        yield
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    app = FastAPI(
        title="spiroct",
        version=__version__,
        description="Lung function estimated from a chest CT. Research use; not a medical device.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=working,
        responses=REFUSALS,
    )
    app.state.worker = worker
    app.add_middleware(Guard, settings=settings, sessions=sessions)
    answer_errors(app)
    _page_routes(app)
    _session_routes(app, settings, sessions)
    _upload_routes(app, settings, uploads)
    _result_routes(app, results, uploads, worker)
    _file_routes(app, results)
    node_routes(app, settings.node, results, worker)

    @app.get("/api/about", tags=["page"])
    def about() -> About:
        """Tell which network predicts here, and what is allowed."""
        return About(
            version=__version__,
            model=vars(model),
            demonstration=model.demonstration_only,
            keep_hours=settings.keep_hours,
            most_bytes=settings.upload_bytes,
            most_files=MAXIMUM_FILES,
        )

    return app


def _page_routes(app: FastAPI) -> None:
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in KINDS}

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(files["index.html"], media_type=KINDS[".html"])

    @app.get("/page/{name}", include_in_schema=False)
    def part(name: str) -> FileResponse:
        if name not in files:
            raise not_found("file")
        return FileResponse(files[name], media_type=KINDS[files[name].suffix])


def _session_routes(app: FastAPI, settings: ServeSettings, sessions: Sessions) -> None:
    @app.post("/api/session", status_code=204, tags=["page"])
    def open_session(given: Token, request: Request) -> Response:
        """Exchange the token for a cookie that scripts cannot read and other sites cannot send."""
        session = sessions.open(given.token)
        if session is None:
            raise RequestRefusedError(
                401, "this token", "it is not the one of this server", "copy the address that 'spiroct serve' printed"
            )
        answer = Response(status_code=204)
        answer.set_cookie(
            settings.cookie, session, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
        )
        return answer

    @app.delete("/api/session", status_code=204, tags=["page"])
    def close_session(request: Request) -> Response:
        """Forget this browser."""
        sessions.close(request.cookies.get(settings.cookie, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(settings.cookie, path="/")
        return answer


def _upload_routes(app: FastAPI, settings: ServeSettings, uploads: Uploads) -> None:
    @app.post("/api/uploads", status_code=201, tags=["uploads"])
    async def begin_upload() -> NewUpload:
        """Make room for a scan: send its files next."""
        return NewUpload(id=uploads.begin(), most_bytes=settings.upload_bytes)

    @app.put(
        "/api/uploads/{identifier}/files/{number}",
        tags=["uploads"],
        openapi_extra={
            "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
        },
    )
    async def receive_file(
        identifier: Identifier,
        number: Annotated[int, InPath(ge=0, lt=MAXIMUM_FILES)],
        request: Request,
        name: Annotated[str, Query(max_length=4096, description="Its ending alone is used.")] = "",
    ) -> Received:
        """Send one file: a zip, an image, or one of the DICOM files of a folder, numbered from 0."""
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isascii() and announced.isdigit() else None
        return Received(bytes=await uploads.receive(identifier, number, name, request.stream(), size))

    @app.delete("/api/uploads/{identifier}", status_code=204, tags=["uploads"])
    async def discard_upload(identifier: Identifier) -> Response:
        """Delete an upload that is not wanted any more."""
        uploads.discard(identifier)
        return Response(status_code=204)


def _result_routes(app: FastAPI, results: Results, uploads: Uploads, worker: Worker) -> None:
    @app.post("/api/results", status_code=202, tags=["results"])
    async def ask(new: NewResult) -> ResultDocument:
        """Ask for the lung function of a scan that was uploaded."""
        check_particulars(new)
        result = results.create(new.label.strip(), new.request(), lambda place: uploads.take(new.upload, place))
        worker.call()
        return result_document(result, results)

    @app.post("/api/results/{identifier}/again", status_code=202, tags=["results"])
    async def ask_again(identifier: Identifier, person: Annotated[Person, Body()]) -> ResultDocument:
        """Ask anew about the same scan: sex, age or height corrected, or a refusal overridden."""
        check_particulars(person)
        result = results.again(identifier, person.request())
        worker.call()
        return result_document(result, results)

    @app.get("/api/results", tags=["results"])
    async def list_results() -> list[ResultDocument]:
        """List all results, the newest first."""
        return [result_document(result, results) for result in results.newest_first()]

    @app.get("/api/results/{identifier}", tags=["results"])
    async def show_result(identifier: Identifier) -> ResultDocument:
        """Tell where a result stands."""
        return result_document(results.find(identifier), results)

    @app.delete("/api/results/{identifier}", status_code=204, tags=["results"])
    async def delete_result(identifier: Identifier) -> Response:
        """Delete a result with its scan, at once."""
        worker.delete(identifier)
        return Response(status_code=204)


def _file_routes(app: FastAPI, results: Results) -> None:
    file_answer: dict[str, Any] = {"response_class": FileResponse, "tags": ["files"]}

    @app.get("/api/results/{identifier}/summary", tags=["files"], response_model=dict[str, Any])
    async def summary(identifier: Identifier) -> FileResponse:
        """Everything that the page shows of a result."""
        _require_done(results, identifier)
        path = results.path(identifier, VIEW, SUMMARY)
        if not path.is_file():
            raise not_found("summary")
        return FileResponse(path, media_type="application/json")

    @app.get("/api/results/{identifier}/view/{name}", **file_answer)
    async def view(identifier: Identifier, name: str) -> FileResponse:
        """Send an image for the viewer, as NIfTI."""
        _require_done(results, identifier)
        if name not in results.views(identifier):
            raise not_found("image")
        return FileResponse(results.path(identifier, VIEW, name), media_type="application/gzip")

    @app.get("/api/results/{identifier}/files/{name:path}", **file_answer)
    async def download(
        identifier: Identifier,
        name: str,
        *,
        inline: Annotated[bool, Query(description="Show a page in the browser.")] = False,
    ) -> FileResponse:
        """Send one of the files that a result lists."""
        _require_done(results, identifier)
        path = results.files(identifier).get(name)
        if path is None:
            raise not_found("file")
        shown = inline and name in PAGES
        return FileResponse(
            path,
            media_type=KINDS[".html"] if shown else "application/octet-stream",
            filename=f"spiroct-{identifier[:6]}-{name.replace('/', '-')}",
            content_disposition_type="inline" if shown else "attachment",
            headers={"Content-Security-Policy": REPORT_POLICY} if shown else None,
        )


def _require_done(results: Results, identifier: str) -> None:
    if results.find(identifier).state is not State.DONE:
        raise RequestRefusedError(409, "a result that is not there yet", "it is not done", "wait for it")
