"""Pages of the codes that compiling gives: AC2xx agents, AC3xx guardrails, AC4xx selections."""

from __future__ import annotations

from agentic.records import CodePage, publish

publish(
    CodePage(
        "AC201",
        "unknown-tool",
        "An agent names a tool or toolset that is neither built in nor under `tools`.",
        fix="Use a name that `agentic ls --resource-type tool` lists.",
    ),
    CodePage(
        "AC202",
        "unknown-output",
        "An agent's `output` is neither incident_report nor a name under `outputs`.",
        fix="Use incident_report.",
    ),
    CodePage(
        "AC203",
        "unknown-delegate",
        "An agent delegates to an agent that this file does not have, or to itself.",
        fix="Name another agent of agents.yml.",
    ),
    CodePage(
        "AC204",
        "unknown-trigger",
        "`when` names neither an incident kind nor a name under `triggers`.",
        fix="Use an incident kind: run_error, test_failure, source_stale, schema_drift, ...",
    ),
    CodePage(
        "AC205",
        "unknown-connection",
        "Something escalates to a connection that agents.yml does not have.",
        fix="Add it under `connections` in agents.yml, or name one that is there.",
    ),
    CodePage(
        "AC206",
        "unknown-standard-agent",
        "`extends` names a standard agent that the package does not carry.",
        fix="Use agentic.triage.",
    ),
    CodePage(
        "AC207",
        "limit-widens-guardrails",
        "A limit of an agent or a plan is larger than that of guardrails.yml.",
        why="They can only tighten the guardrails; a plan's is of all its steps together.",
        fix="Lower it, or let a person raise the limit in guardrails.yml.",
    ),
    CodePage(
        "AC208",
        "no-instructions",
        "An agent that may run with a language model has no instructions and extends no agent.",
        fix="Add `extends: agentic.triage` or `instructions: FILE`.",
    ),
    CodePage(
        "AC209",
        "connection-cannot-be-told",
        "Something escalates to a connection of a kind that cannot carry a message.",
        fix="Name a connection of kind slack, webhook or pagerduty; email is not built.",
    ),
    CodePage(
        "AC211",
        "playbook-input",
        "A step of a playbook gives its tool something that the tool does not take, or leaves out "
        "what it needs.",
        fix="Give the keys that `agentic ls --resource-type tool` lists.",
    ),
    CodePage(
        "AC212",
        "playbook-tool",
        "A playbook calls a tool that does not read, or that its agent may not call.",
        why="A playbook has no more rights than the agent that follows it.",
        fix="Use a tool that reads; write a fix under `edits`; or give the agent the tool.",
    ),
    CodePage(
        "AC213",
        "playbook-expression",
        "An expression or template of a playbook names what is not there, or computes too much.",
        fix="Use fields of `incident`, of `finding`, and `steps.ID` of the steps before it.",
    ),
    CodePage(
        "AC214",
        "unknown-rule",
        "`rules` of a playbook file names a rule that is not built in.",
        fix="Use a name of the shipped playbooks/standard.yml.",
    ),
    CodePage(
        "AC215",
        "output-schema",
        "An output of your own is no JSON Schema that can be used: broken, not of an object, too "
        "long, or with a reference that leads out of it or back into itself.",
        fix="Mend what the message names; docs/outputs.md shows each form.",
    ),
    CodePage(
        "AC216",
        "output-class",
        "The pydantic class of an output cannot be imported.",
        why="It is imported in a process of its own, from the project's folder or from what is "
        "installed, without your keys and tokens.",
        fix="Try `python -c 'import package.module'` in the project's folder.",
    ),
    CodePage(
        "AC230",
        "unknown-step",
        "A route of a plan leads to a step that the plan does not have.",
        fix="Name a step's id; `on_failure` and `on_review` may also say `escalate`.",
    ),
    CodePage(
        "AC231",
        "unreachable-step",
        "No route of a plan leads to a step.",
        why="A step that never runs promises what nobody does.",
        fix="Write `on_success: ID` at the step before it.",
    ),
    CodePage(
        "AC232",
        "cycle-without-limit",
        "Routes of a plan lead back to where they came from, and nothing bounds how often.",
        fix="Write `retries: 2` at one step of the cycle: it may start again that often.",
    ),
    CodePage(
        "AC233",
        "missing-review",
        "A plan comes to a risky step with a proposal that nobody looked at: a step with an effect "
        "outside, or an agent that may change files, after another step's proposal.",
        why="What stands on an unread change makes the change harder to read.",
        fix="Write `review: true` at the step that the message names.",
    ),
    CodePage(
        "AC234",
        "step-input",
        "A plan's step gives its tool something that the tool does not take, or leaves out what "
        "it needs.",
        fix="Give the keys that `agentic ls --resource-type tool --output json` shows.",
    ),
    CodePage(
        "AC235",
        "step-kind",
        "A plan's step has a key that does not fit its kind, or a tool that is part of an agent's "
        "work.",
        fix="An agent's step has a `task`, a tool's step has an `input`.",
        example="steps:\n  - {id: model, agent: transformation, task: Build the mart.}\n"
        "  - {id: test, tool: dbt_test, input: {nodes: [daily_sales]}}",
    ),
    CodePage(
        "AC236",
        "nobody-can-approve",
        "A plan's step waits for a person, and approve.by names nobody who can answer. A warning.",
        why="A step is no pull request, so that git_review cannot answer for it.",
        fix="Add `local` or `ssh:NAME` to approve.by in guardrails.yml.",
    ),
    CodePage(
        "AC237",
        "plan-named-as-agent",
        "A plan has the name of an agent, and `agentic run NAME` could mean either.",
        fix="Rename the plan.",
    ),
    CodePage(
        "AC301",
        "build-schema-is-production",
        "`build.schemas` covers a schema that agents may only read: of a production target, of a "
        "source, or of the baseline itself.",
        why="Agents write to build.schemas; production is never written.",
        fix='Use schemas of their own, as the default ["agentic_*"].',
    ),
    CodePage(
        "AC302",
        "unknown-target",
        "`build.target` or `production.targets` names a target that the profile does not have.",
        fix="Use a target of the project's profile in profiles.yml.",
    ),
    CodePage(
        "AC303",
        "build-target-is-production",
        "`build.target` is also one of `production.targets`.",
        why="Agents build with build.target and may only read production.",
        fix="Name another target for one of them.",
    ),
    CodePage(
        "AC310",
        "matches-nothing",
        "A selection, a tag, a name or a path matches nothing in the project today. A warning.",
        why="A rule with a typing error protects nothing.",
        fix="Correct it, or keep it for what will come.",
    ),
    CodePage(
        "AC320",
        "node-config",
        "A node's `config.meta.agentic` has a key or a value that it cannot have.",
        why="A node can only tighten: `change: ask` or `change: deny`, its owner, its connection.",
        fix="Write `meta: {agentic: {change: deny, owner: NAME, escalate: CONNECTION}}`.",
    ),
    CodePage(
        "AC430",
        "invalid-selection",
        "A node selection is not one that dbt would understand.",
        fix="Write it as for `dbt ls --select`: tag:gold, path:models/staging, +orders.",
    ),
    CodePage(
        "AC431",
        "selection-needs-dbt",
        "A selection compares with another run (state:, result:, source_status:), which a "
        "file that is compiled once cannot do.",
        fix="Select by tag, path, name or source.",
    ),
)

