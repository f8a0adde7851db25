"""A graph for people: a text tree, Mermaid, and one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentic.lineage.graph import Graph

_COLOURS = {
    "source": "#5fb17c",
    "seed": "#5fb17c",
    "snapshot": "#8a77c9",
    "exposure": "#e08b4f",
    "metric": "#e08b4f",
    "test": "#b3b9c2",
    "unit_test": "#b3b9c2",
}
_WIDTH, _ROW, _GAP_X, _GAP_Y = 220, 30, 70, 14

ColumnEdge = tuple[str, str, str, str, str]
"""A parent's node and column (both empty: made here), a node and its column, the edge's kind."""


def label(uid: str) -> str:
    """A `unique_id` as people say it: `source:shop.orders`, `exposure:board`, `stg_orders`."""
    kind, _, rest = uid.partition(".")
    name = rest.partition(".")[2] or rest
    if kind == "test":
        name = name.rpartition(".")[0] or name
    return name if kind in ("model", "seed", "snapshot") else f"{kind}:{name}"


def _quoted(text: str) -> str:
    """Text inside a Mermaid label: nothing in it may end the label, the line, or be HTML."""
    return "".join(
        char if char.isalnum() or char in " .:_-()/←…" else f"#{ord(char)};"
        for char in " ".join(text.split())
    )


def neighbours(uid: str, graph: Graph, path: str) -> Iterator[str]:
    """Lines of a text tree of one node: its direct parents, children and tests."""
    yield f"{label(uid)}  {path}".rstrip()
    tests = [one for one in graph.children(uid) if one.startswith(("test.", "unit_test."))]
    parts = [
        ("parents", graph.parents(uid)),
        ("children", [one for one in graph.children(uid) if one not in tests]),
        ("tests", tests),
    ]
    shown = [(title, found) for title, found in parts if found]
    for number, (title, found) in enumerate(shown):
        last = number == len(shown) - 1
        yield f"{'└──' if last else '├──'} {title}"
        for one in found:
            yield f"{'   ' if last else '│  '} {'└──' if one == found[-1] else '├──'} {label(one)}"


def tree(
    uids: Collection[str], graph: Graph, tests: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Lines of a text tree, parents above children; what was drawn before is not drawn again.

    `tests` are numbers of tests to tell beside a node.
    """
    wanted = set(uids)
    below = {uid: [one for one in graph.children(uid) if one in wanted] for uid in wanted}
    fed = {child for children in below.values() for child in children}
    drawn: set[str] = set()
    roots = [uid for uid in graph.order(wanted) if uid not in fed] or sorted(wanted)[:1]
    # A stack, since a long chain of nodes would outgrow Python's.
    stack = [(uid, "", "", "") for uid in reversed(roots)]
    while stack:
        uid, lead, branch, indent = stack.pop()
        again = uid in drawn and bool(below[uid])
        count = (tests or {}).get(uid, 0)
        told = f"  [{count} test{'s' if count > 1 else ''}]" if count and uid not in drawn else ""
        yield f"{lead}{branch}{label(uid)}{' (above)' if again else told}"
        if again:
            continue
        drawn.add(uid)
        children = below[uid]
        for index in range(len(children) - 1, -1, -1):
            last = index == len(children) - 1
            inner = indent + ("    " if last else "│   ")
            stack.append((children[index], indent, "└── " if last else "├── ", inner))


def mermaid(uids: Collection[str], graph: Graph) -> Iterator[str]:
    """Lines of a Mermaid flowchart."""
    order = graph.order(uids)
    ids = {uid: f"n{number}" for number, uid in enumerate(order)}
    yield "flowchart LR"
    for uid in order:
        yield f'    {ids[uid]}["{_quoted(label(uid))}"]'
    for uid in order:
        for child in graph.children(uid):
            if child in ids:
                yield f"    {ids[uid]} --> {ids[child]}"


def column_mermaid(edges: Sequence[ColumnEdge]) -> Iterator[str]:
    """Lines of a Mermaid flowchart of columns."""
    ids: dict[tuple[str, str], str] = {}
    nodes: dict[str, list[tuple[str, str]]] = {}
    for up, up_column, down, down_column, _ in edges:
        for end in ((up, up_column), (down, down_column)):
            if end not in ids:
                ids[end] = f"c{len(ids)}"
                nodes.setdefault(end[0], []).append(end)
    yield "flowchart LR"
    for number, (uid, columns) in enumerate(nodes.items()):
        yield f'    subgraph g{number}["{_quoted(label(uid))}"]'
        for end in columns:
            yield f'        {ids[end]}["{_quoted(end[1])}"]'
        yield "    end"
    for up, up_column, down, down_column, kind in edges:
        yield f"    {ids[up, up_column]} -->|{kind}| {ids[down, down_column]}"


