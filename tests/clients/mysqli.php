<?php
// mysqli at work: prints what it got. See run, beside this file, for what is done and why.
//
// mysqli.php HOST PORT SOCKET USER PASSWORD SCHEMA
[, $host, $port, $socket, $user, $password, $schema] = $argv;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function show(string $what, ...$values): void
{
    echo $what, " ", json_encode($values, JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION), "\n";
}

function connect(string $way = "tcp", array $more = []): mysqli
{
    global $host, $port, $socket, $user, $password, $schema;
    $db = mysqli_init();
    $db->options(MYSQLI_OPT_CONNECT_TIMEOUT, 20);
    if ($way === "tls") {
        $db->ssl_set(null, null, null, null, null);
    }
    $db->real_connect($way === "socket" ? "localhost" : $host, $user, $more["password"] ?? $password,
        $more["schema"] ?? $schema, (int)$port, $way === "socket" ? $socket : null,
        $way === "tls" ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0);
    $db->set_charset("utf8mb4");
    return $db;
}

function rows(mysqli $db, string $sql): array
{
    return $db->query($sql)->fetch_all();
}

function failing(string $what, callable $step): void
{
    try {
        $step();
        show($what, "no error");
    } catch (mysqli_sql_exception $error) {
        show($what, $error->getCode(), $error->getSqlState(), $error->getMessage());
    }
}

foreach (["tcp", "tls", "socket"] as $way) {
    $db = connect($way);
    show("connected by $way", $db->server_info, rows($db, "SELECT DATABASE(), CURRENT_USER()"));
    $db->close();
}
foreach ([["password" => "wrong"], ["schema" => "missing"]] as $wrong) {
    try {
        connect("socket", $wrong);
        show("let in");
    } catch (mysqli_sql_exception $error) {
        show("refused", $error->getCode());
    }
}

$db = connect();
$db->query("DROP TABLE IF EXISTS c_text, c_types");
$db->query("CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2)) CHARACTER SET utf8mb4");
$db->begin_transaction();
for ($i = 0; $i < 200; $i++) {
    $db->query("INSERT INTO c_text (a, n) VALUES ('" . $db->real_escape_string("Zeile $i \u{1f600} '\"\\") . "', $i / 4)");
}
$db->commit();
show("inserted", $db->insert_id, $db->affected_rows);
$insert = $db->prepare("INSERT INTO c_text (a, n) VALUES (?, ?)");
for ($i = 200; $i < 400; $i++) {
    $a = "Zeile $i";
    $n = $i / 4;
    $insert->bind_param("sd", $a, $n);
    $insert->execute();
}
show("inserted", $insert->insert_id, $insert->affected_rows);
show("read", rows($db, "SELECT * FROM c_text WHERE id IN (1, 7, 200, 400) ORDER BY id"));
$read = $db->prepare("SELECT a, n FROM c_text WHERE id = ?");
foreach ([3, 300, 1000] as $id) {
    $read->bind_param("i", $id);
    $read->execute();
    show("prepared", $read->get_result()->fetch_all());
}
$db->query("UPDATE c_text SET n = n + 1 WHERE id <= 10");
show("updated", $db->affected_rows, $db->info);

// Several statements at once.
$db->multi_query("SELECT 1; UPDATE c_text SET n = 0 WHERE id = 5; SELECT a FROM c_text WHERE id = 5; SELECT 'last'");
do {
    $result = $db->store_result();
    show("of several", $result ? $result->fetch_all() : $db->affected_rows);
} while ($db->more_results() && $db->next_result());

$db->query("CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10), f DOUBLE,
    dt DATETIME(6) NULL, da DATE, t TIME(6), s VARCHAR(300), y YEAR, bits BIT(12), e ENUM('a','b'), tiny TINYINT(1), b LONGBLOB)
    CHARACTER SET utf8mb4");
