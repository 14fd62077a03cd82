"""Reads a Dockerfile and does what it says without Docker: each stage becomes a folder that one can chroot into.

Only the instructions and options that the repository uses are known; any other is an error, never passed over. As Docker
does, a RUN is done once for all that stands before it and for the files that were copied: its folder is kept and named
by a checksum of those. Needs root.
"""
import fnmatch
import hashlib
import json
import os
import re
import shutil
import subprocess

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Mistake(Exception):
    """Something that does not hold, in words for the reader."""


class Stage:
    """A stage as it was read, and once built its folder and what its image would say of itself."""

    def __init__(self, image, name):
        self.image, self.name, self.instructions = image, name, []
        self.root = None
        self.user, self.entrypoint, self.cmd = "0:0", [], []
        self.ports, self.healthcheck, self.stop_signal = [], None, "SIGTERM"


def read(path):
    """The stages of a Dockerfile, in their order."""
    with open(path) as file:
        lines = [line for line in file.read().split("\n") if not re.match(r"\s*(#|$)", line)]
    stages = []
    for line in re.sub(r"\\\n", "", "\n".join(lines)).split("\n"):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            part = rest.split()
            if len(part) not in (1, 3) or len(part) == 3 and part[1] != "AS":
                raise Mistake(f"{path}: {line}")
            stages.append(Stage(part[0], part[2] if len(part) == 3 else None))
        else:
            stages[-1].instructions.append((word, rest.strip()))
    return stages


def run_in(root, command, user="0:0", environment=None):
    """Runs a command in a root with processes and mounts of its own. Raises Mistake with its output where it fails."""
    inner = f'mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && exec chroot --userspec={user} "$0" "$@"'
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inner, root, *command],
                          env={"PATH": PATH, **(environment or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Mistake(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


class Ignored:
    """What a .dockerignore keeps out: the last pattern that matches a path, or a folder above it, decides."""

    def __init__(self, context):
        path = os.path.join(context, ".dockerignore")
        lines = open(path).read().split("\n") if os.path.exists(path) else []
        self.patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def __call__(self, path):
        ignored = False
        for pattern in self.patterns:
            name = pattern.lstrip("!").strip("/")
            part = path.split("/")
            if any(fnmatch.fnmatch("/".join(part[:n + 1]), name) and name.count("/") == n for n in range(len(part))):
                ignored = not pattern.startswith("!")
        return ignored


def files_below(context, source):
    """The files of a COPY's source, relative to the context, and where each goes below the destination."""
    path = os.path.normpath(os.path.join(context, source))
    if not os.path.isdir(path):
        yield os.path.relpath(path, context), os.path.basename(path)
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in (".git", "build"))
        for name in sorted(names):
            file = os.path.join(folder, name)
            yield os.path.relpath(file, context), os.path.relpath(file, path)


class Builder:
    """Builds stages below the folder `layers`. `bases` names the folder of each image that a FROM may start with."""

    def __init__(self, layers, bases):
        self.layers, self.bases, self.used = layers, bases, set()
        os.makedirs(layers, exist_ok=True)

    def build(self, path, context):
        """Builds every stage of the Dockerfile and returns the last one."""
        stages, ignored = read(path), Ignored(context)
        for stage in stages:
            _Building(self, stage, [s for s in stages if s.root], context, ignored).run()
        return stages[-1]

    def prune(self):
        """Removes what no build of this process has used."""
        for name in set(os.listdir(self.layers)) - self.used:
            subprocess.run(["rm", "-rf", os.path.join(self.layers, name)], check=True)


class _Building:
    """One stage while it is built. `root` is a kept folder, and copied before anything is written."""

    def __init__(self, builder, stage, done, context, ignored):
        self.builder, self.stage, self.done, self.context, self.ignored = builder, stage, done, context, ignored
        if stage.image not in builder.bases:
            raise Mistake(f"FROM {stage.image}: only {', '.join(builder.bases)} are known")
        self.root = builder.bases[stage.image]
        self.key = hashlib.sha256(f"{stage.image} {os.stat(self.root).st_ctime_ns}".encode())
        self.folder = "/"
        self.copies = []  # that wait for the next RUN, or the end

    def run(self):
        for word, rest in self.stage.instructions:
            self.key.update(f"{word} {rest}\n".encode())
            if not hasattr(self, "do_" + word.lower()):
                raise Mistake(f"{word}: unknown to {os.path.basename(__file__)}")
            getattr(self, "do_" + word.lower())(rest)
        if self.copies:
            self.layer(lambda root: None)
        self.stage.root = self.root

    def layer(self, change):
        """The folder that comes of the waiting copies and of `change`: one that is kept, or a new one."""
        name = self.key.hexdigest()[:16]
        self.builder.used.add(name)
        kept = os.path.join(self.builder.layers, name)
        if not os.path.isdir(kept):
            new = kept + ".new"
            subprocess.run(["rm", "-rf", new], check=True)
            subprocess.run(["cp", "-a", "--reflink=auto", self.root, new], check=True)
            for source, target in self.copies:
                os.makedirs(os.path.dirname(new + target), exist_ok=True)
                shutil.copy2(source, new + target, follow_symlinks=False)
            change(new)
            os.rename(new, kept)
        self.root, self.copies = kept, []

    def do_workdir(self, rest):
        self.folder = os.path.join(self.folder, rest)

    def do_copy(self, rest):
        context, ignored = self.context, self.ignored
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            name = sources.pop(0)[len("--from="):]
            context = next((s.root for s in self.done if s.name == name), None)
            if context is None:
                raise Mistake(f"COPY {rest}: no stage {name} above")
            ignored, sources = lambda path: False, [s.lstrip("/") for s in sources]
        if any(s.startswith("--") for s in sources):
            raise Mistake(f"COPY {rest}: unknown option")
        into = target.endswith("/") or target == "." or len(sources) > 1
        target = os.path.normpath(os.path.join(self.folder, target))
        for source in sources:
            found = [(a, b) for a, b in files_below(context, source) if not ignored(a)]
            if not found:
                raise Mistake(f"COPY {rest}: nothing to copy")
            is_folder = os.path.isdir(os.path.join(context, source))
            for path, name in found:
                full = os.path.join(context, path)
                self.copies.append((full, os.path.join(target, name) if into or is_folder else target))
                with open(full, "rb") as file:
                    self.key.update(f"{path} {os.stat(full).st_mode}".encode() + file.read())

    def do_run(self, rest):
        command = ["/bin/sh", "-c", f'mkdir -p "{self.folder}" && cd "{self.folder}" && {{ {rest}\n}}']
        self.layer(lambda root: run_in(root, command, self.stage.user))

    def do_user(self, rest):
        self.stage.user = rest

    def do_expose(self, rest):
        self.stage.ports += rest.split()

    def do_stopsignal(self, rest):
        self.stage.stop_signal = rest

    def do_healthcheck(self, rest):
        options, _, command = rest.partition("CMD ")
        self.stage.healthcheck = {"test": ["CMD", *json.loads(command)]}
        for option in options.split():
            name, _, value = option.lstrip("-").partition("=")
            self.stage.healthcheck[name.replace("-", "_")] = value

    def do_entrypoint(self, rest):
        self.stage.entrypoint = json.loads(rest)

    def do_cmd(self, rest):
        self.stage.cmd = json.loads(rest)
