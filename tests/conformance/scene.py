"""What applications and drivers are tried on: a primary with two replicas as tests/servers starts them, and a sluice in
front, with the account `app` in its proxy.ini; `guest` is known to the servers alone."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import proxy
import servers


class Scene:
    """A primary with two replicas, and sluice."""

    def __init__(self, family, target):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that end() is called
        self.folder = tempfile.mkdtemp(prefix="sluice-clients.")
        self.script = os.path.join(proxy.SOURCE, "tests/servers", family)
        servers.run(self.script, "start", os.path.join(self.folder, "servers"), "--parent", str(os.getpid()))
        with open(os.path.join(self.folder, "servers/addresses")) as lines:
            self.addresses = [line.split() for line in lines]
        self.port, self.admin, self.http = (servers.port_pick() for _ in range(3))
        self.socket = os.path.join(self.folder, "sluice.sock")
        self.target = target
        self.front = None

    def sql(self, statements, server="db1"):
        return servers.run(self.script, "sql", os.path.join(self.folder, "servers"), server, statements).decode()

    def sync(self):
        """Waits until the MariaDB replicas have what the primary has: what one session wrote, another may read late."""
        position = self.sql("SELECT @@gtid_current_pos").split("\n")[1]
        for name, *_ in self.addresses[1:]:
            self.sql(f"SELECT MASTER_GTID_WAIT('{position}', 60)", name)

    def proxy_start(self):
        ini = f"[proxy]\nlisten = 127.0.0.1:{self.port}, {self.socket}\nworkers = 2\n"
        ini += "".join(f"[backend:{name}]\naddress = {host}:{port}\n" for name, host, port, _ in self.addresses)
        ini += f"[user:app]\npassword = app-secret\n[monitor]\nuser = monitor\npassword = monitor-secret\ninterval = 50ms\n"
        ini += f"max_lag = 10m\n[routing]\ndefault_target = {self.target}\n[admin]\nlisten = 127.0.0.1:{self.admin}\n"
        ini += f"http_listen = 127.0.0.1:{self.http}\n[log]\nfile = {self.folder}/sluice.log\n"
        path = os.path.join(self.folder, "proxy.ini")
        with open(path, "w") as file:
            file.write(ini)
        self.front = proxy.Process(path, f"{self.folder}/sluice.log", self.http, len(self.addresses))

    def admin_value(self, statement):
        """The one value of an answer of the admin port."""
        return servers.run("mariadb", "--no-defaults", "-h127.0.0.1", f"-P{self.admin}", "-uadmin", "-N", "-e", statement).decode().strip()

    def end(self):
        trouble = self.front.end() if self.front else ""
        subprocess.run([self.script, "remove", os.path.join(self.folder, "servers")])
        shutil.rmtree(self.folder, ignore_errors=True)
        return trouble
