"""What a dbt subprocess is told: an environment without keys, tokens or dbt's own switches.

A Python node or an `env_var()` could otherwise read whatever the user's shell holds, and a
DBT_TARGET in it could move a build to production.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentic.masking import looks_secret
from agentic.project.locate import PROJECT_FILE, Project

# What a program needs to start, find its libraries, speak TLS and know the time zone.
_ALLOWED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP",
        "TMP", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "USERPROFILE", "APPDATA",
        "PYENV_ROOT", "PYENV_VERSION", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
        "no_proxy", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY",
    }
)  # fmt: skip

# dbt's own switches: they would change what a caller asked for. The last ones exist without a flag.
_DBT_SWITCHES = frozenset(
    "DBT_" + name
    for name in [
        "ARTIFACT_STATE_PATH", "CACHE_SELECTED_ONLY", "CLEAN_PROJECT_FILES_ONLY", "DEBUG",
        "DEFER", "DEFER_STATE", "DEFER_TO_STATE", "EMPTY", "EVENT_TIME_END", "EVENT_TIME_START",
        "EXCLUDE_RESOURCE_TYPES", "EXPORT_SAVED_QUERIES", "FAIL_FAST", "FAVOR_STATE",
        "FAVOR_STATE_MODE", "FULL_REFRESH", "HOST", "INCLUDE_SAVED_QUERY", "INDIRECT_SELECTION",
        "INTROSPECT", "LOG_CACHE_EVENTS", "LOG_FILE_MAX_BYTES", "LOG_FORMAT", "LOG_FORMAT_FILE",
        "LOG_LEVEL", "LOG_LEVEL_FILE", "LOG_PATH", "MACRO_DEBUGGING", "NO_PRINT", "PARTIAL_PARSE",
        "PARTIAL_PARSE_FILE_DIFF", "PARTIAL_PARSE_FILE_PATH", "POPULATE_CACHE", "PRINT",
        "PRINTER_WIDTH", "PROFILE", "PROFILES_DIR", "PROJECT_DIR", "QUIET", "RESOURCE_TYPES",
        "SAMPLE", "SEND_ANONYMOUS_USAGE_STATS", "SHOW_RESOURCE_REPORT", "SINGLE_THREADED",
        "STATE", "STATIC_PARSER", "STORE_FAILURES", "TARGET", "TARGET_PATH", "THREADS",
        "UPLOAD_TO_ARTIFACTS_INGEST_API", "USE_COLORS", "USE_COLORS_FILE",
        "USE_EXPERIMENTAL_PARSER", "USE_FAST_TEST_EDGES", "VERSION_CHECK", "WARN_ERROR",
        "WARN_ERROR_OPTIONS", "WRITE_JSON", "INVOCATION_ENV", "RECORDED_FILE_PATH",
        "RECORDER_MODE", "RECORDER_TYPES", "DOWNLOAD_DIR", "TEST_STATE_MODIFIED",
        "PP_FILE_DIFF_TEST", "PP_TEST",
    ]
)  # fmt: skip

_ENV_VAR = re.compile(r"""env_var\s*\(\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]""")
_READ = (".yml", ".yaml", ".sql", ".py", ".md")


def child_environment(
    environ: Mapping[str, str] | None = None, *, named: Iterable[str] = ()
) -> dict[str, str]:
    """The environment for a dbt subprocess.

    Kept: the few variables that a program needs, `LC_*`, `XDG_*`, the user's own `DBT_*` (not dbt's
    switches), and `named`, those that the user's project and profile name in `env_var()`.
    """
    env = os.environ if environ is None else environ
    wanted = _ALLOWED | frozenset(named)
    kept = {
        key: value
        for key, value in env.items()
        if key in wanted or key.startswith(("LC_", "XDG_")) or _own_dbt_variable(key)
    }
    kept.update(
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        PYTHONIOENCODING="utf-8",
        PYTHONUNBUFFERED="1",
        PYTHON_DOTENV_DISABLED="1",  # dbt 1.12 loads the nearest `.env` upwards
    )
    return kept


def tool_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a program of the user's that is no dbt: nothing that is a secret or may
    be one, and none of dbt's or PostgreSQL's variables."""
    return {
        name: value
        for name, value in child_environment(environ).items()
        if not name.startswith(("DBT_", "PG")) and not looks_secret(name)
    }


def named_variables(project: Project, *files: Path) -> frozenset[str]:
    """Names that the project, its packages and `files` (profiles.yml) read with `env_var('NAME')`.

    Ask this of the user's checkout, never of a workspace: an edit there must not widen it.
    """
    found: set[str] = set()
    for file in (*files, project.root / PROJECT_FILE, project.root / "packages.yml"):
        found |= _names_in(file)
    for root in (*project.source_roots, project.packages_path):
        for folder, _, names in os.walk(root):
            for name in names:
                if name.endswith(_READ):
                    found |= _names_in(Path(folder) / name)
    return frozenset(found - _DBT_SWITCHES)


def _own_dbt_variable(key: str) -> bool:
    return key.startswith("DBT_") and key not in _DBT_SWITCHES and not key.startswith("DBT_ENGINE_")


def _names_in(file: Path) -> set[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return set(_ENV_VAR.findall(text)) if "env_var" in text else set()
