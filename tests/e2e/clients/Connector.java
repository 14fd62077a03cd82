// MariaDB's Connector/J as an application uses it, on either port. Ends with exit code 0 where all was as it
// should be.
//
// Connector app PORT MariaDB|MySQL
// Connector admin PORT

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Connector {
    static void check(Object found, Object expected) {
        if (!expected.equals(found)) {
            throw new IllegalStateException("expected " + expected + ", got " + found);
        }
    }

    static String text(Connection conn, String sql) throws SQLException {
        try (Statement statement = conn.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            result.next();
            return result.getString(1);
        }
    }

    static Connection connect(String port, String user, String password, String options) throws SQLException {
        String url = "jdbc:mariadb://127.0.0.1:" + port + (user.equals("app") ? "/app" : "/");
        return DriverManager.getConnection(url + "?connectTimeout=10000&socketTimeout=20000&" + options, user, password);
    }

    static void basics(Connection conn, String product) throws SQLException {
        DatabaseMetaData data = conn.getMetaData();
        check(data.getDatabaseProductName(), product);
        check(conn.isValid(5), true);
        check(conn.getCatalog(), "app");
        try (Statement statement = conn.createStatement()) {
            statement.executeUpdate("CREATE TABLE j (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(100), n INT)");
        }
    }

    static void batches(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        String insert = "INSERT INTO j (a, n) VALUES (?, ?)";
        try (PreparedStatement batch = conn.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 300; i++) {
                batch.setString(1, "Zeile " + i + " \u00fc\u20ac");
                batch.setInt(2, i);
                batch.addBatch();
            }
            check(batch.executeBatch().length, 300);
            try (ResultSet keys = batch.getGeneratedKeys()) {
                check(keys.next(), true);
            }
        }
        conn.commit();
        check(text(conn, "SELECT COUNT(*) FROM j"), "300");
        try (Statement statement = conn.createStatement()) {
            statement.executeUpdate("DELETE FROM j");
        }
        conn.rollback();
        check(text(conn, "SELECT a FROM j WHERE n = 7 FOR UPDATE"), "Zeile 7 \u00fc\u20ac");
        conn.commit();
        conn.setAutoCommit(true);
    }

    static void prepared(Connection conn) throws SQLException {
        try (PreparedStatement read = conn.prepareStatement("SELECT a FROM j WHERE n = ? FOR UPDATE")) {
            for (int i = 0; i < 50; i++) {
                read.setInt(1, i);
                try (ResultSet result = read.executeQuery()) {
                    check(result.next(), true);
                    check(result.getString(1), "Zeile " + i + " \u00fc\u20ac");
                }
            }
        }
        try (PreparedStatement read = conn.prepareStatement("SELECT * FROM missing WHERE n = ?")) {
            read.setInt(1, 1);
            read.executeQuery();
            throw new IllegalStateException("no error for a missing table");
        } catch (SQLException error) {
            check(error.getErrorCode(), 1146);
        }
    }

    static void streaming(Connection conn) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.setFetchSize(10);
            int rows = 0;
            try (ResultSet result = statement.executeQuery("/* sluice: primary */ SELECT x.n FROM j x, j y WHERE x.n < 100")) {
                while (result.next()) {
                    rows++;
                }
            }
            check(rows % 100, 0);
        }
    }

    // Open prepared statements may keep a session on the primary; the driver keeps them open to use them again.
    static void state(Connection conn, boolean mayBePinned) throws SQLException {
        conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        check(conn.getTransactionIsolation(), Connection.TRANSACTION_READ_COMMITTED);
        conn.setReadOnly(true);
        String name = text(conn, "SELECT name FROM whoami");
        check(mayBePinned || name.equals("db2") || name.equals("db3"), true);
        conn.setReadOnly(false);
        conn.setCatalog("other");
        check(text(conn, "SELECT DATABASE()"), "other");
        conn.setCatalog("app");
        try (CallableStatement call = conn.prepareCall("{call given_back(?, ?)}")) {
            call.setInt(1, 21);
            call.registerOutParameter(2, java.sql.Types.INTEGER);
            call.execute();
            check(call.getInt(2), 42);
        }
    }

    static void application(String port, String product) throws SQLException {
        String[] flavours = {"", "useServerPrepStmts=true", "rewriteBatchedStatements=true", "useBatchMultiSend=true",
            "useServerPrepStmts=true&useBatchMultiSend=true", "allowMultiQueries=true", "useCompression=true",
            "useSsl=true&trustServerCertificate=true", "useBulkStmts=true&useServerPrepStmts=true"};
        for (String flavour : flavours) {
            try (Connection conn = connect(port, "app", "app-secret", flavour)) {
                basics(conn, product);
                batches(conn);
                prepared(conn);
                streaming(conn);
                state(conn, flavour.contains("useServerPrepStmts"));
                try (Statement statement = conn.createStatement()) {
                    statement.executeUpdate("DROP TABLE j");
                }
            } catch (SQLException | IllegalStateException error) {
                throw new IllegalStateException("with \"" + flavour + "\": " + error.getMessage(), error);
            }
        }
    }

    static void admin(String port) throws SQLException {
        for (String flavour : new String[] {"", "useServerPrepStmts=true"}) {
            try (Connection conn = connect(port, "admin", "", flavour)) {
                check(text(conn, "SHOW BACKENDS"), "db1");
                try (PreparedStatement read = conn.prepareStatement("SELECT name FROM backends WHERE role = ?")) {
                    read.setString(1, "primary");
                    try (ResultSet result = read.executeQuery()) {
                        check(result.next(), true);
                        check(result.getString(1), "db1");
                    }
                }
                check(conn.isValid(5), true);
            }
        }
    }

    public static void main(String[] arguments) throws SQLException {
        if (arguments[0].equals("app")) {
            application(arguments[1], arguments[2]);
        } else {
            admin(arguments[1]);
        }
    }
}
