"""The questions of `agentic debug`: each answers with evidence, a verdict and the next step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from agentic.cli.pins import asked, servers_of, standings
from agentic.config import (
    AGENTS_FILE,
    GUARDRAILS_FILE,
    Specs,
    inspect_files,
    project_variables,
)
from agentic.exceptions import AgenticError
from agentic.integrations import settings_of
from agentic.project import (
    Project,
    Repo,
    Target,
    changed_since,
    find_dbt,
    list_targets,
    load_manifest,
    load_run_results,
    read_target,
)
from agentic.warehouse import open_connection, rights_of

_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_LOGIN = ("host", "port", "user", "dbname", "database", "account", "role")


Verdict = Literal["ok", "warn", "fail"]


class Line(msgspec.Struct, frozen=True):
    """One answer; `next` is empty where nothing is to be done."""

    name: str
    verdict: Verdict
    evidence: str
    next: str = ""


def readiness(project: Project) -> Iterator[Line]:
    """Every answer, in the order in which a person would mend things."""
    yield Line("project", "ok", f"{project.name} in {project.root}")
    for name, question in _QUESTIONS:
        try:
            yield from question(project)
        except AgenticError as error:
            where = f"{error.where}: " if error.where else ""
            yield Line(name, "fail", f"{where}{error.message}", error.hint)


def _dbt(project: Project) -> Iterator[Line]:  # noqa: ARG001 - every question is asked alike
    dbt = find_dbt()
    yield Line("dbt", "ok", f"dbt {dbt.version} at {dbt.executable}")


def _profile(project: Project) -> Iterator[Line]:
    target = read_target(project)
    yield Line(
        "profile",
        "ok",
        f"profile {target.profile}, target {target.name} ({target.adapter}, schema "
        f"{target.schema or 'unnamed'}) from {target.profiles_path}",
    )


def _connection(project: Project) -> Iterator[Line]:
    target = read_target(project)
    with open_connection(target, project_root=project.root) as connection:
        count = len(connection.relations())
        yield Line("connection", "ok", f"read-only, {count} tables and views seen")
        rights = rights_of(connection)
    if rights.excessive:
        yield Line(
            "rights",
            "warn",
            f"{rights.user} holds {', '.join(rights.excessive)}",
            "Give agentic a user that may only read, and create schemas where it builds.",
        )
    elif not rights.may_create_schemas:
        yield Line(
            "rights",
            "fail",
            f"{rights.user} may not create schemas, so no change can be proved",
            f"Run `grant create on database {target.database} to {rights.user}`, or name "
            "another `build.target`.",
        )
    else:
        yield Line("rights", "ok", rights.user or "a file: opened read-only, built in a copy")


def _manifest(project: Project) -> Iterator[Line]:
    if not project.manifest_path.exists():
        yield Line(
            "manifest",
            "warn",
            f"no {project.manifest_path}",
            "Run `dbt build` (agentic parses by itself where it only needs the manifest).",
        )
        return
    manifest = load_manifest(project.manifest_path)
    made = f"dbt {manifest.metadata.dbt_version}, {len(manifest.all)} nodes"
    changed = changed_since(project, project.manifest_path)
    if changed:
        evidence = f"{made}; {len(changed)} newer, {changed[0]} first"
        yield Line("manifest", "warn", evidence, "Run `dbt build`, or let agentic parse first.")
    else:
        yield Line("manifest", "ok", f"{made}; no file is newer")


def _last_build(project: Project) -> Iterator[Line]:
    if not project.run_results_path.exists():
        yield Line("last build", "warn", "no run_results.json", "Run `dbt build`.")
        return
    results = load_run_results(project.run_results_path)
    if not results.building:
        evidence = f"run_results.json is of `dbt {results.which}`, which builds nothing"
        yield Line("last build", "warn", evidence, "Run `dbt build` before `agentic run`.")
        return
    bad = sum(one.status in ("error", "fail", "runtime error") for one in results.results)
    evidence = f"`dbt {results.which}` at {results.metadata.generated_at}: {bad} failed"
    yield Line("last build", "ok", evidence, "Run `agentic run`." if bad else "")


def _git(project: Project) -> Iterator[Line]:
    repo = Repo.open(project.root)
    head = repo.head()
    notes = [
        f"{repo.current_branch or 'detached HEAD'} at {head[:12]}",
        *(["uncommitted changes are taken along"] if repo.is_dirty() else []),
        *([f"project in {repo.relative(project.root)}/"] if repo.root != project.root else []),
    ]
    if repo.is_shallow:
        step = "Fetch history for recent_changes: `git fetch --unshallow`."
        yield Line("git", "warn", ", ".join([*notes, "shallow clone"]), step)
    else:
        yield Line("git", "ok", ", ".join(notes))
    remotes = ", ".join(repo.remotes()) or "none: proposals stay local branches"
    yield Line("remote", "ok", remotes)


def _files(project: Project) -> Iterator[Line]:
    inspected = inspect_files(project.root)
    errors = [issue for issue in inspected.issues if issue.severity == "error"]
    specs = inspected.specs
    if errors:
        evidence = f"{len(errors)} errors, first {errors[0]}"
        yield Line("guardrails", "fail", evidence, "Run `agentic compile` to see them all.")
        return
    names = ", ".join(agent.name for agent in specs.agents.agents or ())
    if specs.agents_found:
        yield Line("agents", "ok", names or "none: no incident is handled")
    else:
        yield Line("agents", "ok", f"no {AGENTS_FILE}: the standard agent agentic.triage is used")
    if specs.guardrails_found:
        yield Line("guardrails", "ok", GUARDRAILS_FILE)
    else:
        evidence = f"no {GUARDRAILS_FILE}: the safest defaults hold, every change asks"
        yield Line("guardrails", "warn", evidence, "Run `agentic init`.")
    yield from _build_target(project, specs)
    yield from _services(project, specs)
    yield from _servers(project)


def _services(project: Project, specs: Specs) -> Iterator[Line]:
    """Whether what connections refer to is set here; nothing is sent, no value is shown."""
    for name, connection in specs.agents.connections.items():
        compiled = {"kind": connection.kind, "settings": connection.settings}
        try:
            settings_of(name, compiled, project_variables(project.root))
        except AgenticError as error:
            step = error.hint or "Runs go on without it, and say so."
            yield Line(f"to {name}", "warn", f"{connection.kind}: {error.message}", step)
        else:
            yield Line(f"to {name}", "ok", f"{connection.kind}: its settings are set here")


def _servers(project: Project) -> Iterator[Line]:
    """Whether each MCP server answers, and with what a person approved."""
    for name, item in servers_of(project).items():
        try:
            every = standings(project, item, asked(project, item, timeout_s=10.0))
        except AgenticError as error:
            yield Line(f"mcp {name}", "fail", error.message, error.hint)
            continue
        good = sum(one.state == "approved" for one in every)
        evidence = f"answers; {good} of {len(every)} declared tools are what was approved"
        if good == len(every):
            yield Line(f"mcp {name}", "ok", evidence)
        else:
            yield Line(f"mcp {name}", "warn", evidence, f"agentic pin {name}")


def _build_target(project: Project, specs: Specs) -> Iterator[Line]:
    """Where agents build, and whether the warehouse could tell them from the user."""
    baseline = read_target(project)
    build = specs.guardrails.build
    target = read_target(project, build.target) if build.target else baseline
    schemas = ", ".join(build.schemas or ())
    evidence = f"target {target.name}, schemas {schemas}"
    if target.adapter == "duckdb":
        yield Line("build target", "ok", f"{evidence}, in a copy of the file")
        return
    others = [one for one in list_targets(project).values() if one.name != target.name]
    same = [one.name for one in (*others, baseline) if _login(one) == _login(target)]
    if same:
        names = ", ".join(sorted(set(same)))
        yield Line(
            "build target",
            "warn",
            f"{evidence}; same credentials as {names}: the warehouse itself stops no write there",
            "Give `build.target` a user of its own that may write only in those schemas.",
        )
    else:
        yield Line("build target", "ok", f"{evidence}, with credentials of its own")


def _login(target: Target) -> tuple[object, ...]:
    return (target.adapter, *(target.settings.get(key) for key in _LOGIN))


def _workspaces(project: Project) -> Iterator[Line]:
    folder = project.root / ".agentic" / "workspaces"
    left = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if left:
        evidence = f"{len(left)} registered, at work or left over"
        yield Line("workspaces", "warn", evidence, "If no run is going on: `agentic clean`.")
    else:
        yield Line("workspaces", "ok", "none left over")


def _key(project: Project) -> Iterator[Line]:  # noqa: ARG001 - every question is asked alike
    if any(os.environ.get(name) for name in _KEYS):
        yield Line("anthropic key", "ok", "yes: `engine: auto` takes anthropic")
    else:
        yield Line("anthropic key", "ok", "no: `engine: auto` takes rules")


_QUESTIONS: tuple[tuple[str, Callable[[Project], Iterator[Line]]], ...] = (
    ("dbt", _dbt),
    ("profile", _profile),
    ("connection", _connection),
    ("manifest", _manifest),
    ("last build", _last_build),
    ("git", _git),
    ("guardrails", _files),
    ("workspaces", _workspaces),
    ("anthropic key", _key),
)
