"""Tokens as the service counts them, over the real SDK."""

from __future__ import annotations

import pytest

from agentic.exceptions import EngineUnavailable
from agentic.runtime.engines.counting import count_tokens
from agentic.tools import registry
from tests.support.model_server import ModelServer, says, text


def test_the_service_counts_the_prompt_and_the_tools_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-123456")
    with ModelServer(lambda _: says(text("no turn is asked for"))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        words, tools = count_tokens(
            model="claude-opus-5-5", prompt="Look.", specs=[registry()["read_file"]]
        )

    first, second = server.requests
    assert (first["system"], first["model"]) == ("Look.", "claude-opus-5-5")
    assert "tools" not in first
    assert [tool["name"] for tool in second["tools"]] == ["read_file"]
    assert words > 0
    assert tools > words
    assert server.sent == []


def test_without_a_key_the_estimate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    with pytest.raises(EngineUnavailable) as caught:
        count_tokens(model="", prompt="Look.", specs=[])

    assert "--count-tokens" in caught.value.hint
