"""What is measured, and beside what: real servers, a server that costs next to nothing, HAProxy and sluice in front of
either. Every process ends with the program that started it, however that ends."""
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(SOURCE, os.environ.get("BUILD", "build"))
FOLDER = os.path.join(BUILD, "bench")
PASSWORD = "app-secret"
os.environ["PATH"] += ":/usr/sbin:/sbin:" + os.path.join(BUILD, "tools")

# HAProxy in ways that could be faster than its defaults: lines for its sections `global` and `defaults`.
HAPROXY_VARIANTS = {
    "defaults": ("", ""),
    "splice-auto": ("", "option splice-auto"),
    "bufsize 64k": ("tune.bufsize 65536", ""),
    "edge-triggered": ("expose-experimental-directives\n  tune.fd.edge-triggered on", ""),
    "nbthread 1": ("nbthread 1", ""),
}


def port_pick():
    """A port below those of outgoing connections, on which nothing listens."""
    while True:
        port = 20000 + int.from_bytes(os.urandom(2), "little") % 12000
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def answers(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pid):
    """Of a process, ended threads included: its own clock, exact."""
    return time.clock_gettime(~pid << 3 | 2)


class Peer:
    """Something that clients connect to: a name, its ports, and the process whose cost counts (None: none)."""

    def __init__(self, name, ports, pid=None):
        self.name, self.ports, self.pid = name, ports, pid


class Program(Peer):
    """A peer that is started here."""

    def __init__(self, name, port, command, is_ready):
        self.log = os.path.join(FOLDER, f"{name.split()[0]}.{port}.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        super().__init__(name, [port], self.process.pid)
        wait_for(f"{name}, see {self.log}", lambda: self.process.poll() is not None or is_ready())
        if self.process.poll() is not None:
            raise RuntimeError(f"{name} ended at once, see {self.log}")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Servers:
    """A MariaDB primary, db1, with two replicas."""

    def __init__(self):
        self.folder = os.path.join(FOLDER, "servers")
        self.script("start", self.folder, "--parent", str(os.getpid()))
        with open(os.path.join(self.folder, "addresses")) as lines:
            self.ports = {line.split()[0]: int(line.split()[2]) for line in lines}
        self.pids = {}
        for name in self.ports:
            with open(os.path.join(self.folder, name, "pid")) as file:
                self.pids[name] = int(file.read())

    @staticmethod
    def script(*words):
        command = [os.path.join(SOURCE, "tests/servers/mariadb"), *words]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def sql(self, name, statement):
        return self.script("sql", self.folder, name, statement)

    def sync(self):
        """Waits until the replicas have what the primary has."""
        position = self.sql("db1", "SELECT @@gtid_current_pos").split("\n")[1]
        for name in self.replicas:
            if self.sql(name, f"SELECT MASTER_GTID_WAIT('{position}', 300)").split("\n")[1] != "0":
                raise RuntimeError(f"{name} does not catch up")

    @property
    def replicas(self):
        return [name for name in self.ports if name != "db1"]

    def remove(self):
        self.script("remove", self.folder)


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def start_answerer():
    port = port_pick()
    return Program("answerer", port, [os.path.join(BUILD, "tests/bench/answerer"), str(port)], lambda: answers(port))


def haproxy_config(port, servers, variant, most):
    in_global, in_defaults = HAPROXY_VARIANTS[variant]
    rows = "".join(f"  server s{number} 127.0.0.1:{server}\n" for number, server in enumerate(servers))
    return f"""global
  maxconn {most}
  {in_global}
defaults
  mode tcp
  timeout connect 3s
  timeout client 8h
  timeout server 8h
  {in_defaults}
listen mysql
  bind 127.0.0.1:{port}
  balance leastconn
{rows}"""


def start_haproxy(servers, variant="defaults", most=4000):
    """In TCP mode before these ports. `most`: connections; splicing wants descriptors for pipes as well."""
    port = port_pick()
    path = write(f"haproxy.{port}.cfg", haproxy_config(port, servers, variant, most))
    return Program("HAProxy", port, ["haproxy", "-db", "-f", path], lambda: answers(port))


def sluice_config(port, admin, http, servers, tls, more):
    backends = "".join(f"[backend:{name}]\naddress = 127.0.0.1:{server}\ntls = {tls}\n\n"
                       for name, server in servers.items())
    return f"""[proxy]
listen = 127.0.0.1:{port}

{backends}[user:app]
password = {PASSWORD}

[monitor]
user = monitor
password = monitor-secret

[admin]
listen = 127.0.0.1:{admin}
http_listen = 127.0.0.1:{http}

{more}
"""


def metrics(http):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=5) as answer:
        return answer.read().decode()


def metric_sum(http, name, label=""):
    """Of all of that name whose labels hold this text."""
    rows = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", metrics(http), re.M)
    return sum(float(value) for labels, value in rows if label in labels)


def all_are_up(http, count):
    try:
        return len(re.findall(r"^sluice_backend_up\{.*\} 1$", metrics(http), re.M)) == count
    except (urllib.error.URLError, OSError):
        return False


def start_sluice(servers, tls="disabled", name="sluice", more=""):
    """With its defaults before these servers (name: port), but for TLS towards them, which HAProxy does not do, and for
    `more` lines of proxy.ini."""
    port, admin, http = port_pick(), port_pick(), port_pick()
    path = write(f"sluice.{port}.ini", sluice_config(port, admin, http, servers, tls, more))
    program = Program(name, port, [os.path.join(BUILD, "sluice"), "-c", path], lambda: all_are_up(http, len(servers)))
    program.http = http
    return program


def first_line(*command):
    lines = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.split("\n")
    return lines[0].strip()


def commit():
    try:
        return ", commit " + first_line("git", "-C", SOURCE, "describe", "--always", "--dirty")
    except FileNotFoundError:
        return ""


def facts():
    """The machine and the programs, as lines."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1024 // 1024
    uname = os.uname()
    return [
        f"{os.cpu_count()} x {model.group(1) if model else uname.machine}, {memory} GiB, {uname.sysname} {uname.release}",
        first_line(os.path.join(BUILD, "sluice"), "--version") + commit(),
        first_line("haproxy", "-v").split(" - ")[0],
        first_line("mariadbd", "--no-defaults", "--version"),
        first_line("sysbench", "--version"),
    ]


def folder_make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
