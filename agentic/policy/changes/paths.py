"""Which paths a change may name at all, and what the guardrails' rules say of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import msgspec

from agentic.policy.changes.shapes import ChangeFinding, ChangeRule, ChangeRules

SYMLINK = "SYMLINK:"

# Matched on the case-folded path; the first that fits names the code.
GUARDRAILS = re.compile(
    r"(^|/)(agents|guardrails)\.ya?ml$|(^|/)agentic\.lock$|(^|/)\.agentic(/|$)|^target/agentic(/|$)|(^|/)allowed_signers$|^(prompts|playbooks)/"
)
PROFILE = re.compile(
    r"(^|/)profiles\.ya?ml$|(^|/)\.env($|[./_-])|(^|/)\.user\.yml$|(^|/)\.envrc$|(^|/)\.dbt(/|$)|(^|/)[^/]*\.env$|(^|/)dbt_cloud\.yml$|(^|/)\.(netrc|pgpass|aws|ssh|snowflake|snowsql|gnupg|docker)(/|$)"
)
DEPENDENCY = re.compile(
    r"(^|/)(packages|dependencies|package-lock|package_lock)\.ya?ml$|(^|/)(dbt_packages|dbt_modules|dbt_internal_packages|site-packages|node_modules)(/|$)"
    r"|(^|/)(requirements[^/]*\.(txt|in)|constraints[^/]*\.txt|pyproject\.toml|setup\.(py|cfg)|pipfile(\.lock)?|poetry\.lock|uv\.lock|package(-lock)?\.json|conda[^/]*\.ya?ml|environment\.ya?ml)$"
)
GIT = re.compile(r"(^|/)\.git(/|$)|(^|/)git~[0-9]+(/|$)")
CONTROL = re.compile(
    r"(^|/)\.[^/]+(/|$)|(^|/)(makefile|gnumakefile|justfile|taskfile\.ya?ml|jenkinsfile|dockerfile[^/]*|docker-compose[^/]*|codeowners|agents\.md|claude\.md|gemini\.md|azure-pipelines[^/]*|bitbucket-pipelines\.yml|buildspec\.ya?ml|cloudbuild\.ya?ml|tox\.ini|noxfile\.py|conftest\.py|pytest\.ini|sqlfluff\.cfg|mcp\.json|procfile|vagrantfile)$"
    r"|^(target|logs|ci)(/|$)"
)
SCRIPT = re.compile(
    r"\.(sh|bash|zsh|fish|bat|cmd|ps1|exe|so|dll|dylib|jar|js|mjs|ts|pl|rb|lua|php|whl|pth|pkl|pickle|msgpack|duckdb|db|sqlite|wal|toml|cfg|ini|conf|service|tf|html?|svg)$"
)
PYTHON = re.compile(r"\.(py|pyi|pyc|pyx|ipynb|pyw)$")


def escape_reason(path: str) -> str:
    """Why a path is no plain path inside the project; empty when it is one."""
    if (
        not path
        or path != path.strip()
        or path.startswith(("/", "~"))
        or re.match(r"[A-Za-z]:", path)
    ):
        return "The path is not relative to the project."
    if "\\" in path or "//" in path or path.endswith("/"):
        return "The path is not written plainly with single forward slashes."
    parts = path.split("/")
    if any(part in ("", ".", "..") or part != part.strip() or part.endswith(".") for part in parts):
        return "The path leads elsewhere than it seems."
    if any(unsafe(character) for character in path):
        return "The path holds invisible or control characters."
    if unicodedata.normalize("NFKC", path) != path or not all(map(plain_letter, path)):
        return "The path holds letters that look like others."
    if "%2e" in path.lower() or "%2f" in path.lower() or "$" in path or "`" in path:
        return "The path is not written plainly."
    return ""


def plain_letter(character: str) -> bool:
    """ASCII, or a letter that no ASCII letter is mistaken for."""
    if character.isascii():
        return True
    name = unicodedata.name(character, "")
    return name.startswith(("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"))


def unsafe(character: str) -> bool:
    """Control, format (bidi, zero width), private and unassigned characters."""
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")


PLACED = re.compile(r"/(agents|guardrails|profiles|packages|dependencies|environment)\.ya?ml$")


_OWNERS = (
    (GUARDRAILS, "GUARDRAIL_SELF_EDIT", "Agents and guardrails are never an agent's to edit."),
    (GIT, "PATH_ESCAPE", "The repository's own folder is no part of the project."),
    (
        PROFILE,
        "PROFILE_OR_ENV_CHANGE",
        "Profiles and environment files decide where dbt runs; a person edits them.",
    ),
    (
        DEPENDENCY,
        "DEPENDENCY_CHANGE",
        "What is installed runs with the user's rights; a person edits it.",
    ),
    (PYTHON, "PYTHON_CODE", "Python would run in dbt's process; write the node in SQL."),
    (CONTROL, "REPO_CONTROL_FILE", "The file steers tools or CI; a person edits it."),
    (SCRIPT, "REPO_CONTROL_FILE", "The file is no part of a dbt project; a person edits it."),
)


def judge_path(path: str, text: str | None, kind: str = "") -> ChangeFinding | None:
    """The verdict that a path alone earns, whatever the rules say.

    `kind` is what dbt takes the file for: a property file of models may well be called agents.yml.
    """
    reason = escape_reason(path)
    if not reason and text is not None and text.startswith(SYMLINK):
        reason = "A link would make this path mean another file; write the file itself."
    if reason:
        return ChangeFinding(path, 0, "deny", "PATH_ESCAPE", reason)
    if kind == "properties" and PLACED.search(path) and "/." not in path:
        return None
    if path.endswith("/.gitkeep") and path.count("/.") == 1 and not (text or "").strip():
        return None
    folded = unicodedata.normalize("NFKC", path).casefold()
    for pattern, code, why in _OWNERS:
        if pattern.search(folded):
            return ChangeFinding(path, 0, "deny", code, why)
    return None


def twin_in_case(path: str, existing: Iterable[str]) -> str:
    """An existing file or folder that is the same where a file system folds case; empty: none."""
    known = set(existing)
    places = {parent.as_posix() for one in known for parent in PurePosixPath(one).parents}
    by_fold = {one.casefold(): one for one in (*places, *known)}
    for place in (path, *(parent.as_posix() for parent in PurePosixPath(path).parents)):
        twin = by_fold.get(place.casefold())
        if twin is not None and place not in known and place not in places:
            return twin
    return ""


def matches(path: str, pattern: str) -> bool:
    """As dbt's `path:` method: a folder takes all below it; globs are allowed."""
    pattern = pattern.removeprefix("path:").removeprefix("./").rstrip("/")
    if not pattern or pattern == ".":
        return True
    if path == pattern or path.startswith(pattern + "/"):
        return True
    if any(mark in pattern for mark in "*?["):
        if fnmatchcase(path, pattern):
            return True
        return any(
            fnmatchcase(parent.as_posix(), pattern) for parent in PurePosixPath(path).parents
        )
    return False