publish(
    CodePage(
        "AC240",
        "own-tool-name",
        "A tool of your own is named like a built-in tool or toolset.",
        why="What a name means must not depend on which file is read first.",
        fix="Give it another name.",
    ),
    CodePage(
        "AC241",
        "own-tool-input",
        "An input of a tool cannot be declared so: an unknown keyword, or a reserved name.",
        why="A keyword that nobody checks would look like a check.",
        fix="Use string, integer, number, boolean, date, timestamp, or JSON Schema.",
    ),
    CodePage(
        "AC242",
        "own-tool-sql",
        "The query of a tool cannot be read, names what is not there, or may not be run.",
        why="It is parsed and judged as an agent's own statement would be, with made-up inputs.",
        fix="One select over ref() and source(), with `:name` for each input.",
    ),
    CodePage(
        "AC243",
        "own-tool-http",
        "The request of a tool cannot be sent so.",
        why="The file alone decides which host is asked; inputs are encoded into path and query.",
        fix="Write https://host/path/{{ input }}; env_var() in headers.",
    ),
    CodePage(
        "AC244",
        "own-tool-python",
        "The function of a tool is not there, or does not take its inputs.",
        fix="Write `python: package.module:function`, the module beside dbt_project.yml.",
    ),
    CodePage(
        "AC245",
        "own-tool-macro",
        "The macro of a tool is not one of the project or its packages.",
        fix="Write the macro under macros/, then run `agentic compile` again.",
    ),
    CodePage(
        "AC246",
        "own-tool-effect",
        "A tool cannot have the effect that is declared.",
        fix="A query reads; a request reads or is external.",
    ),
)

publish(
    CodePage(
        "AC247",
        "mcp-tool-not-approved",
        "A tool of an MCP server is declared, and nobody approved what the server says of it. A "
        "warning: no agent has the tool.",
        why="A server writes its tools' descriptions and schemas, and may write instructions.",
        fix="Run `agentic pin SERVER` in a terminal: it shows them, and writes agentic.lock.",
    ),
    CodePage(
        "AC248",
        "mcp-tool-unfit",
        "A tool of an MCP server cannot be offered: its name or its schema is no such thing.",
        fix="Remove it from `effects`, or tell the server's makers.",
    ),
    CodePage(
        "AC249",
        "lock-faulty",
        "agentic.lock cannot be read, or was edited by hand.",
        why="It holds what a person approved; a hash that does not fit proves that it was changed.",
        fix="Take it from git, or run `agentic pin SERVER` again.",
    ),
)
