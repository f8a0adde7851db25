"""Pages of the configuration codes AC100 to AC190; the compiler publishes AC2xx to AC4xx."""

from __future__ import annotations

from agentic.records import CodePage, publish

_HERE = "Correct the line that the message names, then run `agentic compile`."

publish(
    CodePage(
        "AC100",
        "config-error",
        "agents.yml or guardrails.yml has faults; each one is listed with its own code.",
        fix="Run `agentic compile`, which lists every fault of both files at once.",
    ),
    CodePage(
        "AC101",
        "unreadable-file",
        "The file cannot be read: no permission, not a regular file, too large, or not UTF-8.",
        fix="Make it a UTF-8 text file of at most 512 KiB that this user may read.",
    ),
    CodePage(
        "AC102",
        "invalid-yaml",
        "The text is not YAML: a tab as indentation, an unclosed bracket or quote, a NUL.",
        fix=_HERE,
        example="agents:\n\t- name: triage     # a tab; YAML indents with spaces",
    ),
    CodePage(
        "AC103",
        "duplicate-key",
        "A mapping has the same key twice.",
        why="Readers of YAML keep one of the two in silence; in guardrails that could be wrong.",
        fix="Join the two values under one key.",
    ),
    CodePage(
        "AC104",
        "alias-bomb",
        "Aliases (`*name`) repeat too much, or contain themselves.",
        why="A few lines of nested aliases expand to gigabytes.",
        fix="Write the values out.",
    ),
    CodePage(
        "AC105",
        "nested-too-deep",
        "Lists and mappings are nested deeper than 40 levels.",
        fix=_HERE,
    ),
    CodePage(
        "AC106",
        "unsupported-yaml",
        "YAML that these files do not use: tags (`!name`), merge keys (`<<`), directives "
        "(`%YAML`), several documents, keys that are not text.",
        fix="Write plain mappings, lists and values.",
    ),
    CodePage(
        "AC107",
        "empty-file",
        "agents.yml is there but says nothing.",
        fix="Delete it to use the standard agent agentic.triage, or run `agentic init` without it.",
    ),
    CodePage(
        "AC108",
        "wrong-file-name",
        "The files are agents.yml and guardrails.yml; with the ending `.yaml` they are not read.",
        why="A guardrails file that is silently not read is worse than none.",
        fix="Rename the file.",
    ),
    CodePage(
        "AC110",
        "unknown-key",
        "The grammar has no such key here.",
        fix="Use the key that the message suggests; `agentic schema agents` lists all.",
    ),
    CodePage("AC111", "missing-key", "A key that must be there is not.", fix=_HERE),
    CodePage(
        "AC112",
        "wrong-type",
        "A value has the wrong type: text where a list is needed, a number in quotes.",
        fix=_HERE,
        example="when: test_failure       # wrong\nwhen: [test_failure]     # right",
    ),
    CodePage("AC113", "unknown-value", "The value is not one of the possible ones.", fix=_HERE),
    CodePage(
        "AC114",
        "invalid-value",
        "The value has the right type and the wrong form: a duration without a unit, a size, a "
        "schedule, a name, a negative number.",
        fix=_HERE,
        example="duration: 30m\nmax_bytes_scanned: 10GB\nschedule: '0 3 * * *'",
    ),
    CodePage(
        "AC115",
        "duplicate-name",
        "Two items of one list have the same name.",
        fix="Rename one of them.",
    ),
    CodePage(
        "AC116",
        "one-of",
        "Exactly one of several keys must be there.",
        fix="Keep the one that is meant.",
        example="connections:\n  oncall: {slack: \"{{ env_var('SLACK_WEBHOOK_URL') }}\"}",
    ),
    CodePage(
        "AC117",
        "unknown-version",
        "The file's `version` is not one that this release reads.",
        fix="Write `version: 1`.",
    ),
    CodePage(
        "AC118",
        "secret-in-file",
        "A credential of a connection is written into the file.",
        why="agents.yml is committed; whoever reads the repository would have the credential.",
        fix="Put it into the environment and write a reference to it.",
        example="connections:\n  reviews: {github: \"{{ env_var('GITHUB_TOKEN') }}\"}",
    ),
    CodePage("AC120", "invalid-jinja", "The Jinja template cannot be parsed or run.", fix=_HERE),
    CodePage(
        "AC121",
        "jinja-name",
        "Jinja may use var() and env_var() here, and nothing else.",
        why="What the files say must be readable from the files.",
        fix="In `instructions`, `incident`, `lineage` and `memory` are there too.",
    ),
    CodePage(
        "AC122",
        "env-var-not-set",
        "The environment variable is not set and has no default.",
        fix="Set it, or give a default: env_var('NAME', 'default').",
    ),
    CodePage(
        "AC123",
        "var-not-defined",
        "dbt_project.yml defines no such variable, and the call has no default.",
        fix="Define it in dbt_project.yml, or give a default: var('name', 'default').",
    ),
    CodePage(
        "AC124",
        "secret-outside-connections",
        "A variable named DBT_ENV_SECRET_* or AGENTIC_SECRET_* is used where its value would be "
        "written to the compiled manifest.",
        fix="Use secrets in `connections` and webhook secrets alone, where they stay references.",
    ),
    CodePage(
        "AC130",
        "instructions-file",
        "The instructions name a file that is not there, not readable, or outside the project.",
        fix="Give a path relative to dbt_project.yml, or the text itself.",
    ),
    CodePage(
        "AC131",
        "instructions-name",
        "The instructions use a field of `incident` that it does not have.",
        fix="Use the field that the message suggests.",
    ),
    CodePage(
        "AC132",
        "instructions-mixed",
        "One Jinja block of the instructions uses var() or env_var() together with what is known "
        "only in a run (incident, memory).",
        why="Compile renders what is static, and leaves the rest as checked templates.",
        fix="Move the var() out of the block.",
    ),
    CodePage(
        "AC140",
        "guardrail-item",
        "An item of guardrails.yml is no dbt selection, relation:, column: or path:.",
        fix="Write relation:schema.table, column:schema.table.column, path:folder or a selection.",
        example='read:\n  deny: ["source:hr", "relation:vault.*", "column:raw.customers.ssn"]',
    ),
    CodePage(
        "AC502",
        "file-there",
        "`agentic init` found one of its files, or could not write in the project's folder.",
        why="It never overwrites what a person may have written.",
        fix="`agentic compile` checks the file that is there; move it away to start anew.",
    ),
    CodePage(
        "AC190",
        "not-built-yet",
        "The key is part of the grammar, and this release cannot do what it says.",
        why="A setting that is read and ignored is a promise broken in silence.",
        fix="Remove the key for now; CHANGELOG.md says what each release adds.",
    ),
)
