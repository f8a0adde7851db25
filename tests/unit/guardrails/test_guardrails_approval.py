"""What is asked, what makes an answer void, and what leaves a record."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guardrails_library import compiled

from agentic.exceptions import ApprovalError
from agentic.guardrails import (
    FIX,
    Desk,
    Person,
    change_content,
    local_person,
    rules_of,
    signer_of,
)
from agentic.records import Compiled, Decision, Edit
from agentic.store import Approvals, Ask, AuditTrail, anchor_of, open_store, utc_now

ANA = Person("local:ana@laptop", "unsigned")
EDIT = Edit("models/a.sql", "old\n", "new\n", "because")
ASK = Decision("ask", "AG1", "models/a.sql: no rule allows it", "change.ask: tag:gold")
Parking = Callable[..., Ask]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def files(tmp_path: Path) -> Compiled:
    return compiled(tmp_path, "approve: {by: [local]}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = open_store(tmp_path, project="library", clock=utc_now)
    return Desk(Approvals(store), AuditTrail(store, anchor_of(tmp_path)))


@pytest.fixture
def park(desk: Desk, files: Compiled) -> Parking:
    def parked(run_id: str = "r1", edit: Edit = EDIT) -> Ask:
        return desk.park(
            run_id=run_id,
            kind=FIX,
            subject="cause",
            content=content(edit),
            compiled=files,
            approvers=("local",),
            rules=rules_of([ASK]),
            target="dev",
        )

    return parked


def content(edit: Edit = EDIT) -> dict[str, Any]:
    return change_content([edit], statements=(), asks=[ASK], affected=["model.b", "model.a"])


def use(desk: Desk, files: Compiled, edit: Edit = EDIT) -> Ask | None:
    return desk.use(
        kind=FIX,
        content=content(edit),
        compiled=files,
        approvers=("local",),
        target="dev",
        key="cause",
    )


def records(desk: Desk) -> list[str]:
    assert desk.audit.verify() is None
    return [row["action"] for row in desk.audit.records("r1")]


def test_from_the_ask_to_its_use_everything_is_in_the_audit(
    desk: Desk, park: Parking, files: Compiled
) -> None:
    ask = park()
    park()
    desk.examine(ask, lambda: files)
    desk.approve(ask, token=desk.approvals.issue_token(ask), person=ANA)
    used = use(desk, files)

    assert used is not None
    assert used.decided_by == ANA.name
    assert records(desk) == ["approval.asked", "approval.approve", "approval.used"]
    assert all(ask.payload_hash in row["payload"] for row in desk.audit.records("r1"))


def test_the_payload_says_everything_and_its_reasons(park: Parking) -> None:
    shown = park().content

    assert shown["content"]["files"] == [
        {"path": "models/a.sql", "before": "old\n", "after": "new\n"}
    ]
    assert shown["content"]["impact"] == ["model.a", "model.b"]
    assert shown["content"]["asks"] == ["AG1 models/a.sql: no rule allows it"]
    assert shown["bound"]["approvers"] == ["local"]
    assert (shown["run"], shown["kind"]) == ("r1", "fix")


def test_the_words_of_an_engine_are_no_part_of_what_is_approved() -> None:
    assert content() == content(Edit(EDIT.path, EDIT.before, EDIT.after, "other words"))
    assert content() != content(Edit(EDIT.path, EDIT.before, "new!\n"))


def test_other_guardrails_make_it_void(
    desk: Desk, park: Parking, files: Compiled, tmp_path: Path
) -> None:
    ask = park()
    other = compiled(tmp_path, "approve: {by: [local]}\nlimits: {tokens: 7}")

    with pytest.raises(ApprovalError, match="is void: the guardrails") as raised:
        desk.examine(ask, lambda: other)

    assert raised.value.code == "AG181"
    assert desk.approvals.one(ask.id).state == "void"
    assert records(desk)[-1] == "approval.void"


def test_a_record_that_was_changed_in_the_store_is_void(
    desk: Desk, park: Parking, files: Compiled, tmp_path: Path
) -> None:
    ask = park()
    with sqlite3.connect(tmp_path / ".agentic" / "state.db") as session:
        session.execute("update agentic_approvals set payload = replace(payload, 'new', 'bad')")

    with pytest.raises(ApprovalError, match="its record in the store was changed"):
        desk.examine(desk.approvals.one(ask.id), lambda: files)


def test_a_conflict_is_in_the_audit_too(desk: Desk, park: Parking) -> None:
    ask = park()
    with pytest.raises(ApprovalError):
        desk.approve(ask, token="never", person=ANA)
    desk.reject(ask, person=ANA, reason="no")
    with pytest.raises(ApprovalError):
        desk.reject(ask, person=ANA, reason="no")

    assert records(desk) == [
        "approval.asked",
        "approval.approve",
        "approval.conflict",
        "approval.reject",
        "approval.reject",
        "approval.conflict",
    ]


def test_an_approval_is_of_this_content_under_these_guardrails(
    desk: Desk, park: Parking, files: Compiled, tmp_path: Path
) -> None:
    ask = park()
    desk.approve(ask, token=desk.approvals.issue_token(ask), person=ANA)
    other = compiled(tmp_path, "approve: {by: [local]}\nlimits: {tokens: 7}")

    assert use(desk, files, Edit("models/a.sql", "old\n", "other\n")) is None
    assert use(desk, other) is None
    assert use(desk, files) is not None


@pytest.mark.parametrize(
    ("approvers", "stdin", "why"),
    [
        (("git_review",), Terminal(), "approve.by wants git_review"),
        (("ssh:leads",), Terminal(), "approve.by wants ssh:leads"),
        ((), Terminal(), "names nobody"),
        (("local",), io.StringIO("yes\n"), "no terminal"),
    ],
)
def test_who_is_no_person_here(approvers: tuple[str, ...], stdin: io.StringIO, why: str) -> None:
    with pytest.raises(ApprovalError, match=why) as raised:
        local_person(stdin, approvers=approvers)

    assert raised.value.code == "AG182"


def test_a_terminal_counts_where_the_file_says_local() -> None:
    person = local_person(Terminal(), approvers=("git_review", "local"))

    assert person.name.startswith("local:")
    assert person.proof == "unsigned"


@pytest.mark.parametrize(
    ("approvers", "signers", "why"),
    [
        (("local",), "x", "names no ssh:PRINCIPAL"),
        (("ssh:leads",), None, "has no allowed_signers"),
        (("ssh:leads",), "x", "cannot be read"),
    ],
)
def test_signatures_that_prove_nothing(
    tmp_path: Path, approvers: tuple[str, ...], signers: str | None, why: str
) -> None:
    with pytest.raises(ApprovalError, match=why):
        signer_of(tmp_path / "none.sig", "hash", approvers=approvers, signers=signers)
