"""Who made an object and what it is called: the same result always carries the same UIDs."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from spiroct.documents import to_json
from spiroct.inference.prediction import Prediction

MANUFACTURER = "spiroct"
MODEL_NAME = "spiroct"
BODY_PART = "CHEST"  # no paired part: without it, Laterality would be due (PS3.3 C.7.3.1)


@dataclass(frozen=True)
class Identity:
    """Names and numbers that all objects of one result share.

    Parameters
    ----------
    seed : str
        SHA-256 of ``prediction.json``: another scan, model, version or person gives other UIDs.
    version : str
        Of spiroct.
    serial : str
        Serial number of the "device": the hash of the checkpoint.
    demonstration : bool
        True where the estimates say nothing about a patient.
    """

    seed: str
    version: str
    serial: str
    demonstration: bool

    @classmethod
    def of(cls, prediction: Prediction) -> Identity:
        """Take the identity of one prediction."""
        return cls(
            seed=hashlib.sha256(to_json(prediction.to_document()).encode()).hexdigest(),
            version=prediction.versions.get("spiroct", "unknown"),
            serial=prediction.model.hash[:16],
            demonstration=prediction.model.demonstration_only or prediction.interpretation == "demonstration only",
        )

    def uid(self, *names: object) -> str:
        """UID of one object of this result, derived from a UUID (DICOM PS3.5 B.2)."""
        return f"2.25.{self.uuid(*names).int}"

    def uuid(self, *names: object) -> uuid.UUID:
        """UUID of one object of this result (version 5, of its seed and its names)."""
        return uuid.uuid5(uuid.NAMESPACE_OID, "/".join(("spiroct", self.seed, *map(str, names))))

    def described(self, what: str) -> str:
        """Series description of at most 64 characters, with the warning first where one is due."""
        return f"DEMONSTRATION ONLY: {what}"[:64] if self.demonstration else what[:64]

    def equipment(self, kind: str, number: int) -> dict[str, Any]:
        """Keywords of highdicom's constructors: UIDs and numbers of the only object of a kind, and its maker."""
        return {
            "series_instance_uid": self.uid("series", kind),
            "series_number": number,
            "sop_instance_uid": self.uid("instance", kind),
            "instance_number": 1,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": MODEL_NAME,
            "software_versions": self.version,
            "device_serial_number": self.serial,
        }
