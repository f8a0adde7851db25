"""guardrails.yml resolved: rules, targets, schemas, limits."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from agentic.compiler.inputs import Inputs
from agentic.compiler.limits import limits_of
from agentic.compiler.notes import compile_notes
from agentic.compiler.rules import change_rules, default_pii, pii_columns, read_rules
from agentic.config import NOTIFIERS, YamlPath, did_you_mean
from agentic.records import CompiledGuardrails

_BUILT = ("model", "seed", "snapshot")


def compile_guardrails(inputs: Inputs) -> CompiledGuardrails:
    """Everything filled in; faults become issues of `inputs`."""
    spec = inputs.specs.guardrails
    ask, deny, notes = compile_notes(inputs)
    masks = read_rules(inputs, "mask")
    target, production = _targets(inputs)
    schemas = tuple(dict.fromkeys(spec.build.schemas or ()))
    _check_schemas(inputs, target, production)
    return CompiledGuardrails(
        read_deny=read_rules(inputs, "deny") + default_pii(inputs, masks),
        read_mask=masks,
        change_allow=change_rules(inputs, "allow"),
        change_ask=change_rules(inputs, "ask") + ask,
        change_deny=change_rules(inputs, "deny") + deny,
        build_target=target,
        build_schemas=schemas,
        production_targets=production,
        sql_max_rows=spec.sql.max_rows or 0,
        sql_max_bytes_scanned=spec.sql.max_bytes_scanned or 0,
        sql_timeout_s=spec.sql.timeout_s or 0.0,
        limits=limits_of(spec.limits),
        escalate_after_s=spec.escalate.after_s or 0.0,
        escalate_to=_connections(inputs),
        approve_by=tuple(dict.fromkeys(spec.approve.by or ())),
        approve_for=tuple(dict.fromkeys(spec.approve.effects or ())),
        pii_columns=pii_columns(inputs.manifest),
        nodes=notes,
    )


def _connections(inputs: Inputs) -> tuple[str, ...]:
    names, known = inputs.specs.guardrails.escalate.to or (), inputs.specs.agents.connections
    for number, name in enumerate(names):
        if name not in known:
            hint = did_you_mean(name, known) or "add it under `connections` in agents.yml"
            _error(
                inputs, ("escalate", "to", number), "AC205", f"unknown connection {name!r}", hint
            )
        elif known[name].kind not in NOTIFIERS:
            message = f"{name!r} is a connection of kind {known[name].kind}, which cannot be told"
            hint = f"not built: {', '.join(NOTIFIERS)} are"
            _error(inputs, ("escalate", "to", number), "AC209", message, hint)
    return tuple(dict.fromkeys(names))


def _targets(inputs: Inputs) -> tuple[str, tuple[str, ...]]:
    """The build target and production's targets."""
    spec, known = inputs.specs.guardrails, inputs.targets
    build = spec.build.target or inputs.target
    if spec.build.target and build not in known:
        hint = did_you_mean(build, known)
        _error(inputs, ("build", "target"), "AC302", f"unknown target {build!r}", hint)
    if spec.production.targets is None:
        return build, tuple(sorted(name for name in known if name != build))
    for number, name in enumerate(spec.production.targets):
        place = ("production", "targets", number)
        if name not in known:
            hint = did_you_mean(name, known)
            _error(inputs, place, "AC302", f"unknown target {name!r}", hint)
        elif name == build:
            _error(inputs, place, "AC303", f"{name!r} is also the target that agents build in")
    return build, tuple(sorted(set(spec.production.targets)))


def _check_schemas(inputs: Inputs, target: str, production: tuple[str, ...]) -> None:
    """Agents write to build.schemas, so these may cover nothing that is only to be read."""
    protected = dict(_protected(inputs, target, production))
    for number, pattern in enumerate(inputs.specs.guardrails.build.schemas or ()):
        for schema, whose in sorted(protected.items()):
            if fnmatchcase(schema, pattern.lower()):
                message = f"the build schema {pattern!r} covers {schema!r}, which is {whose}"
                hint = 'agents write there; use schemas of their own, as ["agentic_*"]'
                _error(inputs, ("build", "schemas", number), "AC301", message, hint)
                break


def _protected(
    inputs: Inputs, build: str, production: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for source in inputs.manifest.sources.values():
        if source.schema:
            yield source.schema.lower(), f"the schema of source {source.source_name!r}"
    # Without a build target of its own a project is its own production. With one, what the
    # manifest names belongs to the baseline, which is a target of the user's unless it is that one.
    if inputs.specs.guardrails.build.target is None or inputs.target != build:
        for node in inputs.manifest.nodes.values():
            if node.resource_type in _BUILT and node.schema:
                yield node.schema.lower(), f"where target {inputs.target!r} builds"
        own = inputs.targets.get(inputs.target)
        if own is not None and own.schema:
            yield own.schema.lower(), f"the schema of target {own.name!r}"
    for name in production:
        found = inputs.targets.get(name)
        if found is not None and found.schema:
            yield found.schema.lower(), f"the schema of the production target {name!r}"


def _error(inputs: Inputs, path: YamlPath, code: str, message: str, hint: str = "") -> None:
    inputs.error(inputs.specs.guardrails_document, path, code, message, hint)
