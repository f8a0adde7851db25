"""Faults in a project's shape: its graph, its YAML, its macros and its packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentic.evals.code_faults import rewrite, texts, typo
from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.evals.logic_faults import masked
from agentic.project import Macro, Node

_REF = re.compile(r"\bref\(\s*(['\"])(\w+)\1\s*\)")
_SOURCE = re.compile(r"\bsource\(\s*(['\"])(\w+)\1\s*,\s*(['\"])(\w+)\3\s*\)")
_NUMBER = re.compile(r"(?<![\w.'\"])(\d+(?:\.\d+)?)(?![\w.'\"])")
_ALIASED = re.compile(r"\bas\s+(\w+)(?=\s*\n\s*from\b)", re.I)
# current name -> the name under which the package or dbt itself once had it
_ONCE = {
    "dbt_utils.generate_surrogate_key(": "dbt_utils.surrogate_key(",
    "dbt.date_trunc(": "dbt_utils.date_trunc(",
    "dbt.datediff(": "dbt_utils.datediff(",
    "dbt.dateadd(": "dbt_utils.dateadd(",
    "dbt.type_string(": "dbt_utils.type_string(",
    "dbt.safe_cast(": "dbt_utils.safe_cast(",
    "dbt.concat(": "dbt_utils.concat(",
    "dbt.hash(": "dbt_utils.hash(",
    "dbt.split_part(": "dbt_utils.split_part(",
    "dbt.last_day(": "dbt_utils.last_day(",
    "dbt.current_timestamp(": "dbt_utils.current_timestamp(",
}


def _code(
    scene: Scene, cls: str, node: Node, text: str, detail: str, observed: str | None = None
) -> Injected:
    return Injected(
        cls=cls,
        layer="code",
        node=node.unique_id,
        observed=observed,
        expected_decision="fix",
        detail=f"{node.original_file_path}: {detail}",
        paths=rewrite(scene, node, text),
    )


@fault("circular_ref", layer="code")
def circular_ref(scene: Scene) -> Injected:
    """A node reads one of its own descendants."""
    options = []
    for node, text in texts(scene):
        below = _below(scene, node.unique_id)
        for match in _REF.finditer(text):
            options += [(node, text, match, name) for name in below if name != node.name]
    node, text, match, name = scene.choose("circular_ref", options)
    after = text[: match.start(2)] + name + text[match.end(2) :]
    return _code(scene, "circular_ref", node, after, f"reads {name}, which reads it", observed=name)


def _below(scene: Scene, unique_id: str) -> list[str]:
    """Names of the nodes downstream, nearest first."""
    found: dict[str, None] = {}
    queue = [unique_id]
    while queue:
        for child in scene.children(queue.pop(0)):
            if child.name not in found and child.resource_type == "model":
                found[child.name] = None
                queue.append(child.unique_id)
    return list(found)


@fault("source_undeclared", layer="code")
def source_undeclared(scene: Scene) -> Injected:
    """A node reads a source that no YAML file declares."""
    options = [
        (node, text, match)
        for node, text in texts(scene)
        for match in _SOURCE.finditer(text)
        if typo(match[4]) != match[4]
    ]
    node, text, match = scene.choose("source_undeclared", options)
    wrong = typo(match[4])
    after = text[: match.start(4)] + wrong + text[match.end(4) :]
    return _code(
        scene,
        "source_undeclared",
        node,
        after,
        f"reads source {match[2]}.{wrong}, which is {match[4]}",
        wrong,
    )


@fault("model_disabled", layer="code")
def model_disabled(scene: Scene) -> Injected:
    """A node was switched off while others still read it."""
    options = [
        (node, text)
        for node, text in texts(scene)
        if node.resource_type == "model" and scene.children(node.unique_id)
    ]
    node, text = scene.choose("model_disabled", options)
    after = "{{ config(enabled=false) }}\n" + text
    return _code(scene, "model_disabled", node, after, "is switched off, and others read it")


@fault("yaml_indent", layer="code")
def yaml_indent(scene: Scene) -> Injected:
    """A YAML file's indentation is wrong, so that nothing parses."""
    options = []
    for path, nodes in sorted(_described(scene).items()):
        lines = (scene.project.root / path).read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines):
            after = [*lines[:number], " " + line, *lines[number + 1 :]]
            if re.match(r"\s+[\w-]+:|\s+- ", line) and not _parses("".join(after)):
                options.append((path, number, after, nodes))
    path, number, after, nodes = scene.choose("yaml_indent", options)
    (scene.project.root / path).write_text("".join(after), encoding="utf-8")
    return Injected(
        cls="yaml_indent",
        layer="code",
        node=nodes[0],
        also_nodes=(path, Path(path).name, *nodes),
        expected_decision="fix",
        # What guardrails deny to agents (usually the declarations of sources), a person repairs.
        also_decisions=("escalate",) if any(one.startswith("source.") for one in nodes) else (),
        detail=f"{path}:{number + 1} is indented by one more space, and the file does not parse",
        paths=(path,),
    )