class Touched(msgspec.Struct, frozen=True):
    """What a changed file stands for: itself, the nodes in it, and the relations they build."""

    path: str
    nodes: tuple[str, ...] = ()
    """unique_ids."""
    relations: Mapping[str, str] = {}
    """`schema.table` by unique_id, as far as it is known."""

    def named(self, rule: ChangeRule, node: str) -> bool:
        """Does a rule name the node, by its unique_id or its relation?"""
        relation = self.relations.get(node, "")
        return node in rule.unique_ids or (
            bool(relation)
            and any(fnmatchcase(relation, one) for one in map(_plain, rule.relations))
        )

    def unplaced(self, rule: ChangeRule) -> bool:
        """Could the rule mean a relation that a node builds where nobody here knows?"""
        tables = [_plain(one).rpartition(".")[2] for one in rule.relations]
        return any(
            node not in self.relations and fnmatchcase(node.rpartition(".")[2].lower(), table)
            for node in self.nodes
            for table in tables
        )


def _plain(pattern: str) -> str:
    """`schema.table` of a relation pattern, without a database."""
    return ".".join(pattern.removeprefix("relation:").lower().split(".")[-2:])


def rule_for(rules: Iterable[ChangeRule], touched: Touched) -> ChangeRule | None:
    """The first rule that names the path or one of the nodes in it."""
    for rule in rules:
        if any(matches(touched.path, pattern) for pattern in rule.paths) or any(
            touched.named(rule, node) for node in touched.nodes
        ):
            return rule
    return None


def _allowed(rules: Iterable[ChangeRule], touched: Touched) -> bool:
    """Is the file named by its path, or every node in it by some rule?"""
    listed = tuple(rules)
    if any(matches(touched.path, pattern) for rule in listed for pattern in rule.paths):
        return True
    return bool(touched.nodes) and all(
        any(touched.named(rule, node) for rule in listed) for node in touched.nodes
    )


def judge_rules(touched: Touched, rules: ChangeRules, code: str, what: str) -> ChangeFinding | None:
    """What `change:` of guardrails.yml says of a file; None when it is allowed.

    `what` says in words what the file is, for the reason.
    """
    path = touched.path
    denied = rule_for(rules.deny, touched)
    if denied is not None:
        reason = f"change.deny names it: {denied.text}."
        return ChangeFinding(path, 0, "deny", "WRITE_PROTECTED", reason)
    asked = rule_for(rules.ask, touched)
    if asked is not None:
        return ChangeFinding(path, 0, "ask", code, f"change.ask names it: {asked.text}.")
    unplaced = next((rule for rule in (*rules.deny, *rules.ask) if touched.unplaced(rule)), None)
    if unplaced is not None:
        reason = f"Where it is built is not known here, and {unplaced.text} may mean it."
        return ChangeFinding(path, 0, "ask", code, reason)
    if not _allowed(rules.allow, touched):
        reason = f"{what} no rule under change: names it, so that a person decides."
        return ChangeFinding(path, 0, "ask", code, reason)
    return None
