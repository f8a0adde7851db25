"""Pages of the verdict codes for project changes, for `agentic explain`."""

from __future__ import annotations

from agentic.records import CodePage, publish

_PAGES = """
OK_CHANGE | Nothing in the change needs a person. | Every finding is `allow`. | Nothing.

JINJA_SIDE_EFFECT | A template acts when dbt compiles it, or calls something by a name made at run
time. | dbt runs templates for compile, docs and run: a query in them runs before any check. | Use
ref, source, config, is_incremental, literal loops and macros that only print SQL.

SECRET_ACCESS | A template reads the environment, credentials or the whole target. | What a
template prints lands in compiled SQL, logs and the manifest. | Use `var()`; a person sets
environment variables in profiles.

SANDBOX_ESCAPE | A template reaches into the interpreter or loads another template. | No SQL needs
it. | Write the expression out.

ENV_DEPENDENT_LOGIC | A template does another thing in another environment or run. | What is
checked here is then not what runs in production. | Use the same SQL everywhere; differences
belong in profiles. A person may approve it.

HOOK_SQL | A hook, on-run-start, on-run-end or sql_header is set, changed or removed. | Its SQL
runs beside the node with the user's rights; on-run-start runs under `dbt test` too. | A person
edits hooks.

SQL_POLICY | The SQL of a changed file is not one plain read over relations of the project, or
does not compile. | dbt wraps a node's text into a statement: a second one in it would run. |
Write one SELECT over ref() and source(); declare what it reads as a source.

PYTHON_CODE | The change adds or edits Python. | Python runs in dbt's process, with its
environment. | Write the node in SQL.

RELATION_RETARGET | A schema, database, alias or a naming macro changes which relation is written.
| The build could replace a table elsewhere. | Leave relation names alone; a person moves
relations.

BUILTIN_OVERRIDE | A macro or test takes the name of one of dbt's or a package's. | It would
replace it for every node: a project `not_null` can turn every build green. | Choose another name.

CUSTOM_MATERIALIZATION | A materialization is defined, edited or named that dbt does not ship. |
It decides every statement that builds the node. | Use table, view, incremental, ephemeral or
materialized_view.

MACRO_CHANGE | A macro is added, edited, moved or removed. | Every node that calls it changes. | A
person reviews it, with the nodes that call it.

TEST_WEAKENED | An existing test is edited, hidden, filtered, made a warning or removed. | Only a
provably stricter test keeps the build honest. | Mend the node. Correcting a column name that the
node never had is `ask`.

SYMPTOM_MASKING | An existing node loses rows or grain, or an existing column is wrapped so that
bad values vanish. | The test turns green and the data stays wrong. | Mend the cause upstream; or
have a person approve it with the row and value diff.

MATERIALIZATION_CHANGE | How an existing relation is built changes. | A full refresh, another key
or another strategy can lose or double rows. | A person approves it.

SNAPSHOT_CHANGE | A snapshot's settings change, or a snapshot goes. | Its history cannot be built
again. | A person changes snapshots.

CONTRACT_CHANGE | An output column goes, is renamed or retyped, a contract is loosened, or access
changes. | Readers rely on it; `deny` when one in the project still reads the column. | Keep the
output name, or move every reader in the same change.

GRANTS_CHANGE | Grants are set or changed. | Who may read data is not a repair. | A person edits
grants.

PII_POLICY_CHANGE | Personal data loses its mark, or leaves in a new column that has none. |
Masking follows the marks. | Keep the tag or meta; mark the new column too; counts are fine.

FRESHNESS_CHANGE | Freshness is loosened, removed, or measured in another way. | Late data would
count as fresh. | Tightening and adding are free.

SOURCE_CHANGE | A source is read from another place. | The same name would mean other data. | A
person approves it.

RESOURCE_DELETED | A node, source or exposure is removed or switched off. | `deny` while something
reads it. | Remove its readers first; a person approves it.

DEPENDENCY_CHANGE | A package file, a lock file or an installed package is edited. | What is
installed runs with the user's rights. | A person edits it and runs `dbt deps`.

PROFILE_OR_ENV_CHANGE | A profile, an environment file or `profile:` is edited. | It decides where
dbt runs: a `.env` can move a run to production. | A person edits it.

PATH_ESCAPE | A path leads outside the project, is a link, or is not what it seems. | Only plain
paths below dbt_project.yml are the project's. | Write the file under its plain path.

PROJECT_CONFIG_CHANGE | dbt_project.yml, or a setting that the policy does not know, changes. | It
reaches every node. | Variables and flags are `ask`; the rest is a person's.

REPO_CONTROL_FILE | A file that steers git, CI, editors or other tools is edited. | It runs on the
next commit or CI run. | A person edits it.

GUARDRAIL_SELF_EDIT | agents.yml, guardrails.yml, prompts, agentic's state or a node's own
`meta.agentic` is edited. | No one widens their own rights. | A person edits them.

YAML_UNSAFE | A YAML file is broken, or means other than it seems: a key twice, an alias, a tab, a
tag. | The last of two keys wins silently. | Write each key once, without anchors, indented with
spaces.

PROMPT_INJECTION_TEXT | Text speaks to an agent or a reviewer, claims approval, or holds a script.
| It could talk the next reader into something. | Describe the data; leave instructions out.

CHANGE_ASKED | `change.ask` of guardrails.yml names what is edited, or no rule under `change:`
names it. | What no rule allows, a person decides. | Name the path or the nodes under
`change.allow`, or review the draft.

COST_CONFIG_CHANGE | The compute of a node changes. | It spends money. | A person approves it.

DATA_EXPIRY | A setting lets data expire. | It deletes rows later. | A person sets it.
"""


def _page(entry: str) -> CodePage:
    """`CODE | what it means | why | what to do`, over any number of lines."""
    code, what, why, fix = (part.strip() for part in " ".join(entry.split()).split("|"))
    return CodePage(code, code.lower().replace("_", " "), what, why, fix)


publish(*(_page(entry) for entry in _PAGES.strip().split("\n\n")))