def _described(scene: Scene) -> dict[str, list[str]]:
    """The project's own YAML files, and what each describes."""
    found: dict[str, list[str]] = {}
    nodes = [*scene.manifest.nodes.values(), *scene.manifest.sources.values()]
    for node in sorted(nodes, key=lambda one: one.unique_id):
        named = node.patch_path or (
            node.original_file_path if node.resource_type == "source" else ""
        )
        path = (named or "").partition("://")[2] or named or ""
        own = scene.is_own(node) and path.endswith((".yml", ".yaml"))
        if own and (scene.project.root / path).is_file():
            found.setdefault(path, []).append(node.unique_id)
    return found


def _parses(text: str) -> bool:
    try:
        YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return False
    return True


@fault("stale_test", layer="code")
def stale_test(scene: Scene) -> Injected:
    """A test names a column that the node never emits."""
    described = {uid: path for path, uids in _described(scene).items() for uid in uids}
    options = []
    for node in scene.own_nodes():
        path = described.get(node.unique_id)
        tested = {
            (test.column_name or "").lower()
            for uid in scene.manifest.tests_of(node.unique_id)
            if (test := scene.manifest.nodes.get(uid)) and test.attached_node == node.unique_id
        }
        if path and not node.contract_enforced:
            text = (scene.project.root / path).read_text(encoding="utf-8")
            options += [(node, path, text, span) for span in _columns(text, node.name, tested)]
    node, path, text, (start, end) = scene.choose("stale_test", options)
    old = text[start:end]
    new = f"{old}_old" if not old.endswith("_old") else old[:-4]
    (scene.project.root / path).write_text(text[:start] + new + text[end:], encoding="utf-8")
    return Injected(
        cls="stale_test",
        layer="code",
        node=node.unique_id,
        also_nodes=(path,),
        column=new,
        observed=old,
        expected_decision="fix",
        detail=f"{path}: a test of {node.name} names {new}, the column is {old}",
        paths=(path,),
    )


def _columns(text: str, node: str, tested: set[str]) -> Iterator[tuple[int, int]]:
    """Where the names of a node's tested columns stand in its YAML."""
    block = re.search(
        rf"^(?P<indent>\s*)- name:\s*{re.escape(node)}\s*$(?P<body>.*?)(?=^(?P=indent)- |\Z|^\S)",
        text,
        re.M | re.S,
    )
    if block is None:
        return
    for match in re.finditer(r"^\s+- name:\s*(\w+)\s*$", block["body"], re.M):
        if match[1].lower() in tested:
            at = block.start("body")
            yield at + match.start(1), at + match.end(1)


def _called_macros(scene: Scene) -> list[tuple[Macro, list[Node]]]:
    """The project's own macros that its nodes call, with these nodes."""
    found = []
    for macro in sorted(scene.manifest.macros.values(), key=lambda one: one.unique_id):
        callers = [n for n in scene.own_nodes() if macro.unique_id in n.depends_on_macros]
        if macro.package_name == scene.project.name and callers:
            found.append((macro, callers))
    return found


def _macro_options(scene: Scene, pattern: str) -> list[tuple[Macro, str, re.Match[str], int]]:
    options = []
    for macro, callers in _called_macros(scene):
        text = (scene.project.root / macro.original_file_path).read_text(encoding="utf-8")
        for match in re.finditer(pattern.replace("NAME", re.escape(macro.name)), text):
            options.append((macro, text, match, len(callers)))
    return options


