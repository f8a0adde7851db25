"""Finding projects, profiles and targets, and what is said where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.exceptions import ProjectError
from agentic.masking import mask_text
from agentic.project import find_project, list_targets, read_target

PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: main}
    ci:
      type: postgres
      host: "{{ env_var('SHOP_HOST') }}"
      port: "{{ env_var('SHOP_PORT', '5433') | as_number }}"
      user: ci
      password: "{{ env_var('SHOP_PASSWORD', 'correct-horse') }}"
      dbname: shop
      schema: marts
      keep: "{{ env_var('SHOP_KEEP', 'true') | as_bool }}"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "warehouse"
    (folder / "models" / "deep").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (folder / "profiles.yml").write_text(PROFILES)
    return folder


def test_the_nearest_parent_is_the_project(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "models" / "deep")

    project = find_project(environ={})

    assert (project.root, project.name, project.profile) == (root.resolve(), "shop", "shop")
    assert project.target_path == root.resolve() / "target"
    assert project.packages_path == root.resolve() / "dbt_packages"
    assert project.model_paths == ("models",)
    assert project.source_roots == (root.resolve() / "models",)


def test_a_named_folder_is_not_searched_upwards(root: Path) -> None:
    with pytest.raises(ProjectError, match="no dbt_project") as caught:
        find_project(root / "models", environ={})

    assert "--project-dir" in caught.value.hint


def test_no_project_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProjectError, match="no dbt project here") as caught:
        find_project(environ={})

    assert "--project-dir" in caught.value.hint


def test_settings_of_the_project_are_rendered(root: Path) -> None:
    (root / "dbt_project.yml").write_text(
        "name: shop\nprofile: \"{{ env_var('WHO', 'shop') }}\"\ntarget-path: out/artifacts\n"
        "packages-install-path: vendored\nmodel-paths: [models, more]\n"
        'models: {shop: {+schema: "{{ target.name }}"}}\n'
    )

    project = find_project(root, environ={"WHO": "ann"})

    assert project.profile == "ann"
    assert project.target_path == root.resolve() / "out" / "artifacts"
    assert project.packages_path == root.resolve() / "vendored"
    assert project.model_paths == ("models", "more")
    assert project.config["models"] == {"shop": {"+schema": "{{ target.name }}"}}


def test_the_environment_moves_the_target_folder(root: Path) -> None:
    project = find_project(root, environ={"DBT_TARGET_PATH": "elsewhere"})

    assert project.target_path == root.resolve() / "elsewhere"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        pytest.param("name: shop\nmodels: [", ":2:", "broken YAML", id="yaml"),
        pytest.param("name: shop\nname: other\n", ":2:", "broken YAML", id="duplicate-key"),
        pytest.param("- name\n", "dbt_project.yml", "must be a mapping", id="list"),
        pytest.param("profile: shop\n", "dbt_project.yml", "has no `name`", id="no-name"),
        pytest.param("name: [shop]\n", "dbt_project.yml", "must be text", id="name-type"),
        pytest.param("name: a\nmodel-paths: 3\n", "dbt_project.yml", "must be a list", id="paths"),
        pytest.param("name: \"{{ env_var('NOT_SET_HERE') }}\"", "", "NOT_SET_HERE", id="variable"),
        pytest.param('name: "{{ \'open }}"', "", "could not render", id="jinja"),
    ],
)
def test_a_broken_project_file(root: Path, text: str, where: str, message: str) -> None:
    (root / "dbt_project.yml").write_text(text)

    with pytest.raises(ProjectError, match="(?s)" + message) as caught:
        find_project(root, environ={})

    assert where in caught.value.where


def test_the_default_target(root: Path) -> None:
    target = read_target(find_project(root, environ={}), environ={})

    assert (target.name, target.adapter, target.schema) == ("dev", "duckdb", "main")
    assert (target.database, target.relation_dialect) == ("shop", "duckdb")
    assert target.profiles_path == (root / "profiles.yml").resolve()


def test_argument_flag_and_environment_choose_in_this_order(root: Path) -> None:
    env = {"SHOP_HOST": "db", "DBT_TARGET": "ci"}
    plain = find_project(root, environ={})
    flagged = find_project(root, target="dev", environ={})

    assert read_target(plain, environ=env).name == "ci"
    assert read_target(flagged, environ=env).name == "dev"
    assert read_target(flagged, "ci", environ=env).name == "ci"


def test_values_get_the_types_that_filters_give(root: Path) -> None:
    target = read_target(find_project(root, environ={}), "ci", environ={"SHOP_HOST": "db"})

    assert target.settings["port"] == 5433
    assert target.settings["keep"] is True
    assert target.settings["host"] == "db"


def test_a_password_is_masked_from_then_on_and_never_shown(root: Path) -> None:
    env = {"SHOP_HOST": "db", "SHOP_PASSWORD": "battery-staple-9"}
    target = read_target(find_project(root, environ={}), "ci", environ=env)

    assert "battery-staple-9" not in repr(target)
    assert "battery-staple-9" not in mask_text("refused for battery-staple-9 at db")


def test_an_unset_variable_is_named(root: Path) -> None:
    project = find_project(root, environ={})

    with pytest.raises(ProjectError, match="SHOP_HOST is not set"):
        read_target(project, "ci", environ={})
    assert list_targets(project, environ={})["ci"].unresolved == ("SHOP_HOST",)
    assert list_targets(project, environ={})["dev"].unresolved == ()


def test_an_unknown_target_lists_the_known_ones(root: Path) -> None:
    with pytest.raises(ProjectError, match="no target 'prod'") as caught:
        read_target(find_project(root, environ={}), "prod", environ={})

    assert "ci, dev" in caught.value.hint


def test_profiles_are_looked_for_as_dbt_does(root: Path, tmp_path: Path) -> None:
    (root / "profiles.yml").unlink()
    home = tmp_path / "home"
    given = tmp_path / "given"
    for folder, name in ((home / ".dbt", "athome"), (given, "given")):
        folder.mkdir(parents=True)
        text = f"shop: {{target: {name}, outputs: {{{name}: {{type: duckdb}}}}}}"
        (folder / "profiles.yml").write_text(text)
    env = {"HOME": str(home)}

    assert read_target(find_project(root, environ=env), environ=env).name == "athome"
    by_env = find_project(root, environ={**env, "DBT_PROFILES_DIR": str(given)})
    assert read_target(by_env, environ=env).name == "given"
    by_flag = find_project(root, profiles_dir=given, environ=env)
    assert read_target(by_flag, environ=env).name == "given"


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        pytest.param(None, "no profiles.yml", id="none"),
        pytest.param("other: {outputs: {}}", "no profile 'shop'", id="other-profile"),
        pytest.param("shop: {target: dev}", "has no `outputs`", id="no-outputs"),
        pytest.param("shop: {target: dev, outputs: {dev: 3}}", "has no `outputs`", id="no-mapping"),
        pytest.param("shop: {target: dev, outputs: {dev: {a: 1}}}", "no `type`", id="no-type"),
        pytest.param("shop: {outputs: {dev: {type: duckdb}}}", "'default'", id="no-default"),
        pytest.param("shop: [", "broken YAML", id="yaml"),
    ],
)
def test_no_usable_profile(root: Path, tmp_path: Path, profiles: str | None, message: str) -> None:
    (root / "profiles.yml").unlink()
    if profiles is not None:
        (root / "profiles.yml").write_text(profiles)
    project = find_project(root, environ={})

    with pytest.raises(ProjectError, match=message):
        read_target(project, environ={"HOME": str(tmp_path)})


def test_a_project_without_profile_says_which_there_are(root: Path) -> None:
    (root / "dbt_project.yml").write_text("name: shop\n")

    with pytest.raises(ProjectError, match="names no profile") as caught:
        read_target(find_project(root, environ={}), environ={})

    assert "shop" in caught.value.hint
