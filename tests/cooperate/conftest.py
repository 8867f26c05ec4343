"""A small real network, a policy that would rather split, real servers, some that misbehave."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from joulesplit.optimizer import SplitLine, SplitPolicy
from joulesplit.partition import Runner
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.reading import read_network

REPOSITORY = Path(__file__).parents[2]
NETWORKS = REPOSITORY / "tests/partition/models"


@pytest.fixture(scope="session")
def model():
    return NETWORKS / "cnn_float16.tflite"


@pytest.fixture(scope="session")
def other_model():
    return NETWORKS / "branches.tflite"


@pytest.fixture(scope="session")
def models(model, other_model):
    return model, other_model


@pytest.fixture(scope="session")
def network(model):
    return read_network(model)


@pytest.fixture(scope="session")
def sample(network):
    """Inputs and the results of the whole network, run here."""
    tensor = network.tensors[network.inputs[0]]
    array = np.random.default_rng(5).uniform(-1, 1, tensor.shape).astype(tensor.dtype)
    with Runner(NETWORKS / network.name) as runner:
        return [array], runner.run([array])


def make_policy(network, *, split_j=1.0, local_j=10.0, fixed_s=0.001):
    """Full offload, one split in the middle, all here; the split is the cheapest by default."""
    cuts = [cut for cut in prefix_cuts(network) if not cut.obstacle]
    middle, last = cuts[len(cuts) // 2], cuts[-1]
    assert 0 <= middle.after_operator < last.after_operator

    def line(block, cut, energy_j, *, sends):
        bits = cut.bits if sends else 0
        return SplitLine(
            block=block, name=str(block), last_operator=cut.after_operator, upload_bits=bits,
            compute_j=energy_j / 2, fixed_j=energy_j, j_bit_per_s=float(bits),
            fixed_s=fixed_s * block, bits_on_the_way=float(bits), u_relative=0.01, allowed=True,
        )  # fmt: skip

    return SplitPolicy(
        network_sha256=network.sha256,
        account="net",
        lines=(
            line(0, cuts[0], 2.0 * split_j, sends=True),
            line(1, middle, split_j, sends=True),
            line(2, last, local_j, sends=False),
        ),
        rates_bit_per_s=(1e6, 1e8),
    )


@pytest.fixture(scope="session")
def policy(network):
    return make_policy(network)


@pytest.fixture(scope="session")
def policy_with():
    return make_policy


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(model, *options, port=0):
    """Run the real server on loopback as a process of its own."""
    import json

    command = [sys.executable, "-m", "joulesplit", "serve", str(model), "--port", str(port)]
    with subprocess.Popen(
        [*command, "--exit-with-stdin", "--json", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY,
    ) as process:  # fmt: skip
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


@pytest.fixture(scope="session")
def serve():
    return served


@pytest.fixture(scope="module")
def server(model):
    with served(model) as url:
        yield url


class Relay:
    """A TCP relay to a server whose answers may be held back, trickled, cut off or changed."""

    def __init__(self, url):
        self._host, port = url.removeprefix("http://").split(":")
        self._port = int(port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answer = lambda data: data
        self.delay_s = 0.0
        self.byte_s = 0.0
        self._open = True
        self._ends = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self):
        """End everything: a connection may still come from an exchange that was given up."""
        self._open = False
        # Closing alone would leave the thread waiting in accept, and the port open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(timeout=10)
        for end in self._ends:
            end.close()

    def _accept(self):
        while self._open:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(here)
            try:
                there = socket.create_connection((self._host, self._port))
            except OSError:
                here.close()
                continue
            self._ends.append(there)
            threading.Thread(target=self._pump, args=(here, there, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(there, here, self), daemon=True).start()

    @staticmethod
    def _pump(source, target, relay):
        try:
            while data := source.recv(65536):
                if relay is None:
                    target.sendall(data)
                else:
                    relay.send(target, relay.answer(data))
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def send(self, target, data):
        time.sleep(self.delay_s)
        if not self.byte_s:
            target.sendall(data)
            return
        for byte in data:
            target.sendall(bytes([byte]))
            time.sleep(self.byte_s)


@pytest.fixture
def relay(server):
    relayed = Relay(server)
    yield relayed
    relayed.close()


@pytest.fixture(scope="session")
def unused_port():
    return free_port
