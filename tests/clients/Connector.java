// MariaDB's Connector/J at work: prints what it got. See run, beside this file, for what is done and why.
//
// Connector.java HOST PORT SOCKET USER PASSWORD SCHEMA

import java.math.BigDecimal;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HexFormat;

public class Connector {
    static String host, port, user, password, schema;

    interface Step {
        void run() throws SQLException;
    }

    static void show(String what, Object... values) {
        StringBuilder line = new StringBuilder(what);
        for (Object value : values) {
            line.append(' ').append(value instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : value);
        }
        System.out.println(line);
    }

    static Connection connect(String options) throws SQLException {
        String url = "jdbc:mariadb://" + host + ":" + port + "/" + schema + "?connectTimeout=20000&allowPublicKeyRetrieval=true&" + options;
        return DriverManager.getConnection(url, user, password);
    }

    static String rows(ResultSet result) throws SQLException {
        StringBuilder all = new StringBuilder();
        int columns = result.getMetaData().getColumnCount();
        while (result.next()) {
            all.append('(');
            for (int i = 1; i <= columns; i++) {
                Object value = result.getObject(i);
                all.append(i > 1 ? ", " : "").append(value instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : value);
            }
            all.append(')');
        }
        return all.toString();
    }

    static String rows(Connection conn, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = conn.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            try (ResultSet result = statement.executeQuery()) {
                return rows(result);
            }
        }
    }

    static int update(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    static void failing(String what, Step step) {
        try {
            step.run();
            show(what, "no error");
        } catch (SQLException error) {
            show(what, error.getClass().getSimpleName(), error.getErrorCode(), error.getSQLState(),
                    error.getMessage().replaceAll("\\(conn=\\d+\\) ", ""));
        }
    }

    static void connecting() throws SQLException {
        for (String options : new String[] {"", "useSsl=true&trustServerCertificate=true"}) {
            try (Connection conn = connect(options)) {
                show("connected", options, conn.getMetaData().getDatabaseProductVersion(), rows(conn, "SELECT DATABASE(), CURRENT_USER()"));
            }
        }
        String right = password;
        password = "wrong";
        try (Connection conn = connect("")) {
            show("let in");
        } catch (SQLException error) {
            show("refused", error.getErrorCode(), error.getSQLState());
        }
        password = right;
    }

    static void readingAndWriting(Connection conn) throws SQLException {
        update(conn, "DROP TABLE IF EXISTS c_text, c_types");
        update(conn, "CREATE TABLE c_text (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n DECIMAL(10,2)) CHARACTER SET utf8mb4");
        conn.setAutoCommit(false);
        try (PreparedStatement batch = conn.prepareStatement("INSERT INTO c_text (a, n) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 300; i++) {
                batch.setString(1, "Zeile " + i + " \ud83d\ude00 '\"\\");
                batch.setBigDecimal(2, BigDecimal.valueOf(i * 25L, 2));
                batch.addBatch();
            }
            show("inserted", batch.executeBatch().length);
            ResultSet keys = batch.getGeneratedKeys();
            keys.next();
            show("first key", keys.getLong(1));
        }
        conn.commit();
        show("read", rows(conn, "SELECT * FROM c_text WHERE id IN (?, ?, ?) ORDER BY id", 1, 7, 300));
        show("updated", update(conn, "UPDATE c_text SET n = n + 1 WHERE id <= 10"));
        conn.rollback();
        show("sum", rows(conn, "SELECT SUM(n), COUNT(*) FROM c_text"));
        conn.commit();
        conn.setAutoCommit(true);
    }

    static void types(Connection conn) throws SQLException {
        update(conn, "CREATE TABLE c_types (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, d DECIMAL(40,10), f DOUBLE, "
                + "dt DATETIME(6) NULL, da DATE, s VARCHAR(300), b LONGBLOB, y YEAR, bits BIT(12), e ENUM('a','b'), tiny TINYINT(1)) "
                + "CHARACTER SET utf8mb4");
        byte[] blob = new byte[2560];
        for (int i = 0; i < blob.length; i++) {
            blob[i] = (byte) i;
        }
        Object[][] edges = {
            {Long.MIN_VALUE, "0", "-123456789012345678901234567890.0123456789", -1.5e300, "1000-01-01 00:00:00", "9999-12-31", "",
                new byte[0], 1901, new byte[] {0}, "a", 0},
            {Long.MAX_VALUE, "18446744073709551615", "0.0000000001", 5e-324, "9999-12-31 23:59:59.999999", "1000-01-01",
                "\u00fc\u20ac\ud83d\ude00".repeat(90), blob, 2155, new byte[] {15, -1}, "b", 1},
            new Object[12]};
        for (Object[] row : edges) {
            try (PreparedStatement insert = conn.prepareStatement("INSERT INTO c_types VALUES (NULL" + ", ?".repeat(12) + ")")) {
                for (int i = 0; i < row.length; i++) {
                    insert.setObject(i + 1, row[i]);
                }
                insert.executeUpdate();
            }
        }
        show("types", rows(conn, "SELECT * FROM c_types ORDER BY id"));
        try (PreparedStatement read = conn.prepareStatement("SELECT * FROM c_types"); ResultSet result = read.executeQuery()) {
            ResultSetMetaData data = result.getMetaData();
            for (int i = 1; i <= data.getColumnCount(); i++) {
                show("described", data.getColumnName(i), data.getColumnTypeName(i), data.getPrecision(i), data.getScale(i),
                        data.isNullable(i), data.isAutoIncrement(i), data.getTableName(i), data.getSchemaName(i));
            }
        }
    }

    static void transactions(Connection conn) throws SQLException {
        try (Connection other = connect("")) {
            update(other, "DROP TABLE IF EXISTS c_nowhere"); // a write of its own: a replica that has it has all before it
            conn.setAutoCommit(false);
            conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            update(conn, "UPDATE c_text SET n = -1 WHERE id = 1");
            show("not yet seen elsewhere", rows(other, "SELECT n FROM c_text WHERE id = 1"));
            show("seen here", rows(conn, "SELECT n FROM c_text WHERE id = 1"), conn.getTransactionIsolation());
            java.sql.Savepoint point = conn.setSavepoint();
            update(conn, "DELETE FROM c_text");
            conn.rollback(point);
            update(other, "SET innodb_lock_wait_timeout = 1");
            failing("locked", () -> update(other, "UPDATE c_text SET n = 5 WHERE id = 1"));
            conn.rollback();
            conn.setAutoCommit(true);
            show("as before", rows(conn, "SELECT n FROM c_text WHERE id = 1"));
            other.setReadOnly(true);
            show("read only", rows(other, "SELECT COUNT(*) FROM c_text"), other.isReadOnly());
        }
    }

    static void errors(Connection conn) throws SQLException {
        for (String sql : new String[] {"SELECT * FROM missing", "SELEC 1", "INSERT INTO c_text (id) VALUES (1)",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of my own', MYSQL_ERRNO = 12345", "INSERT INTO c_types (u) VALUES (-1)"}) {
            failing("error", () -> update(conn, sql));
        }
        failing("prepared error", () -> rows(conn, "SELECT * FROM missing WHERE a = ?", 1));
        try (Statement statement = conn.createStatement()) {
            statement.execute("DO CAST('x' AS SIGNED)");
            show("warnings", statement.getWarnings());
        }
    }

    static void big(Connection conn) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        int count = 0;
        try (PreparedStatement read = conn.prepareStatement(
                "SELECT a.id * 1000 + b.id AS x, REPEAT('y', 100) FROM c_text a, c_text b WHERE b.id <= ? ORDER BY x")) {
            read.setFetchSize(100);
            read.setInt(1, 100);
            try (ResultSet result = read.executeQuery()) {
                for (; result.next(); count++) {
                    sha.update((result.getLong(1) + result.getString(2)).getBytes());
                }
            }
        }
        show("many rows", count, sha.digest());
        byte[] blob = new byte[18_000_000];
        Arrays.fill(blob, (byte) 's');
        try (PreparedStatement read = conn.prepareStatement("SELECT ? AS b")) {
            read.setBytes(1, blob);
            try (ResultSet result = read.executeQuery()) {
                result.next();
                show("a big value", Arrays.equals(result.getBytes(1), blob));
            }
        }
    }

    static void timeOuts(Connection conn) throws Exception {
        try (Statement statement = conn.createStatement()) {
            statement.setQueryTimeout(1);
            long began = System.nanoTime();
            try (ResultSet result = statement.executeQuery("SELECT SLEEP(30)")) {
                result.next();
                show("timed out", result.getInt(1) == 1);
            } catch (SQLException error) {
                show("timed out", error.getClass().getSimpleName(), error.getErrorCode());
            }
            show("in time", System.nanoTime() - began < 20_000_000_000L);
        }
        show("goes on", rows(conn, "SELECT 1"));
        try (Statement statement = conn.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(500);
                    statement.cancel();
                } catch (Exception error) {
                    show("cancel", error);
                }
            });
            canceller.start();
            try (ResultSet result = statement.executeQuery("SELECT SLEEP(30)")) {
                result.next();
                show("cancelled", result.getInt(1) == 1);
            } catch (SQLException error) {
                show("cancelled", error.getErrorCode() == 1317);
            }
            canceller.join();
        }
        show("goes on", rows(conn, "SELECT 1"));
    }

    static void reconnects(Connection conn) throws Exception {
        try (Connection killer = connect("")) {
            update(killer, "KILL " + rows(conn, "SELECT CONNECTION_ID()").replaceAll("[()]", ""));
        }
        boolean isValid = true;
        for (int i = 0; i < 100 && isValid; i++) {
            isValid = conn.isValid(5);
            Thread.sleep(50);
        }
        show("killed", !isValid);
        try (Connection again = connect("useServerPrepStmts=true")) {
            show("again", rows(again, "SELECT COUNT(*) FROM c_text WHERE id > ?", 0));
            update(again, "DROP TABLE c_text, c_types");
        }
    }

    public static void main(String[] arguments) throws Exception {
        host = arguments[0];
        port = arguments[1];
        user = arguments[3];
        password = arguments[4];
        schema = arguments[5];
        connecting();
        for (String options : new String[] {"useServerPrepStmts=false", "useServerPrepStmts=true", "useServerPrepStmts=true&useBulkStmts=true"}) {
            show("options", options);
            Connection conn = connect(options);
            readingAndWriting(conn);
            types(conn);
            transactions(conn);
            errors(conn);
            big(conn);
            timeOuts(conn);
            reconnects(conn);
        }
    }
}