@fault("macro_renamed", layer="code")
def macro_renamed(scene: Scene) -> Injected:
    """A macro has a new name; its callers use the old one."""
    options = _macro_options(scene, r"\{%-?\s*macro\s+(NAME)\s*\(")
    macro, text, match, callers = scene.choose("macro_renamed", options)
    new = f"{macro.name}_v2"
    _write(scene, macro, text[: match.start(1)] + new + text[match.end(1) :])
    return Injected(
        cls="macro_renamed",
        layer="code",
        node=macro.unique_id,
        also_nodes=(macro.unique_id.rpartition(".")[0] + f".{new}",),
        observed=new,
        expected_decision="fix",
        detail=f"{macro.original_file_path}: {macro.name} is {new}; {callers} nodes call it",
        paths=(macro.original_file_path,),
        most_runs=1,
    )


@fault("macro_regression", layer="code")
def macro_regression(scene: Scene) -> Injected:
    """A macro computes something else; every caller shows it."""
    options = []
    for macro, text, block, callers in _macro_options(
        scene, r"(?s)\{%-?\s*macro\s+\w+\s*\(.*?endmacro"
    ):
        body = re.sub(r"\{%.*?%\}|\{#.*?#\}", lambda m: " " * len(m[0]), block[0])
        for number in _NUMBER.finditer(body):
            at = block.start() + number.start(1)
            options.append((macro, text, at, number[1], callers))
    macro, text, at, old, callers = scene.choose("macro_regression", options)
    # Ten times as much: a zero at the end of `100.0` would change nothing.
    whole, dot, fraction = old.partition(".")
    new = f"{whole}0{dot}{fraction}" if float(old) else "1"
    _write(scene, macro, text[:at] + new + text[at + len(old) :])
    return Injected(
        cls="macro_regression",
        layer="code",
        node=macro.unique_id,
        observed=new,
        expected_decision="fix",
        also_decisions=("escalate",),
        detail=f"{macro.original_file_path}: says {new} for {old}; {callers} nodes call it",
        paths=(macro.original_file_path,),
    )


def _write(scene: Scene, macro: Macro, text: str) -> None:
    (scene.project.root / macro.original_file_path).write_text(text, encoding="utf-8")


@fault("deprecated_package_macro", layer="code")
def deprecated_package_macro(scene: Scene) -> Injected:
    """A package dropped a macro that a node still calls."""
    installed = {macro.package_name for macro in scene.manifest.macros.values()}
    options = [
        (node, text, now, once)
        for node, text in texts(scene)
        for now, once in _ONCE.items()
        if now in text and once.partition(".")[0] in installed
    ]
    node, text, now, once = scene.choose("deprecated_package_macro", options)
    return _code(
        scene,
        "deprecated_package_macro",
        node,
        text.replace(now, once, 1),
        f"calls {once[:-1]}, which is {now[:-1]} today",
        once[:-1],
    )


@fault("incremental_schema_change", layer="code")
def incremental_schema_change(scene: Scene) -> Injected:
    """A new column meets `on_schema_change: fail`."""
    options = []
    for node, text in texts(scene):
        if node.materialized != "incremental":
            continue
        selects = list(re.finditer(r"\n\s*from\b", masked(text), re.I))
        if selects:
            options.append((node, text, selects[-1].start()))
    node, text, at = scene.choose("incremental_schema_change", options)
    after = text[:at].rstrip().rstrip(",") + ",\n    1 as loaded_by" + text[at:]
    if node.config.get("on_schema_change") != "fail":
        after = re.sub(r"on_schema_change\s*=\s*'\w+'\s*,?", "", after)
        after, count = re.subn(r"config\(", "config(on_schema_change='fail', ", after, count=1)
        if not count:
            raise NoPlace(f"{node.name} is incremental without a config() of its own")
    what = "has a new column, and on_schema_change says fail"
    made = _code(scene, "incremental_schema_change", node, after, what, "loaded_by")
    # An approved full refresh is right as well; either way the relation has a column more.
    return msgspec.structs.replace(made, also_decisions=("escalate",), same_outputs=False)
