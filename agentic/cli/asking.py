"""What approve, reject and compile --compare share: the desk, and an ask as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import click

from agentic.cli.graphs import plan_lines
from agentic.cli.options import Flags
from agentic.cli.output import plain
from agentic.compiler import compile_project, current_manifest
from agentic.config import load_files
from agentic.exceptions import DbtError
from agentic.guardrails import Desk
from agentic.lineage import Graph
from agentic.project import (
    Manifest,
    Project,
    Target,
    find_project,
    list_targets,
    load_manifest,
    read_target,
)
from agentic.records import Compiled, CompiledPlan, Edit, Proposal, load
from agentic.review import patch_of
from agentic.store import Approvals, Ask, AuditTrail, anchor_of, open_store, utc_now


def project_of(flags: Flags) -> Project:
    """The project that the flags name. Raises ProjectError."""
    return find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)


def open_desk(project: Project) -> Desk:
    """The project's asks and its audit trail. Raises StoreError."""
    store = open_store(project.root, project=project.name, clock=utc_now)
    return Desk(Approvals(store), AuditTrail(store, anchor_of(project.root)))


def compiled_now(project: Project, ask: Ask) -> Compiled:
    """The files as they are now, compiled for the target that the ask was made for.

    Raises ConfigError, DbtError, ProjectError.
    """
    targets = list_targets(project)
    name = str(ask.content["bound"].get("target", ""))
    target = targets.get(name) or read_target(project)
    manifest = _manifest(project, target)
    return compile_project(
        project, load_files(project.root), manifest, Graph(manifest), target=target, targets=targets
    )


def _manifest(project: Project, target: Target) -> Manifest:
    """A project that does not parse has the manifest of when it did: runs take that one too."""
    with suppress(DbtError):
        return current_manifest(project, target)
    return load_manifest(project.manifest_path)


def public_ask(ask: Ask) -> dict[str, Any]:
    """The object that `--output json` prints."""
    return {
        "approval": ask.id,
        "run_id": ask.run_id,
        "kind": ask.kind,
        "state": ask.state,
        "payload_sha256": ask.payload_hash,
        "expires_at": ask.expires_at,
        "approvers": list(ask.content["bound"].get("approvers", ())),
        "rules": list(ask.rules),
        "decided_by": ask.decided_by,
        "proof": ask.proof,
        "reason": ask.reason,
        "payload": ask.content,
    }


def ask_text(ask: Ask) -> str:
    """Exactly what would happen, and under which name it is approved. Whatever is from outside is
    plain and indented: it can neither steer the terminal nor pass for a block of ours."""
    content = ask.content["content"]
    blocks = [click.style(f"{ask.id}  {ask.kind} of run {ask.run_id}", bold=True)]
    if content.get("files"):
        blocks.append(plain(patch_of(_proposal(content)).rstrip("\n")))
    if content.get("tool"):
        call = json.dumps(content["input"], indent=2, ensure_ascii=False, sort_keys=True)
        head = click.style(f"Call        {plain(content['tool'])}", bold=True)
        lines = _indented([content["does"], call])
        blocks.append(f"{head}  ({content['effect']} effect)\n{lines}")
    if content.get("plan"):
        blocks.append(_of_plan(content))
    for text in content.get("statements", ()):
        shown = _indented([text], by=12).lstrip(" ")
        blocks.append(click.style("Statement   ", bold=True) + shown)
    if content.get("widened"):
        since = f"Widened since {plain(content['since'][:12])}"
        blocks.append(_block(since, [one["text"] for one in content["widened"]]))
    if content.get("impact"):
        blocks.append(_block("Impact      ", content["impact"]))
    if content.get("asks"):
        blocks.append(_block("Asked by    ", content["asks"]))
    approvers = ", ".join(ask.content["bound"].get("approvers", ())) or "nobody"
    blocks.append(
        f"sha256      {ask.payload_hash}\n"
        f"expires     {ask.expires_at[:19]}\n"
        f"approvers   {plain(approvers)}"
    )
    return "\n\n".join(blocks)


def _block(title: str, texts: Iterable[str]) -> str:
    return click.style(title, bold=True) + "\n" + _indented(texts)


def _indented(texts: Iterable[str], by: int = 2) -> str:
    lines = (line for text in texts for line in plain(text).splitlines())
    return "\n".join(" " * by + line for line in lines)


def _of_plan(content: dict[str, Any]) -> str:
    """A step with its checks, or a whole plan that agents.yml does not have."""
    request = content.get("request")
    if content.get("graph"):
        text = plain("\n".join(plan_lines(load(CompiledPlan, content["graph"]))))
        return "\n".join([text, *([_indented([f"for: {request}"])] if request else [])])
    head = click.style("Plan        ", bold=True) + plain(content["plan"])
    title = " ".join(plain(content["title"]).split())
    lines = [f"{head}, step {plain(content['step'])}: {title}".rstrip(": ")]
    lines.append(_indented([*content["checks"], content.get("answer") or ""]))
    return "\n".join(filter(None, lines))


def _proposal(content: dict[str, Any]) -> Proposal:
    edits = (Edit(one["path"], one["before"], one["after"]) for one in content["files"])
    return Proposal("", tuple(edits))
