"""Approvals on a real project: parked by a run, answered later by another process, used once."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import ApprovalError
from agentic.store import Approvals, AuditTrail, anchor_of, open_store, utc_now
from tests.support.terminal import answer
from tests.support.tiny import Tiny, copy_tiny, make_tiny, rename_source_column

pytestmark = pytest.mark.slow

RAILS = """\
version: 1
change: {ask: ["path:models/staging"]}
approve: {by: [local, "ssh:data-leads"]}
"""


@pytest.fixture(scope="session")
def once_asking(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A red build, a committed signer, and a run that asked."""
    folder = tmp_path_factory.mktemp("asking")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text()
    tiny = make_tiny(
        folder,
        files={
            "guardrails.yml": RAILS,
            "allowed_signers": f'data-leads namespaces="agentic" {public}',
        },
    )
    tiny.dbt("build", check=True)
    rename_source_column(tiny)
    assert tiny.dbt("build").returncode == 1
    return tiny


@pytest.fixture(scope="session")
def once_asked(once_asking: Tiny) -> dict[str, Any]:
    return once_asking.run("--apply")


@pytest.fixture
def tiny(once_asking: Tiny, once_asked: dict[str, Any], tmp_path: Path) -> Tiny:
    return copy_tiny(once_asking, tmp_path)


def audit(tiny: Tiny) -> list[tuple[str, str]]:
    trail = AuditTrail(open_store(tiny.root, project="tiny", clock=utc_now), anchor_of(tiny.root))
    assert trail.verify() is None
    return [
        (row["actor"].split(":")[0], row["action"])
        for row in trail.records()
        if row["action"].startswith("approval.")
    ]


def test_a_change_that_asks_is_parked_and_a_yes_makes_it_ready(
    tiny: Tiny, once_asked: dict[str, Any]
) -> None:
    assert (once_asked["status"], once_asked["proposal"]["draft"]) == ("awaiting_approval", True)
    assert once_asked["run_id"] in tiny.agentic("approve").stdout

    code, said = answer(tiny, once_asked["run_id"])
    again = tiny.run("--apply")
    third = tiny.run("--apply")

    assert code == 0, said
    assert "+    amount_usd as amount" in said
    assert "model.tiny.daily" in said
    assert "(unsigned)" in said
    unready = [one for one in again["checks"] if one["result"] not in ("pass", "warn")]
    assert again["proposal"]["draft"] is bool(unready)
    assert again["status"] == "success"
    assert again["branch"] == once_asked["branch"]
    assert "approved by local:" in again["reason"]
    assert "approved by local:" in tiny.agentic("show", again["run_id"], "--body").stdout
    assert third["status"] == "success"  # the same effect again needs no second answer
    assert audit(tiny) == [
        ("agentic", "approval.asked"),
        ("local", "approval.approve"),
        ("agentic", "approval.used"),
        ("agentic", "approval.used"),
    ]
    assert answer(tiny, once_asked["run_id"])[0] == 2


def test_nothing_typed_or_the_wrong_thing_approves_nothing(
    tiny: Tiny, once_asked: dict[str, Any]
) -> None:
    code, said = answer(tiny, once_asked["run_id"], typed="")
    assert code == 1
    assert "Not approved" in said
    code, said = answer(tiny, once_asked["run_id"], typed="yes")
    assert code == 2
    assert "does not fit" in said
    assert audit(tiny)[-1] == ("local", "approval.conflict")


def test_without_a_terminal_nobody_is_there(tiny: Tiny, once_asked: dict[str, Any]) -> None:
    done = tiny.agentic("approve", once_asked["run_id"])

    assert done.returncode == 2
    assert "AG182" in done.stderr
    assert "no terminal" in done.stderr


def sign(tiny: Tiny, once: Tiny, run_id: str, key: Path | None = None) -> Path:
    shown = tiny.agentic("approve", run_id, "--output", "json")
    assert shown.returncode == 1
    digest = tiny.root / ".agentic" / "digest"
    digest.write_text(json.loads(shown.stdout)["payload_sha256"])
    key = key or once.repo.parent / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "agentic", digest], check=True
    )
    return digest.with_suffix(".sig")


