"""PyMySQL as an application uses it, on either port. Ends with exit code 0 where all was as it should be.

pymysql_client.py app|admin PORT
"""
import sys

import pymysql
import pymysql.cursors

kind, port = sys.argv[1], int(sys.argv[2])


def check(found, expected):
    if found != expected:
        sys.exit(f"expected {expected!r}, got {found!r}")


def connect(**options):
    return pymysql.connect(host="127.0.0.1", port=port, connect_timeout=10, read_timeout=20, **options)


def application():
    options = dict(user="app", password="app-secret", database="app", charset="utf8mb4")
    with connect(**options) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE py (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2))")
        cursor.executemany("INSERT INTO py (a, n) VALUES (%s, %s)", [(f"zeile {i} \U0001f600", i) for i in range(500)])
        check(cursor.rowcount, 500)
        check(cursor.lastrowid > 0, True)
        conn.commit()
        cursor.execute("SELECT a, n FROM py WHERE id = %s FOR UPDATE", (1,))
        check(cursor.fetchone()[0], "zeile 0 \U0001f600")
        cursor.execute("UPDATE py SET a = 'x'")
        conn.rollback()
        cursor.execute("SELECT COUNT(*) FROM py WHERE a = 'x'")
        check(cursor.fetchone(), (0,))
        conn.commit()
        try:
            cursor.execute("SELECT * FROM missing")
            sys.exit("no error for a missing table")
        except pymysql.err.ProgrammingError as error:
            check(error.args[0], 1146)
        conn.ping()
        conn.select_db("other")
        cursor.execute("SELECT DATABASE()")
        check(cursor.fetchone(), ("other",))
    with connect(**options, autocommit=True, cursorclass=pymysql.cursors.SSDictCursor) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT name FROM whoami")
        name = cursor.fetchall()[0]["name"]
        check(name in ("db2", "db3"), True)
        cursor.execute("DROP TABLE py")


def admin():
    with connect(user="admin", password="") as conn, conn.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute("SHOW BACKENDS")
        check([row["name"] for row in cursor.fetchall()], ["db1", "db2", "db3"])
        cursor.execute("SELECT name FROM backends WHERE role = %s", ("primary",))
        check(cursor.fetchall(), [{"name": "db1"}])
        cursor.execute("EXPLAIN ROUTE SELECT 1")
        check(len(cursor.fetchall()), 1)
        conn.ping()


{"app": application, "admin": admin}[kind]()
