"""`agentic schema`: JSON Schemas of the two files, for editors."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text


@click.command("schema", short_help="Print JSON Schemas for editors.")
@click.argument("file", type=click.Choice(["agents", "guardrails"]))
@project_options()
def command(flags: Flags, file: str) -> int:
    """Print the JSON Schema of agents.yml or guardrails.yml.

    In an editor with a YAML language server, as the first line of the file:
    # yaml-language-server: $schema=agents.schema.json
    """
    import json

    from agentic.config import agents_schema, guardrails_schema

    schema = agents_schema() if file == "agents" else guardrails_schema()
    if flags.as_json:
        emit_json(schema)
    else:
        emit_text(json.dumps(schema, indent=2))
    return 0
