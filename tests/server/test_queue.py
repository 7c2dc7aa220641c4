"""The node's queue: every step is kept, nothing is taken twice, and what was broken off waits again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from spiroct.errors import DemographicsError, InputError
from spiroct.pft.demographics import Demographics
from spiroct.server.queue import StudyQueue, StudyState, missing_facts

UID = "1.2.3"


@pytest.fixture
def queue(tmp_path: Path) -> StudyQueue:
    return StudyQueue(tmp_path / "node")


def received(queue: StudyQueue, uid: str = UID, instances: int = 30) -> None:
    assert queue.receive(uid, "SCANNER")
    queue.stored(uid, instances)


def settled(queue: StudyQueue, uid: str = UID, *, asked: str = "") -> None:
    received(queue, uid)
    study = queue.study(uid)
    assert study is not None
    assert queue.settle(study, state=StudyState.ASKING if asked else StudyState.QUEUED, series_uid="1.9", asked=asked)


def state(queue: StudyQueue, uid: str = UID) -> StudyState:
    study = queue.study(uid)
    assert study is not None
    return study.state


def test_a_study_goes_its_way(queue: StudyQueue) -> None:
    settled(queue)
    taken = queue.take()
    assert taken is not None
    assert (taken.study_uid, taken.state, taken.instances, taken.source) == (UID, StudyState.PREDICTING, 30, "SCANNER")
    assert queue.take() is None  # nothing is taken twice
    queue.move(UID, StudyState.SENDING)
    assert queue.to_send() is not None
    queue.move(UID, StudyState.DONE)
    assert queue.to_send() is None
    assert [s.study_uid for s in queue.studies(StudyState.DONE)] == [UID]


def test_an_instance_that_comes_late_starts_the_study_over_until_it_is_predicted(queue: StudyQueue) -> None:
    settled(queue)
    assert queue.receive(UID, "SCANNER")
    queue.stored(UID, 1)
    assert state(queue) is StudyState.RECEIVING
    stale = queue.study(UID)
    assert stale is not None
    queue.stored(UID, 1)  # between looking and moving on
    assert not queue.settle(stale, state=StudyState.QUEUED)
    fresh = queue.study(UID)
    assert fresh is not None
    assert queue.settle(fresh, state=StudyState.QUEUED)
    queue.take()
    assert not queue.receive(UID, "SCANNER")
    queue.move(UID, StudyState.DONE)
    assert not queue.receive(UID, "SCANNER")  # never a second time
    queue.move(UID, StudyState.FAILED)
    assert queue.receive(UID, "SCANNER")  # what was missing may come


def test_a_study_that_is_fetched_is_not_complete_before_it_is_said(queue: StudyQueue) -> None:
    queue.receive(UID, "http://pacs", state=StudyState.FETCHING)
    queue.stored(UID, 5)
    assert state(queue) is StudyState.FETCHING
    queue.move(UID, StudyState.RECEIVING)
    assert state(queue) is StudyState.RECEIVING


def test_asked_facts_are_answered_one_by_one(queue: StudyQueue) -> None:
    settled(queue, asked="sex,height")
    assert queue.take() is None
    assert [s.asked for s in queue.asking()] == [("sex", "height")]
    assert queue.answer(UID, height=168).state is StudyState.ASKING
    found = queue.answer(UID, sex="F")
    assert (found.state, found.sex, found.height_cm, found.asked) == (StudyState.QUEUED, "F", 168.0, ())
    with pytest.raises(InputError, match="is queued"):
        queue.answer(UID, height=170)
    with pytest.raises(InputError, match="is unknown"):
        queue.answer("1.2.999", height=170)


def test_an_impossible_answer_is_refused_and_changes_nothing(queue: StudyQueue) -> None:
    settled(queue, asked="height")
    with pytest.raises(DemographicsError, match="looks like metres"):
        queue.answer(UID, height=1.68)
    assert state(queue) is StudyState.ASKING


def test_what_is_missing_is_what_neither_header_nor_answer_tells(queue: StudyQueue) -> None:
    settled(queue, asked="height")
    study = queue.study(UID)
    assert study is not None
    assert missing_facts(study, Demographics("F", 50, None)) == ("height",)
    queue.answer(UID, height=168)
    study = queue.study(UID)
    assert study is not None
    assert missing_facts(study, Demographics("F", 50, None)) == ()


def test_a_failed_step_is_tried_later_and_later_and_then_given_up(queue: StudyQueue) -> None:
    settled(queue)
    waits = []
    for _ in range(3):
        study = queue.study(UID)
        assert study is not None
        queue.try_again(study, StudyState.QUEUED, "broke off", most=3, back_off=10)
        study = queue.study(UID)
        assert study is not None
        assert study.state is StudyState.QUEUED
        waits.append(study.next_try - time.time())
        assert queue.take() is None  # not yet
    assert waits == pytest.approx([10, 20, 40], abs=2)
    assert study is not None
    queue.try_again(study, StudyState.QUEUED, "broke off", most=3, back_off=10)
    study = queue.study(UID)
    assert study is not None
    assert study.state is StudyState.FAILED
    assert study.reason == "broke off (given up after 4 attempts)"


def test_after_a_start_what_was_being_predicted_waits_again(queue: StudyQueue, tmp_path: Path) -> None:
    settled(queue)
    settled(queue, "1.2.4")
    queue.take()
    again = StudyQueue(tmp_path / "node")
    assert again.recover() == (UID,)
    assert [s.state for s in again.studies()] == [StudyState.QUEUED] * 2


def test_what_was_sent_is_known_by_destination(queue: StudyQueue) -> None:
    queue.note_sent(UID, "a", "report.dcm")
    queue.note_sent(UID, "a", "report.dcm")
    assert queue.sent(UID, "a") == {"report.dcm"}
    assert queue.sent(UID, "b") == frozenset()


FILL = """
import sys
from pathlib import Path
from spiroct.server.queue import StudyQueue, StudyState
queue = StudyQueue(Path(sys.argv[1]))
for i in range(1_000_000):
    queue.receive(f"1.2.{i}", "SCANNER")
    queue.stored(f"1.2.{i}", 30)
    queue.settle(queue.study(f"1.2.{i}"), state=StudyState.QUEUED)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_queue(tmp_path: Path) -> None:
    queue = StudyQueue(tmp_path / "node")
    with subprocess.Popen([sys.executable, "-c", FILL, tmp_path / "node"]) as writer:
        deadline = time.monotonic() + 60
        while len(queue.studies(StudyState.QUEUED)) < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        writer.kill()
    studies = queue.studies()
    assert len(studies) >= 20
    assert {s.state for s in studies[:-1]} == {StudyState.QUEUED}  # the last one may be on its way
    taken = [queue.take() for _ in range(10)]
    assert len({study.study_uid for study in taken if study is not None}) == 10