def test_a_signature_of_an_allowed_signer(
    tiny: Tiny, once_asking: Tiny, once_asked: dict[str, Any]
) -> None:
    run_id = once_asked["run_id"]
    signature = sign(tiny, once_asking, run_id)

    done = tiny.agentic("approve", run_id, "--signature", str(signature), "--output", "json")
    again = tiny.agentic("approve", run_id, "--signature", str(signature))

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["state"], found["decided_by"]) == ("approved", "ssh:data-leads")
    assert found["proof"].startswith("ED25519 SHA256:")
    assert again.returncode == 2
    assert "was approved by ssh:data-leads" in again.stderr


def test_a_signature_of_somebody_else(
    tiny: Tiny, once_asking: Tiny, once_asked: dict[str, Any], tmp_path: Path
) -> None:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signature = sign(tiny, once_asking, once_asked["run_id"], key)
    # An uncommitted allowed_signers does not count.
    (tiny.root / "allowed_signers").write_text(f"data-leads {key.with_suffix('.pub').read_text()}")

    done = tiny.agentic("approve", once_asked["run_id"], "--signature", str(signature))

    assert done.returncode == 2
    assert "no signature of this payload by data-leads" in done.stderr


def test_other_guardrails_make_it_void(tiny: Tiny, once_asked: dict[str, Any]) -> None:
    tiny.write("guardrails.yml", RAILS + "limits: {nodes_changed: 4}\n")

    code, said = answer(tiny, once_asked["run_id"])
    second = answer(tiny, once_asked["run_id"])[1]

    assert code == 2
    assert "AG181" in said
    assert "is void" in second


def test_guardrails_that_change_after_the_yes_ask_again(
    tiny: Tiny, once_asked: dict[str, Any]
) -> None:
    assert answer(tiny, once_asked["run_id"])[0] == 0
    tiny.write("guardrails.yml", RAILS + "limits: {nodes_changed: 4}\n")
    again = tiny.run("--apply")

    assert (again["status"], again["proposal"]["draft"]) == ("awaiting_approval", True)


def test_a_rejection(tiny: Tiny, once_asked: dict[str, Any]) -> None:
    done = tiny.agentic("reject", once_asked["run_id"], "--reason", "by hand")
    code, said = answer(tiny, once_asked["run_id"])

    assert done.returncode == 0
    assert code == 2
    assert "was rejected by local:" in said
    assert audit(tiny)[-1] == ("local", "approval.reject")
    assert "0 of 1 approved (0%)" in tiny.agentic("debug").stdout
    assert "  rejected  " in tiny.agentic("history").stdout


def race(root: str, ask_id: str, token: str, gate: Any, answers: Any) -> None:
    approvals = Approvals(open_store(Path(root), project="shop", clock=utc_now))
    ask = approvals.one(ask_id)
    gate.wait()
    try:
        answers.put(approvals.approve(ask, token=token, by="local:ana", proof="unsigned").state)
    except ApprovalError as error:
        answers.put(error.message)


@pytest.mark.parametrize("shared", [True, False], ids=["one-token", "a-token-each"])
def test_of_racing_processes_one_wins(tmp_path: Path, shared: bool) -> None:
    approvals = Approvals(open_store(tmp_path, project="shop", clock=utc_now))
    ask = approvals.park(
        run_id="r1", kind="fix", subject="s", content={}, bound={}, rules=[], lifetime_s=3600
    )
    given = [approvals.issue_token(ask) for _ in range(4)]
    spawn = multiprocessing.get_context("spawn")
    gate, answers = spawn.Barrier(4), spawn.Queue()
    racers = [
        spawn.Process(
            target=race, args=(str(tmp_path), ask.id, given[0 if shared else n], gate, answers)
        )
        for n in range(4)
    ]
    for one in racers:
        one.start()
    said = [answers.get(timeout=60) for _ in racers]
    for one in racers:
        one.join()

    assert said.count("approved") == 1
    assert all("was approved by" in one for one in said if one != "approved")
