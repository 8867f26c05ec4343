"""What the server counts, as Prometheus reads it."""

from __future__ import annotations

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from joulesplit.edge._metrics import family


@pytest.fixture
def counted(server, token):
    def read():
        headers = {"Authorization": f"Bearer {token}"}
        page = requests.get(f"{server.url}/metrics", headers=headers, timeout=30)
        assert page.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for metric in text_string_to_metric_families(page.text)
            for sample in metric.samples
        }

    return read


def growth(before, after):
    return {key: after[key] - before.get(key, 0) for key in after}


def test_uploads_and_refusals_are_counted_with_their_bytes(server, client, counted):
    before = counted()
    client.upload(b"x" * 1000)
    requests.post(f"{server.url}/v1/sink", b"y", timeout=30)
    grown = growth(before, counted())
    assert grown["joulesplit_requests_total", "/v1/sink", "200"] == 1
    assert grown["joulesplit_requests_total", "/v1/sink", "401"] == 1
    assert grown["joulesplit_received_bytes_total", "/v1/sink"] == 1000
    assert grown["joulesplit_request_seconds_count", "/v1/sink"] == 2


def test_the_state_of_the_server_is_a_gauge(counted):
    state = counted()
    assert state["joulesplit_models",] == 2
    assert state["joulesplit_tails_waiting",] == 0


def test_strangers_may_not_read_what_is_counted(server):
    assert requests.get(f"{server.url}/metrics", timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/health", "/v1/health"),
        ("/v1/models/0af3/tail", "/v1/models/{sha256}/tail"),
        ("/v2/models/a/versions/7/infer", "/v2/…/infer"),
        ("/v2/models/a", "/v2/…"),
        ("/v1/models/0af3", "other"),
        ("/anything/else", "other"),
    ],
)
def test_whatever_clients_ask_for_the_names_of_paths_are_few(path, name):
    assert family(path) == name
