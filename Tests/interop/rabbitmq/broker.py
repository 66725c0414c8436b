"""RabbitMQ nodes of a test's own: a folder, ports and a name for each, all on loopback, run in the foreground as children, so that they can be
killed like any process. Debian's package is what is run."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from free_ports import free_port

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


def missing():
    """Why RabbitMQ cannot be run, or None."""
    if not os.path.exists(SERVER):
        return "rabbitmq-server is not installed"
    if shutil.which("erl") is None or shutil.which("epmd") is None:
        return "erlang is not installed"
    return None


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} took longer than {seconds} s"
        time.sleep(0.05)


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class NameServer:
    """The daemon by which Erlang nodes find each other, on a port of its own."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["epmd", "-port", str(self.port), "-address", "127.0.0.1"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_for(lambda: accepts(self.port), "epmd")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Node:
    """One RabbitMQ node."""

    def __init__(self, folder, names, name="apus-test", configuration=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.distribution_port = free_port(), free_port()
        self.name = f"{name}-{self.port}@localhost"
        (self.folder / "rabbitmq.conf").write_text(
            "\n".join(["log.file.level = warning", "log.console = false", *configuration]) + "\n")
        (self.folder / "enabled_plugins").write_text("[].\n")
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text("APUSTESTS")
        cookie.chmod(0o400)
        self.environment = dict(
            os.environ, HOME=str(self.folder), ERL_EPMD_PORT=str(names.port), ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=self.name, RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(self.distribution_port), RABBITMQ_MNESIA_BASE=str(self.folder / "mnesia"),
            RABBITMQ_LOG_BASE=str(self.folder / "log"), RABBITMQ_CONFIG_FILE=str(self.folder / "rabbitmq.conf"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self.folder / "enabled_plugins"), RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
            RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
            # Has the script become the virtual machine, so that what is killed is the broker and not a shell.
            RUNNING_UNDER_SYSTEMD="true")
        self.process = None

    @property
    def url(self):
        return f"amqp://127.0.0.1:{self.port}"

    def start(self):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                [SERVER], env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True)
        return self

    def wait_until_ready(self, seconds=300):
        def ready():
            assert self.process.poll() is None, f"RabbitMQ ended by itself: {self.output()}"
            return accepts(self.port)

        wait_for(ready, "RabbitMQ's start", seconds)
        return self

    def output(self):
        return (self.folder / "output").read_text(errors="replace")[-2000:]

    def control(self, *arguments):
        done = subprocess.run(
            [CONTROL, *arguments], env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"rabbitmqctl {arguments}: {done.stdout} {done.stderr}"
        return done.stdout

    def kill(self):
        """As a power cut would, as far as the process goes."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
