"""Somebody who can write the database, and holds no key, changes rows while the server runs: changes are
refused with the row's name, nothing is signed, predictions go on, a metric tells, and a restart decides."""

import sqlite3

import pytest

import models
from harness import wait_until
from strongroom_client import StatusError, registry
from strongroom_models import predict, publish_bundle
from test_metrics import scrape

ROW = {"x": models.rows(seed=1)}
LIVE = "WHERE model = 'pay' AND name = 'live'"
NEWEST = "WHERE sequence = (SELECT MAX(sequence) FROM audit)"

# What is changed, and the row that the refusal names.
CHANGES = {
    "version": (f"UPDATE aliases SET version = 1 {LIVE}", "aliases, pay/live"),
    "target": (f"UPDATE aliases SET target_version = 1 {LIVE}", "aliases, pay/live"),
    "generation": (f"UPDATE aliases SET generation = 7 {LIVE}", "aliases, pay/live"),
    "alias gone": (f"DELETE FROM aliases {LIVE}", "aliases, pay/live"),
    "alias added": ("INSERT INTO aliases VALUES ('pay', 'eve', 1, 1, 1, '', 0, 'cert:eve')",
                    "aliases, pay/eve"),
    "state": ("UPDATE versions SET state = 'rejected' WHERE model = 'pay' AND version = 1",
              "versions, pay/1"),
    "record": ("UPDATE versions SET record = replace(record, 'pay', 'fee')"
               " WHERE model = 'pay' AND version = 1", "versions, pay/1"),
    "newest": ("UPDATE models SET newest = 5 WHERE name = 'pay'", "models, pay"),
    "moves": (f"UPDATE alias_moves SET to_version = 2 {LIVE} AND generation = 1",
              "alias_moves, pay/live"),
    "counter": (f"UPDATE alias_counters SET generation = 7 {LIVE}", "alias_counters, pay/live"),
    "event": (f"UPDATE audit SET detail = detail || '!' {NEWEST}", "audit, "),
    "trigger": ("CREATE TRIGGER t AFTER INSERT ON audit BEGIN UPDATE aliases SET version = 1,"
                f" target_version = 1 {LIVE}; END", ""),
}


def execute(home, *statements):
    database = sqlite3.connect(home.folder / "store/registry.sqlite", isolation_level=None)
    try:
        return [database.execute(statement).fetchall() for statement in statements]
    finally:
        database.close()


def move(client, model="other", alias="next"):
    client.call("Registry", "SetAlias",
                registry.SetAliasRequest(model=model, alias=alias, version=1))


def published(home):
    server = home.serve()
    with server.client() as client:
        for seed in (1, 2):
            publish_bundle(client, "pay", {"model.onnx": models.mlp(seed=seed)})
        publish_bundle(client, "other", {"model.onnx": models.mlp(seed=3)})
    return server


def refused(client, text, **options):
    with pytest.raises(StatusError) as caught:
        move(client, **options)
    assert caught.value.code == "DATA_LOSS", caught.value
    assert f"the registry was changed by others: {text}" in str(caught.value)


@pytest.mark.parametrize("name", CHANGES)
def test_a_row_that_others_changed_is_never_signed(home, name):
    sql, place = CHANGES[name]
    server = published(home)
    metric = ("strongroom_registry_fault", ())
    with server.client() as client:
        version, before = predict(client, "pay", ROW)
        assert scrape(server)[metric] == 0
        execute(home, sql)
        head, = execute(home, "SELECT head, signature FROM catalogue")
        refused(client, place)
        refused(client, place, model="pay", alias="live")
        assert execute(home, "SELECT head, signature FROM catalogue") == [head]
        again, after = predict(client, "pay", ROW)
        assert again == version and all((after[name] == before[name]).all() for name in before)
        assert scrape(server)[metric] == 1
    wait_until(lambda: "the registry was changed by others" in server.log, 10, "a line of the log")
    server.stop()
    done = home.run("verify")
    assert done.returncode == 1 and "fault" in done.stdout, done.stdout
    # Nothing is freed on the word of such a row.
    assert home.run("gc").returncode == 1
