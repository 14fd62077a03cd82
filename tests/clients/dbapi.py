"""PyMySQL or mysqlclient (MySQLdb) at work: prints what it got. See run, beside this file, for what is done and why.

dbapi.py MODULE HOST PORT SOCKET USER PASSWORD SCHEMA"""
import datetime
import decimal
import hashlib
import importlib
import sys
import threading
import time

module = importlib.import_module(sys.argv[1])
host, port, socket, user, password, schema = sys.argv[2:]
is_pymysql = module.__name__ == "pymysql"


def connect(way="tcp", **more):
    options = dict(user=user, password=password, database=schema, charset="utf8mb4", connect_timeout=20, **more)
    if way == "socket":
        return module.connect(unix_socket=socket, **options)
    if way == "tls":
        options["ssl"] = {"check_hostname": False, "cipher": "HIGH"} if is_pymysql else {"cipher": "HIGH"}
    return module.connect(host=host, port=int(port), **options)


def show(what, *values):
    print(what, *[repr(value) for value in values], flush=True)


def one(cursor, sql, *values):
    cursor.execute(sql, *values)
    return cursor.fetchall()


def connecting():
    for way in ("tcp", "tls", "socket"):
        conn = connect(way)
        show(f"connected by {way}", conn.get_server_info(), one(conn.cursor(), "SELECT DATABASE(), CURRENT_USER()"))
        conn.close()
    for wrong in (dict(password="wrong"), dict(database="missing")):
        try:
            options = dict(user=user, password=password, database=schema, unix_socket=socket)
            module.connect(**{**options, **wrong})
            show("let in", wrong)
        except module.Error as error:
            show("refused", error.args[0])


def reading_and_writing(conn, cursor):
    cursor.execute("DROP TABLE IF EXISTS c_text")
    cursor.execute("CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2))")
    rows = [(f"Zeile {i} \U0001f600 '\\\"", decimal.Decimal(i) / 4) for i in range(500)]
    cursor.executemany("INSERT INTO c_text (a, n) VALUES (%s, %s)", rows)
    show("inserted", cursor.rowcount, cursor.lastrowid)
    conn.commit()
    show("read", one(cursor, "SELECT * FROM c_text WHERE id IN (1, 7, 500) ORDER BY id"))
    cursor.execute("UPDATE c_text SET n = n + 1 WHERE id <= %s", (10,))
    show("updated", cursor.rowcount)
    show("last", one(cursor, "SELECT LAST_INSERT_ID(), ROW_COUNT()"))
    conn.rollback()
    show("sum", one(cursor, "SELECT SUM(n), COUNT(*) FROM c_text"))
    conn.commit()


def prepared(conn, cursor):
    cursor.execute("PREPARE p FROM 'SELECT a, n FROM c_text WHERE id = ?'")
    for number in (3, 400, 1000):
        cursor.execute("SET @id = %s", (number,))
        show("prepared", one(cursor, "EXECUTE p USING @id"))
    cursor.execute("DEALLOCATE PREPARE p")


def types(conn, cursor):
    cursor.execute("DROP TABLE IF EXISTS c_types")
    cursor.execute("CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10), "
                   "f DOUBLE, dt DATETIME(6) NULL, da DATE, t TIME(6), s VARCHAR(300), b LONGBLOB, y YEAR, bits BIT(12), "
                   "e ENUM('a','b') , tiny TINYINT(1))")
    insert = "INSERT INTO c_types VALUES (NULL" + ", %s" * 13 + ")"
    blob = bytes(range(256)) * 10
    cursor.execute(insert, (-2**63, 0, decimal.Decimal("-123456789012345678901234567890.0123456789"), -1.5e300,
                            datetime.datetime(1000, 1, 1), datetime.date(9999, 12, 31),
                            "-838:59:59", "", b"", 1901, b"\x00", "a", 0))
    cursor.execute(insert, (2**63 - 1, 2**64 - 1, decimal.Decimal("0.0000000001"), 5e-324,
                            datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), datetime.date(1000, 1, 1),
                            "838:59:59", "\u00fc\u20ac\U0001f600" * 90, blob, 2155,
                            b"\x0f\xff", "b", 1))
    cursor.execute(insert, (None,) * 13)
    conn.commit()
    for row in one(cursor, "SELECT * FROM c_types ORDER BY id"):
        show("types", row)
    show("described", [column[:2] + column[3:] for column in cursor.description])


