"""Whether what a user typed of a person can be, before a scan is read for it."""

from __future__ import annotations

from spiroct.pft.demographics import check_person
from spiroct.server.documents import Person
from spiroct.workflows.predict import measured_values


def check_particulars(person: Person) -> None:
    """Refuse what no person can have, or what looks like another unit.

    Raises
    ------
    SpiroctError
        With the value, the rule and the way out.
    """
    check_person(sex=person.sex, age=person.age, height_cm=person.height)
    measured_values(dlco=person.dlco, fev1=person.fev1, fvc=person.fvc, tlc=person.tlc, dlco_unit=person.dlco_unit)
