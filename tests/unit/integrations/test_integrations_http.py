"""What leaves the machine goes where the files say, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from agentic.exceptions import ServiceError
from agentic.integrations import Notice, repository_of, send, settings_of
from agentic.integrations.http import request
from tests.support.hook_server import HookServer, Reply

NOTICE = Notice("key-1", "shop: run error in stg_orders", ("<!channel> *look*",), {"run_id": "r1"})


@pytest.fixture
def server() -> Iterator[HookServer]:
    with HookServer() as running:
        yield running


def test_slack_text_calls_nobody(server: HookServer) -> None:
    send("slack", {"url": f"{server.url}/services/T0"}, NOTICE)

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/services/T0")
    text = json.dumps(seen.body)
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text


def test_a_webhook_gets_the_key_and_its_token(server: HookServer) -> None:
    send("webhook", {"url": f"{server.url}/x", "token": "t0ken"}, NOTICE)

    (seen,) = server.seen
    assert seen.headers["Idempotency-Key"] == "key-1"
    assert seen.headers["Authorization"] == "Bearer t0ken"
    assert seen.body["facts"] == {"run_id": "r1"}


def test_pagerduty_never_makes_a_second_one(server: HookServer) -> None:
    settings = {"url": f"{server.url}/v2/enqueue", "routing_key": "R"}
    send("pagerduty", settings, NOTICE)
    send("pagerduty", settings, NOTICE)

    assert [seen.body["dedup_key"] for seen in server.seen] == ["key-1", "key-1"]


def test_a_redirect_is_not_followed_and_takes_no_credential_along(server: HookServer) -> None:
    moved = Reply(307, headers={"Location": f"{server.url}/elsewhere"})
    with HookServer(lambda _: moved) as first, pytest.raises(ServiceError, match="not followed"):
        send("webhook", {"url": f"{first.url}/x", "token": "t0ken"}, NOTICE)

    assert server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/x",
        "http://169.254.169.254/latest",
        "http://example.com/x",
        "https://user:pass@example.com/x",
        "https:///x",
        "gopher://127.0.0.1/x",
        "data:text/plain,x",
        "https://example.com/a\r\nHost: b",
        "",
    ],
)
def test_other_addresses_are_never_opened(url: str) -> None:
    with pytest.raises(ServiceError, match="must be https://"):
        request("GET", url)


def test_what_went_wrong_names_the_host_and_no_secret(
    server: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_URL_FOR_TEST", f"{server.url}/services/s3cretpath")
    connection = {"kind": "slack", "settings": "{{ env_var('HOOK_URL_FOR_TEST') }}"}
    settings = settings_of("oncall", connection, {})
    server.answer = lambda seen: Reply(403, {"error": f"bad {server.url}{seen.path}"})

    with pytest.raises(ServiceError) as caught:
        send("slack", settings, NOTICE)

    assert "127.0.0.1 answered 403" in caught.value.message
    assert "s3cretpath" not in caught.value.message


def test_a_reference_that_is_not_set_is_said_and_nothing_is_sent() -> None:
    connection = {"kind": "webhook", "settings": {"url": "{{ env_var('NO_SUCH_HOOK') }}"}}

    with pytest.raises(ServiceError) as caught:
        settings_of("oncall", connection, {})

    assert caught.value.code == "AC586"
    assert "NO_SUCH_HOOK" in caught.value.message


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git@github.com:shop/dbt.git", "shop/dbt"),
        ("https://github.com/shop/dbt", "shop/dbt"),
        ("https://x:y@github.com/shop/dbt.git/", "shop/dbt"),
        ("ssh://git@host:22/shop/d.b-t.git", "shop/d.b-t"),
        ("/srv/git/shop.git", None),
        ("../shop", None),
    ],
)
def test_the_repository_of_a_remote(address: str, expected: str | None) -> None:
    assert repository_of(address) == expected
