"""The workspace's own profiles.yml: the baseline's target under another name and schema.

Values that the user's profile reads with `env_var` stay references. Secrets that the user wrote
out there are handed over in the environment, so that nothing secret reaches a second file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import WorkspaceError
from agentic.project import Target
from agentic.project.rendering import read_yaml

TARGET_NAME = "agentic"

_SECRET_KEY = re.compile(
    r"(pass|password|token|secret|private_key|keyfile_json|access_key|api_key|credential)s?$", re.I
)
# dbt lets profiles.yml alone read such variables, and strikes their values from its logs.
_VARIABLE = "DBT_ENV_SECRET_AGENTIC_{}"


class Profile(msgspec.Struct, frozen=True):
    """A written profiles.yml and what its reader needs in the environment."""

    folder: Path
    environment: dict[str, str]
    """Secrets, by variable; never logged, never stored."""


def write_profile(
    folder: Path, target: Target, *, schema: str, changes: Mapping[str, Any] | None = None
) -> Profile:
    """Write `folder`/profiles.yml with the one target `agentic`, readable by its owner alone.

    `changes` are settings that differ from the user's (a copied database's path). Raises
    WorkspaceError when the user's profile is gone.
    """
    output = {**_raw_output(target), **(changes or {}), "schema": schema}
    output.pop("dataset", None)
    secrets: dict[str, str] = {}
    output = _without_secrets(output, secrets)
    content = {target.profile: {"target": TARGET_NAME, "outputs": {TARGET_NAME: output}}}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "profiles.yml"
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        # JSON is YAML, and needs no care with quotes.
        stream.write(json.dumps(content, indent=1, default=str) + "\n")
    return Profile(folder, secrets)


def _raw_output(target: Target) -> dict[str, Any]:
    """The output as the user wrote it, Jinja unrendered."""
    if target.profiles_path is None:
        return dict(target.settings)
    profile = read_yaml(target.profiles_path).get(target.profile)
    outputs = profile.get("outputs") if isinstance(profile, dict) else None
    output = outputs.get(target.name) if isinstance(outputs, dict) else None
    if not isinstance(output, dict):
        raise WorkspaceError(
            f"target {target.name!r} of profile {target.profile!r} is gone",
            where=str(target.profiles_path),
        )
    return dict(output)


def _without_secrets(value: Any, secrets: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(one, secrets, str(name)) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one, secrets, key) for one in value]
    written_out = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    if not written_out or "{{" in str(value) or not _SECRET_KEY.search(key):
        return value
    name = _VARIABLE.format(len(secrets) + 1)
    secrets[name] = str(value)
    return "{{ env_var('" + name + "') }}"