def html(
    uids: Collection[str],
    graph: Graph,
    *,
    title: str,
    details: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """One page with the graph as SVG; `details` are lines shown when a node is pointed at."""
    order = graph.order(uids)
    place = _layout(order, graph, {})
    parts = []
    for uid in order:
        for child in graph.children(uid):
            if child in place:
                parts.append(_line(_right(place[uid]), _left(place[child])))
    for uid in order:
        parts.append(_box(uid, place[uid], (details or {}).get(uid, ())))
    return _page(title, place, {}, parts)


def column_html(edges: Sequence[ColumnEdge], graph: Graph, *, title: str) -> str:
    """One page with a box a node that lists its columns, and lines between columns."""
    columns: dict[str, list[str]] = {}
    for up, up_column, down, down_column, _ in edges:
        for uid, column in ((up, up_column), (down, down_column)):
            if column and column not in columns.setdefault(uid, []):
                columns[uid].append(column)
    place = _layout(graph.order(columns), graph, columns)

    def at(uid: str, column: str) -> tuple[int, int]:
        x, y = place[uid]
        return x, y + (_ROW * (1 + columns[uid].index(column)) if column else 0)

    parts = [
        f"<g><title>{escape(f'{label(up)}.{up_column} to {label(down)}.{down_column}: {kind}')}"
        f"</title>{_line(_right(at(up, up_column)), _left(at(down, down_column)))}</g>"
        for up, up_column, down, down_column, kind in edges
        if up
    ]
    for uid, named in columns.items():
        parts.append(_box(uid, place[uid], ()))
        x, y = place[uid]
        for number, column in enumerate(named, 1):
            parts.append(
                f"<rect class='column' x='{x}' y='{y + number * _ROW}' width='{_WIDTH}' "
                f"height='{_ROW}'/><text x='{x + 14}' y='{y + number * _ROW + 19}'>"
                f"<title>{escape(column)}</title>{escape(_short(column))}</text>"
            )
    return _page(title, place, columns, parts)


def _page(
    title: str,
    place: Mapping[str, tuple[int, int]],
    columns: Mapping[str, Sequence[str]],
    parts: Sequence[str],
) -> str:
    width = max((x for x, _ in place.values()), default=0) + _WIDTH + 20
    height = max((y + _height(columns.get(uid, ())) for uid, (_, y) in place.items()), default=0)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(title)}</title><style>body{{font:14px system-ui,sans-serif;margin:1.5em}}"
        "svg text{font-size:12px;fill:#1c2430}path{fill:none;stroke:#9aa4b2}"
        "rect{rx:5;stroke:#3d4a5c;stroke-width:.6}rect.column{rx:0;fill:#f4f6f9}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n<svg xmlns='http://www.w3.org/2000/svg' "
        f"width='{width}' height='{height + 20}'>\n" + "\n".join(parts) + "\n</svg></body></html>\n"
    )


def _layout(
    order: Sequence[str], graph: Graph, columns: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, int]]:
    rank: dict[str, int] = {}
    bottom: dict[int, int] = {}
    place: dict[str, tuple[int, int]] = {}
    for uid in order:
        rank[uid] = 1 + max((rank[one] for one in graph.parents(uid) if one in rank), default=-1)
        y = bottom.get(rank[uid], 10)
        bottom[rank[uid]] = y + _height(columns.get(uid, ())) + _GAP_Y
        place[uid] = (10 + rank[uid] * (_WIDTH + _GAP_X), y)
    return place


def _height(columns: Sequence[str]) -> int:
    return _ROW * (1 + len(columns))


def _left(place: tuple[int, int]) -> tuple[int, int]:
    return place[0], place[1] + _ROW // 2


def _right(place: tuple[int, int]) -> tuple[int, int]:
    return place[0] + _WIDTH, place[1] + _ROW // 2


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) // 2
    return f"<path d='M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}'/>"


def _short(text: str) -> str:
    return text if len(text) <= 32 else text[:31] + "…"


def _box(uid: str, place: tuple[int, int], lines: Sequence[str]) -> str:
    colour = _COLOURS.get(uid.partition(".")[0], "#7aa7d9")
    hover = escape("\n".join([uid, *lines]))
    return (
        f"<g><title>{hover}</title><rect x='{place[0]}' y='{place[1]}' width='{_WIDTH}' "
        f"height='{_ROW}' fill='{colour}'/><text x='{place[0] + 8}' y='{place[1] + 19}'>"
        f"{escape(_short(label(uid)))}</text></g>"
    )
