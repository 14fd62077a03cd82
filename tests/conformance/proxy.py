"""A sluice in front of a stack."""
import json
import os
import signal
import subprocess
import urllib.request

import servers

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(SOURCE, os.environ.get("BUILD", "build"))
SLUICE = os.environ.get("SLUICE") or os.path.join(BUILD, "sluice")


class Process:
    """A sluice that runs with a proxy.ini."""

    def __init__(self, config, log, http, backends, environment=None):
        self.log, self.http, self.backends = log, http, backends
        if os.path.exists(log):
            os.remove(log)
        self.process = servers.start(SLUICE, "-c", config, log=log + ".start", env=environment)
        try:
            servers.wait_for("sluice", lambda: self.process.poll() is not None or self.is_ready())
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {self.rows()}") from error

    def rows(self):
        """What it says of the servers; nothing where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/api/backends", timeout=5) as answer:
                return json.load(answer)["rows"]
        except (OSError, ValueError, KeyError):
            return []

    def is_ready(self):
        """Whether every server is up."""
        return [row["state"] for row in self.rows()] == ["up"] * self.backends

    def end(self):
        """Ends it. Returns what was wrong with that, or nothing."""
        for _ in range(2):  # a second signal: at once
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                pass
        else:
            servers.is_killed(self.process)
        return f"sluice ended with {self.process.returncode}" if self.process.returncode != 0 else ""


class Proxy(Process):
    """A sluice in front of a stack; what is in the file `rules` comes at the end of its proxy.ini."""

    def __init__(self, stack, target, rules):
        self.stack = stack
        self.port, self.admin, self.http = (servers.port_pick() for _ in range(3))
        self.socket = os.path.join(stack.var, "tmp/mysqld.0.sock")
        self.log = os.path.join(stack.var, "log/sluice.log")
        config = os.path.join(stack.var, "sluice.ini")
        with open(config, "w") as file:
            file.write(self.ini(target))
            if rules:
                with open(rules) as more:
                    file.write(more.read())
        if os.path.exists(self.socket):
            os.remove(self.socket)
        super().__init__(config, self.log, self.http, len(stack.servers), stack.environment)

    def ini(self, target):
        backends = "".join(f"[backend:{server.name}]\naddress = {server.socket}\n"
                           f"role = {'primary' if server is self.stack.primary else 'replica'}\n{self.stack.tests.backend}"
                           for server in self.stack.servers)
        certificates = os.path.join(self.stack.tests.folder, "std_data")
        return f"""[proxy]
listen = 127.0.0.1:{self.port}, {self.socket}
workers = 2
tls_cert = {certificates}/server-cert.pem
tls_key = {certificates}/server-key.pem
tls_ca = {certificates}/cacert.pem
{backends}[monitor]
user = root
password =
interval = {'50ms' if len(self.stack.servers) > 1 else '5s'}
max_lag = 10m
[routing]
default_target = {target}
[admin]
listen = 127.0.0.1:{self.admin}
http_listen = 127.0.0.1:{self.http}
[log]
format = json
file = {self.log}
slow_query = 1h
"""
