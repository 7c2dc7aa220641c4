"""Branch coverage by room, from coverage.xml; ends with 1 where a room of measurements falls short."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

LIMIT = 0.90
ROOMS = ("pft", "evaluation", "biomarkers", "imaging")


def main(report: Path) -> int:
    """Print lines and branches covered of each room that numbers come from."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for source in ET.parse(report).getroot().iter("class"):  # noqa: S314 - our own file
        parts = Path(source.attrib["filename"]).parts
        room = parts[parts.index("spiroct") + 1] if "spiroct" in parts else parts[0]
        for line in source.iter("line"):
            counts[room][0] += int(line.attrib["hits"]) > 0
            counts[room][1] += 1
            if line.attrib.get("branch") == "true":
                covered, all_ = line.attrib["condition-coverage"].split("(")[1].rstrip(")").split("/")
                counts[room][0] += int(covered)
                counts[room][1] += int(all_)
    short = 0
    for room in ROOMS:
        covered, all_ = counts[room]
        share = covered / all_ if all_ else 0.0
        short |= share < LIMIT
        print(f"{room}: {100 * share:.1f} % of lines and branches (at least {100 * LIMIT:g} %)")  # noqa: T201
    return int(short)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
