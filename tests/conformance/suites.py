"""The regression tests of the two families, and how mysql-test-run would start a server for them: the same options, accounts
and helper tables, so that the tests run unchanged."""
import os
import re
import shutil

import servers


def without_delimiters(text):
    """Statements that were written for mysqltest, for a server's bootstrap: each on a line, ended by a semicolon."""
    result, delimiter = [], ";"
    for line in text.splitlines():
        change = re.match(r"delimiter (.*)", line, re.IGNORECASE)
        if change:
            delimiter = change[1].strip().removesuffix(delimiter)
        elif line.rstrip().endswith(delimiter):
            result.append(line.rstrip().removesuffix(delimiter) + ";\n")
        elif not re.match(r"\s*--", line):
            result.append(line + " ")
    return "".join(result)


class Suite:
    """The unpacked package."""

    def __init__(self, root):
        self.root = root

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def template_make(self, folder):
        """The data folder that every server starts from."""
        if os.path.isdir(folder):
            return
        new = f"{folder}.{os.getpid()}"
        os.makedirs(os.path.join(new, "tmp"))
        self.template_fill(new)
        os.rename(os.path.join(new, "data"), folder)
        shutil.rmtree(new)

    def mtr_texts(self):
        return [self.read(f"include/{name}.sql") for name in ("mtr_warnings", "mtr_check")]


class MariaDB(Suite):
    """The suite `main` of Debian's mariadb-test, for the server that is installed."""
    name = "mariadb"
    server = "mariadbd"
    client = "mariadb"
    share = "/usr/share/mysql"
    backend = "send_proxy = v2\n"  # who is known at 127.0.0.1 alone comes from there
    # These wait for mysql-test-run to start a server again.
    restarts = re.compile(r"restart_mysqld|shutdown_server|shutdown_mysqld|kill_mysqld|kill_and_restart|\.expect\b")

    def __init__(self, root):
        super().__init__(root)
        self.folder = os.path.join(root, "usr/share/mysql/mysql-test")
        self.plugins = os.path.join(root, "usr/lib/mysql/plugin")
        self.program = os.path.join(root, "usr/bin/mariadb-test")
        self.basedir = "/usr"

    def names(self):
        return [name.removesuffix(".test") for name in os.listdir(os.path.join(self.folder, "main"))
                if name.endswith(".test") and not self.restarts.search(self.read(f"main/{name}"))]

    def files(self, name):
        base = os.path.join(self.folder, "main", name)
        return f"{base}.test", f"{base}.result"

    def bootstrap_text(self):
        parts = ["CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n"]
        for name in ["mysql_system_tables", "maria_add_gis_sp_bootstrap", "mysql_performance_tables",
                     "mysql_system_tables_data", "mysql_test_data_timezone", "fill_help_tables", "mysql_sys_schema"]:
            with open(os.path.join(self.share, name + ".sql"), encoding="utf-8") as file:
                parts.append(file.read())
        parts.append("""
CREATE DATABASE IF NOT EXISTS test CHARACTER SET latin1 COLLATE latin1_swedish_ci;
ALTER TABLE gtid_slave_pos ENGINE=Aria transactional=0;
DELETE FROM mysql.global_priv WHERE user = '';
CREATE DATABASE mtr CHARSET=latin1;
""")
        return "\n".join(parts + [without_delimiters(text) for text in self.mtr_texts()])

    def template_fill(self, new):
        os.makedirs(os.path.join(new, "data/mysql"))
        servers.run(self.server, "--no-defaults", *servers.as_root(), "--bootstrap", "--disable-getopt-prefix-matching",
                    "--basedir=/usr", f"--datadir={new}/data", f"--tmpdir={new}/tmp", "--default-storage-engine=myisam",
                    "--innodb-log-file-size=10M", "--character-set-server=latin1", "--disable-performance-schema",
                    f"--lc-messages-dir={self.share}", f"--character-sets-dir={self.share}/charsets",
                    input=self.bootstrap_text().encode(errors="surrogateescape"))

    def options(self, server):
        return ["proxy-protocol-networks=*"]

    def binlog(self, is_replica):
        options = ["log-bin=bin", "binlog-format=ROW", "log-slave-updates", "gtid-strict-mode=OFF"]
        return options + (["read-only=ON", "slave-net-timeout=10"] if is_replica else [])

    def follow_text(self, primary):
        return (f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='root', "
                "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1; START SLAVE")

    position = "SELECT @@gtid_binlog_pos"

    def wait_text(self, position):
        return f"SELECT MASTER_GTID_WAIT('{position}', 10)"

    def client_config(self):
        return "plugin-dir = /usr/lib/x86_64-linux-gnu/libmariadb3/plugin\n", "loose-skip-ssl\n"

    def words(self):
        return ["--suite-dir=main/", "--wait-for-pos-timeout=30"]

    def tools(self, config, var):
        def tool(name, *words):
            return " ".join([shutil.which(name) or f"/usr/bin/{name}", f"--defaults-file={config}", *words])

        return {"MYSQL_BINDIR": "/usr", "MYSQL": tool("mariadb"), "EXE_MYSQL": "/usr/bin/mariadb",
                "MYSQL_CHECK": tool("mariadb-check"), "MYSQL_DUMP": tool("mariadb-dump", "--defaults-group-suffix=.1"),
                "MYSQL_SLAP": tool("mariadb-slap"), "MYSQL_IMPORT": tool("mariadb-import"),
                "MYSQL_SHOW": tool("mariadb-show"), "MYSQLADMIN": tool("mariadb-admin"),
                "MYSQL_BINLOG": tool("mariadb-binlog"), "MYSQL_UPGRADE": tool("mariadb-upgrade"),
                "MYSQLD": shutil.which("mariadbd"),
                "MYSQL_CLIENT_TEST": f"{self.root}/usr/bin/mariadb-client-test --defaults-file={config} --testcase "
                                     f"--vardir={var}",
                "MY_PERROR": "/usr/bin/perror", "REPLACE": "/usr/bin/replace",
                "MYSQL_MY_PRINT_DEFAULTS": "/usr/bin/my_print_defaults",
                "MYSQL_TZINFO_TO_SQL": "/usr/bin/mariadb-tzinfo-to-sql"}