def transactions(conn, cursor):
    other = connect()
    with other.cursor() as elsewhere:
        cursor.execute("UPDATE c_text SET n = -1 WHERE id = 1")
        show("not yet seen elsewhere", one(elsewhere, "SELECT n FROM c_text WHERE id = 1"))
        other.commit()
        show("seen here", one(cursor, "SELECT n FROM c_text WHERE id = 1"))
        cursor.execute("SAVEPOINT s")
        cursor.execute("DELETE FROM c_text")
        show("deleted", cursor.rowcount)
        cursor.execute("ROLLBACK TO SAVEPOINT s")
        conn.commit()
        elsewhere.execute("SET innodb_lock_wait_timeout = 1")
        cursor.execute("SELECT n FROM c_text WHERE id = 1 FOR UPDATE")
        try:
            elsewhere.execute("UPDATE c_text SET n = 5 WHERE id = 1")
        except module.Error as error:
            show("locked", error.args)
        conn.rollback()
        other.rollback()
    other.close()
    conn.autocommit(True)
    cursor.execute("UPDATE c_text SET n = 100 WHERE id = 1")
    conn.rollback()
    show("stays", one(cursor, "SELECT n FROM c_text WHERE id = 1"))
    conn.autocommit(False)


def errors(conn, cursor):
    for sql in ("SELECT * FROM missing", "SELEC 1", "INSERT INTO c_text (id) VALUES (1)", "SELECT missing FROM c_text",
                "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", "SELECT 1 FROM missing.t",
                "INSERT INTO c_types (u) VALUES (-1)"):
        try:
            cursor.execute(sql)
            show("no error", sql)
        except module.Error as error:
            show("error", type(error).__name__, error.args)
    conn.rollback()
    cursor.execute("SELECT CAST('x' AS SIGNED), 1 / 0")
    cursor.fetchall()
    show("warnings", one(cursor, "SHOW WARNINGS"))


def big(conn, cursor):
    total, count = hashlib.sha256(), 0
    with conn.cursor(module.cursors.SSCursor) as streamed:
        streamed.execute("SELECT a.id * 1000 + b.id AS x, REPEAT('y', 100) FROM c_text a, c_text b WHERE b.id <= 100 ORDER BY x")
        for row in streamed:
            count += 1
            total.update(repr(row).encode())
    show("many rows", count, total.hexdigest())
    blob = bytes(i * 7 % 251 for i in range(20_000_000 // 1000)) * 1000
    cursor.execute("INSERT INTO c_types (b) VALUES (%s)", (blob,))
    got = one(cursor, "SELECT b FROM c_types WHERE id = LAST_INSERT_ID()")[0][0]
    show("a big value", len(got), hashlib.sha256(got).hexdigest() == hashlib.sha256(blob).hexdigest())
    conn.rollback()


def time_outs(conn, cursor):
    number = conn.thread_id()
    show("own id", one(cursor, "SELECT CONNECTION_ID() = %s", (number,)))

    def kill():
        killer = connect()
        time.sleep(0.5)
        killer.cursor().execute("KILL QUERY %s", (number,))
        killer.close()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        rows = one(cursor, "SELECT SLEEP(30)")
        show("cancelled", rows in (((1,),), [(1,)]))
    except module.Error as error:
        show("cancelled", error.args[0] == 1317)
    thread.join()
    show("goes on", one(cursor, "SELECT 1"))


def reconnects(conn, cursor):
    killer = connect()
    killer.cursor().execute("KILL %s", (conn.thread_id(),))
    killer.close()
    try:
        for _ in range(100):
            one(cursor, "SELECT 1")
            time.sleep(0.05)
        show("was not killed")
    except module.Error as error:
        show("killed", error.args[0] in (2006, 2013, 1927))
    conn = connect()
    with conn.cursor() as cursor:
        show("again", one(cursor, "SELECT COUNT(*) FROM c_text"))
        cursor.execute("DROP TABLE c_text, c_types")
    conn.close()


def main():
    importlib.import_module(module.__name__ + ".cursors")
    connecting()
    conn = connect()
    cursor = conn.cursor()
    for step in (reading_and_writing, prepared, types, transactions, errors, big, time_outs, reconnects):
        step(conn, cursor)


main()
