"""A real Spark cluster on this machine's loopback: one master, two workers, and a session on it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

_HOST = "127.0.0.1"
_SECONDS = 120


def _free_port():
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return found.getsockname()[1]


class Cluster:
    """The processes of a standalone cluster, each the leader of its group."""

    def __init__(self, folder):
        self.folder = folder
        self.workers = []
        port = _free_port()
        self.url = f"spark://{_HOST}:{port}"
        self.master = self._start("master", "--port", str(port))
        _wait_for(lambda: "New state: ALIVE" in self._log("master"), "the master")
        for _ in range(2):
            self.add_worker()

    def _start(self, name, *arguments):
        home = Path(find_spec("pyspark").origin).parent
        role = name.split("-")[0]
        command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{role}.{role.capitalize()}"]
        settings = {
            "SPARK_LOCAL_IP": _HOST,
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "SPARK_HOME": str(home),
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [*map(str, command), "--host", _HOST, "--webui-port", "0", *arguments],
                env={**os.environ, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def add_worker(self):
        name = f"worker-{len(self.workers)}"
        work = self.folder / name
        self.workers.append(
            self._start(name, "--cores", "1", "--memory", "1g", "--work-dir", str(work), self.url)
        )
        _wait_for(lambda: "Successfully registered" in self._log(name), name)

    def kill_worker(self):
        """Kill the first living worker with the executors that it runs, as a machine that fails would."""
        alive = next(worker for worker in self.workers if worker.poll() is None)
        os.killpg(alive.pid, signal.SIGKILL)
        alive.wait()

    def stop(self):
        for process in [*self.workers, self.master]:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(is_there, what):
    end = time.monotonic() + _SECONDS
    while not is_there():
        assert time.monotonic() < end, f"{what} of the cluster did not start"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A standalone cluster; the session that is open on it is the one that erblock finds."""
    if find_spec("pyspark") is None:
        pytest.skip("needs pyspark: pip install 'erblock[spark]'")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17 or newer")
    from pyspark.sql import SparkSession

    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.driver.host": _HOST,
        "spark.driver.bindAddress": _HOST,
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        # Else a task waits 3 s for the executor that holds its rows, as if another were far away.
        "spark.locality.wait": "0",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.appName("tests").master(cluster.url)
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield cluster
    session.stop()
    cluster.stop()
