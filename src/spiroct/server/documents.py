"""What the page's interface takes and gives, as its OpenAPI document describes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spiroct.server.child import PICTURES
from spiroct.server.results import ENDED, Request, Result, Results, State
from spiroct.workflows.stages import Stage


class Strict(BaseModel):
    """Refuses fields that nobody knows and numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Token(Strict):
    """The token that opens the page."""

    token: str = Field(max_length=1000)


class Person(Strict):
    """Whose scan it is; what is left out is taken from the DICOM header, where it stands there."""

    sex: Literal["F", "M"] | None = None
    age: float | None = Field(None, description="Years.", examples=[53.4])
    height: float | None = Field(None, description="Centimetres.", examples=[168])
    dlco: float | None = Field(None, description="Measured DLCO in dlco_unit, shown beside the estimate.")
    fev1: float | None = Field(None, description="Measured FEV1 in L.")
    fvc: float | None = Field(None, description="Measured FVC in L.")
    tlc: float | None = Field(None, description="Measured TLC in L.")
    dlco_unit: Literal["mmol/min/kPa", "mL/min/mmHg"] = "mmol/min/kPa"
    explain: bool = Field(default=False, description="Make maps of where the estimates come from (RAM-3D).")
    exchange: bool = Field(
        default=False,
        description="Make DICOM objects, which carry the patient's name and number as the scan does, and FHIR.",
    )
    force: bool = Field(default=False, description="Go on where a judgement on the scan would refuse it.")

    def request(self) -> Request:
        """Return what was asked as the results hold it."""
        return Request(**{name: getattr(self, name) for name in Person.model_fields})


class Asked(Person):
    """Whose scan it is, and what the list calls it."""

    label: str = Field("", max_length=80, description="What the list calls it: a pseudonym, never a name.")


class NewResult(Asked):
    """A scan that was uploaded, and whose it is."""

    upload: str = Field(pattern="^[a-z0-9]{16}$")


class NewUpload(BaseModel):
    """Room for a scan."""

    id: str
    most_bytes: int = Field(description="Most that all files of the scan may hold.")


class Received(BaseModel):
    """A file that came."""

    bytes: int


class Problem(BaseModel):
    """Why something was refused."""

    what: str = Field(description="What was found.")
    rule: str = Field(description="The rule that it breaks.")
    remedy: str = Field(description="The way out.")
    sentence: str = Field(description="The three as one sentence.")


class Refusal(BaseModel):
    """The body of every answer that is no success."""

    error: Problem


class Download(BaseModel):
    """One file of a result."""

    name: str
    bytes: int


class ResultDocument(BaseModel):
    """Where a result stands."""

    id: str
    label: str
    created: str = Field(description="ISO 8601, UTC.")
    expires: str = Field(description="ISO 8601, UTC: when scan and result are deleted.")
    started: str | None
    ended: str | None
    state: State
    stage: str | None = Field(description="The step that is being worked on.")
    stages: list[str] = Field(description="All its steps, in their order.")
    ahead: int = Field(description="How many wait before this one.")
    error: Problem | None
    overridable: bool = Field(description="True where asking again with force goes on all the same.")
    facts: dict[str, Any] = Field(description="What the list tells of a result that is done.")
    request: dict[str, Any] = Field(description="What was asked.")
    files: list[Download] = Field(description="What can be downloaded.")
    views: list[str] = Field(description="Images for the viewer.")


class About(BaseModel):
    """What this installation is."""

    version: str
    model: dict[str, Any] = Field(description="Name, what it was trained on, what it is for.")
    demonstration: bool = Field(description="True where the network was trained on simulated patients.")
    keep_hours: float
    most_bytes: int
    most_files: int


def stages_of(request: Request) -> list[str]:
    """List the steps of a request, in their order."""
    unasked = {Stage.EXPLAIN: not request.explain, Stage.EXCHANGE: not request.exchange}
    return [*(stage.value for stage in Stage if not unasked.get(stage, False)), PICTURES]


def result_document(result: Result, results: Results) -> ResultDocument:
    """Describe a result."""
    done = result.state is State.DONE
    waiting = [r.identifier for r in results.waiting()]
    files = results.files(result.identifier) if done else {}
    return ResultDocument(
        id=result.identifier,
        label=result.label,
        created=result.created,
        expires=result.expires,
        started=result.started,
        ended=result.ended,
        state=result.state,
        stage=result.stage,
        stages=stages_of(result.request),
        ahead=waiting.index(result.identifier) if result.identifier in waiting else 0,
        error=None if result.error is None or result.state not in ENDED else Problem(**result.error),
        overridable=result.overridable,
        facts=result.facts,
        request=vars(result.request),
        files=[Download(name=name, bytes=path.stat().st_size) for name, path in sorted(files.items())],
        views=results.views(result.identifier) if done else [],
    )
