"""Starts the services of a compose file as processes, without Docker: each in a root of its own, with the files,
secrets, command, user and rights that the compose file and the service's Dockerfile give it, as process 1, and with a
network of its own: eth0 on a bridge that all share, where each knows the others by name. Needs root, and should itself
have mounts and a network of its own.
"""
import os
import signal
import subprocess
import time

from dockerfile import PATH, Mistake

BRIDGE = "services"
KNOWN = {"build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "ports", "read_only", "restart",
         "secrets", "security_opt", "stop_grace_period", "volumes"}
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(text):
    for unit in ("ms", "s", "m", "h"):
        if text.endswith(unit) and text[:-len(unit)].isdigit():
            return int(text[:-len(unit)]) * SECONDS[unit]
    raise Mistake(f"{text}: no duration")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Service:
    def __init__(self, name, conf, stage, address, folder):
        unknown = set(conf) - KNOWN
        if unknown:
            raise Mistake(f"service {name}: {', '.join(sorted(unknown))}: unknown to {os.path.basename(__file__)}")
        self.name, self.conf, self.stage, self.address = name, conf, stage, address
        self.folder = os.path.join(folder, name)
        self.log = os.path.join(self.folder, "log")
        self.process = None
        self.health = {**(stage.healthcheck or {}), **conf.get("healthcheck", {})}

    def mounts(self, secrets):
        """(source or None for an empty folder, target, is read-only)"""
        for volume in self.conf.get("volumes", []):
            source, target, mode = volume.split(":")
            yield (source if source.startswith("/") else None), target, mode == "ro"
        for secret in self.conf.get("secrets", []):
            yield secrets[secret["source"]]["file"], "/run/secrets/" + secret["source"], True

    def script(self, secrets):
        """What a shell does in the service's own mounts before it becomes the service."""
        root = os.path.join(self.folder, "root")
        lines = [f"mkdir {self.folder}/upper {self.folder}/work {root}",
                 f"mount -t overlay overlay -o lowerdir={self.stage.root},upperdir={self.folder}/upper,"
                 f"workdir={self.folder}/work {root}",
                 f"cp {self.folder}/hosts {root}/etc/hosts"]
        for source, target, _ in self.mounts(secrets):
            if source is not None:
                lines.append(f"mkdir -p {root}{os.path.dirname(target)} && : >>{root}{target}")
        if self.conf.get("read_only"):
            lines.append(f"mount -o remount,ro {root}")
        for source, target, is_read_only in self.mounts(secrets):
            if source is not None:
                lines.append(f"mount --bind {source} {root}{target}")
                lines += [f"mount -o remount,ro,bind {root}{target}"] if is_read_only else []
        lines.append(f"mount -t proc proc {root}/proc")
        lines.append(f'read -r network && exec chroot {root} "$@" </dev/null')
        return "set -e\n" + "\n".join(lines)

    def command(self):
        words = [*self.stage.entrypoint, *self.conf.get("command", self.stage.cmd)]
        user, _, group = self.stage.user.partition(":")
        rights = ["--reuid", user, "--regid", group, "--clear-groups"]
        if "no-new-privileges:true" in self.conf.get("security_opt", []):
            rights.append("--no-new-privs")
        if "ALL" in self.conf.get("cap_drop", []):
            rights += ["--bounding-set=-all", "--inh-caps=-all"]
        return ["setpriv", *rights, "--", *words]

    def start(self, secrets, hosts):
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "hosts"), "w") as file:
            file.write(hosts)
        environment = {"PATH": PATH, **self.conf.get("environment", {})}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", self.script(secrets), "sh",
                 *self.command()], env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.connect()

    def connect(self):
        """Gives the service its eth0, and lets it begin."""
        outer = str(self.process.pid)
        while os.readlink(f"/proc/{outer}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        host = "to-" + self.name[:12]
        ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", outer)
        ip("link", "set", host, "master", BRIDGE, "up")
        for command in (["addr", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                        ["link", "set", "lo", "up"]):
            subprocess.run(["nsenter", "--target", outer, "--net", "ip", *command], check=True)
        self.process.stdin.write(b"network\n")
        self.process.stdin.close()

    def pid(self):
        """Of the service itself, as this process sees it."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return int(open(path).read().split()[0])

    def execute(self, command, user=None):
        """As docker exec: (exit code, output)."""
        uid, _, gid = (user or self.stage.user).partition(":")
        done = subprocess.run(["nsenter", "--target", str(self.pid()), "--mount", "--net", "--pid", "--root", "--wd", "--setuid", uid,
                               "--setgid", gid, *command], env={"PATH": PATH}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def wait_healthy(self):
        """By its HEALTHCHECK alone; Mistake with its log where it does not come to that."""
        test = self.health["test"]
        interval, start = seconds(self.health.get("interval", "30s")), seconds(self.health.get("start_period", "0s"))
        end = time.monotonic() + start + interval * int(self.health.get("retries", 3)) + 60  # machines are busy
        code, output = 1, "it has ended"
        while code != 0 and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            code, output = self.execute(test[1:])
        if code != 0:
            raise Mistake(f"{self.name} is not healthy: {' '.join(test)}: {output}\n{open(self.log).read()[-4000:]}")

    def stop(self, grace=None):
        """As docker stop. Returns the exit code."""
        os.kill(self.pid(), getattr(signal, self.stage.stop_signal))
        try:
            return self.process.wait(grace or seconds(self.conf.get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.kill()
            raise Mistake(f"{self.name} did not end by {self.stage.stop_signal}\n{open(self.log).read()[-4000:]}")

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # and the kernel what it started
            self.process.wait()


class Project:
    """The services of a compose file, as `docker-compose config` prints it, on the stages of their images."""

    def __init__(self, conf, stages, folder):
        self.secrets = conf.get("secrets", {})
        self.services = {}
        for number, (name, service) in enumerate(sorted(conf["services"].items()), 1):
            if service["image"] not in stages:
                raise Mistake(f"service {name}: image {service['image']} is none of {', '.join(stages)}")
            self.services[name] = Service(name, service, stages[service["image"]], f"192.0.2.{number}", folder)
        self.hosts = "127.0.0.1 localhost\n" + "".join(f"{s.address} {s.name}\n" for s in self.services.values())

    def start(self):
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        for service in self.services.values():
            service.start(self.secrets, self.hosts)

    def kill(self):
        for service in self.services.values():
            service.kill()
