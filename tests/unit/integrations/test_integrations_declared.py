"""Where a declared request goes is decided by the file, whatever the input."""

from __future__ import annotations

import pytest

from agentic.exceptions import ServiceError
from agentic.integrations import Declared, perform

GLUED = "{{ env_var('BASE') }}{{ a }}"


@pytest.mark.parametrize("value", ["x", "yy", ".evil.example", ":8443", "@evil.example"])
@pytest.mark.parametrize("base", ["https://api", "https://api.example:84"])
def test_an_input_is_no_part_of_the_host(
    monkeypatch: pytest.MonkeyPatch, base: str, value: str
) -> None:
    monkeypatch.setenv("BASE", base)

    with pytest.raises(ServiceError, match="would change where"):
        perform("t", Declared("GET", GLUED, inputs=("a",)), {"a": value}, {}, timeout_s=1)
