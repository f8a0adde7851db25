"""Read dbt's artifacts; whatever is wrong with a file is one ArtifactError with a next step."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from agentic.exceptions import ArtifactError
from agentic.project.catalog import Catalog
from agentic.project.manifest import Manifest, Metadata
from agentic.project.results import Freshness, RunResults

T = TypeVar("T", Manifest, RunResults, Catalog, Freshness)


class _Kind(msgspec.Struct, frozen=True):
    """One of dbt's artifacts: which schema versions are read, and what makes the file again."""

    word: str
    versions: tuple[int, ...]
    command: str


MANIFEST = _Kind("manifest", (11, 12), "dbt parse")
RUN_RESULTS = _Kind("run-results", (4, 5, 6), "dbt build")
CATALOG = _Kind("catalog", (1,), "dbt docs generate")
SOURCES = _Kind("sources", (3,), "dbt source freshness")


class _Head(msgspec.Struct, frozen=True):
    """The least that every artifact has."""

    metadata: Metadata


def load_manifest(path: Path) -> Manifest:
    """Read manifest.json (v11, v12). Raises ArtifactError."""
    return _load(Manifest, path, MANIFEST)


def load_run_results(path: Path) -> RunResults:
    """Read run_results.json (v4 to v6). Raises ArtifactError."""
    return _load(RunResults, path, RUN_RESULTS)


def load_catalog(path: Path) -> Catalog:
    """Read catalog.json (v1). Raises ArtifactError."""
    return _load(Catalog, path, CATALOG)


def load_freshness(path: Path) -> Freshness:
    """Read sources.json (v3). Raises ArtifactError."""
    return _load(Freshness, path, SOURCES)


def _load(shape: type[T], path: Path, kind: _Kind) -> T:
    content = _read(path, kind)
    try:
        with _no_collection():
            found = msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explain(content, path, kind, error) from error
    problem = _version_problem(found.metadata, kind)
    if problem:
        raise ArtifactError(problem, hint=_again(kind), where=str(path))
    return found


@contextmanager
def _no_collection() -> Iterator[None]:
    """Decoding makes a million objects and no garbage: looking for some doubles its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(path: Path, kind: _Kind) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(
            f"no {path.name} here", hint=f"Run `{kind.command}` first.", where=str(path)
        ) from None
    except OSError as error:
        raise ArtifactError(
            f"{path.name} cannot be read: {error.strerror}", hint=_again(kind), where=str(path)
        ) from error
    if not content.strip():
        raise ArtifactError(f"{path.name} is empty", hint=_again(kind), where=str(path))
    return content


def _explain(content: bytes, path: Path, kind: _Kind, error: Exception) -> ArtifactError:
    """Why a file did not decode: cut off, not dbt's, another schema version, or damaged."""
    try:
        head = msgspec.json.decode(content, type=_Head)
    except msgspec.ValidationError:
        problem = f"not a dbt {kind.word}: it has no `metadata` block as dbt writes it"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as reason:
        cut = "truncated" in str(reason)
        problem = (
            f"{path.name} is cut off after {len(content):,} bytes (was dbt killed?)"
            if cut
            else f"{path.name} is not JSON: {reason}"
        )
    else:
        problem = _version_problem(head.metadata, kind) or f"{path.name} is damaged: {error}"
    return ArtifactError(problem, hint=_again(kind), where=str(path))


def _version_problem(metadata: Metadata, kind: _Kind) -> str:
    version = metadata.dbt_schema_version
    if f"/dbt/{kind.word}/" not in version:
        return f"not a dbt {kind.word}: its schema version is {version!r}"
    if metadata.schema_number in kind.versions:
        return ""
    known = ", ".join(f"v{number}" for number in kind.versions)
    age = "an older" if metadata.schema_number < kind.versions[0] else "a newer"
    by = f" (dbt {metadata.dbt_version})" if metadata.dbt_version else ""
    return f"{kind.word} v{metadata.schema_number} was made by {age} dbt{by}; agentic reads {known}"


def _again(kind: _Kind) -> str:
    return f"Run `{kind.command}` with dbt 1.8 to 1.12 to make it again."