class MySQL(Suite):
    """The main suite of Debian unstable's mysql-testsuite, with the server, clients and libraries beside it."""
    name = "mysql"
    backend = ""
    restarts = re.compile(MariaDB.restarts.pattern + r"|have_debug\.inc|have_debug_sync\.inc|restart_mysqld_no_echo")

    def __init__(self, root):
        super().__init__(root)
        self.folder = os.path.join(root, "usr/lib/mysql-test")
        self.plugins = os.path.join(root, "usr/lib/mysql/plugin")
        self.share = os.path.join(root, "usr/share/mysql")
        self.basedir = os.path.join(root, "usr")
        self.program, self.server, self.client = (os.path.join(self.basedir, name)
                                                  for name in ("bin/mysqltest", "sbin/mysqld", "bin/mysql"))

    def names(self):
        return [name.removesuffix(".test") for name in os.listdir(os.path.join(self.folder, "t"))
                if name.endswith(".test") and not self.restarts.search(self.read(f"t/{name}"))]

    def files(self, name):
        return os.path.join(self.folder, "t", f"{name}.test"), os.path.join(self.folder, "r", f"{name}.result")

    def bootstrap_text(self):
        return "\n".join(["USE mysql;", self.read("include/mtr_test_data_timezone.sql"), """
UPDATE mysql.tables_priv SET timestamp = CURRENT_TIMESTAMP, Grantor = 'root@localhost' WHERE USER = 'mysql.session';
DELETE FROM mysql.user WHERE user = '';
CREATE DATABASE test;
CREATE DATABASE mtr;
INSERT INTO mysql.db VALUES ('%','test','','Y','Y','Y','Y','Y','Y','N','Y','Y','Y','Y','Y','Y','Y','Y','N','N','Y','Y');
DELETE FROM mysql.proxies_priv WHERE user = 'root';
INSERT INTO mysql.proxies_priv VALUES ('localhost', 'root', '', '', TRUE, '', NOW());
""", *self.mtr_texts()])

    def template_fill(self, new):
        with open(os.path.join(new, "bootstrap.sql"), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(self.bootstrap_text())
        servers.run(self.server, "--no-defaults", *servers.as_root(), "--initialize-insecure", f"--basedir={self.basedir}",
                    f"--datadir={new}/data", f"--tmpdir={new}/tmp", "--secure-file-priv=", f"--init-file={new}/bootstrap.sql",
                    "--innodb-buffer-pool-size=24M", "--innodb-redo-log-capacity=10M", "--innodb-autoextend-increment=8",
                    f"--character-sets-dir={self.share}/charsets", f"--lc-messages-dir={self.share}",
                    "--auto-generate-certs=OFF", "--caching-sha2-password-auto-generate-rsa-keys=OFF")
        os.remove(os.path.join(new, "data/auto.cnf"))

    def options(self, server):
        data = os.path.join(self.folder, "std_data")
        return ["mysqlx=OFF", "log-output=file", "explain-format=TRADITIONAL_STRICT", f"secure-file-priv={server.stack.var}",
                "skip-log-bin" if not server.stack.replicas else "server-id-bits=32",
                f"ssl-ca={data}/cacert.pem", f"ssl-cert={data}/server-cert.pem", f"ssl-key={data}/server-key.pem",
                f"caching_sha2_password_private_key_path={data}/rsa_private_key.pem",
                f"caching_sha2_password_public_key_path={data}/rsa_public_key.pem"]

    def binlog(self, is_replica):
        options = ["log-bin=bin", "gtid-mode=ON", "enforce-gtid-consistency=ON"]
        return options + (["super-read-only=ON", "replica-net-timeout=10"] if is_replica else [])

    def follow_text(self, primary):
        return (f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={primary.port}, SOURCE_USER='root', "
                "SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_HEARTBEAT_PERIOD=1; START REPLICA")

    position = "SELECT REPLACE(@@global.gtid_executed, '\\n', '')"

    def wait_text(self, position):
        return f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', 10)"

    def client_config(self):
        return f"plugin-dir = {self.plugins}\n", ""

    def words(self):
        return []

    def tools(self, config, var):
        def tool(name, *words):
            return " ".join([f"{self.basedir}/bin/{name}", f"--defaults-file={config}", *words])

        def program(name):
            return f"{self.basedir}/bin/{name}"

        return {"MYSQL_BINDIR": f"{self.basedir}/bin", "MYSQL_BASEDIR": self.basedir, "MYSQL_TEST_DIR_ABS": self.folder,
                "MYSQLTEST_VARDIR_ABS": os.path.realpath(var), "MYSQL_TEST_LOGIN_FILE": f"{var}/tmp/.mylogin.cnf",
                "MYSQL": tool("mysql"), "EXE_MYSQL": program("mysql"), "MYSQL_CHECK": tool("mysqlcheck"),
                "MYSQL_DUMP": tool("mysqldump", "--defaults-group-suffix=.1"), "MYSQL_SLAP": tool("mysqlslap"),
                "MYSQL_IMPORT": tool("mysqlimport"), "MYSQL_SHOW": tool("mysqlshow"), "MYSQLADMIN": program("mysqladmin"),
                "MYSQL_BINLOG": tool("mysqlbinlog"), "MYSQLD": self.server, "PATH_CONFIG_FILE": config,
                "MYSQL_CLIENT_BIN_PATH": f"{self.basedir}/bin", "MYSQL_BIN_PATH": f"{self.basedir}/bin",
                "MYSQL_CLIENT_TEST": tool("mysql_client_test", "--testcase", f"--vardir={var}"),
                "MYSQL_CONFIG_EDITOR": program("mysql_config_editor"), "MY_PERROR": program("perror"),
                "MYSQL_MY_PRINT_DEFAULTS": program("my_print_defaults"), "MYSQL_TEST_ROOT": "YES",
                "MYSQL_TZINFO_TO_SQL": program("mysql_tzinfo_to_sql"), "OPENSSL_EXECUTABLE": "/usr/bin/openssl"}
