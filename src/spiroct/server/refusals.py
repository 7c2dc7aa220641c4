"""Refusals that the page answers with: a sentence as everywhere, and the HTTP status that programs read."""

from __future__ import annotations

import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from spiroct.errors import SpiroctError
from spiroct.log import logger


class RequestRefusedError(SpiroctError):
    """A request that is refused.

    Parameters
    ----------
    status : int
        HTTP status (RFC 9110).
    what, rule, remedy : str
        As in :class:`spiroct.errors.SpiroctError`.
    """

    def __init__(self, status: int, what: str, rule: str, remedy: str) -> None:
        super().__init__(what, rule, remedy)
        self.status = status


def not_found(kind: str) -> RequestRefusedError:
    """Refuse what is not there, or no longer."""
    return RequestRefusedError(
        404, f"no such {kind}", "results are deleted after a set time", "look at the list of results"
    )


def error_document(what: str, rule: str, remedy: str) -> dict[str, dict[str, str]]:
    """Build the body of every refusal: value, rule, way out, and the three as one sentence."""
    return {"error": {"what": what, "rule": rule, "remedy": remedy, "sentence": f"{what}: {rule}; {remedy}."}}


def answer_errors(app: FastAPI) -> None:
    """Answer every failure with a sentence, and log none of what a caller sent."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        status = error.status if isinstance(error, RequestRefusedError) else 422
        parts = (error.what, error.rule, error.remedy) if isinstance(error, SpiroctError) else ("", "", "")
        return JSONResponse(error_document(*parts), status_code=status)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        first = faults[0] if faults else {"loc": (), "msg": "not valid"}
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return JSONResponse(
            error_document(where, str(first["msg"]).lower().rstrip("."), "see /api/openapi.json"), status_code=422
        )

    async def unknown(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 404
        detail = str(error.detail).lower() if isinstance(error, HTTPException) else "not found"
        document = error_document("this address or method", detail, "see /api/openapi.json")
        return JSONResponse(document, status_code=status, headers=getattr(error, "headers", None))

    async def broken(_: Request, error: Exception) -> JSONResponse:
        frames = "".join(traceback.format_tb(error.__traceback__))  # without the message, which may quote a file's name
        logger.error("a request broke off (%s); this is a bug:\n%s", type(error).__name__, frames)
        return JSONResponse(
            error_document("the server", "it broke off; this is a bug", "report what its log says"), status_code=500
        )

    app.add_exception_handler(SpiroctError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(Exception, broken)
