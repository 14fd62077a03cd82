<?php
// PDO at work: prints what it got. See run, beside this file, for what is done and why.
//
// pdo.php HOST PORT SOCKET USER PASSWORD SCHEMA
[, $host, $port, $socket, $user, $password, $schema] = $argv;

function show(string $what, ...$values): void
{
    echo $what, " ", json_encode($values, JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION), "\n";
}

function connect(string $way = "tcp", array $more = [], array $options = []): PDO
{
    global $host, $port, $socket, $user, $password, $schema;
    $where = $way === "socket" ? "unix_socket=$socket" : "host=$host;port=$port";
    if ($way === "tls") {
        $options += [PDO::MYSQL_ATTR_SSL_CIPHER => "HIGH", PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false];
    }
    return new PDO("mysql:$where;dbname=" . ($more["schema"] ?? $schema) . ";charset=utf8mb4", $user,
        $more["password"] ?? $password, $options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 20,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM]);
}

function rows(PDO $db, string $sql, array $values = []): array
{
    $statement = $db->prepare($sql);
    $statement->execute($values);
    return $statement->fetchAll();
}

function failing(string $what, callable $step): void
{
    try {
        $step();
        show($what, "no error");
    } catch (PDOException $error) {
        show($what, $error->errorInfo);
    }
}

foreach (["tcp", "tls", "socket"] as $way) {
    $db = connect($way);
    show("connected by $way", $db->getAttribute(PDO::ATTR_SERVER_VERSION), rows($db, "SELECT DATABASE(), CURRENT_USER()"));
}
foreach ([["password" => "wrong"], ["schema" => "missing"]] as $wrong) {
    try {
        connect("socket", $wrong);
        show("let in");
    } catch (PDOException $error) {
        show("refused", $error->getCode());
    }
}

// Prepared by the driver, and by the server.
foreach ([true, false] as $emulated) {
    $db = connect("tcp", [], [PDO::ATTR_EMULATE_PREPARES => $emulated]);
    $db->exec("DROP TABLE IF EXISTS c_text, c_types");
    $db->exec("CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2)) CHARACTER SET utf8mb4");
    $db->beginTransaction();
    $insert = $db->prepare("INSERT INTO c_text (a, n) VALUES (?, ?)");
    for ($i = 0; $i < 200; $i++) {
        $insert->execute(["Zeile $i \u{1f600} '\"\\", $i / 4]);
    }
    show("inserted", $db->lastInsertId(), $insert->rowCount(), $db->inTransaction());
    $db->commit();
    show("read", rows($db, "SELECT * FROM c_text WHERE id IN (?, ?, ?) ORDER BY id", [1, 7, 200]));
    show("updated", $db->exec("UPDATE c_text SET n = n + 1 WHERE id <= 10"));
    $db->exec("CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10), f DOUBLE,
        dt DATETIME(6) NULL, da DATE, t TIME(6), s VARCHAR(300), y YEAR, bits BIT(12), e ENUM('a','b'), tiny TINYINT(1))
        CHARACTER SET utf8mb4");
    $insert = $db->prepare("INSERT INTO c_types VALUES (NULL" . str_repeat(", ?", 12) . ")");
    $insert->execute([PHP_INT_MIN, "0", "-123456789012345678901234567890.0123456789", "-1.5e300", "1000-01-01 00:00:00",
        "9999-12-31", "-838:59:59", "", 1901, "\0", "a", 0]);
    $insert->execute([PHP_INT_MAX, "18446744073709551615", "0.0000000001", "2.5e-300", "9999-12-31 23:59:59.999999",
        "1000-01-01", "838:59:59", str_repeat("\u{fc}\u{20ac}\u{1f600}", 90), 2155, "\x0f\xff", "b", 1]);
    $insert->execute(array_fill(0, 12, null));
    show("types", array_map(fn ($row) => array_map(fn ($value) => is_string($value) && !preg_match('//u', $value) ? bin2hex($value) : $value, $row),
        rows($db, "SELECT * FROM c_types ORDER BY id")));
    $read = $db->query("SELECT * FROM c_types WHERE id = 1");
    show("described", array_map(fn ($i) => array_diff_key($read->getColumnMeta($i), ["pdo_type" => 0]), range(0, 12)));
    $read->closeCursor();

    $other = connect();
    $other->exec("DROP TABLE IF EXISTS c_nowhere"); // a write of its own: a replica that has it has all before it
    $db->beginTransaction();
    rows($db, "UPDATE c_text SET n = -1 WHERE id = ?", [1]);
    show("not yet seen elsewhere", rows($other, "SELECT n FROM c_text WHERE id = 1"));
    show("seen here", rows($db, "SELECT n FROM c_text WHERE id = ?", [1]));
    $other->exec("SET innodb_lock_wait_timeout = 1");
    failing("locked", fn () => $other->exec("UPDATE c_text SET n = 5 WHERE id = 1"));
    $db->rollBack();
    show("as before", rows($db, "SELECT n FROM c_text WHERE id = ?", [1]));

    foreach (["SELECT * FROM missing", "SELEC 1", "INSERT INTO c_text (id) VALUES (1)",
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", "INSERT INTO c_types (u) VALUES (-1)"] as $sql) {
        failing("error", fn () => rows($db, $sql));
    }
    $db->exec("DO CAST('x' AS SIGNED)");
    show("warnings", $db->query("SHOW WARNINGS")->fetchAll());

    $db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
    $sha = hash_init("sha256");
    $count = 0;
    $many = $db->prepare("SELECT a.id * 1000 + b.id AS x, REPEAT('y', 100) FROM c_text a, c_text b WHERE b.id <= ? ORDER BY x");
    $many->execute([100]);
    foreach ($many as $row) {
        hash_update($sha, json_encode($row));
        $count++;
    }
    show("many rows", $count, hash_final($sha));
    $many->closeCursor();
    $db->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
    $blob = str_repeat("sluice", 3000000);
    show("a big value", rows($db, "SELECT ? AS b", [$blob])[0][0] === $blob);

    // A statement is cancelled by another process, since the driver itself waits.
    $id = rows($db, "SELECT CONNECTION_ID()")[0][0];
    $code = 'usleep(500000); (new PDO("mysql:host=$argv[1];port=$argv[2]", $argv[3], $argv[4]))->exec("KILL QUERY $argv[5]");';
    $killer = proc_open([PHP_BINARY, "-r", $code, $host, $port, $user, $password, (string)$id], [], $pipes);
    try {
        show("cancelled", rows($db, "SELECT SLEEP(30)")[0][0] == 1);
    } catch (PDOException $error) {
        show("cancelled", $error->errorInfo[1] === 1317);
    }
    proc_close($killer);
    show("goes on", rows($db, "SELECT 1"));
    $other->exec("KILL $id");
    try {
        for ($i = 0; $i < 100; $i++) {
            rows($db, "SELECT 1");
            usleep(50000);
        }
        show("was not killed");
    } catch (PDOException $error) {
        show("killed", in_array($error->errorInfo[1], [2006, 2013, 1927]));
    }
    $db = connect();
    show("again", rows($db, "SELECT COUNT(*) FROM c_text"));
    $db->exec("DROP TABLE c_text, c_types");
}
