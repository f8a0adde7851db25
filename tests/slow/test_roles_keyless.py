"""A role without a model, called by name in a project that declares none: proposed and proved."""

from __future__ import annotations

import pytest

from tests.support.tiny import FILES, Tiny, make_tiny

pytestmark = pytest.mark.slow

STAGING = FILES["models/staging/stg_orders.sql"].replace(
    "    amount,\n", "    amount,\n    email,\n    md5(email) as email_key,\n"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = make_tiny(
        tmp_path_factory.mktemp("roles"), files={"models/staging/stg_orders.sql": STAGING}
    )
    tiny.sql(
        "alter table raw.orders add column email varchar",
        "update raw.orders set email = 'p' || id || '@example.com'",
    )
    tiny.dbt("build", check=True)
    return tiny


def test_personal_data_is_tagged_and_proved(shop: Tiny) -> None:
    before = shop.fingerprint()
    found = shop.run("governance")

    assert (found["status"], found["decision"]) == ("awaiting_approval", "fix")
    assert found["finding"] is None
    assert {one["result"] for one in found["checks"]} <= {"pass", "warn"}
    assert set(found["proposal"]["files"]) == {
        "models/sources.yml",
        "models/staging/staging.yml",
    }
    folder = shop.root / "target" / "agentic" / "runs" / found["run_id"]
    patch = (folder / "changes.patch").read_text(encoding="utf-8").splitlines()
    added = [one[1:].strip() for one in patch if one.startswith("+") and "++" not in one]
    assert not [one for one in patch if one.startswith("-") and "--" not in one]
    assert added.count("- name: email") == 2
    assert added.count("tags: [pii]") == 2
    assert not any("email_key" in one for one in added)
    written = "".join(file.read_text(encoding="utf-8") for file in folder.iterdir())
    assert "@example.com" not in written
    assert shop.fingerprint() == before
