"""The audit log as callers see it who may not see all of it: no hashes, no sequences, pages filled
past hidden events, and tokens that work for their caller alone."""

import pytest

import models
from registries import set_alias
from strongroom_client import StatusError, registry
from strongroom_models import publish_bundle

MINE, HIDDEN = "mine", "merger"
OBSERVERS = {"narrow": "mine*", "other": "mine*", "whole": "*"}


@pytest.fixture(scope="module")
def server(shared_home):
    for name, pattern in OBSERVERS.items():
        shared_home.add_client(name, "observer", pattern)
    # A role on all models that is not the observer's shows nothing of the log.
    shared_home.add_client("mixed", "observer", "mine*")
    shared_home.add_client("mixed", "predictor", "*")
    running = shared_home.serve()
    with running.client() as client:
        for model in (MINE, HIDDEN):
            publish_bundle(client, model, {"model.onnx": models.mlp(seed=1)})
        for name in ("a", "b", "c"):
            set_alias(client, HIDDEN, name, 1)
            set_alias(client, MINE, name, 1)
        set_alias(client, HIDDEN, "d", 1)
    return running


def ask(client, **fields):
    return client.call("Registry", "ListAuditEvents", registry.ListAuditEventsRequest(**fields))


def pages(client, size, model=""):
    """All pages, one after the other."""
    found, token = [], ""
    while True:
        page = ask(client, page_size=size, page_token=token, model=model)
        found.append(list(page.events))
        token = page.next_page_token
        if not token:
            return found
        assert len(found) < 1000


def told(events):
    """What a caller may know of events, whoever it is."""
    return [(e.unix_ms, e.principal, e.action, e.model, e.version, e.detail) for e in events]


def refused(client, **fields):
    with pytest.raises(StatusError) as caught:
        ask(client, **fields)
    assert caught.value.code == "INVALID_ARGUMENT", caught.value
    return caught.value.message


def whole_log(server):
    with server.client() as client:
        return [event for page in pages(client, 1000) for event in page]


@pytest.mark.parametrize("name", ["narrow", "mixed"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_pages_of_any_size_hold_what_the_caller_may_see_and_nothing_of_the_chain(
        server, name, size):
    expected = [event for event in whole_log(server) if event.model == MINE]
    with server.client(name) as client:
        found = pages(client, size)
        assert told(sum(found, [])) == told(expected) and len(expected) > 4
        assert all(len(page) == size for page in found[:-1]), "a page has room"
        for event in sum(found, []):
            assert event.sequence == 0 and not event.hash and not event.previous_hash
        assert told(sum(pages(client, size, MINE), [])) == told(expected)
        for model in (HIDDEN, "absent"):
            assert pages(client, size, model) == [[]]


@pytest.mark.parametrize("name", ["admin", "whole"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_who_observes_all_models_has_the_chain_by_token_and_by_sequence(server, name, size):
    with server.client(name) as client:
        events = sum(pages(client, size), [])
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        for before, event in zip(events, events[1:]):
            assert event.previous_hash == before.hash and len(event.hash) == 32
        by_sequence = []
        while page := ask(client, page_size=size, after_sequence=len(by_sequence)).events:
            by_sequence += page
        assert by_sequence == events


def test_a_sequence_is_refused_from_callers_who_see_none(server):
    for name in ("narrow", "mixed"):
        with server.client(name) as client:
            for sequence in (1, 5, (1 << 64) - 1):
                message = refused(client, after_sequence=sequence)
                assert f"'after_sequence' is {sequence}" in message and "page_token" in message
    with server.client() as client:
        token = ask(client, page_size=1).next_page_token
        assert "after_sequence" in refused(client, after_sequence=1, page_token=token)


def test_a_token_is_sealed_and_works_for_its_caller_and_its_filter_alone(server):
    with server.client("narrow") as narrow, server.client("other") as other, \
            server.client() as admin:
        tokens = [ask(narrow, page_size=1).next_page_token for _ in range(3)]
        assert len(set(tokens)) == 3 and len({len(token) for token in tokens}) == 1
        token = tokens[0]
        following = told(ask(narrow, page_size=1, page_token=token).events)
        assert all(told(ask(narrow, page_size=1, page_token=t).events) == following
                   for t in tokens)
        for client in (other, admin):
            refused(client, page_token=token)
        refused(narrow, page_token=token, model=MINE)
        refused(narrow, page_token=ask(admin, page_size=1).next_page_token)
        flipped = ("A" if token[50] != "A" else "B").join((token[:50], token[51:]))
        for forged in ("0", "1", "7", "x" * len(token), token[:-1], token[:-4], token + "A",
                       token * 2, flipped, "A" * (1 << 20), " " + token, token + "\n"):
            assert "page_token" in refused(narrow, page_token=forged)
        # The next page may have another size.
        assert told(ask(narrow, page_size=2, page_token=token).events)[:1] == following


def test_the_command_lists_what_its_client_may_see(shared_home, server):
    certificate, key = shared_home.certificate("narrow")
    listed = shared_home.json("audit", "--cert", certificate, "--key", key)["events"]
    whole = shared_home.json("audit")["events"]
    assert {event["model"] for event in listed} == {MINE}
    assert {(event["sequence"], event["hash"], event["previous_hash"]) for event in listed} == {
        (0, "", "")}
    assert [event["sequence"] for event in whole] == list(range(1, len(whole) + 1))


def test_a_token_outlives_a_restart(shared_home, server):
    with server.client("narrow") as client:
        token = ask(client, page_size=2).next_page_token
        following = told(ask(client, page_token=token).events)
    assert server.stop() == 0
    with shared_home.serve().client("narrow") as client:
        assert told(ask(client, page_token=token).events) == following
