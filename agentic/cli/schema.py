"""`agentic schema`: JSON Schemas of the files that people write, for editors."""

from __future__ import annotations

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text


@click.command("schema", short_help="Print JSON Schemas for editors.")
@click.argument("file", type=click.Choice(["agents", "guardrails", "playbooks"]))
@project_options()
def command(flags: Flags, file: str) -> int:
    """Print the JSON Schema of agents.yml, guardrails.yml or playbooks/*.yml.

    In an editor with a YAML language server, as the first line of the file:
    # yaml-language-server: $schema=agents.schema.json
    """
    import json

    from agentic.config import agents_schema, guardrails_schema, playbooks_schema

    made = {
        "agents": agents_schema,
        "guardrails": guardrails_schema,
        "playbooks": playbooks_schema,
    }
    schema = made[file]()
    if flags.as_json:
        emit_json(schema)
    else:
        emit_text(json.dumps(schema, indent=2))
    return 0
