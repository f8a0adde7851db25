"""AR060 to AR067: the failure lies in the surroundings: no file of the project is edited."""

from __future__ import annotations

import re

import msgspec

from agentic.records import DecisionKind, Evidence
from agentic.rules.asking import ask
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.registry import rule

_TRANSIENT = re.compile(
    r"could not (?:connect|set lock)|connection (?:refused|reset|timed out|closed|is lost)"
    r"|server closed the connection|conflicting lock|database is locked|deadlock detected"
    r"|serialization (?:failure|error)|too many (?:connections|requests)|\b(?:429|503)\b"
    r"|(?:warehouse|cluster) (?:is )?(?:starting|suspended|resuming)|temporarily unavailable"
    r"|could not translate host|name or service not known|broken pipe|terminating connection",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"permission denied for (?P<what>\w+(?: \w+)?) \"?(?P<name>[\w.]+)|insufficient privileges?"
    r"|access denied|not authorized|does not have (?:\w+ )*(?:permission|privilege)",
    re.IGNORECASE,
)
_EXPIRED = re.compile(
    r"password authentication failed|token (?:has )?expired|expired token|invalid[_ ]grant"
    r"|authentication (?:failed|expired)|incorrect username or password|invalid api key|\b401\b",
    re.IGNORECASE,
)
_DISK = re.compile(r"no space left on device|disk (?:is )?full|could not extend file", re.I)
_MEMORY = re.compile(
    r"out of memory|memory limit|resources exceeded|quota exceeded|could not allocate"
    r"|bytes billed|exceeded .{0,30}limit",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(
    r"statement timeout|query (?:timed out|execution time)|canceling statement due to"
    r"|execution timeout|interrupted!?$",
    re.IGNORECASE,
)
_PACKAGE = re.compile(
    r"packages? (?:were|was|is|are) not (?:installed|found)"
    r"|missing packages?|dbt found \d+ package|(?<!dependencies with \")dbt deps(?!\")",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"requires? dbt|require-dbt-version|this version of dbt is not supported"
    r"|incompatible (?:version|adapter)|could not find adapter|invalid value for schema version",
    re.IGNORECASE,
)


@rule(code="AR060", cls="transient", order=5)
def transient(case: Case) -> Steps[Diagnosis | None]:
    """The warehouse could not be reached, or was busy.

    What it does:
        Recognises connection errors, locks, deadlocks, throttling and a warehouse that starts.

    Why:
        The same build succeeds a little later; an edit could only do harm.

    Example:
        `IO Error: Could not set lock on file "shop.duckdb"`: another process has it open.

    Fix:
        Try again after 1, 5 and 15 minutes; then a person looks after the warehouse.
    """
    step = (
        "Run the build again after 1, 5 and 15 minutes; if it still fails, look at the warehouse."
    )
    return (yield from _outside(case, _TRANSIENT, "could not reach the warehouse", step, "wait"))


@rule(code="AR061", cls="permission_denied", order=6)
def permission_denied(case: Case) -> Steps[Diagnosis | None]:
    """A right is missing in the warehouse.

    What it does:
        Recognises a refusal and names the object and the right that the message names.

    Why:
        Rights are given by the object's owner, never worked around.

    Example:
        `permission denied for table customers`.

    Fix:
        The owner gives exactly the right that is missing.
    """
    step = "Give the role of this target exactly that right; nothing was changed."
    refused = next((m for text in case.messages if (m := _DENIED.search(text))), None)
    if refused is not None and refused["name"]:
        step = f"The owner of {refused['name']} runs `{missing_grant(case, refused)}`."
    return (yield from _outside(case, _DENIED, "was refused by the warehouse", step))


@rule(code="AR062", cls="credentials_expired", order=6)
def credentials_expired(case: Case) -> Steps[Diagnosis | None]:
    """The target's credentials are not accepted any more.

    What it does:
        Recognises a failed or expired log-in.

    Why:
        Credentials are nobody's to guess, and never an agent's to edit.

    Example:
        `password authentication failed for user "ci"`.

    Fix:
        The target's owner renews them.
    """
    step = "Renew the credentials of this target, then run the build again."
    return (yield from _outside(case, _EXPIRED, "could not log in to the warehouse", step))


@rule(code="AR063", cls="disk_full", order=6)
def disk_full(case: Case) -> Steps[Diagnosis | None]:
    """There is no room left on a disk.

    What it does:
        Recognises that the warehouse or the machine could not write.

    Why:
        No change of code makes room.

    Example:
        `could not extend file: No space left on device`.

    Fix:
        The machine's owner makes room, then the build runs again.
    """
    step = "Make room on the disk that the message names, then run the build again."
    return (yield from _outside(case, _DISK, "found no room on the disk", step))


@rule(code="AR064", cls="resource_exhausted", order=7)
def resource_exhausted(case: Case) -> Steps[Diagnosis | None]:
    """A statement needed more memory or quota than there is.

    What it does:
        Recognises memory limits, quotas and limits on scanned bytes.

    Why:
        A larger limit costs money and a smaller query changes results: both are a decision.

    Example:
        `Out of Memory Error: could not allocate block`.

    Fix:
        The owner looks at the query, its plan and the limit.
    """
    step = "Look at the node's compiled query and its plan; raise the limit or split the query."
    found = yield from _outside(case, _MEMORY, "ran out of memory or quota", step)
    return (yield from _with_query(case, found))


@rule(code="AR065", cls="timeout", order=7)
def timeout(case: Case) -> Steps[Diagnosis | None]:
    """A statement took longer than allowed.

    What it does:
        Recognises a statement that the warehouse cancelled for its duration.

    Why:
        Whether the query or the limit is wrong is a decision.

    Example:
        `canceling statement due to statement timeout`.

    Fix:
        The owner looks at the query, its plan and the limit.
    """
    step = "Look at the node's compiled query and its plan, and at the limit that stopped it."
    found = yield from _outside(case, _TIMEOUT, "took longer than the warehouse allows", step)
    return (yield from _with_query(case, found))


@rule(code="AR066", cls="package_missing", order=4)
def package_missing(case: Case) -> Steps[Diagnosis | None]:
    """Packages are declared and not installed.

    What it does:
        Recognises dbt's own message about missing packages.

    Why:
        `dbt_packages/` is no part of the repository; installing is a command, not an edit.

    Example:
        `dbt found 2 package(s) specified in packages.yml, but only 0 package(s) installed`.

    Fix:
        Run `dbt deps`.
    """
    return (yield from _outside(case, _PACKAGE, "misses its packages", "Run `dbt deps`."))


@rule(code="AR067", cls="version_mismatch", order=4)
def version_mismatch(case: Case) -> Steps[Diagnosis | None]:
    """dbt or an adapter has a version that the project does not allow.

    What it does:
        Recognises dbt's own message about versions.

    Why:
        Which version is installed is decided where dbt is installed.

    Example:
        `This version of dbt is not supported with the 'shop' package`.

    Fix:
        Install a version that `require-dbt-version` allows, or have its owner widen it.
    """
    step = "Install a version that the project allows, or have the project's owner widen it."
    return (yield from _outside(case, _VERSION, "does not fit this version of dbt", step))


_ROLE = re.compile(r"(?:for|by) (?:user|role) [\"']?(?P<role>[\w.@-]+)", re.IGNORECASE)


def missing_grant(case: Case, refused: re.Match[str]) -> str:
    """The statement that gives exactly the right that a message says is missing."""
    name = str(refused["name"])
    kind = str(refused["what"] or "table").split()[-1].lower()
    node = case.node(case.incident.node)
    right = {"schema": "usage", "database": "connect", "function": "execute", "sequence": "usage"}
    given = right.get(kind, "select")
    if kind == "schema" and node is not None and name == node.schema:
        # The node's own schema: it is built there.
        given = "usage, create"
    parents = [case.node(uid) for uid in case.above("source", "seed", "model", "snapshot")]
    if kind in ("table", "view", "relation"):
        named = [p for p in parents if p is not None and p.alias.lower() == name.lower()]
        if len({(p.schema, p.alias) for p in named}) == 1:
            name = f"{named[0].schema}.{named[0].alias}"
    kind = "table" if kind in ("view", "relation") else kind
    role = _ROLE.search("\n".join(case.messages))
    return f"grant {given} on {kind} {name} to {role['role'] if role else '<role of the target>'}"


_LIMIT = re.compile(
    r"\d[\d.,]* ?(?:ms|milliseconds?|s|sec|seconds?|min|minutes?|[KMGT]i?B|bytes|slots?|rows)\b",
    re.I,
)


def _with_query(case: Case, found: Diagnosis | None) -> Steps[Diagnosis | None]:
    """The finding with the node's query, its plan and the limit that the message names."""
    node = case.node(case.incident.node)
    if found is None or node is None:
        return found
    facts = list(found.finding.evidence)
    limit = next((m[0] for text in case.messages if (m := _LIMIT.search(text))), "")
    if limit:
        facts.append(Evidence(f"The limit: {limit}."))
    sql = str(node.compiled_code or "").strip()
    if sql:
        facts.append(Evidence(f"The query: {sql[:2000]}", str(node.compiled_path or "")))
        plan = yield from ask("explain_query", sql=sql)
        if not plan.is_error and isinstance(plan.content, dict):
            rows = [" ".join(map(str, row)) for row in plan.content.get("rows", [])]
            if rows:
                facts.append(Evidence(f"Its plan: {chr(10).join(rows)[:2000]}"))
    finding = msgspec.structs.replace(found.finding, evidence=tuple(facts))
    return msgspec.structs.replace(found, finding=finding)


def _outside(
    case: Case, pattern: re.Pattern[str], what: str, step: str, decision: DecisionKind = "escalate"
) -> Steps[Diagnosis | None]:
    """The finding for a message that a pattern recognises; tests' own rows never speak of it."""
    yield from ()
    if case.incident.kind in ("test_failure", "unit_test_failure", "source_stale"):
        return None
    text = next((one for one in case.messages if pattern.search(one)), None)
    if text is None:
        return None
    node = case.incident.node
    draft = Draft(case, node, None, _line_of_hit(pattern, text))
    draft.fact(text[:1000], case.path(node))
    name = node.rsplit(".", 1)[-1] or case.project
    finding = draft.finding(f"{name} {what}.", confidence=0.93, next_step=step)
    return Diagnosis(finding, decision, finding.summary, rationale=step)


def _line_of_hit(pattern: re.Pattern[str], text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if pattern.search(line)]
    return lines[0][:200] if lines else ""
