"""What the project-change policy is asked about, and what it answers. Plain shapes, no
judgement."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentic.records import Verdict


class ChangeFinding(msgspec.Struct, frozen=True):
    """One thing that a change does, and what that is worth."""

    path: str
    """Relative to the dbt project."""
    line: int
    """1-based, in the file after the change; 0 where no line can be named."""
    verdict: Verdict
    code: str
    reason: str
    """One sentence."""
    key: str = ""
    """What was found, without its place: findings that the base has too are not the change's."""


class ChangeVerdict(msgspec.Struct, frozen=True):
    """The strictest of the findings; `OK_CHANGE` when nothing is wrong."""

    verdict: Verdict
    code: str
    reason: str
    findings: tuple[ChangeFinding, ...] = ()


class ChangeRule(msgspec.Struct, frozen=True):
    """One item of `change:` in guardrails.yml, resolved."""

    text: str
    """As written: `path:models/staging`, `tag:gold`, `relation:raw.*`."""
    paths: tuple[str, ...] = ()
    """Globs or folder prefixes relative to the project, as dbt's `path:` method reads them."""
    unique_ids: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    """`schema.table` with `*`."""


class ChangeRules(msgspec.Struct, frozen=True):
    """Which files, nodes and relations a change may touch. Empty: everything is `ask`."""

    allow: tuple[ChangeRule, ...] = ()
    ask: tuple[ChangeRule, ...] = ()
    deny: tuple[ChangeRule, ...] = ()
    read_deny: tuple[str, ...] = ()
    """Relation patterns (`hr.*`) that no new code may read."""
    pii_columns: tuple[str, ...] = ()
    """`schema.table.column` patterns that guardrails.yml names under `read`."""
    pii_tags: tuple[str, ...] = ("pii",)


class ProjectView(msgspec.Struct, frozen=True):
    """What the policy must know of the project, so that judging is a pure function.

    `files` maps every text file of the dbt project that dbt or git could read (path to text,
    forward slashes, relative to the project); it may be lazy. `package_files` has the same for
    installed packages: `{package: {path in the package: text}}`.
    """

    files: Mapping[str, str] = {}
    package_files: Mapping[str, Mapping[str, str]] = {}
    dialect: str = "duckdb"
    """sqlglot's name of the target's dialect."""
    columns: Mapping[str, tuple[str, ...]] = {}
    """Columns that are really there, by node name or `source.table`, where known."""
    emitted: Mapping[str, tuple[str, ...]] = {}
    """Columns that nodes gave as dbt compiled them, by node name, where known; asked for a test's
    wrong column name alone, where the text does not tell."""
    unique_ids: Mapping[str, str] = {}
    """unique_id by project-relative path, where a manifest is at hand."""
    relations: Mapping[str, str] = {}
    """`schema.table`, in lower case, by unique_id, where a manifest is at hand."""


STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}

# Several findings of one strictness: the most telling code names the verdict.
PRECEDENCE = (
    "PATH_ESCAPE",
    "GUARDRAIL_SELF_EDIT",
    "PROFILE_OR_ENV_CHANGE",
    "DEPENDENCY_CHANGE",
    "REPO_CONTROL_FILE",
    "YAML_UNSAFE",
    "PYTHON_CODE",
    "SANDBOX_ESCAPE",
    "SECRET_ACCESS",
    "JINJA_SIDE_EFFECT",
    "CUSTOM_MATERIALIZATION",
    "BUILTIN_OVERRIDE",
    "HOOK_SQL",
    "GRANTS_CHANGE",
    "DATA_EXPIRY",
    "EXTERNAL_IO",
    "RELATION_RETARGET",
    "CODE_DEFINITION",
    "SNAPSHOT_CHANGE",
    "TEST_WEAKENED",
    "PII_POLICY_CHANGE",
    "RESOURCE_ABUSE",
    "READ_DENIED",
    "CONTRACT_CHANGE",
    "RESOURCE_DELETED",
    "SQL_POLICY",
    "PROJECT_CONFIG_CHANGE",
    "SYMPTOM_MASKING",
    "MATERIALIZATION_CHANGE",
    "COST_CONFIG_CHANGE",
    "SOURCE_CHANGE",
    "FRESHNESS_CHANGE",
    "ENV_DEPENDENT_LOGIC",
    "PROMPT_INJECTION_TEXT",
    "MACRO_CHANGE",
    "WRITE_PROTECTED",
    "CHANGE_ASKED",
    "WRITE_OUT_OF_SCOPE",
)
RANK = {code: -number for number, code in enumerate(PRECEDENCE)}


def order(finding: ChangeFinding) -> tuple[int, int]:
    """Sort key: strictest first, then the most telling code."""
    return (STRICTNESS[finding.verdict], RANK.get(finding.code, -len(RANK)))