$insert = $db->prepare("INSERT INTO c_types (i, u, d, f, dt, da, t, s, y, bits, e, tiny) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
foreach ([
    [PHP_INT_MIN, "0", "-123456789012345678901234567890.0123456789", -1.5e300, "1000-01-01 00:00:00", "9999-12-31", "-838:59:59", "", 1901, 0, "a", 0],
    [PHP_INT_MAX, "18446744073709551615", "0.0000000001", 2.5e-300, "9999-12-31 23:59:59.999999", "1000-01-01", "838:59:59",
     str_repeat("\u{fc}\u{20ac}\u{1f600}", 90), 2155, 4095, "b", 1],
    array_fill(0, 12, null)] as $row) {
    $insert->bind_param("issdssssiisi", ...$row);
    $insert->execute();
}
show("types", rows($db, "SELECT * FROM c_types ORDER BY id"));
$read = $db->prepare("SELECT * FROM c_types ORDER BY id");
$read->execute();
$result = $read->get_result();
show("types prepared", $result->fetch_all());
show("described", array_map(fn ($field) => [$field->name, $field->orgtable, $field->type, $field->flags, $field->charsetnr], $result->fetch_fields()));
// A cursor.
$read->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$read->execute();
$read->bind_result(...array_map(fn ($i) => $GLOBALS["column$i"] ?? null, range(0, 13)));
$count = 0;
while ($read->fetch()) {
    $count++;
}
show("by cursor", $count);
$read->close();
// Long data in pieces.
$long = $db->prepare("INSERT INTO c_types (b) VALUES (?)");
$null = null;
$long->bind_param("b", $null);
for ($i = 0; $i < 20; $i++) {
    $long->send_long_data(0, str_repeat(chr(65 + $i), 100000));
}
$long->execute();
show("long data", rows($db, "SELECT LENGTH(b), SHA2(b, 256) FROM c_types WHERE id = LAST_INSERT_ID()"));

$other = connect();
$other->query("DROP TABLE IF EXISTS c_nowhere"); // a write of its own: a replica that has it has all before it
$db->begin_transaction();
$db->query("UPDATE c_text SET n = -1 WHERE id = 1");
show("not yet seen elsewhere", rows($other, "SELECT n FROM c_text WHERE id = 1"));
show("seen here", rows($db, "SELECT n FROM c_text WHERE id = 1"));
$other->query("SET innodb_lock_wait_timeout = 1");
failing("locked", fn () => $other->query("UPDATE c_text SET n = 5 WHERE id = 1"));
$db->rollback();
show("as before", rows($db, "SELECT n FROM c_text WHERE id = 1"));

foreach (["SELECT * FROM missing", "SELEC 1", "INSERT INTO c_text (id) VALUES (1)",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", "INSERT INTO c_types (u) VALUES (-1)"] as $sql) {
    failing("error", fn () => $db->query($sql));
}
failing("prepared error", fn () => $db->prepare("SELECT * FROM missing WHERE a = ?"));
$db->query("DO CAST('x' AS SIGNED)");
show("warnings", $db->warning_count, rows($db, "SHOW WARNINGS"));

$sha = hash_init("sha256");
$count = 0;
$result = $db->query("SELECT a.id * 1000 + b.id AS x, REPEAT('y', 100) FROM c_text a, c_text b WHERE b.id <= 100 ORDER BY x", MYSQLI_USE_RESULT);
foreach ($result as $row) {
    hash_update($sha, json_encode($row));
    $count++;
}
show("many rows", $count, hash_final($sha));
$blob = str_repeat("sluice", 3000000);
$big = $db->prepare("SELECT ? AS b");
$big->bind_param("s", $blob);
$big->execute();
show("a big value", $big->get_result()->fetch_row()[0] === $blob);

show("own id", rows($db, "SELECT CONNECTION_ID() = " . $db->thread_id));
$db->query("SELECT SLEEP(30)", MYSQLI_ASYNC);
usleep(500000);
$other->query("KILL QUERY " . $db->thread_id);
try {
    show("cancelled", $db->reap_async_query()->fetch_row()[0] == 1);
} catch (mysqli_sql_exception $error) {
    show("cancelled", $error->getCode() === 1317);
}
show("goes on", rows($db, "SELECT 1"));
$other->query("KILL " . $db->thread_id);
try {
    for ($i = 0; $i < 100; $i++) {
        rows($db, "SELECT 1");
        usleep(50000);
    }
    show("was not killed");
} catch (mysqli_sql_exception $error) {
    show("killed", in_array($error->getCode(), [2006, 2013, 1927]));
}
$db = connect();
show("again", rows($db, "SELECT COUNT(*) FROM c_text"));
$db->change_user($user, $password, $schema);
show("changed user", rows($db, "SELECT DATABASE(), CURRENT_USER()"));
$db->query("DROP TABLE c_text, c_types");
