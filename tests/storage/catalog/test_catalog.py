import json
import os

import pytest

from storage.catalog.catalog import catalog_of
from storage.catalog_name import parse_catalog
from storage.errors import LakeError, WorkspaceError
from storage.lake.lake import Lake, table_of
from storage.workspace import Workspace


@pytest.mark.parametrize(
    ("text", "conninfo", "schema"),
    [
        ("postgres:host=db dbname=x user=me", "host=db dbname=x user=me", "nightschool"),
        ("postgres:host=db dbname=x schema=team_a", "host=db dbname=x", "team_a"),
        ("postgresql://me@db:5433/x", "user=me dbname=x host=db port=5433", "nightschool"),
        ("postgresql://me@db/x?schema=t&sslmode=require", "user=me dbname=x host=db sslmode=require", "t"),
    ],
)
def test_a_catalogue_is_named_as_libpq_names_a_database(text, conninfo, schema):
    parsed = parse_catalog(text)
    assert parsed["kind"] == "postgres" and parsed["schema"] == schema
    assert set(parsed["conninfo"].split()) == set(conninfo.split())


@pytest.mark.parametrize(
    "text",
    ["mysql:host=db", "postgres:host=db password=s3cret", "postgresql://me:s3cret@db/x", "postgres:password='s3cret",
     "postgres:host=db schema=a;drop", "postgres:nonsense", "postgres:host=db passfile=/s3cret"],
)  # fmt: skip
def test_what_is_none_or_holds_a_password_is_refused_without_repeating_it(tmp_path, text):
    with pytest.raises(WorkspaceError) as caught:
        Workspace.create(tmp_path / "w", catalog=text)
    assert "s3cret" not in str(caught.value) or "/s3cret" not in text
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("data", ["relative/folder", "s3://key:s3cret@bucket", "https://bucket", "s3://b?secret=x"])
def test_a_place_for_the_files_is_a_bucket_or_an_absolute_folder(tmp_path, data):
    with pytest.raises(WorkspaceError, match="s3://bucket/prefix"):
        Workspace.create(tmp_path / "w", data=data)


def test_two_workspaces_share_a_postgres_catalogue_and_a_folder(tmp_path, either):
    if "catalog" not in either.config:
        pytest.skip("SQLite is for one workspace")
    settings = either.config["catalog"]
    named = f"postgres:{settings['conninfo']} schema={settings['schema']}"
    machines = [Workspace.create(tmp_path / name, catalog=named, data=str(tmp_path / "files")) for name in "ab"]
    rows = {"problems": table_of("problems", [{"problem_id": str(number)} for number in range(100)])}
    with Lake(machines[0]) as first, Lake(machines[1]) as second:
        assert first.commit("k", "test", rows).new and not second.commit("k", "test", rows).new
        assert second.rows("select count(*) as n from problems") == [{"n": 100}]
    assert list((tmp_path / "files").rglob("*.parquet")) and not (machines[0].root / "lake").exists()
    stored = (machines[0].root / "workspace.json").read_text()
    assert os.environ["PGPASSWORD"] not in stored and "password" not in stored
    with pytest.raises(WorkspaceError, match="has catalog"):
        Workspace.create(tmp_path / "a", catalog=named.replace("schema=", "schema=x"))


def test_a_server_that_refuses_is_a_sentence_without_the_password(either, monkeypatch):
    if "catalog" not in either.config:
        pytest.skip("about PostgreSQL")
    monkeypatch.setenv("PGPASSWORD", "wr0ng")
    with pytest.raises(LakeError, match=r"cannot be reached.*PGPASSWORD") as caught:
        Lake(either)
    assert "wr0ng" not in str(caught.value)


def test_the_environment_names_the_catalogue_of_a_new_workspace(tmp_path, either, monkeypatch):
    settings = either.config.get("catalog")
    if settings is None:
        pytest.skip("about PostgreSQL")
    monkeypatch.setenv("NIGHTSCHOOL_CATALOG", f"postgres:{settings['conninfo']} schema={settings['schema']}")
    workspace = Workspace.create(tmp_path / "new")
    assert (
        catalog_of(workspace).exists() is False
        and json.loads((workspace.root / "workspace.json").read_text())["catalog"] == settings
    )
    assert "catalog" not in Workspace.scratch(tmp_path / "scratch").config


@pytest.mark.slow
def test_the_files_lie_on_an_object_store(tmp_path, monkeypatch):
    """A local S3 server; the keys come from the environment and stand nowhere else."""
    moto = pytest.importorskip("moto.server")
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret",
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        store = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
        store.create_bucket(Bucket="lake")
        workspace = Workspace.create(tmp_path / "w", data="s3://lake/team")
        rows = {"problems": table_of("problems", [{"problem_id": str(number)} for number in range(100)])}
        with Lake(workspace) as lake:
            lake.commit("k", "test", rows)
        with Lake(workspace, read_only=True) as lake:
            assert lake.rows("select count(*) as n from problems") == [{"n": 100}]
        (key,) = [item["Key"] for item in store.list_objects_v2(Bucket="lake")["Contents"]]
        assert key.startswith("team/main/problems/") and "s3cret" not in (workspace.root / "workspace.json").read_text()
        store.delete_object(Bucket="lake", Key=key)
        with Lake(workspace, read_only=True) as lake, pytest.raises(LakeError) as caught:
            lake.rows("select sum(length(problem_id)) from problems")
        assert "is missing" in str(caught.value) and "s3cret" not in str(caught.value)
    finally:
        server.stop()
