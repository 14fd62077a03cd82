"""Servers as mysql-test-run starts them (suites.py). A stack is one plain server, or a primary with a binary log and two replicas; whatever a test leaves behind is
undone by starting again from a copy of the data folders."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEZONE = "GMT-3"  # mysql-test-run's


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"in vain waited for: {what}")
        time.sleep(0.01)


def port_pick():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def port_answers(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def run(*words, **options):
    """Runs a program to its end; its output, or an exception with it."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: exit {done.returncode}: {done.stdout.decode(errors='replace')[-2000:]}")
    return done.stdout


def start(*words, log, **options):
    """Starts a program that ends with this one at the latest."""
    with open(log, "ab") as output:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], stdin=subprocess.DEVNULL, stdout=output,
                                stderr=output, **options)


def is_killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def as_root():
    return ["--user=root"] if os.getuid() == 0 else []


class Server:
    def __init__(self, stack, number, options):
        var = stack.var
        self.stack = stack
        self.name = f"db{number}"
        self.data = os.path.join(var, f"mysqld.{number}/data")
        self.copy = os.path.join(var, f"mysqld.{number}/copy")
        self.socket = os.path.join(var, f"tmp/mysqld.{number}.sock")
        self.log = os.path.join(var, f"log/mysqld.{number}.err")
        self.port = port_pick()
        self.process = None
        tmp = os.path.join(var, f"tmp/mysqld.{number}")
        os.makedirs(tmp)
        os.makedirs(os.path.dirname(self.data))
        shutil.copytree(stack.template, self.data)
        share = stack.tests.share
        self.options = [f"basedir={stack.tests.basedir}", f"tmpdir={tmp}", f"character-sets-dir={share}/charsets",
                        f"lc-messages-dir={share}", f"datadir={self.data}", f"pid-file={var}/run/mysqld.{number}.pid",
                        f"port={self.port}", f"socket={self.socket}", f"log-error={self.log}", "general-log=1",
                        f"plugin-dir={stack.tests.plugins}", f"general-log-file={var}/mysqld.{number}/mysqld.log",
                        "slow-query-log=1", f"slow-query-log-file={var}/mysqld.{number}/mysqld-slow.log",
                        f"server-id={number}", "bind-address=127.0.0.1", *stack.tests.options(self), *options]
        self.config = os.path.join(var, f"mysqld.{number}.cnf")
        with open(self.config, "w") as file:
            file.write(stack.common + "\n[mysqld]\n" + "\n".join(self.options) + "\n")

    def start(self):
        for name in (self.socket, self.log):
            if os.path.exists(name):
                os.remove(name)
        self.process = start(self.stack.tests.server, f"--defaults-file={self.config}", *as_root(), log=self.log + ".start",
                             env=self.stack.environment)
        wait_for(f"{self.name}, see {self.log}", lambda: self.process.poll() is not None or self.answers())
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended at once: " + open(self.log, errors="replace").read()[-3000:])

    def answers(self):
        return subprocess.run([self.stack.tests.client, "--no-defaults", "-uroot", f"-S{self.socket}", "-e", "SELECT 1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def kill(self):
        if self.process is not None:
            is_killed(self.process)

    def sql(self, statements):
        return run(self.stack.tests.client, "--no-defaults", "-uroot", f"-S{self.socket}", "--batch", "--skip-column-names", "-e",
                   statements).decode(errors="replace")

    def state(self):
        """All that a test should leave as it was; other texts mean that it did not."""
        files = sum(([name] + os.listdir(os.path.join(self.data, name)) for name in ("test", "mtr")), [])
        folders = [name for name in os.listdir(self.data) if os.path.isdir(os.path.join(self.data, name))]
        return "\n".join(sorted(files) + sorted(folders)) + self.sql(
            "CALL mtr.check_testcase(); SELECT user, host, db FROM information_schema.processlist WHERE "
            "id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler') AND "
            "command NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL')")


class Stack:
    """A plain server, or with replicas."""

    def __init__(self, tests, template, var, replicas):
        self.tests, self.template, self.var, self.replicas = tests, template, var, replicas
        self.environment = dict(os.environ, TZ=TIMEZONE, LC_ALL="C", MYSQLTEST_VARDIR=var,
                                MYSQL_TEST_DIR=tests.folder, OPENSSL_ENABLE_SHA1_SIGNATURES="1")
        for name in ("tmp", "log", "run"):
            os.makedirs(os.path.join(var, name))
        shutil.copytree(os.path.join(tests.folder, "std_data"), os.path.join(var, "std_data"))
        os.symlink(os.path.join(tests.folder, "std_data"), os.path.join(var, "std_data_ln"))
        self.common = re.sub(r"@ENV\.(\w+)", lambda name: self.environment[name[1]],
                             tests.read("include/default_mysqld.cnf"))
        self.servers = [Server(self, 1, tests.binlog(is_replica=False) if replicas else [])]
        self.servers += [Server(self, number, tests.binlog(is_replica=True)) for number in range(2, replicas + 2)]
        self.primary = self.servers[0]
        for server in self.servers:
            server.start()
        for server in self.servers[1:]:
            server.sql(tests.follow_text(self.primary))
        self.sync()
        for server in self.servers:
            server.stop()
            shutil.copytree(server.data, server.copy)
        self.begin()

    def begin(self):
        for server in self.servers:
            server.start()
        self.sync()
        self.states = [server.state() for server in self.servers]

    def sync(self):
        """Whether the replicas have what the primary has."""
        if not self.replicas:
            return True
        position = self.primary.sql(self.tests.position).strip()
        return all(server.sql(self.tests.wait_text(position)).strip() == "0" for server in self.servers[1:])

    def is_clean(self):
        try:
            return self.sync() and self.states == [server.state() for server in self.servers]
        except (RuntimeError, OSError):
            return False

    def clean(self):
        """Undoes what a test has left. Returns whether there was something."""
        self.files_remove()
        self.logs_empty()
        if self.is_clean():
            return False
        for server in self.servers:
            server.kill()
            shutil.rmtree(server.data)
            shutil.copytree(server.copy, server.data)
        self.begin()
        return True

    def logs_empty(self):
        """Tests look into them for what they have done themselves."""
        for server in self.servers:
            folder = os.path.dirname(server.data)
            for path in (server.log, os.path.join(folder, "mysqld.log"), os.path.join(folder, "mysqld-slow.log")):
                if os.path.exists(path):
                    os.truncate(path, 0)

    def files_remove(self):
        tmp = os.path.join(self.var, "tmp")
        for name in os.listdir(tmp):
            if not name.startswith("mysqld."):
                path = os.path.join(tmp, name)
                shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)

    def end(self):
        for server in self.servers:
            server.kill()
